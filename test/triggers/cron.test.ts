import { expect, test } from "vitest";
import { Fault } from "../../src/domain/fault.ts";
import { onceOf } from "../../src/domain/schedule.ts";
import { cronWorld, schedule } from "./cron-world.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

test("each slot starts one run, which knows its schedule and its slot", async () => {
  const world = await cronWorld({ schedules: [schedule({ context: { mode: "report" } })] });
  world.start();
  await world.pass(3 * HOUR + MINUTE);
  expect(await world.ledger()).toEqual(["10:00 fired", "11:00 fired", "12:00 fired"]);
  // What has its row is not looked at again.
  expect(await world.store.crons.states()).toMatchObject([{ name: "s", through: "2026-11-21T12:00:00.000Z" }]);
  const [first] = await world.runs();
  const run = await world.store.run(first!.id);
  expect(run).toMatchObject({
    trigger_type: "cron",
    trigger_id: "s",
    status: "succeeded",
    started_at: "2026-11-21T10:00:00.000Z",
    context: {
      mode: "report",
      schedule: { name: "s", slot: "2026-11-21T10:00:00.000Z" },
      trigger: { by: "schedule s" },
    },
  });
  expect((await world.fires())[0]).toMatchObject({ run_id: run?.id, result: "succeeded", reason: null });
});

test("what a schedule was never there for is nobody's miss", async () => {
  const world = await cronWorld({ schedules: [schedule({ catchUp: "all" })] });
  const cron = world.start();
  await world.settle();
  expect(await world.ledger()).toEqual([]);
  world.schedules = [];
  world.changed();
  await world.pass(5 * HOUR);
  world.schedules = [schedule({ catchUp: "all" })];
  world.changed();
  await world.pass(HOUR);
  expect(await world.ledger()).toEqual(["15:00 fired"]);
  expect(await cron.list(1)).toMatchObject([{ name: "s", status: "on", last: { slot: "2026-11-21T15:00:00.000Z" } }]);
});

test("a slot fires its own part of the jitter later, and keeps its name", async () => {
  const world = await cronWorld({ schedules: [schedule({ jitterMs: 20 * MINUTE })] });
  const cron = world.start();
  const { next } = await cron.one("s", 1);
  const late = Date.parse(next[0]!.due) - Date.parse(next[0]!.slot);
  expect(late).toBeGreaterThan(0);
  await world.pass(HOUR + late - 1);
  expect(await world.ledger()).toEqual([]);
  await world.pass(1);
  expect(await world.ledger()).toEqual(["10:00 fired"]);
});

test("ten restarts within one slot start one run", async () => {
  const world = await cronWorld({ schedules: [schedule()] });
  const cron = world.start();
  await world.pass(HOUR - 1_000);
  await world.stop(cron);
  for (let restart = 0; restart < 10; restart++) {
    const next = world.start();
    await world.pass(1_000);
    await world.stop(next);
  }
  expect(await world.ledger()).toEqual(["10:00 fired"]);
  expect(await world.runs()).toHaveLength(1);
});

test("two daemons that look at one moment start one run", async () => {
  const world = await cronWorld({ schedules: [schedule()] });
  world.start();
  world.start();
  await world.pass(2 * HOUR);
  expect(await world.ledger()).toEqual(["10:00 fired", "11:00 fired"]);
  expect(await world.runs()).toHaveLength(2);
});

test("a daemon that died between the row and the run is healed by the next, and so is one that died after the run", async () => {
  const world = await cronWorld({ schedules: [schedule()] });
  const owe = (slot: string) => world.store.crons.add("s", [{ slot, outcome: "owed", reason: null }], slot);
  const cron = world.start();
  await world.settle();
  await world.stop(cron);
  await owe("2026-11-21T10:00:00.000Z");
  await world.stop(await started(world));
  expect(await world.runs()).toHaveLength(1);
  // The run is there and the row does not say so yet.
  const slot = "2026-11-21T11:00:00.000Z";
  await owe(slot);
  const { run } = await world.dispatch({
    workflow: "greet",
    inputs: {},
    once: onceOf("s", slot),
    trigger: { type: "cron", id: "s", by: "x" },
  });
  await world.stop(await started(world));
  expect(await world.runs()).toHaveLength(2);
  expect((await world.fires()).map((fire) => fire.run_id)).toContain(run.id);
});

async function started(world: Awaited<ReturnType<typeof cronWorld>>) {
  const cron = world.start();
  await world.settle();
  return cron;
}

