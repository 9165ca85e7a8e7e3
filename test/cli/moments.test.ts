import { expect, test } from "vitest";
import { ago, lengthOf, moment } from "../../src/cli/moments.ts";

const NOW = "2026-11-21T12:00:00.000Z";

test.each([
  [0, "0.0 s"],
  [449, "0.4 s"],
  [9_949, "9.9 s"],
  [9_950, "10 s"],
  [59_499, "59 s"],
  [59_500, "1 min 0 s"],
  [3_599_000, "59 min 59 s"],
  [3_600_000, "1 h 0 min"],
  [172_800_000, "2 days"],
  [-5, "0.0 s"],
])("%i ms are said as %s", (ms, said) => {
  expect(lengthOf(ms)).toBe(said);
});

test.each([
  ["2026-11-21T11:59:58.000Z", "2 s ago"],
  ["2026-11-21T11:00:01.000Z", "59 min ago"],
  ["2026-11-20T11:00:00.000Z", "25 h ago"],
  ["2026-11-11T11:00:00.000Z", "10 days ago"],
  ["2026-11-21T12:00:09.000Z", "0 s ago"],
])("%s was %s", (then, said) => {
  expect(ago(then, NOW)).toBe(said);
});

test.each([
  ["90s", "2026-11-21T11:58:30.000Z"],
  ["2h", "2026-11-21T10:00:00.000Z"],
  ["7d", "2026-11-14T12:00:00.000Z"],
  ["2026-11-01", "2026-11-01T00:00:00.000Z"],
  ["2026-11-01T10:00:00+02:00", "2026-11-01T08:00:00.000Z"],
])("--since %s means %s", (typed, meant) => {
  expect(moment(typed, NOW)).toBe(meant);
});

test.each(["yesterday", "", "5", "2026-13-01", "7 d"])("--since %j is refused", (typed) => {
  expect(() => moment(typed, NOW)).toThrow(expect.objectContaining({ code: "usage.invalid" }));
});
