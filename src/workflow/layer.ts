import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, readdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { Fault } from "../domain/fault.ts";
import type { WorkflowVersion } from "../domain/workflow.ts";
import type { Checked } from "./check.ts";
import { complaintsOf, isError } from "./complaint.ts";
import { LARGEST_FILE, TOO_LARGE } from "./decode.ts";
import { type Files, LARGEST_TEXT } from "./files.ts";
import type { Reader } from "./reader.ts";

/** The workflow files of one folder, by file name, in the order of their names. */
export type Layer = ReadonlyMap<string, FileRead>;

interface FileRead {
  readonly checked: Checked;
  /** The newest version of this file that had no errors; it stays in force while the file has some. */
  readonly lastGood: WorkflowVersion | null;
  /** The same of what it starts at which times. */
  readonly schedules: Checked["schedules"];
  /** Tells without reading that nothing changed. */
  readonly stamp: string;
  readonly hash: string | null;
  /** The same for the files it names. */
  readonly files: string | null;
}

const MOST_FILES = 1_000;

/** Reads a folder; what has not changed since `before` is not read again. Throws `config.invalid` when it cannot. */
export async function readLayer(folder: string, before: Layer, reader: Reader): Promise<Layer> {
  let root: string;
  let names: string[];
  try {
    root = await realpath(folder);
    names = (await readdir(root)).filter((name) => /\.ya?ml$/.test(name)).sort();
  } catch (cause) {
    throw new Fault("config.invalid", `The workflow folder ${folder} cannot be read`, { cause });
  }
  if (names.length > MOST_FILES)
    throw new Fault("config.invalid", `The workflow folder ${folder} holds more than ${MOST_FILES} files`);
  const layer = new Map<string, FileRead>();
  for (const name of names) {
    const read = await readOne(root, name, before.get(name), reader);
    if (read) layer.set(name, read);
  }
  return layer;
}

/** Null when the file is gone by now, which is not an error of anyone's. */
async function readOne(
  root: string,
  name: string,
  before: FileRead | undefined,
  reader: Reader,
): Promise<FileRead | null> {
  const { lastGood = null, schedules = [] } = before ?? {};
  const refused = (message: string, stamp: string): FileRead => {
    if (before?.stamp === stamp) return before;
    const complaints = complaintsOf(name, [{ line: 1, column: 1, severity: "error", message }]);
    const checked = { name: null, kind: "agent", version: null, complaints, wants: [], children: [], schedules: [] };
    return { checked, lastGood, schedules, stamp, hash: null, files: null };
  };
  try {
    const path = await realpath(join(root, name));
    if (!path.startsWith(root.endsWith(sep) ? root : root + sep))
      return refused("leads outside its folder. Put the file itself here", "outside");
    const found = await stat(path, { bigint: true });
    const { size, mtimeNs, ctimeNs, ino } = found;
    const stamp = `${size} ${mtimeNs} ${ctimeNs} ${ino}`;
    const named = before?.checked.wants ?? [];
    if (before?.stamp === stamp && before.files === (await stampOf(root, named))) return before;
    if (!found.isFile()) return refused("not a regular file", stamp);
    if (size > LARGEST_FILE) return refused(TOO_LARGE, stamp);
    const bytes = await readBytes(path);
    const hash = createHash("sha256").update(bytes).digest("hex");
    const files = await stampOf(root, named);
    if (before && before.hash === hash && before.files === files) return { ...before, stamp };
    const first = await reader.read(name, bytes);
    const { wants } = first;
    // A file that names others is read twice: the first reading tells which.
    const checked = wants.length === 0 ? first : await reader.read(name, bytes, await readFiles(root, wants));
    const failed = checked.complaints.some(isError);
    const good = failed ? { lastGood, schedules } : { lastGood: checked.version, schedules: checked.schedules };
    return { checked, ...good, stamp, hash, files: await stampOf(root, wants) };
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    return code === "ENOENT" ? null : refused(`cannot be read (${code ?? "unknown"})`, `${code}`);
  }
}

/** Prompts and skills beside a workflow, never from outside its folder; null for what is not there, or is no text. */
export async function readFiles(root: string, paths: readonly string[]): Promise<Files> {
  const files: [string, string | null][] = [];
  for (const path of paths) files.push([path, await readText(root, path)]);
  return Object.fromEntries(files);
}

async function readText(root: string, path: string): Promise<string | null> {
  try {
    const real = await realpath(join(root, path));
    if (!real.startsWith(root.endsWith(sep) ? root : root + sep) || !(await stat(real)).isFile()) return null;
    const bytes = await readBytes(real);
    if (bytes.length > LARGEST_TEXT) return null;
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

async function stampOf(root: string, paths: readonly string[]): Promise<string> {
  const stamps = await Promise.all(
    paths.map(async (path) => {
      try {
        const { size, mtimeNs, ctimeNs, ino } = await stat(join(root, path), { bigint: true });
        return `${size} ${mtimeNs} ${ctimeNs} ${ino}`;
      } catch {
        return "none";
      }
    }),
  );
  return stamps.join("\n");
}

/** At most one byte more than a file may have, whatever it has grown to since it was measured. */
export async function readBytes(path: string): Promise<Uint8Array> {
  // Not blocking: between the look and the opening a pipe could have taken the file's place.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = new Uint8Array(LARGEST_FILE + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.slice(0, length);
  } finally {
    await handle.close();
  }
}
