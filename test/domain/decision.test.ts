import { describe, expect, test } from "vitest";
import { needsDecision } from "../../src/domain/decision.ts";
import type { Phase } from "../../src/domain/workflow.ts";
import { type Sketch, workflow } from "../support/workflow.ts";

const rows: [string, Partial<Sketch>, boolean][] = [
  ["nothing of its own", {}, false],
  ["an if", { if: "context.ready" }, true],
  ["a skip_if", { skipIf: ["context.done"] }, true],
  ["a sandbox that it requires", { requiresSandbox: "container" }, true],
  ["a question in plain words", { type: "approval" }, false],
  ["a question with a template", { type: "approval", summary: "Ship {{issueTitle}}?" }, true],
  ["a question with a tag", { type: "approval", summary: "{% if x %}Ship?{% endif %}" }, true],
  ["a while to wait", { wait: { forMs: 1 } }, false],
  ["a moment to wait for", { wait: { at: "{{moment}}" } }, true],
  ["a condition to wait for", { wait: { until: "x", everyMs: 1 } }, true],
  ["a child run", { child: "other" }, true],
  ["a loop with a number", { iterate: 3 }, false],
  ["a loop whose number the context has", { iterate: { maxIterations: 3, maxFrom: "context.times" } }, true],
  ["a review loop", { review: 2 }, false],
  ["a matrix with its values", { matrix: 3 }, false],
  ["a matrix with an expression", { matrix: { axes: { os: "inputs.systems" } } }, true],
];

describe("whether someone must look at the run's data before a phase starts", () => {
  test.each(rows)("a phase with %s: %#", (_, sketch, asked) => {
    const [phase] = workflow("w", [{ name: "a", ...sketch }]).phases as [Phase];
    expect(needsDecision(phase)).toBe(asked);
  });
});
