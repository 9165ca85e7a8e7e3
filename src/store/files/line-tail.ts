import { closeSync, fstatSync, readSync } from "node:fs";
import { lineCutter, type SourceLine } from "../../domain/lines.ts";
import { openFile } from "./tail.ts";

/** A file that grows, read line by line from its beginning, whole lines only; the file may be made later. */
export interface LineTail {
  /** Reads at most `most` bytes. `full` says that there may be more at once. */
  read(most: number): { readonly lines: readonly SourceLine[]; readonly bytes: number; readonly full: boolean };
  /** Sets where the file ends: what stands there now, though a stray writer may go on. */
  finish(): void;
  /** After `finish` and once all was read: the last line, where no LF ends it. */
  rest(): SourceLine | null;
  close(): void;
}

const CHUNK = 65_536;
/** One for all tails: nothing in it outlives a read. */
const scratch = Buffer.allocUnsafe(CHUNK);

export function lineTail(path: string): LineTail {
  const lines = lineCutter();
  let descriptor: number | null = null;
  let at = 0;
  let end = Number.POSITIVE_INFINITY;

  const opened = (): number | null => {
    descriptor ??= openFile(path);
    return descriptor;
  };

  return {
    read: (most) => {
      const file = opened();
      const wanted = Math.min(most, CHUNK, Math.max(0, end - at));
      const bytes = file === null || wanted === 0 ? 0 : readSync(file, scratch, 0, wanted, at);
      at += bytes;
      return { lines: lines.feed(scratch.subarray(0, bytes)), bytes, full: bytes > 0 && bytes === wanted };
    },
    finish: () => {
      const file = opened();
      end = file === null ? 0 : fstatSync(file).size;
    },
    rest: lines.rest,
    close: () => {
      if (descriptor !== null) closeSync(descriptor);
      descriptor = null;
    },
  };
}
