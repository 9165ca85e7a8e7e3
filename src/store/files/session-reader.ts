import { constants, lstatSync } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../domain/clock.ts";
import { Fault } from "../../domain/fault.ts";
import { decodeLine, LINE_FEED, type Parsed } from "./session-line.ts";
import { LONGEST_LINE, lastLine } from "./session-repair.ts";
import { watched } from "./tail.ts";

/** Reads session files by byte offset, never whole. Every method throws `session.unknown` for an id that has no file. */
export interface SessionReader {
  /** Whether this could be a session's id: nothing else ever becomes part of a path. */
  isId(text: string): boolean;
  find(session: string): Promise<SessionState>;
  /** Whole lines from an offset on; inside a line, from the next one's beginning. Reads at most `limit` bytes of them. */
  page(session: string, offset: number, limit: number): Promise<SessionPage>;
  /** The lines from an offset on, as they come; ends behind a result that nothing follows, or on abort. */
  follow(session: string, offset: number, signal: AbortSignal): AsyncGenerator<PlacedLine, void, undefined>;
}

export interface SessionState {
  readonly size: number;
  /** The last line is a result: nothing is expected after it. */
  readonly over: boolean;
}
export interface SessionPage {
  readonly lines: readonly PlacedLine[];
  /** Where the next page begins: the end of the last whole line. */
  readonly next: number;
  readonly size: number;
}
export interface PlacedLine {
  /** The bytes it takes: from its first to behind its LF. */
  readonly offset: number;
  readonly next: number;
  /** Null where the bytes are no line: `damaged`, or `too_long` for the limit. */
  readonly line: Parsed | null;
  readonly fault?: "damaged" | "too_long";
}

export function sessionReader(root: string, clock: Pick<Clock, "after">): SessionReader {
  const known = new Map<string, string>();

  async function locate(session: string): Promise<string> {
    if (!ID.test(session)) throw unknown(session);
    const path = known.get(session) ?? (await search(root, `${session}.jsonl`));
    if (path === null) throw unknown(session);
    if (known.size >= REMEMBERED) known.clear();
    known.set(session, path);
    return path;
  }

  async function reading<T>(session: string, read: (file: FileHandle) => Promise<T>): Promise<T> {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    const path = await locate(session);
    const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => {
      known.delete(session);
      throw unknown(session);
    });
    try {
      return await read(file);
    } finally {
      await file.close();
    }
  }

  return {
    isId: (text) => ID.test(text),
    find: (session) => reading(session, state),
    page: (session, offset, limit) => reading(session, (file) => pageOf(file, offset, limit)),
    follow: async function* (session, offset, signal) {
      const path = await locate(session);
      const hint = watched(path, clock);
      try {
        let at = offset;
        let { over } = await reading(session, state);
        for (let pause = FIRST_PAUSE_MS; !signal.aborted; ) {
          const page = await reading(session, (file) => fullPage(file, at));
          for (const line of page.lines) {
            over = line.line?.type === "result";
            at = line.next;
            yield line;
            if (signal.aborted) return;
          }
          const moved = page.next !== at || page.lines.length > 0;
          at = Math.max(at, page.next);
          if (moved) pause = FIRST_PAUSE_MS;
          else if (over) return;
          else {
            await hint.wait(pause, signal);
            pause = Math.min(pause * 2, LAST_PAUSE_MS);
          }
        }
      } finally {
        hint.close();
      }
    },
  };
}

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const REMEMBERED = 10_000;
const PAGE = 262_144;
const LEAST_PAGE = 1_024;
const FIRST_PAUSE_MS = 250;
const LAST_PAUSE_MS = 1_000;

function unknown(session: string): Fault {
  return new Fault("session.unknown", `There is no session ${session.slice(0, 64)}`);
}

const FOLDERS = 100_000;
const LOOKED_AT_ONCE = 256;

/** Which project folder holds a file of that name; a session's id does not say where the agent worked. */
async function search(root: string, name: string): Promise<string | null> {
  const folders = await readdir(root).catch((): string[] => []);
  // Folders named after newer runs sort last, and newer sessions are asked for most.
  const newestFirst = folders.sort().reverse().slice(0, FOLDERS);
  for (const [at, folder] of newestFirst.entries()) {
    const path = join(root, folder, name);
    // One look takes microseconds, less than to hand it to another thread; but there may be many folders.
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile()) return path;
    if (at % LOOKED_AT_ONCE === LOOKED_AT_ONCE - 1) await setImmediate();
  }
  return null;
}

async function state(file: FileHandle): Promise<SessionState> {
  const { size } = await file.stat();
  return { size, over: lastLine(file.fd, size, decodeLine).last?.type === "result" };
}

/** A page that holds at least one line where there is one, however long. */
async function fullPage(file: FileHandle, offset: number): Promise<SessionPage> {
  const page = await pageOf(file, offset, PAGE);
  return page.lines[0]?.fault === "too_long" ? pageOf(file, offset, LONGEST_LINE) : page;
}

async function pageOf(file: FileHandle, offset: number, limit: number): Promise<SessionPage> {
  const { size } = await file.stat();
  // One byte before tells whether a line begins here.
  const from = Math.min(Math.max(0, offset - 1), size);
  const bytes = await bytesOf(file, from, Math.min(Math.max(limit, LEAST_PAGE), size - from));
  const whole = from + bytes.length >= size;
  let at = offset > 0 ? bytes.indexOf(LINE_FEED) + 1 : 0;
  if (offset > 0 && at === 0) return { lines: [], next: whole ? Math.min(offset, size) : from + bytes.length, size };

  const lines: PlacedLine[] = [];
  const first = at;
  for (let end = bytes.indexOf(LINE_FEED, at); end >= 0; end = bytes.indexOf(LINE_FEED, at)) {
    const line = decodeLine(bytes.subarray(at, end));
    const place = { offset: from + at, next: from + end + 1 };
    lines.push(line ? { ...place, line } : { ...place, line: null, fault: "damaged" });
    at = end + 1;
  }
  // A line that this limit cannot hold, even when it is all that is read: passed over, and said so.
  if (lines.length === 0 && !whole && first <= 1) {
    const next = from + bytes.length;
    return { lines: [{ offset: from + at, next, line: null, fault: "too_long" }], next, size };
  }
  return { lines, next: from + at, size };
}

async function bytesOf(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
