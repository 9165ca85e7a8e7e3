import type { Clock } from "../domain/clock.ts";
import { Fault } from "../domain/fault.ts";
import type { Ballast } from "../store/files/ballast.ts";
import type { Log } from "./contracts/log.ts";

/** Watches over the room on the disk: while there is none, nothing starts, and what stopped for it goes on by itself. */
export interface DiskGuard {
  /** Something could not be written. True when it was for want of room. */
  trouble(error: unknown): boolean;
  /** Where and since when there is trouble; null while there is none. */
  state(): { readonly since: string; readonly what: string } | null;
  /** Watches from now on: the answer tells whether there was trouble meanwhile, over by now or not. */
  watch(): () => boolean;
  /** Keeps room back for the day it is needed. */
  keepRoom(): Promise<void>;
  stop(): void;
}

const PROBE_MS = 2_000;
const OUT_OF_ROOM = new Set(["ENOSPC", "EDQUOT", "EROFS", "EIO", "SQLITE_FULL", "SQLITE_IOERR_WRITE", "disk.full"]);

export function diskGuard(options: {
  ballast: Ballast;
  clock: Clock;
  log: Log;
  /** Called once as trouble begins, after room was made. */
  begin: () => void;
  /** Called once as it ends, with the room kept back again. */
  end: () => void;
}): DiskGuard {
  const { ballast, clock, log } = options;
  let state: { since: string; what: string } | null = null;
  let cancel = (): void => {};
  let begun = 0;
  let stopped = false;

  async function probe(): Promise<void> {
    const room = await ballast.restore();
    if (stopped) return;
    if (!room) {
      cancel = clock.after(PROBE_MS, () => void probe());
      return;
    }
    log.info({ since: state?.since }, "there is room on the disk again");
    state = null;
    options.end();
  }

  return {
    trouble: (error) => {
      const what = reasonOf(error);
      if (what === null) return false;
      if (!state) {
        begun++;
        state = { since: clock.now(), what };
        log.error({ what }, "the disk is full: nothing starts until there is room");
        ballast.drop();
        options.begin();
        cancel = clock.after(PROBE_MS, () => void probe());
      }
      return true;
    },
    state: () => state,
    watch: () => {
      const before = state === null ? begun : begun - 1;
      return () => begun > before;
    },
    keepRoom: async () => {
      if (!(await ballast.restore())) log.warn({}, "there is no room to keep any back");
    },
    stop: () => {
      stopped = true;
      cancel();
    },
  };
}

/** Whether something failed for want of room. */
export function isForRoom(error: unknown): boolean {
  return reasonOf(error) !== null;
}

/** The operating system's own word for why, wherever in the chain of causes it stands. */
function reasonOf(error: unknown): string | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const code = "code" in at ? String(at.code) : "";
    if (OUT_OF_ROOM.has(code)) return at instanceof Fault ? (reasonOf(at.cause) ?? code) : `${code}: ${at.message}`;
  }
  return null;
}
