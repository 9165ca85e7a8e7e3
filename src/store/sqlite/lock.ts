import { statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { Clock } from "../../domain/clock.ts";
import type { Lock } from "../files/lock.ts";

const CHECK_EVERY_MS = 10_000;

/**
 * The lock of STATE_DIR where there is no flock(1): an EXCLUSIVE transaction on `lock.db`, held open. Unlike a lock on
 * the folder it is fooled by whoever deletes the file, so its inode is looked at every ten seconds and `lost` is called
 * when it is no longer ours.
 */
export function lockByDatabase(folder: string, clock: Clock, lost: () => void): Lock | "taken" {
  const file = join(folder, "lock.db");
  const db = new Database(file, { timeout: 0 });
  try {
    db.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    db.close();
    if (String((error as { code?: unknown }).code).startsWith("SQLITE_BUSY")) return "taken";
    throw error;
  }
  // stat by name opens nothing: a descriptor of the file, once closed, would drop the lock with it.
  const inode = (): number => statSync(file, { throwIfNoEntry: false })?.ino ?? 0;
  const mine = inode();
  let cancel = (): void => {};
  const check = (): void => {
    if (inode() !== mine) lost();
    else cancel = clock.after(CHECK_EVERY_MS, check);
  };
  cancel = clock.after(CHECK_EVERY_MS, check);
  return {
    release: () => {
      cancel();
      db.close();
    },
  };
}
