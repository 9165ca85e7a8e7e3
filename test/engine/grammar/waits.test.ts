import { describe, expect, test } from "vitest";
import { fakeClock } from "../../support/clock.ts";
import { type GrammarWorld, grammarWorld } from "../../support/grammar.ts";

const waiting = (wait: string, more = ""): string => `name: w
inputs: { when: { type: string, default: "" } }
phases:
  - { name: ask, type: approval, approval: { summary: "Begin?" } }
  - { name: hold, type: wait, wait: ${wait}${more} }
  - { name: after, type: context }
`;

async function approved(world: GrammarWorld, run: string): Promise<void> {
  const { approvals } = await world.until(run, ({ reason }) => reason === "gate");
  await world.engine.answer(approvals[0]?.id as string, { decision: "approve", by: "ana", comment: null });
}

const asleep = (world: GrammarWorld, run: string) => world.until(run, ({ reason }) => reason === "timer");
const send = (world: GrammarWorld, run: string, payload: string, id = "one") =>
  world.engine.signal(run, { id, name: "go", payload });

describe("a wait for a while", () => {
  test("goes on when the time has come, through a restart, and not before", async () => {
    const clock = fakeClock();
    const world = await grammarWorld({ "w.yaml": waiting("{ for: 1h }") }, { clock });
    const id = await world.start("w");
    await approved(world, id);
    await asleep(world, id);
    clock.advance(3_599_000);
    await world.restart();
    expect(await world.store.run(id)).toMatchObject({ status: "paused", reason: "timer" });
    clock.advance(1_000);
    expect((await world.over(id)).status).toBe("succeeded");
  });

  test("that ended while no daemon ran goes on when one starts", async () => {
    const clock = fakeClock();
    const world = await grammarWorld({ "w.yaml": waiting("{ for: 1h }") }, { clock });
    const id = await world.start("w");
    await approved(world, id);
    await asleep(world, id);
    await world.engine.stop();
    clock.advance(86_400_000);
    await world.restart();
    expect((await world.over(id)).status).toBe("succeeded");
  });
});

describe("a wait for a moment", () => {
  test("reads it from a template, with its zone", async () => {
    const clock = fakeClock("2026-11-21T09:00:00.000Z");
    const world = await grammarWorld({ "w.yaml": waiting('{ at: "{{inputs.when}}" }') }, { clock });
    const id = await world.start("w", { inputs: { when: "2026-11-21T11:00+01:00" } });
    await approved(world, id);
    const held = await asleep(world, id);
    expect(held.decisions.at(-1)?.finding).toEqual({ type: "run", at: "2026-11-21T10:00:00.000Z" });
    clock.advance(3_600_000);
    expect((await world.over(id)).status).toBe("succeeded");
  });

  test("is over at once when the moment is past", async () => {
    const clock = fakeClock();
    const world = await grammarWorld({ "w.yaml": waiting('{ at: "{{inputs.when}}" }') }, { clock });
    const id = await world.start("w", { inputs: { when: "2020-01-01T00:00:00Z" } });
    await approved(world, id);
    expect((await world.over(id)).status).toBe("succeeded");
  });

  test.each(["tomorrow", "", "2026-11-21T11:00", "2026-13-01T00:00:00Z"])(
    "%j is no moment: the phase fails and says so",
    async (when) => {
      const world = await grammarWorld({ "w.yaml": waiting('{ at: "{{inputs.when}}" }') });
      const id = await world.start("w", { inputs: { when } });
      await approved(world, id);
      const run = await world.over(id);
      expect([run.status, run.node_statuses.hold]).toEqual(["failed", "failed"]);
      expect(run.decisions.at(-1)?.finding).toMatchObject({
        type: "fail",
        error: `template.failed: "${when}" is no moment; write 2026-12-24T09:00:00Z`,
      });
    },
  );
});

describe("a wait for word from outside", () => {
  const UNTIL = waiting("{ until: 'signals.go == \"yes\"', every: 1h }", ", timeout: 3h");

  test.each(["before", "while", "long before, with a restart"])("that comes %s needs no time to pass", async (when) => {
    const clock = fakeClock();
    const world = await grammarWorld({ "w.yaml": UNTIL }, { clock });
    const id = await world.start("w");
    await world.until(id, ({ reason }) => reason === "gate");
    if (when !== "while") await send(world, id, "yes");
    if (when.startsWith("long")) await world.restart();
    await approved(world, id);
    if (when === "while") {
      await asleep(world, id);
      await send(world, id, "no", "first");
      await send(world, id, "yes", "second");
    }
    expect((await world.over(id)).status).toBe("succeeded");
    await expect(send(world, id, "yes")).rejects.toMatchObject({ code: "run.terminal" });
  });

  test("the first under an id stands, whatever comes under it later", async () => {
    const clock = fakeClock();
    const world = await grammarWorld({ "w.yaml": UNTIL }, { clock });
    const id = await world.start("w");
    await approved(world, id);
    await asleep(world, id);
    await send(world, id, "no");
    await send(world, id, "yes");
    await asleep(world, id);
    expect((await world.store.data(id, null))?.signals).toMatchObject([{ id: "one", name: "go", payload: "no" }]);
    await send(world, id, "yes", "another");
    expect((await world.over(id)).status).toBe("succeeded");
  });

  test("that never comes: looked at again every while, failed at its deadline, through a restart", async () => {
    const clock = fakeClock();
    const world = await grammarWorld({ "w.yaml": UNTIL }, { clock });
    const id = await world.start("w");
    await approved(world, id);
    let { rev } = await asleep(world, id);
    for (const restart of [false, true]) {
      clock.advance(3_600_000);
      if (restart) await world.restart();
      rev = (await world.until(id, (run) => run.rev > rev + 1 && run.reason === "timer")).rev;
    }
    clock.advance(3_600_000);
    const run = await world.over(id);
    expect([run.status, run.node_statuses]).toEqual(["failed", { ask: "succeeded", hold: "failed", after: "skipped" }]);
  });
});

test("a run cancelled while it waits owes no timer any more", async () => {
  const clock = fakeClock();
  const world = await grammarWorld({ "w.yaml": waiting("{ for: 1h }") }, { clock });
  const id = await world.start("w");
  await approved(world, id);
  await asleep(world, id);
  await world.engine.cancel(id, "ana");
  expect((await world.over(id)).status).toBe("cancelled");
  expect(await world.store.nextDue()).toBeNull();
});

test("a workflow's time runs while it sleeps, and stands still while a person has it", async () => {
  const clock = fakeClock();
  const world = await grammarWorld({ "w.yaml": `timeout: 2h\n${waiting("{ for: 3h }")}` }, { clock });
  const id = await world.start("w");
  await world.until(id, ({ reason }) => reason === "gate");
  clock.advance(50 * 3_600_000);
  await approved(world, id);
  await asleep(world, id);
  clock.advance(2 * 3_600_000 - 1_000);
  await world.restart();
  expect((await world.store.run(id))?.status).toBe("paused");
  clock.advance(1_000);
  expect(await world.over(id)).toMatchObject({ status: "failed", reason: "timeout" });
});
