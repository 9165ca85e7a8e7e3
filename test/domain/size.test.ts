import { expect, test } from "vitest";
import type { Run, RunEvent } from "../../src/domain/run.ts";
import type { Workflow } from "../../src/domain/workflow.ts";
import { born, happen } from "../support/play.ts";
import { workflow } from "../support/workflow.ts";
import { emptyBooks, enter } from "./books.ts";
import { outcomeOf } from "./life.ts";

/** Plays a run to its end, each start admitted and each execution ended as `how` says, oldest first; the most it weighed. */
function heaviest(
  of: Workflow,
  how: (execution: number) => Parameters<typeof outcomeOf>[0],
): { bytes: number; executions: number; run: Run } {
  let run = born(of);
  let bytes = 0;
  let executions = 0;
  let now = "2026-11-21T09:00:00.000Z";
  const books = emptyBooks();
  const take = (event: RunEvent): void => {
    const next = happen(of, run, event, now);
    run = next.run;
    if (!next.step.ok) return;
    enter(books, next.step.effects, run);
    bytes = Math.max(bytes, JSON.stringify(run.phases).length);
  };
  take({ type: "run.created" });
  for (;;) {
    const [start] = books.starts;
    const [live] = run.live;
    const [timer] = books.timers;
    if (start) take({ type: "execution.admitted", execution: `e${++executions}`, ...start });
    else if (live) take({ type: "execution.ended", execution: live.id, outcome: outcomeOf(how(executions)) });
    else if (timer) {
      books.timers.shift();
      now = timer.due > now ? timer.due : now;
      take({ type: "timer.fired", ...timer });
    } else return { bytes, executions, run };
  }
}

const BOUND = 8 * 1024;

test.each([100, 1_000, 10_000])("a matrix of %i items weighs as much as the items that go side by side", (items) => {
  const of = workflow("many", [{ name: "build", matrix: { items, maxParallel: 20 } }]);
  const { bytes, executions, run } = heaviest(of, () => "ok");
  expect(run.status).toBe("succeeded");
  expect(executions).toBe(items);
  expect(bytes).toBeLessThan(BOUND);
});

test("also when every item fails, pauses and is tried again", () => {
  const retry = { times: 2, pauseMs: 60_000 };
  const of = workflow("many", [{ name: "build", matrix: { items: 1_000, maxParallel: 20 }, retry }]);
  const { bytes, executions, run } = heaviest(of, () => "exit");
  expect(run.status).toBe("failed");
  expect(executions).toBe(3_000);
  expect(bytes).toBeLessThan(BOUND);
});

test("a loop of 500 iterations weighs as much as one", () => {
  const loop = (maxIterations: number) => workflow("loop", [{ name: "work", iterate: { maxIterations } }]);
  const { bytes, executions } = heaviest(loop(500), () => "ok");
  expect(executions).toBe(500);
  // The ordinals have more digits.
  expect(bytes).toBeLessThanOrEqual(heaviest(loop(1), () => "ok").bytes + 16);
});

test("a chain of 200 phases weighs a few words for each", () => {
  const names = Array.from({ length: 200 }, (_, at) => `p${at}`);
  const of = workflow(
    "chain",
    names.map((name, at) => ({ name, after: names.slice(Math.max(0, at - 1), at) })),
  );
  const { bytes, run } = heaviest(of, () => "ok");
  expect(run.status).toBe("succeeded");
  expect(bytes).toBeLessThan(200 * 80);
});
