import { expect, onTestFinished, test } from "vitest";
import type { Crons } from "../../../src/store/crons.ts";
import { openMemory } from "../../../src/store/sqlite/memory.ts";
import { fakeClock } from "../../support/clock.ts";

const SLOT = "2026-11-21T10:00:00.000Z";

async function ledger() {
  const memory = openMemory();
  const clock = fakeClock();
  const store = memory.open(clock);
  onTestFinished(async () => {
    await store.close();
    memory.close();
  });
  const { crons }: { crons: Crons } = store;
  await crons.keep("s", { calendar: "0 * * * * UTC", active: true });
  return { db: memory.db, clock, crons };
}

test("of two that add a slot at once, one is told that it made it", async () => {
  const { crons } = await ledger();
  const owed = { slot: SLOT, outcome: "owed", reason: null } as const;
  const made = await Promise.all([crons.add("s", [owed], SLOT), crons.add("s", [owed], SLOT)]);
  expect(made.map((rows) => rows.length)).toEqual([1, 0]);
  expect(await crons.states()).toMatchObject([{ name: "s", through: SLOT }]);
});

test("what came of a slot is decided once, and never lost", async () => {
  const { db, crons } = await ledger();
  await crons.add("s", [{ slot: SLOT, outcome: "owed", reason: null }], SLOT);
  expect(await crons.settle("s", SLOT, { outcome: "fired", run: "r" })).toBe(true);
  expect(await crons.settle("s", SLOT, { outcome: "skipped", reason: "late" })).toBe(false);
  expect(await crons.settle("s", SLOT, { outcome: "over", result: "succeeded" })).toBe(true);
  expect(await crons.settle("s", SLOT, { outcome: "over", result: "failed" })).toBe(false);
  expect((await crons.fires("s", { limit: 5 })).rows).toMatchObject([
    { outcome: "fired", run_id: "r", result: "succeeded" },
  ]);
  expect(() => db.exec("DELETE FROM cron_fires")).toThrow("append-only");
  expect(() => db.exec("UPDATE cron_fires SET result = 'failed'")).toThrow("decided once");
});

test("a schedule counts from now where it is new, has another calendar, was off, or the clock was set back", async () => {
  const { clock, crons } = await ledger();
  const since = async (calendar: string, active: boolean) => (await crons.keep("s", { calendar, active })).since;
  const first = clock.now();
  clock.advance(1_000);
  expect(await since("0 * * * * UTC", true)).toBe(first);
  expect(await since("5 * * * * UTC", true)).toBe(clock.now());
  clock.advance(1_000);
  const before = await since("5 * * * * UTC", false);
  expect(before < clock.now()).toBe(true);
  expect(await since("5 * * * * UTC", true)).toBe(clock.now());
  const ahead = "2027-01-01T00:00:00.000Z";
  await crons.add("s", [{ slot: ahead, outcome: "missed", reason: "x" }], ahead);
  expect((await crons.keep("s", { calendar: "5 * * * * UTC", active: true })).through).toBe(clock.now());
});

test("a schedule that paused itself stays so until someone has it on, and an override has who and when", async () => {
  const { clock, crons } = await ledger();
  expect([await crons.pause("s", "why"), await crons.pause("s", "again")]).toEqual([true, false]);
  await crons.override("s", { enabled: false, schedule: null }, "local:ana");
  expect(await crons.states()).toMatchObject([{ paused_reason: "why", active: false }]);
  await crons.override("s", { enabled: true, schedule: "5 * * * *" }, "local:bo");
  expect(await crons.states()).toMatchObject([{ paused_at: null, paused_reason: null }]);
  expect(await crons.overrides()).toEqual([
    { name: "s", enabled: true, schedule: "5 * * * *", updated_at: clock.now(), updated_by: "local:bo" },
  ]);
  await crons.override("s", null, "local:bo");
  expect(await crons.overrides()).toEqual([]);
});
