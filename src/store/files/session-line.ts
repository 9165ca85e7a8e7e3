import { crc32 } from "node:zlib";
import type { Json } from "../../domain/json.ts";

/** A line as it was parsed. */
export interface Parsed {
  readonly [field: string]: Json;
}

/** The one byte that ends a line; anything else that some readers split at is escaped or stands inside a text. */
export const LINE_FEED = 0x0a;

/** A line as it stands in the file: its last field is the checksum of the JSON without it. */
export function encodeLine(line: object): Buffer {
  const json = JSON.stringify(line).replace(SEPARATORS, (each) => (each === "\u2028" ? "\\u2028" : "\\u2029"));
  return Buffer.from(`${json.slice(0, -1)},"crc":"${checksum(Buffer.from(json))}"}\n`);
}

/** JSON allows these two in strings, and many readers of lines take them for the end of one. */
const SEPARATORS = /[\u2028\u2029]/g;

/** A line without its LF; null when it is not a JSON object, or not the one that was written. */
export function decodeLine(bytes: Buffer): Parsed | null {
  const line = parse(bytes);
  if (!line) return null;
  // Lines of other programs carry no checksum; a number of ours without one is a line that was damaged.
  if (!("seq" in line) && !("crc" in line)) return line;
  return isIntact(bytes) ? line : null;
}

/** Whether a line ends in its own checksum. */
export function isIntact(bytes: Buffer): boolean {
  const at = bytes.length - SUFFIX_LENGTH;
  const [, told] = at < 1 ? [] : (SUFFIX.exec(bytes.toString("latin1", at)) ?? []);
  return told === checksum(bytes.subarray(0, at), CLOSING);
}

const SUFFIX = /^,"crc":"([0-9a-f]{8})"\}$/;
const SUFFIX_LENGTH = ',"crc":"00000000"}'.length;
const CLOSING = Buffer.from("}");
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function checksum(...parts: Buffer[]): string {
  return parts
    .reduce((sum, each) => crc32(each, sum), 0)
    .toString(16)
    .padStart(8, "0");
}

function parse(bytes: Buffer): Parsed | null {
  try {
    const value: unknown = JSON.parse(decoder.decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Parsed) : null;
  } catch {
    return null;
  }
}
