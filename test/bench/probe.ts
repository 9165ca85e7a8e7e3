import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** How often a second the disk itself makes 4 KiB durable, one after the other: no durable commit is faster than that. */
export interface Probe {
  /** In a file that has its size already, as a write-ahead log that is used again has. */
  readonly overwrite_per_s: number;
  /** At the end of a growing file. */
  readonly append_per_s: number;
}

const PART_MS = 150;
const PAGE = Buffer.alloc(4096, 1);

export function probeDisk(folder: string): Probe {
  const file = join(folder, "probe");
  const descriptor = openSync(file, "w");
  try {
    let end = 0;
    const append_per_s = rate(() => {
      end += writeSync(descriptor, PAGE, 0, PAGE.length, end);
      fdatasyncSync(descriptor);
    });
    const overwrite_per_s = rate(() => {
      writeSync(descriptor, PAGE, 0, PAGE.length, 0);
      fdatasyncSync(descriptor);
    });
    return { overwrite_per_s, append_per_s };
  } finally {
    closeSync(descriptor);
    rmSync(file);
  }
}

function rate(once: () => void): number {
  let count = 0;
  const start = performance.now();
  let spent = 0;
  for (; spent < PART_MS; spent = performance.now() - start) {
    once();
    count++;
  }
  return Math.round((count / spent) * 1000);
}
