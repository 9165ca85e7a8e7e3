import fc from "fast-check";
import type { TriggerRule, Workflow } from "../../src/domain/workflow.ts";
import { type Sketch, workflow } from "../support/workflow.ts";

const rules: TriggerRule[] = ["all_success", "one_success", "none_failed_min_one_success", "all_done"];

/** What a phase is: every kind of phase and loop, with the options that change how it goes. */
const natures: fc.Arbitrary<Partial<Sketch>> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  fc.constant({ type: "agent" as const, approvalGate: { name: "after" } }),
  fc.record({ budget: fc.constantFrom({ usd: 1 }, { turns: 2 }, { tokens: 90 }) }),
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("approval" as const),
      timeoutMs: fc.constantFrom(undefined, 100, 100, 1_000),
      onTimeout: fc.constantFrom(undefined, "reject" as const, "fail" as const, "continue" as const),
      summary: fc.constantFrom("Go on?", "Ship {{it}}?"),
    }),
  },
  fc.record({
    wait: fc.constantFrom({ forMs: 1_000 }, { at: "{{moment}}" }, { until: "ready", everyMs: 500 }),
    timeoutMs: fc.constantFrom(undefined, 2_000),
  }),
  fc.record({ child: fc.constant("other"), timeoutMs: fc.constantFrom(undefined, 2_000) }),
  fc.record({ action: fc.constant("github.comment"), timeoutMs: fc.constantFrom(undefined, 2_000) }),
  fc.record({ review: fc.integer({ min: 1, max: 3 }) }),
  fc.record({
    iterate: fc.record({
      maxIterations: fc.integer({ min: 1, max: 3 }),
      untilBash: fc.constantFrom(undefined, "npm test"),
      gate: fc.constantFrom(undefined, { kind: "approve" as const }, { kind: "reply" as const }),
      softRetries: fc.integer({ min: 0, max: 2 }),
      thenComplete: fc.boolean(),
    }),
    marker: fc.constantFrom(undefined, "DONE"),
  }),
  fc.record({
    matrix: fc.record({
      items: fc.integer({ min: 0, max: 5 }),
      maxParallel: fc.integer({ min: 1, max: 3 }),
      failFast: fc.boolean(),
    }),
  }),
);

const retries = fc.constantFrom<Sketch["retry"]>(
  undefined,
  undefined,
  { times: 2 },
  { times: 1, when: ["timeout"], pauseMs: 1_000 },
  { times: 2, when: ["exit", "lost"], pauseMs: 1_000 },
  { times: 1, when: ["budget"], pauseMs: 1_000 },
);

/** Checked workflows of up to nine phases, some of which run last. */
export const workflows: fc.Arbitrary<Workflow> = fc
  .record({
    phases: fc.array(
      fc.record({
        nature: natures,
        rule: fc.constantFrom("all_success" as const, ...rules),
        edges: fc.array(fc.nat(), { maxLength: 3 }),
        retry: retries,
        if: fc.constantFrom(undefined, undefined, "ready"),
        last: fc.constantFrom(false, false, false, true),
        rework: fc.option(fc.nat(), { nil: undefined }),
      }),
      { minLength: 1, maxLength: 9 },
    ),
    timeoutMs: fc.constantFrom(undefined, undefined, 5_000),
    budget: fc.constantFrom(undefined, undefined, { usd: 6 }, { turns: 8 }, { tokens: 700 }, { perDayUsd: 5 }),
  })
  .map(({ phases, timeoutMs, budget }) => {
    const names = (last: boolean, before: number): string[] =>
      phases.flatMap((each, at) => (at < before && each.last === last ? [`p${at}`] : []));
    const sketches = phases.map(({ nature, rule, edges, retry, if: condition, last, rework }, at): Sketch => {
      const above = names(last, at);
      const after = above.length === 0 ? [] : [...new Set(edges.map((edge) => above[edge % above.length] as string))];
      // A gate sends back something it depends on.
      const back = nature.type === "approval" && rework !== undefined ? after : [];
      return clean({
        ...nature,
        name: `p${at}`,
        rule,
        after,
        retry,
        if: condition,
        finally: last ? true : undefined,
        rework: back.length > 0 ? { phase: back[rework! % back.length] as string, max: 1 + (rework! % 2) } : undefined,
      });
    });
    return workflow("random", sketches, clean({ timeoutMs, budget }));
  });

function clean<T extends object>(sketch: { [Key in keyof T]: T[Key] | undefined }): T {
  for (const key in sketch) {
    const value = sketch[key];
    if (value === undefined) delete sketch[key];
    else if (typeof value === "object" && !Array.isArray(value)) clean(value as object);
  }
  return sketch as T;
}
