import { createHash } from "node:crypto";

/** What happened in a house, in words and in order: to be read, and to be compared with another life of the same seed. */
export interface Chronicle {
  tell(words: string): void;
  lines(): readonly string[];
  hash(): string;
}

export function chronicle(elapsed: () => number): Chronicle {
  const lines: string[] = [];
  return {
    tell: (words) => void lines.push(`${stamp(elapsed())}  ${words}`),
    lines: () => lines,
    hash: () => createHash("sha256").update(lines.join("\n")).digest("hex"),
  };
}

/** `1d 02:03:04.005` since the beginning. */
function stamp(ms: number): string {
  const days = Math.floor(ms / 86_400_000);
  return `${days}d ${new Date(ms % 86_400_000).toISOString().slice(11, 23)}`;
}
