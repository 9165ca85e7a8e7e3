import { Cron } from "croner";
import type { Iso } from "../domain/clock.ts";
import { Fault } from "../domain/fault.ts";
import { isZone, type Zone, zoneOf } from "../domain/zone.ts";
import { didYouMean } from "./suggest.ts";

/** The moments a cron expression names in one place of the world. */
export interface Calendar {
  /** The first of them that is later than `after`; null when there is none before the year 10000. */
  next(after: Iso): Iso | null;
}

/**
 * Reads a cron expression of five fields. A fixed time (numbers and lists of them in minutes and hours) that the clocks
 * jump over comes once, right after the jump, and one that they show twice comes once, at its first; an expression with
 * `*`, a range or a step in minutes or hours comes whenever the clocks show it. Throws `cron.invalid`.
 */
export function readCalendar(cron: string, timezone: string): Calendar {
  const flaw = flawOfCron(cron) ?? flawOfZone(timezone);
  if (flaw !== null) throw new Fault("cron.invalid", `"${shortened(cron)}" in ${shortened(timezone)}: ${flaw}`);
  const walls = wallsOf(cron);
  const zone = zoneOf(timezone);
  const after = isWild(cron) ? elapsed(walls, zone) : fixed(walls, zone);
  return {
    next: (moment) => {
      const at = after(Date.parse(moment));
      return at === null || at >= LAST ? null : new Date(at).toISOString();
    },
  };
}

/** What is wrong with an expression, to follow a name and a space; null when it is sound and some day comes. */
export function flawOfCron(cron: string): string | null {
  const fields = cron.trim().split(/\s+/);
  if (cron.length > LONGEST) return `is longer than ${LONGEST} characters`;
  if (cron.startsWith("@")) return `must be five fields, not a nickname: "0 0 * * *" is every midnight`;
  if (fields.length !== 5)
    return `must be five fields (minute hour day month weekday), not ${fields.length}${fields.length === 6 ? ": there are no seconds" : ""}`;
  const strange = fields.find((field) => !/^(?:[0-9*,/-]|[A-Za-z]{3})+$/.test(field));
  if (strange !== undefined) return `"${strange}" must be numbers, names of three letters, and * , - / between them`;
  try {
    return wallsOf(cron)(Date.parse("2026-01-01T00:00:00Z")) === null ? "never comes: no month has such a day" : null;
  } catch (error) {
    return `cannot be read: ${(error as Error).message.replace(/^CronPattern: (?:Syntax error, )?/, "")}`;
  }
}

export function flawOfZone(timezone: string): string | null {
  if (isZone(timezone)) return null;
  const meant = didYouMean(timezone, ["UTC", ...Intl.supportedValuesOf("timeZone")]);
  return `no time zone is called "${shortened(timezone)}"${meant || '. Write one such as "Europe/Berlin"'}`;
}

const LONGEST = 200;
const HOUR_MS = 3_600_000;
/** Moments are compared as text, which ends with the year 9999. */
const LAST = Date.parse("9999-12-31T00:00:00.000Z");

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** A list of numbers is several fixed times; with a range or a step it is a rhythm. */
function isWild(cron: string): boolean {
  const [minute = "", hour = ""] = cron.trim().split(/\s+/);
  return /[*/-]/.test(minute + hour);
}

/**
 * The next reading of a wall clock that fits, as if its place were in UTC. The library is asked where no clock is ever
 * set: left to itself it loses a fixed time whose jump leads into another day (Nuuk, Saturdays 23:30), and counts lists
 * among the rhythms or ranges among the fixed times, never as told here.
 */
function wallsOf(cron: string): (after: number) => number | null {
  const walls = new Cron(cron.trim(), { mode: "5-part", utcOffset: 0, paused: true });
  return (after) => walls.nextRun(new Date(after))?.getTime() ?? null;
}

type After = (after: number) => number | null;

/** Whenever the walls show a time that fits: not in a jump ahead, twice where they are set back. */
function elapsed(walls: After, zone: Zone): After {
  return (after) => {
    let offset = zone.offset(after);
    for (let [from, shown] = [after, after + offset]; ; ) {
      const wall = walls(shown);
      if (wall === null) return null;
      const change = zone.change(from, wall - offset);
      if (change === null) return wall - offset;
      // From the change on they show something else, that moment included.
      offset = zone.offset(change);
      [from, shown] = [change, change + offset - 1];
    }
  };
}

/** Each time that fits once: what the walls show later never stands for an earlier moment. */
function fixed(walls: After, zone: Zone): After {
  return (after) => {
    for (let wall = walls(after + zone.offset(after)); wall !== null; wall = walls(wall)) {
      const at = momentOf(wall, zone);
      if (at > after) return at;
    }
    return null;
  };
}

/** The moment at which the walls first show a time, or were set ahead over it. */
function momentOf(wall: number, zone: Zone): number {
  // No place is further than this from UTC, so the moment lies between, and so does the change if there is one near.
  const [from, until] = [wall - 15 * HOUR_MS, wall + 13 * HOUR_MS];
  const [before, behind] = [zone.offset(from), zone.offset(until)];
  if (zone.offset(wall - before) === before) return wall - before;
  if (zone.offset(wall - behind) === behind) return wall - behind;
  return zone.change(from, until) ?? wall - behind;
}
