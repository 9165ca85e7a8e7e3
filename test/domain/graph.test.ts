import { describe, expect, test } from "vitest";
import { findCycle, graphOf, judge, orderRule, type PhaseStatus } from "../../src/domain/graph.ts";
import type { ContextPhase, TriggerRule } from "../../src/domain/workflow.ts";
import { workflow } from "../support/workflow.ts";

describe("the order rule", () => {
  test("a phase without depends_on follows the phase above it; an empty list starts at once", () => {
    expect(
      orderRule([
        { name: "a", dependsOn: null },
        { name: "b", dependsOn: null },
        { name: "c", dependsOn: [] },
        { name: "d", dependsOn: ["a", "c"] },
        { name: "e", dependsOn: null },
      ]),
    ).toEqual([[], ["a"], [], ["a", "c"], ["d"]]);
  });

  test("phases are sorted after what they depend on, otherwise as the file has them", () => {
    const of = workflow("w", [{ name: "late", after: ["early"] }, { name: "other" }, { name: "early" }]);
    expect(graphOf(of).order.map((phase) => phase.name)).toEqual(["other", "early", "late"]);
  });
});

describe("cycles", () => {
  const edges = (of: Record<string, string[]>) => new Map(Object.entries(of));
  test("a cycle is named from its first phase round to it again", () => {
    expect(findCycle(edges({ a: [], b: ["a", "d"], c: ["b"], d: ["c"] }))).toEqual(["b", "d", "c", "b"]);
  });
  test("a phase that depends on itself is a cycle", () => {
    expect(findCycle(edges({ a: ["a"] }))).toEqual(["a", "a"]);
  });
  test("a diamond is not a cycle", () => {
    expect(findCycle(edges({ a: [], b: ["a"], c: ["a"], d: ["b", "c"] }))).toBeNull();
  });
  test("a chain of 20,000 phases is walked without exhausting the stack", () => {
    const long = new Map(Array.from({ length: 20_000 }, (_, at) => [`p${at}`, at === 0 ? [] : [`p${at - 1}`]]));
    expect(findCycle(long)).toBeNull();
    long.set("p0", ["p19999"]);
    expect(findCycle(long)).toHaveLength(20_001);
  });
});

describe("trigger rules", () => {
  const rows: [TriggerRule, PhaseStatus[], "wait" | "run" | "skip"][] = [
    ["all_success", [], "run"],
    ["all_success", ["succeeded", "succeeded"], "run"],
    ["all_success", ["succeeded", "running"], "wait"],
    ["all_success", ["failed", "waiting"], "wait"],
    ["all_success", ["succeeded", "skipped"], "skip"],
    ["all_success", ["succeeded", "failed"], "skip"],
    ["one_success", ["failed", "succeeded"], "run"],
    ["one_success", ["skipped", "failed"], "skip"],
    ["one_success", [], "run"],
    ["one_success", ["succeeded", "pending"], "wait"],
    ["none_failed_min_one_success", ["skipped", "succeeded"], "run"],
    ["none_failed_min_one_success", ["skipped", "skipped"], "skip"],
    ["none_failed_min_one_success", ["succeeded", "failed"], "skip"],
    ["none_failed_min_one_success", ["succeeded", "cancelled"], "skip"],
    ["all_done", ["failed", "skipped"], "run"],
    ["all_done", ["failed", "running"], "wait"],
  ];
  test.each(rows)("%s after %j: %s", (triggerRule, statuses, verdict) => {
    const dependsOn = statuses.map((_, at) => `d${at}`);
    const phase: ContextPhase = { type: "context", name: "x", label: "x", dependsOn, triggerRule };
    expect(judge(phase, (name) => statuses[Number(name.slice(1))] as PhaseStatus)).toBe(verdict);
  });
});
