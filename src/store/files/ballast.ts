import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";

/**
 * Room kept back for the day the disk is full: a file of real bytes, given up so that pauses can be recorded, and made
 * again before anything starts (engine rule 22).
 */
export interface Ballast {
  drop(): void;
  /** Makes it again; false while there is no room. */
  restore(): boolean;
}

const BYTES = 16 * 1024 * 1024;
const CHUNK = Buffer.alloc(256 * 1024, 0x2e);

export function ballast(file: string, folder: string): Ballast {
  // A small disk gives a small share: an eighth of it at most.
  const { blocks, bsize } = statfsSync(folder);
  const size = Math.min(BYTES, Math.floor((blocks * bsize) / 8));
  return {
    drop: () => rmSync(file, { force: true }),
    restore: () => {
      if (statSync(file, { throwIfNoEntry: false })?.size === size) return true;
      try {
        fill(file, size);
        return true;
      } catch {
        // What was written of it must not take the room that others wait for.
        rmSync(file, { force: true });
        return false;
      }
    },
  };
}

function fill(file: string, size: number): void {
  const descriptor = openSync(file, "w", 0o600);
  try {
    for (let written = 0; written < size; ) {
      written += writeSync(descriptor, CHUNK, 0, Math.min(CHUNK.length, size - written));
    }
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
