import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { isOver } from "../../src/domain/run.ts";
import type { RunDetail } from "../../src/store/lines.ts";
import { type GrammarWorld, grammarWorld } from "../support/grammar.ts";

/** Sizes in bytes of what a run's row carries from one transition to the next. */
interface Sizes {
  readonly scratch: number;
  readonly history: number;
  readonly states: number;
}

const SAMPLED = 40;

/** Runs it to its end, and says how long a phase took at the beginning and at the end, and how large its row became. */
async function measured(
  world: GrammarWorld,
  what: string,
  inputs: Record<string, never[]> | Record<string, number[]> = {},
): Promise<{ run: RunDetail; largest: Sizes }> {
  const db = new Database(join(world.folder, "lastlight.db"), { readonly: true });
  const row = db.prepare<{ id: string }, Sizes>(`
    SELECT length(coalesce(scratch, '')) AS scratch, length(phase_history) AS history,
           length(coalesce(phase_states, '')) AS states
      FROM workflow_runs WHERE id = @id`);
  let largest: Sizes = { scratch: 0, history: 0, states: 0 };
  const id = await world.start("w", { inputs });
  const look = (): void => {
    const now = row.get({ id }) as Sizes;
    largest = {
      scratch: Math.max(largest.scratch, now.scratch),
      history: Math.max(largest.history, now.history),
      states: Math.max(largest.states, now.states),
    };
  };
  /** Processor time of this process at each change, in ms: on a busy machine it says more than the clock. */
  const busy: number[] = [];
  // By the changes alone: to read the whole run at each of them would cost more than the run.
  await new Promise<void>((resolve) => {
    const stop = world.store.onChange((changed) => {
      const { user, system } = process.cpuUsage();
      if (busy.push((user + system) / 1_000) % SAMPLED === 0) look();
      if (!changed.some(({ run, status }) => run === id && isOver(status))) return;
      stop();
      resolve();
    });
  });
  look();
  const run = (await world.store.run(id)) as RunDetail;
  db.close();
  expect(run.status).toBe("succeeded");
  const begun = run.executions.map(({ started_at }) => Date.parse(started_at)).sort((a, b) => a - b);
  const fifth = Math.floor(begun.length / 5);
  const pace = (from: number): string =>
    (((begun[from + fifth - 1] as number) - (begun[from] as number)) / (fifth - 1)).toFixed(2);
  const part = Math.floor(busy.length / 5);
  const effort = (from: number): string =>
    (
      (((busy[from + part - 1] as number) - (busy[from] as number)) / (part - 1)) *
      (busy.length / begun.length)
    ).toFixed(2);
  console.log(
    `${what}: ${begun.length} executions, ${pace(0)} ms each in the first fifth, ${pace(begun.length - fifth)} in the last;`,
    `of processor time ${effort(0)} and ${effort(busy.length - part)};`,
    `scratch ${largest.scratch} B, phase_history ${largest.history} B, phase_states ${largest.states} B at most`,
  );
  return { run, largest };
}

/** A line of history names a phase, an execution and two moments. */
const LINE = 320;
const FEW = 4_096;

test("200 phases in a graph of ten lanes: the row grows by a line a phase", async () => {
  const phases = Array.from({ length: 200 }, (_, at) => {
    const after = [at - 10, at - 11].filter((each) => each >= 0).map((each) => `p${each}`);
    return `  - { name: p${at}, type: context, depends_on: [${after.join(", ")}], if: 'true' }`;
  });
  const world = await grammarWorld({ "w.yaml": `name: w\nphases:\n${phases.join("\n")}\n` }, { cap: 10 });
  const { run, largest } = await measured(world, "200 phases");
  expect(run.executions).toHaveLength(200);
  expect(largest.scratch).toBe(0);
  expect(largest.history).toBeLessThan(200 * LINE);
  expect(largest.states).toBeLessThan(200 * 100);
});

test("200 phases that print, each after the other", async () => {
  const phases = Array.from({ length: 200 }, (_, at) => `  - { name: p${at}, type: bash, command: "echo ${at}" }`);
  const world = await grammarWorld({ "w.yaml": `name: w\nphases:\n${phases.join("\n")}\n` });
  const { largest } = await measured(world, "200 programs in a chain");
  expect(largest.history).toBeLessThan(200 * LINE);
  expect(largest.states).toBeLessThan(FEW);
});

test("1,000 items, 20 side by side: the row does not grow with them", async () => {
  const world = await grammarWorld(
    {
      "w.yaml": `name: w
inputs: { list: { type: array, items: { type: integer } } }
phases:
  - { name: each, type: bash, command: "true", matrix: { at: inputs.list }, max_parallel: 20 }
  - { name: after, type: context, if: 'phases.each.status == "succeeded"' }
`,
    },
    { cap: 20 },
  );
  const list = Array.from({ length: 1_000 }, (_, at) => at);
  const { run, largest } = await measured(world, "1,000 items", { list });
  expect(run.executions).toHaveLength(1_001);
  expect(run.phase_history).toHaveLength(2);
  expect(largest.scratch).toBe(0);
  expect(largest.history).toBeLessThan(FEW);
  expect(largest.states).toBeLessThan(FEW);
});

test("a loop of 500 rounds: a line a round, and scratch that does not grow", async () => {
  const world = await grammarWorld({
    "w.yaml": `name: w
phases:
  - { name: fix, prompt: prompts/p.md, generic_loop: { max_iterations: 500, until: "output.contains('never')" } }
  - { name: after, type: bash, command: "printf '%s' {{phases.fix.iterations}}" }
`,
    "prompts/p.md": "{{iteration}} of {{maxIterations}}: {{previousOutput}}",
  });
  const { run, largest } = await measured(world, "a loop of 500");
  expect(run.executions).toHaveLength(501);
  expect(run.executions.at(-1)?.output).toBe("500");
  expect(largest.scratch).toBeLessThan(FEW);
  expect(largest.history).toBeLessThan(502 * LINE);
  expect(largest.states).toBeLessThan(FEW);
});
