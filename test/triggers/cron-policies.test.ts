import { describe, expect, test } from "vitest";
import { cronWorld, schedule } from "./cron-world.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe("while a run of the schedule is not over", () => {
  test("allow: the next slot starts another beside it", async () => {
    const world = await cronWorld({ schedules: [schedule({ overlap: "allow" })], held: true });
    world.start();
    await world.pass(2 * HOUR);
    expect(world.running()).toHaveLength(2);
  });

  test("skip: the next slot is skipped, and the ledger names the run", async () => {
    const world = await cronWorld({ schedules: [schedule({ overlap: "skip" })], held: true });
    world.start();
    await world.pass(2 * HOUR);
    const [run] = world.running();
    expect(await world.fires()).toMatchObject([
      { outcome: "fired", run_id: run },
      { outcome: "skipped", run_id: null, reason: `${run} is not over, and overlap is skip` },
    ]);
    await world.end();
    await world.pass(HOUR);
    expect(await world.ledger()).toEqual(["10:00 fired", "11:00 skipped", "12:00 fired"]);
  });

  test("queue: slots wait in their order, and each starts when the one before it is over", async () => {
    const world = await cronWorld({ schedules: [schedule({ overlap: "queue" })], held: true });
    const cron = world.start();
    await world.pass(3 * HOUR);
    const [run] = world.running();
    expect(await world.ledger()).toEqual(["10:00 fired", "11:00 queued", "12:00 queued"]);
    expect((await world.fires())[1]?.reason).toBe(`${run} is not over`);
    // What waits outlives the daemon.
    await world.stop(cron);
    world.start();
    await world.end();
    expect(await world.ledger()).toEqual(["10:00 fired", "11:00 fired", "12:00 queued"]);
    expect(world.running()).toHaveLength(1);
    await world.end();
    await world.end();
    expect((await world.fires()).map(({ result }) => result)).toEqual(["succeeded", "succeeded", "succeeded"]);
  });

  test("queue: what waits when someone switches the schedule off does not start", async () => {
    const world = await cronWorld({ schedules: [schedule({ overlap: "queue" })], held: true });
    const cron = world.start();
    await world.pass(2 * HOUR);
    await cron.override("s", { enabled: false }, "local:ana");
    await world.end();
    expect((await world.fires())[1]).toMatchObject({ outcome: "skipped", reason: "switched off by local:ana" });
    expect(world.running()).toEqual([]);
  });

  test("replace: the run makes way, and the ledger says for what", async () => {
    const world = await cronWorld({ schedules: [schedule({ overlap: "replace" })], held: true });
    world.start();
    await world.pass(HOUR);
    const [first] = world.running();
    await world.pass(HOUR);
    expect(world.running()).toHaveLength(1);
    expect(world.running()).not.toContain(first);
    await world.pass(MINUTE);
    expect(await world.fires()).toMatchObject([
      { run_id: first, result: "cancelled" },
      { outcome: "fired", reason: `${first} made way for it`, result: null },
    ]);
  });

  test("runs of other schedules are no one's to wait for", async () => {
    const world = await cronWorld({
      schedules: [schedule({ overlap: "skip" }), schedule({ name: "t", cron: "5 * * * *", overlap: "skip" })],
      held: true,
    });
    world.start();
    await world.pass(HOUR + 10 * MINUTE);
    expect(world.running()).toHaveLength(2);
  });
});

