import {
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
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { chmod, copyFile, open, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { INLINE_LIMIT, type Output } from "../../domain/execution.ts";
import { type Redactor, redactor } from "../../domain/redaction.ts";

/**
 * One folder per execution under `STATE_DIR/spool`: what a program is handed, who keeps it, what it wrote, how it ended.
 * Files hold what was written, secrets and all; what is read from here or copied is redacted.
 */
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
  shared(execution: string, text: string | null): Promise<string | null>;
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
  /** Takes the claim that a keeper takes before anything else, so that none ever begins here; false when one has taken it. */
  forbid(): boolean;
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
  /** The sandbox that the program was put into; null without one. */
  sandbox(): string | null;
}

/** How many copies are known by name; one that is forgotten is made once more. */
const MOST_COPIES = 100_000;

/** Sixteen bytes, the last of them LF once the status is recorded: written in place, so that a full disk cannot lose it. */
const STATUS_BYTES = 16;
const LF = 0x0a;
/** The claim of a folder in which nothing ever began. */
const NOBODY = "nobody\n";
const PROBE = Buffer.alloc(16_384, 0x2e);

export function spool(root: string, words: Redactor = redactor({})): Spool {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  // Made anew by each daemon, so that what a power cut left of them is never handed to anyone.
  const copies = join(dirname(root), "outputs");
  rmSync(copies, { recursive: true, force: true });
  mkdirSync(copies, { recursive: true, mode: 0o700 });
  const made = new Map<string, Promise<string | null>>();
  const at = (path: string): Folder => folderAt(path, words);
  return {
    shared: (execution, text) => {
      const known = made.get(execution);
      if (known) return known;
      if (made.size >= MOST_COPIES) made.clear();
      const source = join(root, execution, "stdout");
      const making = copied(text === null ? { source } : { text: words.text(text) }, join(copies, execution), words);
      made.set(execution, making);
      // What could not be made is tried again by whoever asks next.
      making.then(
        (copy) => copy === null && made.delete(execution),
        () => made.delete(execution),
      );
      return making;
    },
    create: (execution) => {
      const path = join(root, execution);
      rmSync(path, { recursive: true, force: true });
      mkdirSync(path, { recursive: true, mode: 0o700 });
      for (const name of ["stdout", "stderr"]) writeFileSync(join(path, name), "", { mode: 0o600 });
      writeFileSync(join(path, "exit"), " ".repeat(STATUS_BYTES), { mode: 0o600 });
      return at(path);
    },
    find: (execution) => {
      const path = join(root, execution);
      return existsSync(path) ? at(path) : null;
    },
    list: () => readdirSync(root),
  };
}

function folderAt(path: string, words: Redactor): Folder {
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
    read: (name) => beginning(join(path, name), words),
    forbid: () => {
      const claim = join(path, "claim");
      const prepared = join(path, "claim.forbidden");
      writeFileSync(prepared, NOBODY, { mode: 0o600 });
      try {
        // A name for what is whole already: a crash in between leaves no claim that says nothing.
        linkSync(prepared, claim);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        // Whoever was killed before the answer was recorded had it from here, and asks once more.
        return readIfThere(claim)?.toString("latin1") === NOBODY;
      } finally {
        rmSync(prepared, { force: true });
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
    sandbox: () => readIfThere(join(path, "sandbox"))?.toString("latin1") ?? null,
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

/** A copy that nobody can change by mistake for all who come after; null where there is nothing to make it of. */
async function copied(
  of: { readonly text: string } | { readonly source: string },
  copy: string,
  words: Redactor,
): Promise<string | null> {
  const temporary = `${copy}.tmp`;
  await rm(temporary, { force: true });
  if ("text" in of) await writeFile(temporary, of.text, { mode: 0o400 });
  else if (!existsSync(of.source)) return null;
  else if (words.isIdle) await copyFile(of.source, temporary);
  else await redacted(of.source, temporary, words);
  await chmod(temporary, 0o400);
  await rename(temporary, copy);
  return copy;
}

const PIECE = 65_536;

/** Byte by byte as it was but for the secrets: what is no text at all is to stay what it is. */
async function redacted(from: string, to: string, words: Redactor): Promise<void> {
  const redaction = words.stream();
  const buffer = Buffer.allocUnsafe(PIECE);
  const source = await open(from, "r");
  try {
    const target = await open(to, "wx", 0o600);
    try {
      let got = await source.read(buffer);
      while (got.bytesRead > 0) {
        await target.appendFile(redaction.push(buffer.toString("latin1", 0, got.bytesRead)), "latin1");
        got = await source.read(buffer);
      }
      await target.appendFile(redaction.flush(), "latin1");
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

function beginning(file: string, words: Redactor): Output {
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    // Beyond the limit by as much as a secret may reach over it.
    const buffer = Buffer.alloc(Math.min(size, INLINE_LIMIT + words.window * LONGEST_UNIT));
    let filled = 0;
    while (filled < buffer.length) {
      const read = readSync(descriptor, buffer, filled, buffer.length - filled, filled);
      if (read === 0) break;
      filled += read;
    }
    // A decoder holds back a character cut in half at the limit instead of printing a replacement for it.
    const raw = new StringDecoder("utf8").write(buffer.subarray(0, filled));
    if (words.isIdle) return { text: withinLimit(raw), bytes: size };
    const redaction = words.stream();
    const told = redaction.push(raw);
    const text = filled === size ? told + redaction.flush() : told;
    // Of a whole text the length is its own as it is now: whoever compares the two learns that nothing is missing.
    const bytes =
      filled === size && size <= INLINE_LIMIT ? size + Buffer.byteLength(text) - Buffer.byteLength(raw) : size;
    return { text: withinLimit(text), bytes };
  } finally {
    closeSync(descriptor);
  }
}

/** Bytes of UTF-8 that one unit of UTF-16 takes at most. */
const LONGEST_UNIT = 3;

/** Also what is no longer than the limit may outgrow it: bytes that are not UTF-8 become U+FFFD, three bytes for one. */
function withinLimit(text: string): string {
  if (Buffer.byteLength(text) <= INLINE_LIMIT) return text;
  return new StringDecoder("utf8").write(Buffer.from(text).subarray(0, INLINE_LIMIT));
}
