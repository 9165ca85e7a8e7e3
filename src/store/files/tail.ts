import { closeSync, constants, fstatSync, openSync, readSync, watch } from "node:fs";
import type { Clock } from "../../domain/clock.ts";
import { INLINE_LIMIT } from "../../domain/execution.ts";
import { type Redactor, redactor } from "../../domain/redaction.ts";
import { type Excerpt, excerpt } from "../../domain/session.ts";
import { LINE_FEED } from "./session-line.ts";

/** A file that grows, read in chunks of whole lines: never ahead of who asks, at most one line in memory. */
export interface Tail {
  /** Reads at most `most` bytes. `full` says that there may be more at once. */
  read(most: number): { readonly chunks: readonly Chunk[]; readonly bytes: number; readonly full: boolean };
  /** Sets where the file ends: what stands there now, though a stray writer may go on. */
  finish(): void;
  /** After `finish` and once all was read: the last line, where no LF ends it. */
  rest(): Chunk | null;
  close(): void;
}

/** Output as it is shown; the bytes from `start` to `end` are what it shows. */
export interface Chunk {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** How much of a file makes one chunk, unless a single line is longer. */
const CHUNK = 32_768;
/** So many bytes are never more than INLINE_LIMIT of text: what is not UTF-8 grows threefold. */
const SAFE_CHUNK = Math.floor(INLINE_LIMIT / 3);
// Where it begins a text, a byte order mark is a character like any other.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** One for all tails: nothing in it outlives a read. */
const scratch = Buffer.allocUnsafe(CHUNK);

/**
 * Follows a file from an offset at which a line begins; the file may be made later. What is not shown in full is redacted
 * before it is cut, which might cut a secret in two; anything else is whoever reads to redact.
 */
export function tail(path: string, from: number, words: Redactor = redactor({})): Tail {
  let descriptor: number | null = null;
  let start = from;
  let held: Buffer = Buffer.alloc(0);
  let long: LongLine | null = null;
  let end = Number.POSITIVE_INFINITY;

  const opened = (): number | null => {
    descriptor ??= openFile(path);
    return descriptor;
  };
  const pending = (): number => long?.bytes ?? held.length;

  function take(bytes: number, text: string): Chunk {
    const chunk = { start, end: start + bytes, text };
    start += bytes;
    return chunk;
  }

  /** What of a line too long to hold ends in these bytes; null where all of them are still it. */
  function endLong(line: LongLine, bytes: Buffer): { chunk: Chunk; rest: Buffer } | null {
    const at = bytes.indexOf(LINE_FEED);
    line.add(at < 0 ? bytes : bytes.subarray(0, at));
    if (at < 0) return null;
    long = null;
    return { chunk: take(line.bytes + 1, `${line.text()}\n`), rest: bytes.subarray(at + 1) };
  }

  function cut(fresh: Buffer): Chunk[] {
    const chunks: Chunk[] = [];
    let bytes = fresh;
    if (long) {
      const ended = endLong(long, bytes);
      if (!ended) return [];
      chunks.push(ended.chunk);
      bytes = ended.rest;
    } else if (held.length > 0) bytes = Buffer.concat([held, bytes]);
    for (let length = wholeLines(bytes); length > 0; length = wholeLines(bytes)) {
      const { taken, text } = shown(bytes.subarray(0, length), words);
      chunks.push(take(taken, text));
      bytes = bytes.subarray(taken);
    }
    // Its own copy: the scratch is read into again.
    held = bytes.length > INLINE_LIMIT ? Buffer.alloc(0) : Buffer.from(bytes);
    if (bytes.length > INLINE_LIMIT) {
      long = longLine(words);
      long.add(bytes);
    }
    return chunks;
  }

  return {
    read: (most) => {
      const file = opened();
      const at = start + pending();
      const room = held.length < CHUNK ? CHUNK - held.length : CHUNK;
      const wanted = Math.min(most, room, Math.max(0, end - at));
      const bytes = file === null || wanted === 0 ? 0 : readSync(file, scratch, 0, wanted, at);
      return { chunks: bytes === 0 ? [] : cut(scratch.subarray(0, bytes)), bytes, full: bytes > 0 && bytes === wanted };
    },
    finish: () => {
      const file = opened();
      end = file === null ? 0 : fstatSync(file).size;
    },
    rest: () => {
      if (long) {
        const line: LongLine = long;
        long = null;
        return take(line.bytes, line.text());
      }
      if (held.length === 0) return null;
      const bytes = held;
      held = Buffer.alloc(0);
      return take(bytes.length, capped(decoder.decode(bytes), words));
    },
    close: () => {
      if (descriptor !== null) closeSync(descriptor);
      descriptor = null;
    },
  };
}

/** How many bytes make the next chunk: whole lines up to a limit, one line where it is longer, 0 where none ends. */
function wholeLines(bytes: Buffer, limit = CHUNK): number {
  const last = bytes.lastIndexOf(LINE_FEED, limit - 1);
  return (last >= 0 ? last : bytes.indexOf(LINE_FEED)) + 1;
}

function shown(bytes: Buffer, words: Redactor): { taken: number; text: string } {
  const text = decoder.decode(bytes);
  if (text.length <= SAFE_CHUNK || Buffer.byteLength(text) <= INLINE_LIMIT) return { taken: bytes.length, text };
  const fewer = wholeLines(bytes, SAFE_CHUNK);
  // The LF is the chunk's, not the line's: it stays behind the mark.
  if (fewer === bytes.length) return { taken: fewer, text: `${capped(text.slice(0, -1), words)}\n` };
  return shown(bytes.subarray(0, fewer), words);
}

function capped(text: string, words: Redactor): string {
  if (Buffer.byteLength(text) <= INLINE_LIMIT) return text;
  const kept = excerpt();
  kept.add(words.text(text));
  return kept.text();
}

/** A line of which only the beginning is kept, and the rest counted. */
interface LongLine extends Pick<Excerpt, "text"> {
  readonly bytes: number;
  add(bytes: Buffer): void;
}

function longLine(words: Redactor): LongLine {
  const kept = excerpt();
  const redaction = words.stream();
  const pieces = new TextDecoder("utf-8", { ignoreBOM: true });
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    add: (piece) => {
      bytes += piece.length;
      kept.add(redaction.push(pieces.decode(piece, { stream: true })));
    },
    text: () => {
      kept.add(redaction.push(pieces.decode()) + redaction.flush());
      return kept.text();
    },
  };
}

