import { spawnSync } from "node:child_process";
import { closeSync, cpSync, mkdirSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A disk of its own that can be filled to the last byte, really. */
export interface SmallDisk {
  /** Takes every byte there is; `greedy`: also every byte that is given up later, until `free`. */
  fill(how: { greedy: boolean }): void;
  free(): void;
  /** What lies on it, for people to look at. */
  keep(into: string): void;
  close(): void;
}

const GREED_MS = 20;

/** Mounted at `folder`, which is made. Throws where no tmpfs can be mounted. */
export function smallDisk(folder: string, size: string): SmallDisk {
  mkdirSync(folder, { recursive: true });
  const mounted = mount(folder, size);
  if (mounted !== null) throw new Error(mounted);
  const filler = join(folder, "filler");
  let timer: NodeJS.Timeout | undefined;
  return {
    fill: ({ greedy }) => {
      take(filler);
      if (greedy) timer = setInterval(() => take(filler), GREED_MS);
    },
    free: () => {
      clearInterval(timer);
      rmSync(filler, { force: true });
    },
    keep: (into) => cpSync(folder, into, { recursive: true, filter: (each) => each !== filler }),
    close: () => {
      clearInterval(timer);
      spawnSync("umount", ["-l", folder]);
    },
  };
}

/** Why no small disk can be had here; null when one can. */
export function noSmallDisk(): string | null {
  // Never over a folder that anyone else looks into.
  const folder = mkdtempSync(join(tmpdir(), "lastlight-disk-"));
  const refused = mount(folder, "1m");
  if (refused === null) spawnSync("umount", ["-l", folder]);
  rmdirSync(folder);
  return refused;
}

function mount(folder: string, size: string): string | null {
  const { status, stderr, error } = spawnSync(
    "mount",
    ["-t", "tmpfs", "-o", `size=${size},mode=700`, "tmpfs", folder],
    {
      encoding: "utf8",
    },
  );
  return status === 0 ? null : `no tmpfs can be mounted here (${stderr?.trim() || error?.message})`;
}

function take(filler: string): void {
  const descriptor = openSync(filler, "a");
  for (let size = 64 * 1024; size >= 1; ) {
    try {
      writeSync(descriptor, Buffer.alloc(size, 0x66));
    } catch {
      size = Math.floor(size / 2);
    }
  }
  closeSync(descriptor);
}
