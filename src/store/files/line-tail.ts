import { closeSync, fstatSync, readSync } from "node:fs";
import { LINE_FEED } from "./session-line.ts";
import { openFile } from "./tail.ts";

/** A file that grows, read line by line, whole lines only. Parted at LF alone: U+2028 is a character like any other. */
export interface LineTail {
  /** Reads at most `most` bytes. `full` says that there may be more at once. */
  read(most: number): { readonly lines: readonly SourceLine[]; readonly bytes: number; readonly full: boolean };
  /** Sets where the file ends: what stands there now. */
  finish(): void;
  /** After `finish` and once all was read: the last line, where no LF ends it. */
  rest(): SourceLine | null;
  close(): void;
}

/** The bytes from `start` to `end`, its LF among them. Null where it is longer than anyone would hold in memory. */
export interface SourceLine {
  readonly start: number;
  readonly end: number;
  readonly text: string | null;
}

/** Longer lines are passed over; their bytes stay in the file. */
export const LONGEST_SOURCE_LINE = 64 * 1024 * 1024;
const CHUNK = 65_536;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const scratch = Buffer.allocUnsafe(CHUNK);

/** Follows a file from its beginning; the file may be made later. */
export function lineTail(path: string): LineTail {
  let descriptor: number | null = null;
  let start = 0;
  let pieces: Buffer[] = [];
  let held = 0;
  let dropped = false;
  let end = Number.POSITIVE_INFINITY;

  const opened = (): number | null => {
    descriptor ??= openFile(path);
    return descriptor;
  };

  function hold(bytes: Buffer): void {
    held += bytes.length;
    if (held > LONGEST_SOURCE_LINE) {
      dropped = true;
      pieces = [];
    }
    // Its own copy: the scratch is read into again.
    if (!dropped) pieces.push(Buffer.from(bytes));
  }

  function take(feed: number): SourceLine {
    const [first] = pieces;
    const bytes = pieces.length === 1 && first ? first : Buffer.concat(pieces);
    const line = { start, end: start + held + feed, text: dropped ? null : decoder.decode(bytes) };
    start = line.end;
    pieces = [];
    held = 0;
    dropped = false;
    return line;
  }

  function cut(bytes: Buffer): SourceLine[] {
    const lines: SourceLine[] = [];
    let at = 0;
    for (let feed = bytes.indexOf(LINE_FEED); feed >= 0; feed = bytes.indexOf(LINE_FEED, at)) {
      if (held === 0) {
        lines.push({ start, end: start + feed + 1 - at, text: decoder.decode(bytes.subarray(at, feed)) });
        start += feed + 1 - at;
      } else {
        hold(bytes.subarray(at, feed));
        lines.push(take(1));
      }
      at = feed + 1;
    }
    if (at < bytes.length) hold(bytes.subarray(at));
    return lines;
  }

  return {
    read: (most) => {
      const file = opened();
      const at = start + held;
      const wanted = Math.min(most, CHUNK, Math.max(0, end - at));
      const bytes = file === null || wanted === 0 ? 0 : readSync(file, scratch, 0, wanted, at);
      return { lines: bytes === 0 ? [] : cut(scratch.subarray(0, bytes)), bytes, full: bytes > 0 && bytes === wanted };
    },
    finish: () => {
      const file = opened();
      end = file === null ? 0 : fstatSync(file).size;
    },
    rest: () => (held === 0 ? null : take(0)),
    close: () => {
      if (descriptor !== null) closeSync(descriptor);
      descriptor = null;
    },
  };
}
