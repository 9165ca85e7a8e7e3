import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { INLINE_LIMIT, type Output } from "../../domain/execution.ts";

/** One folder per execution under `STATE_DIR/spool`: what a program is handed, who keeps it, what it wrote, how it ended. */
export interface Spool {
  /** A new folder of that name, with an empty status and empty outputs; an unclaimed one of the same execution is gone. */
  create(execution: string): Folder;
  /** The folder of an execution, or null when there is none. */
  find(execution: string): Folder | null;
  /** Every execution that has a folder. */
  list(): readonly string[];
  /**
   * One copy of what an execution printed, to be read by many: made of `text`, or where that is null of its stdout, when
   * it is first asked for. Its path, or null when there is nothing to make it of.
   */
  shared(execution: string, text: string | null): string | null;
}

export interface Folder {
  readonly path: string;
  readonly stdout: string;
  readonly stderr: string;
  /** Writes a file and returns its path. */
  write(name: string, text: string): string;
  folder(name: string): string;
  /** The same file under a second name, in no time however large it is; a copy where that cannot be. */
  link(from: string, to: string): void;
  /** Opens a file for a child; the caller closes it once the child has it. `exit` is opened to be written in place. */
  descriptor(name: "stdout" | "stderr" | "exit"): number;
  /** The beginning of an output as text, cut between characters at the inline limit, and the length of all of it. */
  read(name: "stdout" | "stderr"): Output;
  /** Takes the claim that a keeper takes before anything else; false when it was taken. */
  claim(): boolean;
  /** What the keeper wrote of itself: null without a claim, `"torn"` while its line is not whole. */
  claimant(): string | "torn" | null;
  /** Puts on disk the outputs that a row will only point to: whole there before the row says so, also after a power cut. */
  sync(): Promise<void>;
  /** The exit status, once it is recorded whole. */
  status(): number | null;
  /** Throws what the system says when nothing more can be written here. */
  probe(): void;
  /** Whether the keeper ended the program because its time was over. */
  overdue(): boolean;
}

/** How many copies are known by name; one that is forgotten is made once more. */
const MOST_COPIES = 100_000;

/** Sixteen bytes, the last of them LF once the status is recorded: written in place, so that a full disk cannot lose it. */
const STATUS_BYTES = 16;
const LF = 0x0a;
const PROBE = Buffer.alloc(16_384, 0x2e);

export function spool(root: string): Spool {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  // Made anew by each daemon, so that what a power cut left of them is never handed to anyone.
  const copies = join(dirname(root), "outputs");
  rmSync(copies, { recursive: true, force: true });
  mkdirSync(copies, { recursive: true, mode: 0o700 });
  const made = new Set<string>();
  return {
    shared: (execution, text) => {
      const copy = join(copies, execution);
      if (made.has(execution)) return copy;
      const source = text === null ? join(root, execution, "stdout") : null;
      if (source !== null && !existsSync(source)) return null;
      const temporary = `${copy}.tmp`;
      rmSync(temporary, { force: true });
      // Read-only: a program that means to change it by mistake would change it for all who come after.
      if (source === null) writeFileSync(temporary, text ?? "", { mode: 0o400 });
      else {
        copyFileSync(source, temporary);
        chmodSync(temporary, 0o400);
      }
      renameSync(temporary, copy);
      if (made.size >= MOST_COPIES) made.clear();
      made.add(execution);
      return copy;
    },
    create: (execution) => {
      const path = join(root, execution);
      rmSync(path, { recursive: true, force: true });
      mkdirSync(path, { recursive: true, mode: 0o700 });
      for (const name of ["stdout", "stderr"]) writeFileSync(join(path, name), "", { mode: 0o600 });
      writeFileSync(join(path, "exit"), " ".repeat(STATUS_BYTES), { mode: 0o600 });
      return folderAt(path);
    },
    find: (execution) => {
      const path = join(root, execution);
      return existsSync(path) ? folderAt(path) : null;
    },
    list: () => readdirSync(root),
  };
}

function folderAt(path: string): Folder {
  const stdout = join(path, "stdout");
  const stderr = join(path, "stderr");
  return {
    path,
    stdout,
    stderr,
    write: (name, text) => {
      const file = join(path, name);
      writeFileSync(file, text, { mode: 0o600 });
      return file;
    },
    folder: (name) => {
      const folder = join(path, name);
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      return folder;
    },
    link: (from, to) => {
      try {
        linkSync(from, join(path, to));
      } catch (error) {
        // As many names as the file system allows, or another one.
        if (!["EMLINK", "EXDEV", "EPERM", "ENOTSUP"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
        copyFileSync(from, join(path, to));
      }
    },
    descriptor: (name) => openSync(join(path, name), name === "exit" ? "r+" : "a", 0o600),
    read: (name) => beginning(join(path, name)),
    claim: () => {
      try {
        closeSync(openSync(join(path, "claim"), "wx", 0o600));
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
        throw error;
      }
    },
    claimant: () => {
      const text = readIfThere(join(path, "claim"));
      if (text === null) return null;
      return text.at(-1) === LF ? text.toString("latin1").trimEnd() : "torn";
    },
    sync: async () => {
      for (const file of [stdout, stderr]) {
        if (statSync(file).size <= INLINE_LIMIT) continue;
        const handle = await open(file, "r");
        try {
          await handle.datasync();
        } finally {
          await handle.close();
        }
      }
    },
    status: () => {
      const bytes = readIfThere(join(path, "exit"));
      if (bytes?.length !== STATUS_BYTES || bytes.at(-1) !== LF) return null;
      const text = bytes.toString("latin1").trim();
      return /^\d{1,3}$/.test(text) ? Number(text) : null;
    },
    probe: () => {
      const file = join(path, "probe");
      try {
        writeFileSync(file, PROBE, { mode: 0o600 });
      } finally {
        rmSync(file, { force: true });
      }
    },
    overdue: () => existsSync(join(path, "deadline")),
  };
}

function readIfThere(file: string): Buffer | null {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function beginning(file: string): Output {
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    const buffer = Buffer.alloc(Math.min(size, INLINE_LIMIT));
    let filled = 0;
    while (filled < buffer.length) {
      const read = readSync(descriptor, buffer, filled, buffer.length - filled, filled);
      if (read === 0) break;
      filled += read;
    }
    // A decoder holds back a character cut in half at the limit instead of printing a replacement for it.
    const text = new StringDecoder("utf8").write(buffer.subarray(0, filled));
    return { text: Buffer.byteLength(text) > INLINE_LIMIT ? withinLimit(text) : text, bytes: size };
  } finally {
    closeSync(descriptor);
  }
}

/** Bytes that are not UTF-8 become U+FFFD, three bytes for one: such a text may have outgrown the limit. */
function withinLimit(text: string): string {
  return new StringDecoder("utf8").write(Buffer.from(text).subarray(0, INLINE_LIMIT));
}
