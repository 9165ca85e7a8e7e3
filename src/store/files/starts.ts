import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Iso } from "../../domain/clock.ts";

/** Unclean starts, remembered outside the database, which may be what ends them: `STATE_DIR/starts.json` (engine rule 21). */
export interface Starts {
  /** Counts one more, and tells whether there have been too many: then nothing is dispatched until a person says so. */
  unclean(now: Iso): SafeMode | null;
  /** Whether an earlier start entered safe mode and nobody ended it. */
  safeMode(): SafeMode | null;
  /** A person's word: the count begins anew. */
  forget(): void;
}

export interface SafeMode {
  readonly since: Iso;
  readonly reason: string;
}

interface Kept {
  unclean: Iso[];
  safe_mode: SafeMode | null;
}

const WINDOW_MS = 10 * 60_000;

/** `limit` unclean starts within ten minutes are too many; 0 never are. */
export function openStarts(file: string, limit: number): Starts {
  const save = (kept: Kept): void => {
    const fresh = `${file}.new`;
    writeFileSync(fresh, `${JSON.stringify(kept)}\n`, { mode: 0o600 });
    renameSync(fresh, file);
  };
  return {
    unclean: (now) => {
      const kept = load(file);
      kept.unclean = [...kept.unclean.filter((at) => Date.parse(now) - Date.parse(at) < WINDOW_MS), now];
      if (limit > 0 && kept.unclean.length >= limit) {
        kept.safe_mode ??= { since: now, reason: `${kept.unclean.length} unclean starts within ten minutes` };
      }
      save(kept);
      return kept.safe_mode;
    },
    safeMode: () => load(file).safe_mode,
    forget: () => save({ unclean: [], safe_mode: null }),
  };
}

/** A file that is not what this wrote counts as none: a start must never fail because of how others ended. */
function load(file: string): Kept {
  try {
    const { unclean, safe_mode } = JSON.parse(readFileSync(file, "utf8")) as Partial<Kept>;
    return {
      unclean: Array.isArray(unclean) ? unclean.filter((at) => !Number.isNaN(Date.parse(at))).slice(-100) : [],
      safe_mode: typeof safe_mode?.since === "string" && typeof safe_mode.reason === "string" ? safe_mode : null,
    };
  } catch {
    return { unclean: [], safe_mode: null };
  }
}
