import { readCalendar } from "../../src/workflow/calendar.ts";

/** Every kind of time and rhythm that a change of clocks may meet. */
export const PATTERNS: readonly string[] = [
  "0 0 * * *",
  "30 0 * * *",
  "0 1 * * *",
  "30 1 * * *",
  "15 2 * * *",
  "30 2 * * *",
  "45 2 * * *",
  "0 3 * * *",
  "30 23 * * *",
  "59 23 * * 6",
  "30 23 * * 6",
  "0 0 * * 0",
  "0,30 2 * * *",
  "15,45 1,2 * * *",
  "0,30 0,1,2,3,22,23 * * *",
  "* * * * *",
  "*/5 * * * *",
  "*/15 2 * * *",
  "0 * * * *",
  "30 * * * *",
  "0 */2 * * *",
  "30 1-3 * * *",
  "0-10 0 * * *",
  "17 */6 * * 1-5",
  "5 0 1 * *",
  "30 2 * 3 0",
  "30 2 29 3,10 *",
  "0 0 31 * 0",
  "45 23 * mar,oct sat-sun",
  "10 1 25-31 3,4,9,10,11 7",
];

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** How much is compared on each side of a change, and how much further the walls are read. */
const NEAR = 27 * HOUR;
const BEYOND = 26 * HOUR;

/** When the clocks of a zone are set, by looking at every hour, each to the minute. */
export function changesOf(zone: string, from: number, until: number): number[] {
  const read = reader(zone);
  const ahead = (at: number): number => Date.parse(`${read(at).replace(" ", "T")}:00Z`) - at;
  const changes: number[] = [];
  for (let at = from; at < until; at += 6 * HOUR) {
    if (ahead(at) === ahead(at + 6 * HOUR)) continue;
    for (let minute = at; minute <= at + 6 * HOUR; minute += MINUTE)
      if (ahead(minute) !== ahead(minute - MINUTE)) changes.push(minute);
  }
  return [...new Set(changes)];
}

/** Patterns whose calendar and the walls disagree around a change, with what was too much and what was missing. */
export function disagreements(zone: string, change: number): string[] {
  const read = reader(zone);
  const minutes: number[] = [];
  for (let at = change - NEAR - BEYOND; at < change + NEAR + BEYOND; at += MINUTE) minutes.push(at);
  const walls = minutes.map(read);
  const seen = { minutes, walls: walls.map(wallOf), days: [...everyMinuteBetween(walls)] };
  return PATTERNS.flatMap((pattern) => {
    const expected = new Set(expectedOf(pattern, seen).filter((at) => Math.abs(at - change) <= NEAR));
    const found = foundBy(pattern, zone, change);
    const extra = found.filter((at, place) => !expected.has(at) || found[place - 1] === at);
    const had = new Set(found);
    const missing = [...expected].filter((at) => !had.has(at));
    const shown = (list: number[]): string => list.map((at) => new Date(at).toISOString()).join(" ");
    return extra.length + missing.length === 0
      ? []
      : [`${zone} ${pattern}: too many ${shown(extra)}; missing ${shown(missing)}`];
  });
}

function foundBy(pattern: string, zone: string, change: number): number[] {
  const { next } = readCalendar(pattern, zone);
  const found: number[] = [];
  let at = next(new Date(change - NEAR - 1).toISOString());
  while (at !== null && Date.parse(at) <= change + NEAR) {
    found.push(Date.parse(at));
    at = next(at);
  }
  return found;
}

/** A reading of the walls, `2026-03-29 02:30`, and its parts. */
interface Wall {
  readonly text: string;
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  readonly weekday: number;
}

function wallOf(text: string): Wall {
  return {
    text,
    minute: Number(text.slice(14, 16)),
    hour: Number(text.slice(11, 13)),
    day: Number(text.slice(8, 10)),
    month: Number(text.slice(5, 7)),
    weekday: new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDay(),
  };
}

interface Seen {
  readonly minutes: readonly number[];
  readonly walls: readonly Wall[];
  /** Every minute of the days that were seen, also those that the walls never showed. */
  readonly days: readonly Wall[];
}

/** The rule of daylight saving, word by word, on what the walls of a place show minute by minute. */
function expectedOf(pattern: string, { minutes, walls, days }: Seen): number[] {
  const fits = fitting(pattern);
  const [minute = "", hour = ""] = pattern.split(" ");
  const isFixed = /^[0-9,]+$/.test(minute) && /^[0-9,]+$/.test(hour);
  // Wildcards follow elapsed time: each minute that passes counts, whatever the clocks did before it.
  if (!isFixed) return minutes.filter((_, at) => fits(walls[at] as Wall));

  const shownFirst = new Map<string, number>();
  for (const [at, { text }] of walls.entries()) if (!shownFirst.has(text)) shownFirst.set(text, at);
  const moments = new Set<number>();
  for (const wanted of days) {
    if (!fits(wanted)) continue;
    // Shown twice: at its first. Never shown: once, right after the gap it lies in.
    const at = shownFirst.get(wanted.text) ?? walls.findIndex(({ text }) => text > wanted.text);
    moments.add(minutes[at] as number);
  }
  return [...moments].sort((a, b) => a - b);
}

function* everyMinuteBetween(walls: readonly string[]): Generator<Wall> {
  const [first, last] = [walls[0] as string, walls.at(-1) as string];
  const asUtc = (wall: string): number => Date.parse(`${wall.replace(" ", "T")}:00Z`);
  for (let at = asUtc(first); at <= asUtc(last); at += MINUTE)
    yield wallOf(new Date(at).toISOString().slice(0, 16).replace("T", " "));
}

const NAMES = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const DAYS = "sun mon tue wed thu fri sat".split(" ");

/** Whether a reading of the walls is one that the pattern names. */
function fitting(pattern: string): (wall: Wall) => boolean {
  const [minute, hour, day, month, weekday] = pattern.split(" ") as [string, string, string, string, string];
  const minutes = numbers(minute, 0, 59);
  const hours = numbers(hour, 0, 23);
  const days = numbers(day, 1, 31);
  const months = numbers(month, 1, 12, NAMES, 1);
  const weekdays = new Set([...numbers(weekday, 0, 7, DAYS, 0)].map((each) => each % 7));
  return (wall) => {
    if (!minutes.has(wall.minute) || !hours.has(wall.hour) || !months.has(wall.month)) return false;
    const inMonth = days.has(wall.day);
    const inWeek = weekdays.has(wall.weekday);
    // Where both are narrowed, either will do.
    return day !== "*" && weekday !== "*" ? inMonth || inWeek : inMonth && inWeek;
  };
}

function numbers(field: string, least: number, most: number, names: readonly string[] = [], first = 0): Set<number> {
  const found = new Set<number>();
  const number = (word: string): number => {
    const named = names.indexOf(word.toLowerCase());
    return named >= 0 ? named + first : Number(word);
  };
  for (const part of field.split(",")) {
    const [range = "", step = "1"] = part.split("/");
    let [low, high] = range === "*" ? [least, most] : range.split("-").map(number);
    high ??= low;
    // A week may be written from Saturday to Sunday.
    if ((high as number) < (low as number) && most === 7) high = (high as number) + 7;
    for (let each = low as number; each <= (high as number); each += Number(step)) found.add(each);
  }
  return found;
}

/** What the walls of a zone show at a moment, to the minute. */
function reader(zone: string): (at: number) => string {
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return (at) => format.format(at);
}

export const ERA = { from: Date.UTC(2026, 0, 1), until: Date.UTC(2031, 0, 1) } as const;
