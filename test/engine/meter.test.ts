import { expect, onTestFinished, test } from "vitest";
import type { Usage } from "../../src/domain/execution.ts";
import type { Log } from "../../src/engine/contracts/log.ts";
import type { RunDetail } from "../../src/store/lines.ts";
import type { Store } from "../../src/store/store.ts";
import { type EngineWorld, engineWorld, type Held, heldPhases, silent } from "../support/engine.ts";
import { version, workflow } from "../support/workflow.ts";

/** Lets everything that can happen without time passing happen. */
const quiet = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
};

/** What an operator reads: warnings only. */
function listening(): { log: Log; warned: string[] } {
  const warned: string[] = [];
  return { warned, log: { ...silent, warn: (_, event) => void warned.push(event) } };
}

/** A daemon whose agents are the test's own, and what was told to its store of what they use up. */
async function agents(world: EngineWorld = engineWorld(), over: Partial<Store> = {}) {
  const { kind, held } = heldPhases();
  const told: Usage[] = [];
  const { log, warned } = listening();
  const store: Store = {
    ...world.store,
    apply: (run, event, take) => {
      if (event.type === "execution.used") told.push(event.usage);
      return world.store.apply(run, event, take);
    },
    ...over,
  };
  const daemon = world.engine({ phases: [{ ...kind, type: "agent" }], store, log });
  await daemon.begin();
  onTestFinished(() => daemon.stop());
  return { ...world, daemon, held, told, warned };
}

type World = Awaited<ReturnType<typeof agents>>;

/** A run of one agent, or several side by side, that have begun and read their brief, as agents do. */
async function working(
  { daemon, request, held }: World,
  more: Parameters<typeof workflow>[2] = {},
  phases: Parameters<typeof workflow>[1] = [{ name: "think", type: "agent" }],
): Promise<{ id: string; agents: Held[] }> {
  const before = held.length;
  const { run } = await daemon.create(request(version(workflow("thinking", phases, more))));
  await quiet();
  const mine = held.slice(before);
  for (const each of mine) await each.execution.brief();
  return { id: run.id, agents: mine };
}

const over = (run: RunDetail): boolean => run.finished_at !== null;

test("what an agent has used up is told at once, and then every two seconds at most: the newest there is", async () => {
  const world = await agents();
  const { id, agents: mine } = await working(world);
  for (const turns of [1, 2, 3]) {
    mine[0]!.execution.used({ turns });
    await quiet();
  }
  expect(world.told).toEqual([{ turns: 1 }]);
  world.clock.advance(1_999);
  await quiet();
  expect(world.told).toEqual([{ turns: 1 }]);
  world.clock.advance(1);
  await quiet();
  expect(world.told).toEqual([{ turns: 1 }, { turns: 3 }]);
  world.clock.advance(60_000);
  await quiet();
  expect(world.told).toHaveLength(2);
  expect(await world.store.run(id)).toMatchObject({ turns: 3, executions: [{ status: "running", turns: 3 }] });
});

test("a budget that an agent crosses is told at once: the run ends, and the agent with it", async () => {
  const world = await agents();
  const { id, agents: mine } = await working(world, { budget: { usd: 1 } });
  const [{ execution }] = mine as [Held];
  execution.used({ usd: 0.4 });
  await quiet();
  execution.used({ usd: 1.2 });
  const run = await world.until(id, over);
  expect(run).toMatchObject({ status: "failed", reason: "budget", cost_usd: 1.2 });
  await quiet();
  expect([execution.signal.aborted, world.held]).toEqual([true, []]);
});

test("agents side by side share the run's budget: what one sees is told when all together cross it", async () => {
  const world = await agents();
  const both = ["one", "two"].map((name) => ({ name, type: "agent" as const }));
  const { id, agents: mine } = await working(world, { budget: { usd: 1 } }, both);
  const [one, two] = mine as [Held, Held];
  one.execution.used({ usd: 0.7 });
  await quiet();
  two.execution.used({ usd: 0.1 });
  await quiet();
  two.execution.used({ usd: 0.3 });
  expect(await world.until(id, over)).toMatchObject({ status: "failed", reason: "budget", cost_usd: 1 });
  await quiet();
  expect([one, two].map(({ execution }) => execution.signal.aborted)).toEqual([true, true]);
});

test("a phase's own budget ends the try at once, and the next one begins", async () => {
  const world = await agents();
  const dear = { name: "think", budget: { tokens: 100 }, retry: { times: 1 } };
  const { id, agents: mine } = await working(world, {}, [dear]);
  const [first] = mine as [Held];
  first.execution.used({ inputTokens: 10 });
  await quiet();
  first.execution.used({ inputTokens: 60, outputTokens: 40 });
  await quiet();
  expect(first.execution.signal.aborted).toBe(true);
  expect(world.held).toHaveLength(1);
  world.held[0]!.end({ type: "succeeded", usage: { inputTokens: 50 } });
  const run = await world.until(id, over);
  expect(run.executions.map(({ status, failure }) => [status, failure])).toEqual([
    ["error", "budget"],
    ["ok", null],
  ]);
  expect([run.status, run.tokens]).toEqual(["succeeded", 150]);
});

