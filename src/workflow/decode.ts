import type { Remark } from "./complaint.ts";

export const LARGEST_FILE = 256 * 1024;

/** Said by whoever notices first: the folder by the size on disk, or the reader by the bytes it got. */
export const TOO_LARGE = "larger than 256 KiB";

/** The text of a file without its byte order mark, or why it cannot be one. */
export function decode(bytes: Uint8Array): string | Remark {
  if (bytes.length > LARGEST_FILE) return { line: 1, column: 1, severity: "error", message: TOO_LARGE };
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { ...firstBadByte(bytes), severity: "error", message: "not UTF-8. Save the file as UTF-8" };
  }
}

/** Halving, since a decoder says that something is wrong and never where. */
function firstBadByte(bytes: Uint8Array): { line: number; column: number } {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle;
    }
  }
  // A lead byte whose followers are missing passes for the beginning of a character; it is itself what is wrong.
  while (good > 0 && !isWhole(bytes.subarray(0, good))) good--;
  const before = new TextDecoder().decode(bytes.subarray(0, good)).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}

function isWhole(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
