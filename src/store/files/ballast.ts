import { rmSync, statfsSync, statSync } from "node:fs";
import { open } from "node:fs/promises";

/**
 * Room kept back for the day the disk is full: a file of real bytes, given up so that pauses can be recorded, and made
 * again before anything starts (engine rule 22).
 */
export interface Ballast {
  drop(): void;
  /** Makes it again, off the event loop; false while there is no room. */
  restore(): Promise<boolean>;
}

const BYTES = 16 * 1024 * 1024;
const CHUNK = Buffer.alloc(256 * 1024, 0x2e);

export function ballast(file: string, folder: string): Ballast {
  // A small disk gives a small share: an eighth of it at most.
  const { blocks, bsize } = statfsSync(folder);
  const size = Math.min(BYTES, Math.floor((blocks * bsize) / 8));
  return {
    drop: () => rmSync(file, { force: true }),
    restore: async () => {
      if (statSync(file, { throwIfNoEntry: false })?.size === size) return true;
      try {
        await fill(file, size);
        return true;
      } catch {
        // What was written of it must not take the room that others wait for.
        rmSync(file, { force: true });
        return false;
      }
    },
  };
}

async function fill(file: string, size: number): Promise<void> {
  const handle = await open(file, "w", 0o600);
  try {
    for (let written = 0; written < size; ) {
      written += (await handle.write(CHUNK, 0, Math.min(CHUNK.length, size - written))).bytesWritten;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}
