import { userInfo } from "node:os";
import type { Clock } from "./domain/clock.ts";
import { Fault } from "./domain/fault.ts";
import type { Log } from "./engine/contracts/log.ts";
import { type Lock, lockFolder } from "./store/files/lock.ts";
import { lockByDatabase } from "./store/sqlite/lock.ts";

const LOCK_PATIENCE_MS = 2_000;
const LOCK_RETRY_MS = 50;

/** The lock of a STATE_DIR; throws `state.locked` when another daemon keeps it. */
export async function takeLock(stateDir: string, clock: Clock, log: Log): Promise<Lock> {
  for (let waited = 0; ; waited += LOCK_RETRY_MS) {
    let lock = lockFolder(stateDir);
    if (lock === "unavailable") {
      lock = lockByDatabase(stateDir, clock, () => {
        log.error({}, "the lock of STATE_DIR was taken away; this daemon ends before two of them write");
        process.exit(78);
      });
    }
    if (lock !== "taken") return lock;
    if (waited >= LOCK_PATIENCE_MS) throw new Fault("state.locked", `${stateDir} is in use by another daemon`);
    await new Promise<void>((resolve) => void clock.after(LOCK_RETRY_MS, resolve));
  }
}

/** Who runs this. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "unknown";
  }
}
