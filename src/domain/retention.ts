import type { Iso } from "./clock.ts";
import { isOver, type RunStatus } from "./run.ts";

/** For how many days after its end a run's workspace is kept; 0 is for ever. */
export interface Retention {
  readonly days: number;
  /** Of runs that failed: somebody may still want to look, or have them go on. */
  readonly failedDays: number;
}

/** What of a run decides whether its workspace is kept. */
export interface Kept {
  readonly status: RunStatus;
  readonly starred: boolean;
  readonly finished_at: Iso | null;
  /** Null for a run that another program made: that is none of our business. */
  readonly workflow_hash: string | null;
}

const DAY_MS = 86_400_000;

/** Whether a run's workspace may be of use to someone yet; a folder without a run is judged by the age of its id. */
export function isOfUse(id: string, run: Kept | null, now: Iso, retention: Retention): boolean {
  if (!run) {
    const born = bornAt(id);
    return born === null || !isPast(born, retention.days, now);
  }
  if (!isOver(run.status) || run.starred || run.workflow_hash === null || run.finished_at === null) return true;
  return !isPast(Date.parse(run.finished_at), run.status === "failed" ? retention.failedDays : retention.days, now);
}

/** Whether a run's id alone says that it cannot have been over for long enough. */
export function isYoung(id: string, now: Iso, { days, failedDays }: Retention): boolean {
  const born = bornAt(id);
  const shortest = Math.min(...[days, failedDays].filter((each) => each > 0));
  return born !== null && !isPast(born, shortest, now);
}

function isPast(since: number, days: number, now: Iso): boolean {
  return days > 0 && since + days * DAY_MS <= Date.parse(now);
}

/** When a UUIDv7 was made. */
function bornAt(id: string): number | null {
  const found = /^([0-9a-f]{8})-([0-9a-f]{4})-7/.exec(id);
  return found ? Number.parseInt(`${found[1]}${found[2]}`, 16) : null;
}
