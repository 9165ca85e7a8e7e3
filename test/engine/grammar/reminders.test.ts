import { expect, test } from "vitest";
import { fakeClock } from "../../support/clock.ts";
import { type GrammarWorld, grammarWorld } from "../../support/grammar.ts";

const HOUR = 3_600_000;

const YAML = `
name: doors
phases:
  - { name: before, type: context }
  - name: door
    type: approval
    approval:
      timeout: 24h
      on_timeout: continue
      remind: [4h, 12h]
      escalate: { after: 20h, to: { users: [ana], groups: [leads] } }
      on_reject: { rework: before }
  - { name: second, type: approval }
`;

async function waiting() {
  const clock = fakeClock("2026-11-21T00:00:00.000Z");
  const world = await grammarWorld({ "doors.yaml": YAML }, { clock });
  const run = await world.start("doors");
  await world.asked(1);
  return { world, clock, run };
}

async function gate({ store }: GrammarWorld, run: string): Promise<string> {
  return (await store.run(run))?.approvals.find(({ status }) => status === "pending")?.id as string;
}

const answer = async (world: GrammarWorld, run: string, decision: "approve" | "reject") =>
  world.engine.answer(await gate(world, run), { decision, by: "ana", comment: null });

test("people are reminded of a gate at the moments its author named, then others are asked, then it expires", async () => {
  const { world, clock, run } = await waiting();
  const before = await world.store.run(run);
  expect(await world.store.nextDue()).toBe("2026-11-21T04:00:00.000Z");
  clock.advance(4 * HOUR);
  expect(await world.asked(2)).toEqual(["door", "door again 1"]);
  expect(await world.store.nextDue()).toBe("2026-11-21T12:00:00.000Z");
  clock.advance(8 * HOUR);
  await world.asked(3);
  expect(await world.store.nextDue()).toBe("2026-11-21T20:00:00.000Z");
  clock.advance(8 * HOUR);
  expect(await world.asked(4)).toEqual(["door", "door again 1", "door again 2", "door to ana, leads"]);
  expect(await world.store.run(run)).toEqual(before);
  clock.advance(4 * HOUR);
  expect((await world.asked(5)).at(-1)).toBe("second");
  expect((await world.store.run(run))?.approvals).toMatchObject([{ status: "expired" }, { status: "pending" }]);
});

test("an answer calls off what was still to come", async () => {
  const { world, clock, run } = await waiting();
  clock.advance(4 * HOUR);
  await world.asked(2);
  await answer(world, run, "approve");
  clock.advance(240 * HOUR);
  expect(await world.asked(3)).toEqual(["door", "door again 1", "second"]);
  await answer(world, run, "approve");
  expect((await world.over(run)).status).toBe("succeeded");
  expect(await world.store.nextDue()).toBeNull();
});

test("reminders survive a restart, also of a run that is held", async () => {
  const { world, clock, run } = await waiting();
  await world.engine.pause(run);
  await world.restart();
  clock.advance(4 * HOUR);
  expect(await world.asked(2)).toEqual(["door", "door again 1"]);
  await world.engine.stop();
  clock.advance(8 * HOUR);
  await world.restart();
  expect(await world.asked(3)).toEqual(["door", "door again 1", "door again 2"]);
});

test("a gate that sent work back is forgotten, and the one that follows reminds anew", async () => {
  const { world, clock, run } = await waiting();
  clock.advance(3 * HOUR);
  await answer(world, run, "reject");
  await world.asked(2);
  expect(await world.store.nextDue()).toBe("2026-11-21T07:00:00.000Z");
  clock.advance(4 * HOUR);
  expect(await world.asked(3)).toEqual(["door", "door", "door again 1"]);
});

test("nobody is reminded of a gate that was answered while a daemon that died had the reminder in hand", async () => {
  const { world, clock, run } = await waiting();
  await world.engine.stop();
  clock.advance(4 * HOUR);
  const dead = { node: "n", incarnation: "dead" };
  expect(await world.store.due(dead, 10)).toMatchObject([{ kind: "ask", payload: { again: 1 } }]);
  const approval = await gate(world, run);
  await world.store.apply(run, { type: "gate.answered", approval, decision: "approve", by: "ana", comment: null });
  await world.restart();
  expect(await world.asked(2)).toEqual(["door", "second"]);
});
