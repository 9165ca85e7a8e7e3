import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../../domain/clock.ts";
import { Fault } from "../../domain/fault.ts";
import { projectSlugForCwd, type SessionLine } from "../../domain/session.ts";
import { encodeLine, type Parsed } from "./session-line.ts";
import { type SessionReader, sessionReader } from "./session-reader.ts";
import { repair } from "./session-repair.ts";

/** The session files under `STATE_DIR/agent-sessions/projects`: append-only, one per session, readable by anyone who knows the format. */
export interface Sessions extends SessionReader {
  /**
   * Opens a session for append, made where it is missing, cut back to its last whole line where it is torn. Throws
   * `session.refused` when what lies there is no file of its own, `disk.full` or `store.trouble`.
   */
  open(of: { session: string; cwd: string }): SessionFile;
}

/** One kept descriptor (engine rule 17). */
export interface SessionFile {
  /** The last line that stands: where whoever writes goes on from. Null in a new file. */
  readonly last: Parsed | null;
  /**
   * Adds lines in one write. Throws `disk.full` or `store.trouble`; then none of them counts as written, and the same
   * call may be made again.
   */
  append(lines: readonly SessionLine[]): void;
  /** Resolves when every line is on disk. What it rejects with once it rejects with for ever: a failed sync is never tried again. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** `root` is `STATE_DIR/agent-sessions/projects`. */
export function sessions(root: string, clock: Pick<Clock, "after">): Sessions {
  const reader = sessionReader(root, clock);
  return {
    ...reader,
    open: ({ session, cwd }) => {
      // The reader's own check: nothing from outside becomes part of a path before it.
      if (!reader.isId(session)) throw new Fault("session.refused", "A session's id is a UUID in lower case");
      const folder = join(root, projectSlugForCwd(cwd));
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        if (!lstatSync(folder).isDirectory()) throw new Fault("session.refused", `${folder} is not a folder`);
        return fileAt(join(folder, session));
      } catch (error) {
        throw faultOf(error, `Session ${session} cannot be opened`);
      }
    },
  };
}

function fileAt(place: string): SessionFile {
  const path = `${place}.jsonl`;
  const { O_RDWR, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;
  const descriptor = openSync(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
  try {
    if (!fstatSync(descriptor).isFile()) throw new Fault("session.refused", `${path} is not a file`);
    return appender(descriptor, path, repair(descriptor, `${place}.torn`));
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function appender(descriptor: number, path: string, believed: { size: number; last: Parsed | null }): SessionFile {
  let { size, last } = believed;
  /** More may stand after the last good line than it should. */
  let torn = false;
  /** Whether the file's name is on disk, too; who made it may have been killed before it was. */
  let named = false;
  let broken: Fault | null = null;
  let syncing: Promise<void> = Promise.resolve();

  function cut(): void {
    if (!torn) return;
    ftruncateSync(descriptor, size);
    torn = false;
  }

  async function flush(): Promise<void> {
    if (broken) throw broken;
    try {
      await (named ? synced(descriptor) : Promise.all([synced(descriptor), syncedFolder(dirname(path))]));
      named = true;
    } catch (error) {
      broken = faultOf(error, `${path} could not be synced`);
      throw broken;
    }
  }

  return {
    get last() {
      return last;
    },
    append: (lines) => {
      let newest = last;
      const encoded = lines.map((line) => {
        const numbered = {
          ...line,
          parentUuid: newest?.uuid ?? null,
          seq: typeof newest?.seq === "number" ? newest.seq + 1 : 1,
        };
        newest = numbered;
        return encodeLine(numbered);
      });
      const bytes = Buffer.concat(encoded);
      try {
        cut();
        torn = true;
        for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
        torn = false;
      } catch (error) {
        try {
          cut();
        } catch {
          // Cut before the next attempt: nothing is ever written behind half a line.
        }
        throw faultOf(error, `${path} could not be written`);
      }
      size += bytes.length;
      last = newest;
    },
    sync: () => {
      syncing = syncing.catch(() => {}).then(flush);
      return syncing;
    },
    close: async () => {
      // A descriptor closed under a sync could by then be another file's.
      await syncing.catch(() => {});
      closeSync(descriptor);
    },
  };
}

function synced(descriptor: number, how: typeof fdatasync | typeof fsync = fdatasync): Promise<void> {
  return new Promise((resolve, reject) => how(descriptor, (error) => (error ? reject(error) : resolve())));
}

/** The folder holds the file's name, and its own parent the folder's. */
async function syncedFolder(folder: string): Promise<void> {
  for (const path of [folder, dirname(folder)]) {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    await synced(descriptor, fsync).finally(() => closeSync(descriptor));
  }
}

const FULL = new Set(["ENOSPC", "EDQUOT"]);
const NO_FILE_OF_OURS = new Set(["ELOOP", "EISDIR", "ENOTDIR", "EEXIST", "ENXIO"]);

function faultOf(error: unknown, what: string): Fault {
  if (error instanceof Fault) return error;
  const { code = "", message } = error as NodeJS.ErrnoException;
  if (FULL.has(code)) return new Fault("disk.full", `${what}: no space is left`, { cause: error });
  if (NO_FILE_OF_OURS.has(code)) {
    return new Fault("session.refused", `${what}: something else lies in its place`, { cause: error });
  }
  return new Fault("store.trouble", `${what}: ${message}`, { cause: error });
}
