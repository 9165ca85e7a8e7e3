import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";

/** Held for the life of the process; `release` gives it up early. */
export interface Lock {
  release(): void;
}

/** flock(1)'s own exit code for "someone else has it", set by `--conflict-exit-code`. */
const TAKEN = 75;
const INHERITED = 3;

/**
 * Takes the lock of a folder: flock(2) on the folder itself (engine rule 20). The kernel releases it however the process
 * ends, so there is no stale lock, and nothing lies in the folder that could be deleted. `"taken"` when another process
 * holds it; `"unavailable"` where there is no flock(1).
 */
export function lockFolder(path: string): Lock | "taken" | "unavailable" {
  const descriptor = openSync(path, "r");
  // flock(1) locks the open file that it inherits: the lock belongs to our descriptor and outlives that program.
  const flock = spawnSync(
    "flock",
    ["--exclusive", "--nonblock", "--conflict-exit-code", String(TAKEN), String(INHERITED)],
    {
      stdio: ["ignore", "ignore", "pipe", descriptor],
    },
  );
  if (flock.status === 0) return { release: () => closeSync(descriptor) };
  closeSync(descriptor);
  return flock.status === TAKEN ? "taken" : "unavailable";
}
