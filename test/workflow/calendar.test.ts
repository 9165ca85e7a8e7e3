import { expect, test } from "vitest";
import { flawOfCron, flawOfZone, readCalendar } from "../../src/workflow/calendar.ts";
import { changesOf, disagreements, ERA, PATTERNS } from "./walls.ts";

function times(cron: string, zone: string, after: string, count: number): string[] {
  const { next } = readCalendar(cron, zone);
  const found: string[] = [];
  for (let at = next(after); at !== null && found.length < count; at = next(at)) found.push(at.slice(0, 16));
  return found;
}

test("a fixed time inside the gap comes once, right after it", () => {
  expect(times("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00.000Z", 3)).toEqual([
    "2026-03-28T01:30",
    "2026-03-29T01:00",
    "2026-03-30T00:30",
  ]);
  // Two of them in one gap are one moment, and so is one beside a time that the clocks do show then.
  expect(times("0,15,45 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00.000Z", 3)).toEqual([
    "2026-03-29T01:00",
    "2026-03-29T01:15",
    "2026-03-29T01:45",
  ]);
});

test("a fixed time whose gap leads into another day is not lost", () => {
  expect(times("30 23 * * 6", "America/Nuuk", "2026-03-22T02:00:00.000Z", 2)).toEqual([
    "2026-03-29T01:00",
    "2026-04-05T00:30",
  ]);
});

test("a fixed time that the clocks show twice comes once, at its first", () => {
  expect(times("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00.000Z", 3)).toEqual([
    "2026-10-24T00:30",
    "2026-10-25T00:30",
    "2026-10-26T01:30",
  ]);
});

test("wildcards follow elapsed time: not in the gap, twice in the overlap", () => {
  expect(times("*/30 2 * * *", "Europe/Berlin", "2026-03-28T02:00:00.000Z", 1)).toEqual(["2026-03-30T00:00"]);
  expect(times("*/30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00.000Z", 4)).toEqual([
    "2026-10-25T00:00",
    "2026-10-25T00:30",
    "2026-10-25T01:00",
    "2026-10-25T01:30",
  ]);
});

// One of each kind: an hour, half an hour, two hours, at midnight, into another day, at a quarter to.
test.for([
  ["Europe/Berlin", 0],
  ["Australia/Lord_Howe", 1],
  ["Antarctica/Troll", 2],
  ["Asia/Beirut", 3],
  ["America/Nuuk", 0],
  ["America/Havana", 1],
  ["Pacific/Chatham", 2],
] as const)("in %s no time comes twice and none is missed when the clocks are set", ([zone, nth]) => {
  const year = ERA.from + nth * 365 * 86_400_000;
  const [change] = changesOf(zone, year, ERA.until);
  expect(PATTERNS).toHaveLength(30);
  expect(disagreements(zone, change as number)).toEqual([]);
});

test.for([
  ["0 0 31 2 *", "never comes: no month has such a day"],
  ["0 0 31 4,6,9,11 *", "never comes: no month has such a day"],
  ["0 0 * * * *", "must be five fields (minute hour day month weekday), not 6: there are no seconds"],
  ["0 0 * *", "must be five fields (minute hour day month weekday), not 4"],
  ["", "must be five fields (minute hour day month weekday), not 1"],
  ["@daily", 'must be five fields, not a nickname: "0 0 * * *" is every midnight'],
  ["0 0 L * *", '"L" must be numbers, names of three letters, and * , - / between them'],
  ["2026-11-21T09:00:00", "must be five fields (minute hour day month weekday), not 1"],
  ["60 * * * *", "cannot be read: Invalid value for minute: 60"],
  ["*/0 * * * *", "cannot be read: illegal stepping: 0"],
  ["0 9 * foo *", "cannot be read: configuration entry 4 (foo) contains illegal characters."],
  [`${"0,".repeat(200)}0 * * * *`, "is longer than 200 characters"],
] as const)("%s is refused in words", ([cron, flaw]) => {
  expect(flawOfCron(cron)).toBe(flaw);
  expect(() => readCalendar(cron, "UTC")).toThrow(flaw);
});

test("rare days are days: the 29th of February comes", () => {
  expect(flawOfCron("0 0 29 2 *")).toBeNull();
  expect(times("0 0 29 2 *", "UTC", "2026-11-21T09:00:00.000Z", 2)).toEqual(["2028-02-29T00:00", "2032-02-29T00:00"]);
  expect(times("0 0 1 * 1", "UTC", "2026-11-21T09:00:00.000Z", 3)).toEqual([
    "2026-11-23T00:00",
    "2026-11-30T00:00",
    "2026-12-01T00:00",
  ]);
});

test("a zone is a place that the machine knows", () => {
  expect(flawOfZone("Europe/Berlin")).toBeNull();
  expect(flawOfZone("UTC")).toBeNull();
  expect(flawOfZone("Europe/Berlinn")).toBe('no time zone is called "Europe/Berlinn". Did you mean "Europe/Berlin"?');
  expect(flawOfZone("+02:00")).toBe('no time zone is called "+02:00". Write one such as "Europe/Berlin"');
  expect(flawOfZone("")).toBe('no time zone is called "". Write one such as "Europe/Berlin"');
});
