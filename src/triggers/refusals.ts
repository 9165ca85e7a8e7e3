import type { Clock } from "../domain/clock.ts";
import type { Log } from "../engine/contracts/log.ts";

/** All that is left of what was refused: how often, by its fault's code, and now and then a line in the log. */
export interface Refusals {
  note(source: string, code: string, message: string): void;
  counts(): { readonly [code: string]: number };
}

const QUIET_MS = 10_000;

export function refusals(clock: Pick<Clock, "now">, log: Log): Refusals {
  const counts = new Map<string, number>();
  const told = new Map<string, { at: number; count: number }>();
  return {
    note: (source, code, message) => {
      const count = (counts.get(code) ?? 0) + 1;
      counts.set(code, count);
      const now = Date.parse(clock.now());
      const last = told.get(code);
      if (last && now - last.at < QUIET_MS) return;
      told.set(code, { at: now, count });
      log.warn({ source, code, refused: count - (last?.count ?? 0) }, `a delivery was refused: ${message}`);
    },
    counts: () => Object.fromEntries(counts),
  };
}