test("in safe mode nothing fires, nor after a stop; what was missed meanwhile is caught up with when it is left", async () => {
  const world = await cronWorld({ schedules: [schedule()] });
  const first = world.start();
  await world.pass(HOUR);
  await world.stop(first);
  const cron = world.open();
  await world.pass(3 * HOUR + MINUTE);
  expect(await world.ledger()).toEqual(["10:00 fired"]);
  cron.begin();
  await world.pass(MINUTE);
  expect(await world.ledger()).toEqual(["10:00 fired", "11:00 missed", "12:00 missed", "13:00 fired"]);
});

test("trouble with the disk leaves a slot owed until it has passed", async () => {
  const world = await cronWorld({ schedules: [schedule()] });
  world.start();
  world.refused.set("greet", new Fault("disk.full", "no room"));
  await world.pass(HOUR);
  expect(await world.ledger()).toEqual(["10:00 owed"]);
  world.refused.clear();
  await world.pass(MINUTE);
  expect(await world.ledger()).toEqual(["10:00 fired"]);
});

test("what may not start is skipped, and the reason is what a person would be told", async () => {
  const world = await cronWorld({ schedules: [schedule()] });
  world.start();
  await world.store.override("greet", false, "local:ana");
  await world.pass(HOUR);
  await world.store.override("greet", null, "local:ana");
  world.refused.set("greet", new Fault("workflow.unavailable", 'Workflow "greet" needs phases.x'));
  await world.pass(HOUR);
  expect((await world.fires()).map(({ outcome, reason }) => [outcome, reason])).toEqual([
    ["skipped", 'Workflow "greet" was switched off by local:ana at 2026-11-21T09:00:00.000Z'],
    ["skipped", 'Workflow "greet" needs phases.x'],
  ]);
  expect(await world.runs()).toEqual([]);
});

test("files that name a workflow or handler nobody has are told slot by slot, and break nothing", async () => {
  const world = await cronWorld({
    schedules: [
      schedule({ name: "a", starts: { workflow: "gone", inputs: {} } }),
      schedule({ name: "b", starts: { handler: "repo-digest" } }),
      schedule(),
    ],
  });
  world.start();
  await world.pass(HOUR);
  expect(await world.fires("a")).toMatchObject([{ outcome: "skipped", reason: 'No workflow is called "gone"' }]);
  expect(await world.fires("b")).toMatchObject([{ outcome: "skipped", reason: 'no handler is called "repo-digest"' }]);
  expect(await world.ledger()).toEqual(["10:00 fired"]);
});

test("a schedule that someone switches off has no slots, and starts afresh when it is on again", async () => {
  const world = await cronWorld({ schedules: [schedule({ catchUp: "all" })] });
  const cron = world.start();
  await cron.override("s", { enabled: false }, "local:ana");
  await world.pass(3 * HOUR);
  expect(await world.ledger()).toEqual([]);
  expect(await cron.one("s", 0)).toMatchObject({ status: "off", reason: "switched off by local:ana" });
  await cron.override("s", null, "local:ana");
  await world.pass(HOUR);
  expect(await world.ledger()).toEqual(["13:00 fired"]);
});

test("an expression over the file's holds until it is taken back; what it never named is not missed", async () => {
  const world = await cronWorld({ schedules: [schedule({ cron: "0 10 * * *", catchUp: "all" })] });
  const cron = world.start();
  await world.pass(2 * HOUR);
  await cron.override("s", { schedule: "*/30 * * * *" }, "local:ana");
  await world.pass(HOUR);
  expect(await world.ledger()).toEqual(["10:00 fired", "11:30 fired", "12:00 fired"]);
  expect(await cron.one("s", 1)).toMatchObject({
    schedule: "*/30 * * * *",
    declared: "0 10 * * *",
    override: { enabled: true, updated_by: "local:ana" },
  });
  // Off and on again, the word about the expression stands.
  await cron.override("s", { enabled: false }, "local:bo");
  await cron.override("s", { enabled: true }, "local:bo");
  expect((await cron.one("s", 1)).schedule).toBe("*/30 * * * *");
  await cron.override("s", null, "local:bo");
  expect(await cron.one("s", 1)).toMatchObject({ schedule: "0 10 * * *", override: null });
  await expect(cron.override("s", { schedule: "0 0 31 2 *" }, "x")).rejects.toMatchObject({ code: "cron.invalid" });
  await expect(cron.override("nope", null, "x")).rejects.toMatchObject({ code: "cron.unknown" });
});

test("a schedule is off while the setting holds that its file names", async () => {
  const world = await cronWorld({ schedules: [schedule({ unless: "repoMissing" })], settings: { webhooks: true } });
  const cron = world.start();
  await world.pass(2 * HOUR);
  expect(await cron.list(0)).toMatchObject([
    { status: "off", reason: "its context names no repo (repoMissing)", last: null },
  ]);
  world.schedules = [
    schedule({ unless: "repoMissing", context: { repo: "acme/shop" } }),
    schedule({ name: "t", unless: "webhooksEnabled" }),
  ];
  world.changed();
  await world.pass(HOUR);
  expect(await world.ledger()).toEqual(["12:00 fired"]);
  expect(await world.ledger("t")).toEqual([]);
});