test("a workflow's day is over for an agent when the runs beside it have used it up, within half a minute", async () => {
  const world = await agents();
  const budget = { perDayUsd: 3 };
  const one = await working(world, { budget });
  const other = await working(world, { budget });
  one.agents[0]!.execution.used({ usd: 1 });
  await quiet();
  other.agents[0]!.execution.used({ usd: 1.5 });
  await quiet();
  world.clock.advance(10_000);
  one.agents[0]!.execution.used({ usd: 1.6 });
  await quiet();
  expect((await world.store.run(one.id))?.status).toBe("running");
  world.clock.advance(20_000);
  one.agents[0]!.execution.used({ usd: 1.7 });
  expect(await world.until(one.id, over)).toMatchObject({ status: "failed", reason: "budget" });
  expect((await world.store.run(other.id))?.status).toBe("running");
});

test("a try that ends without a word about it has told what it used up last", async () => {
  const world = await agents();
  const lost = { type: "failed", failure: "lost", error: "gone" } as const;
  const { id, agents: mine } = await working(world, {}, [{ name: "think", type: "agent", retry: { times: 1 } }]);
  mine[0]!.execution.used({ turns: 1 });
  await quiet();
  mine[0]!.execution.used({ turns: 2, usd: 0.5 });
  mine[0]!.end(lost);
  await quiet();
  world.held[0]!.execution.used({ turns: 1 });
  await quiet();
  world.held[0]!.execution.used({ turns: 5 });
  world.held[0]!.end();
  const run = await world.until(id, over);
  expect(run.executions.map(({ status, turns }) => [status, turns])).toEqual([
    ["interrupted", 2],
    ["ok", 5],
  ]);
  expect([run.turns, run.cost_usd]).toEqual([7, 0.5]);
});

test("a try that ends while it is being told what it used up is not recorded before that", async () => {
  const costBeside = (): Promise<number> => new Promise((resolve) => void setImmediate(() => resolve(0)));
  const world = await agents(engineWorld(), { costBeside });
  const { id, agents: mine } = await working(world, { budget: { perDayUsd: 9 } });
  mine[0]!.execution.used({ usd: 1 });
  mine[0]!.end();
  expect(await world.until(id, over)).toMatchObject({ status: "succeeded", cost_usd: 1 });
});

test("a store that cannot take it ends nothing: it is told again, and the try goes on", async () => {
  const world = engineWorld();
  let refuses = true;
  const told: number[] = [];
  const lived = await agents(world, {
    apply: (run, event, take) => {
      if (event.type !== "execution.used") return world.store.apply(run, event, take);
      told.push(event.usage.turns ?? 0);
      return refuses ? Promise.reject(new Error("no")) : world.store.apply(run, event, take);
    },
  });
  const { id, agents: mine } = await working(lived);
  mine[0]!.execution.used({ turns: 1 });
  await quiet();
  refuses = false;
  world.clock.advance(2_000);
  await quiet();
  expect(told).toEqual([1, 1]);
  expect(mine[0]!.execution.signal.aborted).toBe(false);
  mine[0]!.end();
  expect(await world.until(id, over)).toMatchObject({ status: "succeeded", turns: 1 });
});

test("an agent that is no longer wanted tells nothing more", async () => {
  const world = await agents();
  const { id, agents: mine } = await working(world);
  mine[0]!.execution.used({ turns: 1 });
  await quiet();
  await world.daemon.cancel(id, "ana");
  mine[0]!.execution.used({ turns: 9 });
  world.clock.advance(60_000);
  await quiet();
  expect(world.told).toEqual([{ turns: 1 }]);
  expect(await world.store.run(id)).toMatchObject({ status: "cancelled", turns: 1 });
});

test("a limit in USD that an unknown price can never reach is said, once; not where tokens hold or the price is known", async () => {
  const world = await agents();
  const cases = [
    [{ usd: 1 }, { inputTokens: 10 }],
    [{ perDayUsd: 1 }, { inputTokens: 10 }],
    [{ usd: 1, tokens: 100 }, { inputTokens: 10 }],
    [{ usd: 1 }, { inputTokens: 10, usd: 0 }],
    [{ turns: 5 }, { inputTokens: 10 }],
    [{ usd: 1 }, {}],
  ] as const;
  const warned: number[] = [];
  for (const [budget, usage] of cases) {
    const before = world.warned.length;
    const phase = { name: "think", type: "agent" as const, retry: { times: 1 } };
    const { id, agents: mine } = await working(world, { budget }, [phase]);
    mine[0]!.end({ type: "failed", failure: "agent_error", error: "no", usage });
    await quiet();
    world.held[0]!.end({ type: "succeeded", usage });
    await world.until(id, over);
    warned.push(world.warned.length - before);
  }
  expect(warned).toEqual([1, 1, 0, 0, 0, 0]);
  expect(world.warned[0]).toContain("price is unknown");
});

test("an agent that went through without doing anything is marked, and the operator hears of it", async () => {
  const world = await agents();
  const { id, agents: mine } = await working(world);
  mine[0]!.end({ type: "succeeded", idle: true });
  expect((await world.until(id, over)).executions).toMatchObject([{ status: "ok", idle: true }]);
  expect(world.warned).toEqual(["an agent did nothing"]);
});
