import type { RunDetail } from "../../src/store/lines.ts";
import type { Dice } from "../domain/chance.ts";
import { type FakeClock, fakeClock } from "../support/clock.ts";
import { type GrammarWorld, grammarWorld } from "../support/grammar.ts";

/** Phases that wait for a person, for a moment, for word: nothing in them takes time but the waiting. */
const FILES = {
  "gate.yaml": `name: gate
phases:
  - { name: before, type: context }
  - { name: ask, type: approval, approval: { summary: "{{run.id}}?" } }
  - { name: after, type: context }
`,
  "timer.yaml": `name: timer
phases:
  - { name: nap, type: wait, wait: { for: 1h } }
  - { name: after, type: context }
`,
  "word.yaml": `name: word
phases:
  - { name: before, type: context }
  - { name: hold, type: wait, wait: { until: 'signals.go', every: 1d } }
  - { name: after, type: context }
`,
};

const HOUR = 3_600_000;

/**
 * A house on a clock that stands still: whatever is left to a poll never comes about, and the test that waits for it
 * runs out of its time.
 */
export async function wakefulWorld(): Promise<GrammarWorld & { readonly clock: FakeClock }> {
  return (await grammarWorld(FILES, { clock: fakeClock(), cap: 8 })) as GrammarWorld & { readonly clock: FakeClock };
}

type Wakeful = Awaited<ReturnType<typeof wakefulWorld>>;

/** Lets the house take `turns` steps of its own. */
async function steps(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
}

/** One round: a run from its start to its end. With `restart`, the daemon is another one before it is over. */
export type Round = (world: Wakeful, dice: Dice, restart: boolean) => Promise<RunDetail>;

/** The gate is answered as soon as the commit that opens it is told; no answer is given to a daemon that stops. */
const answeredAtOnce: Round = async (world, dice, restart) => {
  let free = Promise.resolve();
  let answer: Promise<unknown> | null = null;
  const id = await world.start("gate");
  const respond = async (): Promise<void> => {
    await free;
    const gate = (await world.store.run(id))?.approvals.find((each) => each.status === "pending");
    if (gate) await world.engine.answer(gate.id, { decision: "approve", by: "ana", comment: null });
  };
  const stop = world.store.onChange((changes) => {
    if (changes.some(({ run, status }) => run === id && status === "paused")) answer ??= respond();
  });
  if (restart) {
    await steps(dice(40));
    await answer;
    free = world.restart();
    await free;
  }
  const run = await world.over(id);
  stop();
  return run;
};

/** The moment comes while a daemon runs, while none does, or in an instant in which one starts. */
const dueAtRestart: Round = async (world, dice, restart) => {
  const id = await world.start("timer");
  await steps(dice(6));
  if (!restart) world.clock.advance(HOUR);
  else if (dice(2) === 0) {
    await world.engine.stop();
    world.clock.advance(HOUR);
    await world.restart();
  } else {
    const restarted = world.restart();
    await steps(dice(6));
    world.clock.advance(HOUR);
    await restarted;
  }
  return world.over(id);
};

/** Word comes before, while and after the wait looks whether it has come. */
const wordAnyTime: Round = async (world, dice, restart) => {
  const id = await world.start("word");
  await steps(dice(40));
  const sent = world.engine.signal(id, { id: "one", name: "go", payload: true });
  if (restart) {
    await steps(dice(6));
    await Promise.all([sent, world.restart()]);
  }
  await sent;
  return world.over(id);
};

export const ROUNDS = { answeredAtOnce, dueAtRestart, wordAnyTime };
