import { expect, test } from "vitest";
import {
  catchUp,
  dueOf,
  offBecause,
  overlapping,
  type Result,
  type Schedule,
  streak,
} from "../../src/domain/schedule.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const hourly: Schedule = {
  name: "s",
  cron: "0 * * * *",
  timezone: null,
  jitterMs: 0,
  overlap: "skip",
  catchUp: "none",
  windowMs: 24 * HOUR,
  starts: { workflow: "w", inputs: {} },
  context: {},
  unless: null,
};
const hour = (at: number): string => `2026-11-21T${String(at).padStart(2, "0")}:00:00.000Z`;

test("jitter is below what was asked, the same for a slot whoever asks, and spread over the slots", () => {
  const slots = Array.from({ length: 1_000 }, (_, at) => new Date(Date.UTC(2026, 0, 1) + at * HOUR).toISOString());
  const late = slots.map((slot) => Date.parse(dueOf({ name: "s", jitterMs: 10 * MINUTE }, slot)) - Date.parse(slot));
  expect(late.every((ms) => ms >= 0 && ms < 10 * MINUTE && ms % 1_000 === 0)).toBe(true);
  expect(slots.map((slot) => dueOf({ name: "s", jitterMs: 10 * MINUTE }, slot))).toEqual(
    slots.map((slot, at) => new Date(Date.parse(slot) + late[at]!).toISOString()),
  );
  // Each tenth of the time has about a tenth of the slots; another name has others.
  const tenths = Array.from({ length: 10 }, (_, at) => late.filter((ms) => Math.floor(ms / MINUTE) === at).length);
  expect(Math.min(...tenths)).toBeGreaterThan(60);
  expect(Math.max(...tenths)).toBeLessThan(150);
  expect(dueOf({ name: "t", jitterMs: 10 * MINUTE }, hour(9))).not.toBe(
    dueOf({ name: "s", jitterMs: 10 * MINUTE }, hour(9)),
  );
});

test("the newest slot is on time within two minutes, whatever the policy is", () => {
  for (const policy of ["none", "latest", "all"] as const) {
    const at = (now: string) => catchUp({ ...hourly, catchUp: policy }, [hour(9)], now);
    expect(at("2026-11-21T09:02:00.000Z")).toEqual([{ slot: hour(9), fires: true, reason: null }]);
    expect(at("2026-11-21T09:02:00.001Z")[0]?.fires).toBe(policy !== "none");
  }
});

test("lateness is measured from when the slot would have fired, its jitter included", () => {
  const jittered = { ...hourly, jitterMs: 30 * MINUTE };
  const due = dueOf(jittered, hour(9));
  expect(catchUp(jittered, [hour(9)], due)).toEqual([{ slot: hour(9), fires: true, reason: null }]);
});

test("a window is as long as it says, to the millisecond", () => {
  const policy = { ...hourly, catchUp: "all" as const, windowMs: 2 * HOUR };
  const verdicts = catchUp(policy, [hour(9), hour(10), hour(11)], hour(12));
  expect(verdicts.map(({ fires }) => fires)).toEqual([false, true, true]);
  expect(verdicts[0]?.reason).toBe("3h late: the window is 2h");
  expect(catchUp({ ...policy, catchUp: "latest" }, [hour(9)], hour(12))[0]).toMatchObject({ fires: false });
});

test("a queue has an end", () => {
  expect(overlapping("queue", { live: ["r"], waiting: 99 }).do).toBe("queue");
  expect(overlapping("queue", { live: ["r"], waiting: 100 })).toEqual({
    do: "skip",
    reason: "r is not over, and 100 slots wait already",
  });
  // Those that wait go first, though nothing runs just now.
  expect(overlapping("queue", { live: [], waiting: 1 }).do).toBe("queue");
});

test.for<[string, Result[], number, string | null]>([
  ["five failures in a row", ["failed", "failed", "failed", "failed", "failed"], 5, "the last 5 failed"],
  ["four and a success", ["failed", "failed", "failed", "failed", "succeeded"], 5, null],
  ["four", ["failed", "failed", "failed", "failed"], 5, null],
  ["failures and empty runs", ["failed", "idle", "failed"], 3, "the last 3 failed (2) or did nothing (1)"],
  ["what was cancelled between them", ["failed", "cancelled", "failed", "failed"], 3, "the last 3 failed"],
  ["nothing but what was cancelled", ["cancelled", "cancelled", "cancelled"], 3, null],
  ["a schedule that never pauses", ["failed", "failed", "failed"], 0, null],
])("%s", ([, results, limit, reason]) => {
  expect(streak(results, limit)).toBe(reason);
});

test("each setting that a file may name switches off what it says", () => {
  const off = (unless: Schedule["unless"], context: Schedule["context"], webhooks: boolean, agent: boolean) =>
    offBecause({ unless, context }, { webhooks, agent });
  expect(off(null, {}, true, false)).toBeNull();
  expect(off("webhooksEnabled", {}, true, true)).toBe("webhooks come in (webhooksEnabled)");
  expect(off("webhooksEnabled", {}, false, true)).toBeNull();
  expect(off("agentMissing", {}, false, false)).toContain("LASTLIGHT_AGENT");
  expect(off("agentMissing", {}, false, true)).toBeNull();
  expect(off("repoMissing", { repo: "" }, false, true)).toBe("its context names no repo (repoMissing)");
  expect(off("repoMissing", { repo: "acme/shop" }, false, false)).toBeNull();
});