/** Null while there is no such file; nothing but a file of that very name is read. */
export function openFile(path: string): number | null {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    const descriptor = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (fstatSync(descriptor).isFile()) return descriptor;
    closeSync(descriptor);
  } catch (error) {
    // Anything else may pass, such as that no descriptor is left: to read on as if nothing were there would lose it.
    if (!NONE.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
  return null;
}

const NONE = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);

/** A hint that a file or what lies in a folder changed, over the floor of a pause: hints may be lost, or not be had at all. */
export interface Watched {
  /** Resolves at the next hint, after so long, or on abort. A hint given meanwhile counts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

export function watched(path: string, clock: Pick<Clock, "after">): Watched {
  let wake = (): void => {};
  let hinted = false;
  const close = hints(path, () => {
    hinted = true;
    wake();
  });
  return {
    close: () => close?.(),
    wait: async (ms, signal) => {
      if (!hinted && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(ms, () => wake());
          wake = () => {
            cancel();
            signal.removeEventListener("abort", wake);
            resolve();
          };
          signal.addEventListener("abort", wake, { once: true });
        });
      }
      hinted = false;
    },
  };
}

/**
 * Calls `changed` when a file, or something in a folder, may have changed; the returned function ends it. Null where
 * there is nothing yet, or no watch left to be had: whoever asks looks by himself, too.
 */
export function hints(path: string, changed: () => void): (() => void) | null {
  try {
    const watcher = watch(path, { persistent: false }, changed);
    watcher.on("error", () => watcher.close());
    return () => watcher.close();
  } catch {
    return null;
  }
}
