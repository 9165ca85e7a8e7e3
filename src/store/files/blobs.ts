import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { access, type FileHandle, mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { Fault } from "../../domain/fault.ts";

/** The content store: bytes under their sha256, each kept once. */
export interface Blobs {
  /**
   * Keeps a file of a folder; the path is the author's, and never leads out of the folder, through a link either.
   * Resolves once the bytes are on disk. Throws `artefact.missing` for what is no readable file, `output.too_large`.
   */
  keep(folder: string, path: string): Promise<{ readonly sha256: string; readonly bytes: number }>;
  /** The text of such a file; throws as `keep` does, and when it is larger than `most` bytes or no UTF-8. */
  text(folder: string, path: string, most: number): Promise<string>;
}

/** A single file beyond this is no artefact of a phase but a disk of its own. */
const LARGEST_BLOB = 4 * 1024 * 1024 * 1024;
const CHUNK = 1024 * 1024;

export function blobs(root: string): Blobs {
  let temporaries = 0;

  async function keep(folder: string, path: string): Promise<{ sha256: string; bytes: number }> {
    const source = await openInside(folder, path);
    const temporary = join(root, `.${process.pid}.${++temporaries}.tmp`);
    try {
      // Before anything is copied; a file that grows meanwhile is found out while it is.
      if ((await source.stat()).size > LARGEST_BLOB) throw tooLarge(path);
      await mkdir(root, { recursive: true, mode: 0o700 });
      const target = await open(temporary, "wx", 0o600);
      let copied: { sha256: string; bytes: number };
      try {
        copied = await copy(source, target, path);
        // Before the name: whoever finds the name finds all of the bytes (engine rule 19).
        await target.sync();
      } finally {
        await target.close();
      }
      await settle(temporary, copied.sha256);
      return copied;
    } finally {
      await source.close();
      await rm(temporary, { force: true });
    }
  }

  async function settle(temporary: string, sha256: string): Promise<void> {
    const shelf = join(root, sha256.slice(0, 2));
    const place = join(shelf, sha256);
    if (!(await isThere(place))) {
      await mkdir(shelf, { recursive: true, mode: 0o700 });
      await rename(temporary, place);
    }
    // Also where the name was there: whoever gave it may have died, or is about to, before the folders were on disk.
    for (const folder of [shelf, root, dirname(root)]) await syncFolder(folder);
  }

  return {
    keep,
    text: async (folder, path, most) => {
      const file = await openInside(folder, path);
      try {
        const { size } = await file.stat();
        if (size > most) throw new Fault("output.too_large", `${path} holds ${size} bytes; ${most} are the most`);
        const buffer = new Uint8Array(most + 1);
        let length = 0;
        for (let read = -1; read !== 0 && length < buffer.length; length += read)
          read = (await file.read(buffer, length, buffer.length - length, length)).bytesRead;
        if (length > most) throw new Fault("output.too_large", `${path} holds more than ${most} bytes`);
        return decoded(buffer.subarray(0, length), path);
      } finally {
        await file.close();
      }
    },
  };
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function decoded(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Fault("artefact.missing", `${path} is not UTF-8 text`);
  }
}

async function openInside(folder: string, path: string): Promise<FileHandle> {
  try {
    const root = await realpath(folder);
    const real = await realpath(join(root, path));
    if (!real.startsWith(root + sep)) throw new Fault("artefact.missing", `${path} leads out of the workspace`);
    // Not blocking, and no link any more: a program may have put something else there since the look above.
    const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    if ((await file.stat()).isFile()) return file;
    await file.close();
    throw new Fault("artefact.missing", `${path} is not a regular file`);
  } catch (error) {
    if (error instanceof Fault) throw error;
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR")
      throw new Fault("artefact.missing", `${path} was not made`, { cause: error });
    throw new Fault("artefact.missing", `${path} cannot be read (${code})`, { cause: error });
  }
}

async function copy(from: FileHandle, to: FileHandle, path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(CHUNK);
  let bytes = 0;
  for (;;) {
    const { bytesRead } = await from.read(buffer, 0, CHUNK, bytes);
    if (bytesRead === 0) return { sha256: hash.digest("hex"), bytes };
    const part = buffer.subarray(0, bytesRead);
    hash.update(part);
    for (let written = 0; written < bytesRead; )
      written += (await to.write(part, written, bytesRead - written, bytes + written)).bytesWritten;
    bytes += bytesRead;
    if (bytes > LARGEST_BLOB) throw tooLarge(path);
  }
}

function tooLarge(path: string): Fault {
  return new Fault("output.too_large", `${path} holds more than ${LARGEST_BLOB} bytes`);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
