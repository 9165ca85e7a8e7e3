import fc from "fast-check";
import { expect, test } from "vitest";
import { failureAccepted, graphOf, isFinal, judge } from "../../src/domain/graph.ts";
import { isOver, type Run, type RunEvent } from "../../src/domain/run.ts";
import type { TriggerRule, Workflow } from "../../src/domain/workflow.ts";
import { born, happen } from "../support/play.ts";
import { workflow } from "../support/workflow.ts";

const rules: TriggerRule[] = ["all_success", "one_success", "none_failed_min_one_success", "all_done"];

const graphs: fc.Arbitrary<Workflow> = fc
  .array(
    fc.record({
      gate: fc.boolean(),
      rule: fc.constantFrom(...rules),
      edges: fc.array(fc.nat(), { maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((phases) =>
    workflow(
      "random",
      phases.map(({ gate, rule, edges }, at) => ({
        name: `p${at}`,
        type: gate ? ("approval" as const) : ("context" as const),
        rule,
        after: at === 0 ? [] : [...new Set(edges.map((edge) => `p${edge % at}`))],
      })),
    ),
  );

/** What could happen next, and what should not be able to: late, doubled and stray events among the proper ones. */
function possible(run: Run, owed: Set<string>, ever: string[]): RunEvent[] {
  const events: RunEvent[] = [];
  for (const start of owed) {
    const [phase, attempt] = start.split("#") as [string, string];
    events.push({ type: "execution.admitted", execution: start, phase, iteration: 0, attempt: Number(attempt) });
  }
  for (const execution of [...run.live.map((each) => each.id), ...ever.slice(-2)]) {
    events.push({ type: "execution.ended", execution, outcome: { type: "succeeded" } });
    events.push({ type: "execution.ended", execution, outcome: { type: "failed", failure: "exit", error: "exit 1" } });
  }
  if (run.live.length > 0) {
    events.push({ type: "execution.lost", executions: run.live.map((each) => each.id), attemptLimit: 4 });
    events.push({ type: "run.suspected", restartLimit: 3 });
  }
  for (const gate of [...run.gates.map((each) => each.id), "gate-p0"]) {
    events.push({ type: "gate.answered", approval: gate, decision: "approve", by: "ana", comment: null });
    events.push({ type: "gate.answered", approval: gate, decision: "reject", by: "ana", comment: null });
  }
  return events;
}

function checkInvariants(of: Workflow, run: Run, owed: Set<string>): void {
  const graph = graphOf(of);
  const states = Object.entries(run.phases);
  const running = states.filter(([, state]) => state.status === "running").map(([name]) => name);
  expect(run.live.map((each) => each.phase).sort()).toEqual(running.sort());
  expect(run.gates.map((each) => each.phase).sort()).toEqual(
    states
      .filter(([, state]) => state.status === "waiting")
      .map(([name]) => name)
      .sort(),
  );
  if (run.status === "cancelled" || run.reason === "crash_loop") return;
  // What is ready is owed, what is owed is ready: nothing is forgotten and nothing is owed twice.
  const ready = graph.order
    .filter((phase) => run.phases[phase.name]?.status === "pending")
    .filter((phase) => judge(phase, (name) => run.phases[name]?.status ?? "pending") === "run")
    .map((phase) => `${phase.name}#${run.phases[phase.name]?.attempt}`);
  expect([...owed].sort()).toEqual(ready.sort());
  const alive = running.length > 0 || owed.size > 0;
  if (isOver(run.status)) {
    expect(states.every(([, state]) => isFinal(state.status))).toBe(true);
    const failed = states.some(([name, state]) => state.status === "failed" && !failureAccepted(graph, name));
    expect(run.status).toBe(failed ? "failed" : "succeeded");
  } else if (run.status === "paused") {
    expect(alive).toBe(false);
    expect(run.reason).toBe("gate");
    expect(run.gates.length).toBeGreaterThan(0);
  } else expect(alive).toBe(true);
}

test("over random graphs and event orders a run always ends or waits for something named, and nothing completes twice", () => {
  let ended = 0;
  fc.assert(
    fc.property(graphs, fc.infiniteStream(fc.nat()), fc.integer({ min: 0, max: 200 }), (of, choices, cancelAt) => {
      const owed = new Set<string>();
      const ever: string[] = [];
      const completed = new Set<string>();
      let run = born(of);
      let next: RunEvent = { type: "run.created" };
      for (let turn = 0; ; turn++) {
        const { step, run: now } = happen(of, run, next);
        if (step.ok) {
          for (const effect of step.effects) {
            if (effect.type === "phase.start") {
              const start = `${effect.phase}#${effect.attempt}`;
              expect(owed.has(start)).toBe(false);
              owed.add(start);
            }
            if (effect.type === "execution.open") {
              owed.delete(effect.execution.id);
              ever.push(effect.execution.id);
            }
            if (effect.type === "starts.void") owed.clear();
            if (effect.type === "history") {
              const { phase, iteration, epoch } = effect.line;
              const key = `${phase}/${iteration}/${epoch}`;
              expect(completed.has(key)).toBe(false);
              completed.add(key);
            }
          }
          expect(now.rev).toBe(run.rev + 1);
          run = now;
          checkInvariants(of, run, owed);
        } else expect(now).toBe(run);
        if (isOver(run.status)) {
          ended++;
          break;
        }
        const events = possible(run, owed, ever);
        expect(events.length).toBeGreaterThan(0);
        expect(turn).toBeLessThan(500);
        next =
          turn === cancelAt
            ? { type: "run.cancelled", by: "ana" }
            : (events[(choices.next().value as number) % events.length] as RunEvent);
      }
    }),
    { numRuns: 2_000 },
  );
  expect(ended).toBe(2_000);
});
