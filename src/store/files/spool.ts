import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { INLINE_LIMIT, type Output } from "../../domain/execution.ts";

/** One folder per execution under `STATE_DIR/spool`: what a program is handed, and the raw bytes it wrote. */
export interface Spool {
  /** An empty folder of that name; a former one of the same execution is gone. */
  open(execution: string): Folder;
  /** The file that holds all of an execution's stdout, or null when there is none. */
  stdoutOf(execution: string): string | null;
}

export interface Folder {
  readonly path: string;
  /** Writes a file and returns its path. */
  write(name: string, text: string): string;
  folder(name: string): string;
  copy(from: string, to: string): void;
  /** Opens `stdout` or `stderr` for a child to write; the caller closes it once the child has it. */
  sink(name: "stdout" | "stderr"): number;
  /** The beginning of `stdout` or `stderr` as text, cut between characters at the inline limit, and the length of all of it. */
  read(name: "stdout" | "stderr"): Output;
}

export function spool(root: string): Spool {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  return {
    open: (execution) => {
      const path = join(root, execution);
      rmSync(path, { recursive: true, force: true });
      mkdirSync(path, { recursive: true, mode: 0o700 });
      return folderAt(path);
    },
    stdoutOf: (execution) => {
      const path = join(root, execution, "stdout");
      return existsSync(path) ? path : null;
    },
  };
}

function folderAt(path: string): Folder {
  return {
    path,
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
    copy: (from, to) => copyFileSync(from, join(path, to)),
    sink: (name) => openSync(join(path, name), "a", 0o600),
    read: (name) => beginning(join(path, name)),
  };
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
