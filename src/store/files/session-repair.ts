import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { decodeLine, isIntact, LINE_FEED, type Parsed } from "./session-line.ts";

/** The end of what can be believed: how long the file is, and its last line; null when there is none. */
export interface Believed {
  readonly size: number;
  readonly last: Parsed | null;
}

/**
 * Cuts a file back to its last whole line whose checksum holds. What is cut goes to the end of `aside` where there is
 * room for it: it is made again from its source, so that a full disk must not keep the file from being mended.
 */
export function repair(descriptor: number, aside: string): Believed {
  const { size } = fstatSync(descriptor);
  const believed = lastLine(descriptor, size, (bytes) => (isIntact(bytes) ? decodeLine(bytes) : null));
  if (believed.size < size) {
    keepAside(descriptor, believed.size, size, aside);
    ftruncateSync(descriptor, believed.size);
  }
  return believed;
}

/** The last whole line before `end` that `read` makes something of. Reads back from the end, never the whole file. */
export function lastLine(descriptor: number, end: number, read: (bytes: Buffer) => Parsed | null): Believed {
  let until = end;
  for (;;) {
    const lineFeed = lineFeedBefore(descriptor, until);
    if (lineFeed < 0) return { size: 0, last: null };
    const start = lineFeedBefore(descriptor, lineFeed) + 1;
    if (lineFeed - start <= LONGEST_LINE) {
      const last = read(bytesOf(descriptor, start, lineFeed));
      if (last) return { size: lineFeed + 1, last };
    }
    until = start;
  }
}

/** Far more than any line of ours can take; what is longer is no line. */
export const LONGEST_LINE = 8 * 1024 * 1024;
const BLOCK = 65_536;
const FIRST_BLOCK = 4_096;

/** Where the last LF before `end` lies, or -1. */
function lineFeedBefore(descriptor: number, end: number): number {
  let block = FIRST_BLOCK;
  for (let until = end; until > 0; until -= block, block = BLOCK) {
    const from = Math.max(0, until - block);
    const at = bytesOf(descriptor, from, until).lastIndexOf(LINE_FEED);
    if (at >= 0) return from + at;
  }
  return -1;
}

function bytesOf(descriptor: number, from: number, until: number): Buffer {
  const bytes = Buffer.allocUnsafe(until - from);
  let filled = 0;
  while (filled < bytes.length) {
    const read = readSync(descriptor, bytes, filled, bytes.length - filled, from + filled);
    if (read === 0) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}

function keepAside(descriptor: number, from: number, until: number, path: string): void {
  const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;
  let aside: number | null = null;
  try {
    aside = openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
    for (let at = from; at < until; at += BLOCK) {
      writeSync(aside, bytesOf(descriptor, at, Math.min(until, at + BLOCK)));
    }
  } catch {
    // Evidence for people, nothing more.
  } finally {
    if (aside !== null) closeSync(aside);
  }
}
