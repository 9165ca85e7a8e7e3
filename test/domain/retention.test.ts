import { expect, test } from "vitest";
import { uuidv7 } from "../../src/domain/clock.ts";
import { isOfUse, isYoung, type Kept } from "../../src/domain/retention.ts";

const NOW = "2026-11-21T09:00:00.000Z";
const USUAL = { days: 14, failedDays: 30 };
const ago = (days: number): string => new Date(Date.parse(NOW) - days * 86_400_000).toISOString();
const bornDaysAgo = (days: number): string =>
  uuidv7(
    () => Date.parse(ago(days)),
    () => {},
  )();
const over: Kept = { status: "succeeded", starred: false, finished_at: ago(15), workflow_hash: "h" };

test.each<[string, Kept, number, boolean]>([
  ["of a run that succeeded two weeks ago goes", over, 14, false],
  ["of a run that succeeded later than that stays", { ...over, finished_at: ago(13) }, 14, true],
  ["of a run that was cancelled two weeks ago goes", { ...over, status: "cancelled" }, 14, false],
  ["of a run that failed two weeks ago stays", { ...over, status: "failed" }, 14, true],
  ["of a run that failed a month ago goes", { ...over, status: "failed", finished_at: ago(31) }, 14, false],
  ["of a run that has a star stays", { ...over, starred: true, finished_at: ago(900) }, 14, true],
  ["of a run that another program made stays", { ...over, workflow_hash: null, finished_at: ago(900) }, 14, true],
  ["of a run that goes on stays", { ...over, status: "running", finished_at: null }, 14, true],
  ["of a paused run stays, also where its row still has an end", { ...over, status: "paused" }, 14, true],
  ["of a queued run stays", { ...over, status: "queued", finished_at: null }, 14, true],
  ["of any run stays where days are 0", { ...over, finished_at: ago(9_000) }, 0, true],
])("a workspace %s", (_what, run, days, kept) => {
  expect(isOfUse("run", run, NOW, { ...USUAL, days })).toBe(kept);
});

test("a folder without a run is judged by the age of its name, and stays where that has none", () => {
  const judged = [bornDaysAgo(13), bornDaysAgo(15), "notes"].map((id) => isOfUse(id, null, NOW, USUAL));
  expect(judged).toEqual([true, false, true]);
});

test("a run that is younger than the shortest time needs no look at its row", () => {
  const young = (days: number, retention = USUAL): boolean => isYoung(bornDaysAgo(days), NOW, retention);
  expect([young(13), young(15), young(900, { days: 0, failedDays: 0 }), isYoung("notes", NOW, USUAL)]).toEqual([
    true,
    false,
    true,
    false,
  ]);
});