describe("when slots passed that nothing fired", () => {
  for (const [how, away] of [
    ["a daemon that was down", "down"],
    ["a machine that slept for eight hours", "slept"],
  ] as const) {
    const later = async (catchUp: "none" | "latest" | "all", windowMs = 24 * HOUR) => {
      const world = await cronWorld({ schedules: [schedule({ catchUp, windowMs })] });
      const cron = world.start();
      await world.pass(30 * MINUTE);
      if (away === "down") await world.stop(cron);
      world.clock.jump(8 * HOUR);
      if (away === "down") world.start();
      await world.pass(MINUTE);
      return world;
    };

    test(`none: after ${how} nothing is made up, and every slot says why`, async () => {
      const world = await later("none");
      const fires = await world.fires();
      expect(fires).toHaveLength(8);
      expect(new Set(fires.map(({ outcome }) => outcome))).toEqual(new Set(["missed"]));
      expect(fires[0]?.reason).toBe("7h late: catch_up is none");
      expect(await world.runs()).toEqual([]);
      await world.pass(HOUR);
      expect((await world.ledger()).at(-1)).toBe("18:00 fired");
    });

    test(`latest: after ${how} the newest is made up once`, async () => {
      const world = await later("latest");
      const fires = await world.fires();
      expect(fires.map(({ outcome }) => outcome)).toEqual([...Array(7).fill("missed"), "fired"]);
      expect(fires[0]?.reason).toBe("7h late: the slot at 2026-11-21T17:00:00.000Z is made up instead");
      expect(fires[7]?.reason).toMatch(/^3[01]m late$/);
      expect(await world.runs()).toHaveLength(1);
    });

    test(`all: after ${how} those within the window are made up, oldest first`, async () => {
      const world = await later("all", 3 * HOUR);
      expect(await world.ledger()).toEqual([
        "10:00 missed",
        "11:00 missed",
        "12:00 missed",
        "13:00 missed",
        "14:00 missed",
        "15:00 fired",
        "16:00 fired",
        "17:00 fired",
      ]);
      expect((await world.fires())[0]?.reason).toBe("7h late: the window is 3h");
      expect(await world.runs()).toHaveLength(3);
    });
  }

  test("all: at most the newest hundred are made up, and each of the others is a miss", async () => {
    const world = await cronWorld({ schedules: [schedule({ cron: "* * * * *", catchUp: "all" })] });
    world.start();
    await world.settle();
    world.clock.jump(8 * HOUR);
    await world.pass(MINUTE);
    const fires = await world.fires();
    expect(fires).toHaveLength(481);
    expect(fires.filter(({ outcome }) => outcome === "fired")).toHaveLength(100);
    expect(fires.filter(({ outcome }) => outcome === "missed")).toHaveLength(381);
    expect(fires[0]?.reason).toBe("8h late: of 481 slots the newest 100 are made up");
  });

  test("ten days of minutes are told together, down to the newest", async () => {
    const world = await cronWorld({ schedules: [schedule({ cron: "* * * * *", catchUp: "latest" })] });
    world.start();
    await world.settle();
    world.clock.jump(10 * 24 * HOUR);
    await world.pass(MINUTE);
    const fires = await world.fires();
    expect(fires.reduce((sum, { slots }) => sum + slots, 0)).toBe(10 * 24 * 60 + 1);
    expect(fires.length).toBeLessThan(1_100);
    expect(await world.runs()).toHaveLength(1);
  });

  test("catching up goes by the overlap: what is made up under skip waits for nobody", async () => {
    const world = await cronWorld({ schedules: [schedule({ catchUp: "all", overlap: "skip" })], held: true });
    world.start();
    await world.settle();
    world.clock.jump(3 * HOUR);
    await world.pass(MINUTE);
    expect(await world.ledger()).toEqual(["10:00 fired", "11:00 skipped", "12:00 skipped"]);
  });
});

describe("when the clock is set", () => {
  test("three hours ahead: what was jumped over is caught up with, and every slot is in the ledger", async () => {
    const world = await cronWorld({ schedules: [schedule()] });
    world.start();
    await world.pass(90 * MINUTE);
    world.clock.jump(3 * HOUR);
    await world.pass(MINUTE);
    expect(await world.ledger()).toEqual(["10:00 fired", "11:00 missed", "12:00 missed", "13:00 fired"]);
  });

  test("two hours back: no slot fires again, and the next new one fires in its time", async () => {
    const world = await cronWorld({ schedules: [schedule()] });
    world.start();
    await world.pass(3 * HOUR + 30 * MINUTE);
    world.clock.jump(-2 * HOUR);
    await world.pass(2 * HOUR + 29 * MINUTE);
    expect(await world.ledger()).toEqual(["10:00 fired", "11:00 fired", "12:00 fired"]);
    await world.pass(MINUTE);
    expect((await world.ledger()).at(-1)).toBe("13:00 fired");
    expect(await world.runs()).toHaveLength(4);
  });

  test("years ahead and back again: the schedule goes on in the years between", async () => {
    const world = await cronWorld({ schedules: [schedule({ cron: "0 12 * * *" })], start: "2099-01-01T00:00:00.000Z" });
    world.start();
    await world.pass(MINUTE);
    world.clock.jump(Date.parse("2026-11-21T11:00:00.000Z") - Date.parse(world.clock.now()));
    await world.pass(2 * HOUR);
    expect((await world.fires()).map(({ slot }) => slot)).toEqual(["2026-11-21T12:00:00.000Z"]);
  });
});
