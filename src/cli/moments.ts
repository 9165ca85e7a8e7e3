import type { Iso } from "../domain/clock.ts";
import { Fault } from "../domain/fault.ts";

/** A length of time in the words people use for it: `0.4 s`, `3 min 5 s`, `2 h 10 min`. */
export function lengthOf(ms: number): string {
  if (ms < 9_950) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

/** How long ago, to one figure. */
export function ago(moment: Iso, now: Iso): string {
  const seconds = Math.max(0, Math.round((Date.parse(now) - Date.parse(moment)) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} days ago`;
}

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A moment as people type it: a date, a full moment, or how far back (`30m`, `2h`, `7d`). Throws `usage.invalid`. */
export function moment(text: string, now: Iso): Iso {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const time = unit
    ? Date.parse(now) - Number(count) * UNITS[unit as keyof typeof UNITS]
    : /^\d{4}-\d\d-\d\d/.test(text)
      ? Date.parse(text)
      : Number.NaN;
  if (Number.isNaN(time)) {
    throw new Fault("usage.invalid", `"${text}" is no moment. Write 2h, 7d, 2026-11-21 or 2026-11-21T09:00:00Z`);
  }
  return new Date(time).toISOString();
}