test("a run that a person asks for is in the ledger with their name, and moves no slot", async () => {
  const world = await cronWorld({ schedules: [schedule()] });
  const cron = world.start();
  await world.pass(30 * MINUTE);
  const first = await cron.trigger("s", { by: "local:ana", once: "k" });
  expect(await cron.trigger("s", { by: "local:ana", once: "k" })).toMatchObject({
    slot: first.slot,
    run_id: first.run_id,
  });
  await cron.trigger("s", { by: "local:ana", once: null });
  await world.pass(30 * MINUTE);
  expect((await world.fires()).map((fire) => [fire.slot.slice(11, 23), fire.fired_by, fire.result])).toEqual([
    ["09:30:00.000", "local:ana", "succeeded"],
    ["09:30:00.001", "local:ana", "succeeded"],
    ["10:00:00.000", null, "succeeded"],
  ]);
  world.refused.set("greet", new Fault("workflow.disabled", "off"));
  await expect(cron.trigger("s", { by: "local:ana", once: null })).rejects.toMatchObject({ code: "workflow.disabled" });
  await expect(cron.trigger("x", { by: "local:ana", once: null })).rejects.toMatchObject({ code: "cron.unknown" });
});

test("what lastlight does itself has its words in the ledger, and is done once at a time", async () => {
  const world = await cronWorld({ schedules: [schedule({ overlap: "skip", starts: { handler: "sweep" } })] });
  let done: (words: string) => void = () => {};
  let fail: (error: Error) => void = () => {};
  world.handlers.sweep = () =>
    new Promise((resolve, reject) => {
      [done, fail] = [resolve, reject];
    });
  const cron = world.start();
  await world.pass(2 * HOUR);
  await expect(cron.trigger("s", { by: "x", once: null })).rejects.toMatchObject({ code: "cron.busy" });
  done("3 workspaces removed");
  await world.pass(HOUR);
  fail(new Error("no such disk"));
  await world.settle();
  expect((await world.fires()).map(({ outcome, result, reason }) => [outcome, result, reason])).toEqual([
    ["fired", "succeeded", "3 workspaces removed"],
    ["skipped", null, "handler of s is not over, and overlap is skip"],
    ["fired", "failed", "no such disk"],
  ]);
});

test("a handler that its daemon did not live to end has failed", async () => {
  const world = await cronWorld({ schedules: [schedule({ starts: { handler: "sweep" } })] });
  const slot = "2026-11-21T08:00:00.000Z";
  await world.store.crons.add("s", [{ slot, outcome: "owed", reason: null }], slot);
  await world.store.crons.settle("s", slot, { outcome: "fired", run: null });
  world.start();
  await world.settle();
  expect(await world.fires()).toMatchObject([{ result: "failed", reason: "the daemon ended before it was done" }]);
});

test("a schedule whose runs keep failing pauses itself and says so, until someone enables it", async () => {
  const world = await cronWorld({ schedules: [schedule()], held: true, pauseAfter: 3 });
  const cron = world.start();
  for (let hour = 0; hour < 3; hour++) {
    await world.pass(HOUR);
    await world.end({ type: "failed", error: "no", failure: "exit" });
  }
  await world.pass(2 * HOUR);
  expect(await world.ledger()).toEqual(["10:00 fired", "11:00 fired", "12:00 fired"]);
  expect(await cron.one("s", 0)).toMatchObject({ status: "paused", reason: "it paused itself: the last 3 failed" });
  expect(world.logged).toContain("a schedule pauses itself; `lastlight crons enable s` resumes it");
  await cron.override("s", { enabled: true }, "local:ana");
  await world.pass(HOUR);
  await world.end();
  expect(await world.ledger()).toHaveLength(4);
  // Old failures are forgiven, and one that goes through breaks the row.
  for (const outcome of [{ type: "failed", error: "no", failure: "exit" }, { type: "succeeded" }] as const) {
    await world.pass(HOUR);
    await world.end(outcome);
  }
  expect(await cron.one("s", 0)).toMatchObject({ status: "on" });
});

test("a schedule whose agents do nothing pauses itself too", async () => {
  const world = await cronWorld({ schedules: [schedule()], held: true, pauseAfter: 2 });
  const cron = world.start();
  for (let hour = 0; hour < 2; hour++) {
    await world.pass(HOUR);
    await world.end({ type: "succeeded", idle: true });
  }
  expect(await cron.one("s", 0)).toMatchObject({
    status: "paused",
    reason: "it paused itself: the last 2 did nothing",
  });
});
