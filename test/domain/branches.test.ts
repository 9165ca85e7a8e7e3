import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { branchesOf } from "../../src/domain/branches.ts";
import { type Graph, graphOf, upstreamOf } from "../../src/domain/graph.ts";
import type { Phase, Workflow } from "../../src/domain/workflow.ts";

type Drawn = readonly (readonly [name: string, after: readonly string[], more?: object])[];

function graph(phases: Drawn): Graph {
  const drawn = phases.map(
    ([name, dependsOn, more]) => ({ name, dependsOn, type: "bash", ...more }) as unknown as Phase,
  );
  return graphOf({ phases: drawn } as unknown as Workflow);
}

/** Every phase and the branches it works in, innermost first: `b2: b1 b`. */
function drawn(phases: Drawn): string[] {
  const of = graph(phases);
  return phases.map(([name]) => `${name}: ${branchesOf(of, name).join(" ")}`.trim());
}

describe("the run's own workspace is where a phase works", () => {
  test("when phases follow one another", () => {
    expect(
      drawn([
        ["a", []],
        ["b", ["a"]],
        ["c", ["b"]],
      ]),
    ).toEqual(["a:", "b:", "c:"]);
  });

  test("before others part and after they meet", () => {
    expect(
      drawn([
        ["a", []],
        ["b", ["a"]],
        ["c", ["a"]],
        ["d", ["b", "c"]],
      ]),
    ).toEqual(["a:", "b: b", "c: c", "d:"]);
  });

  test("when nothing that works in files may run beside it", () => {
    const gate = { type: "approval" };
    const phases: Drawn = [
      ["a", []],
      ["ask", ["a"], gate],
      ["b", ["a"]],
      ["c", ["ask", "b"]],
    ];
    expect(drawn(phases)).toEqual(["a:", "ask:", "b:", "c:"]);
  });

  test("when it runs last, whatever ran side by side", () => {
    const last = { finally: true };
    expect(
      drawn([
        ["a", []],
        ["b", []],
        ["tidy", [], last],
        ["tell", ["tidy"], last],
      ]),
    ).toEqual(["a: a", "b: b", "tidy:", "tell:"]);
  });
});

describe("a copy is where it works", () => {
  test("shared by those who follow one another on their side", () => {
    const phases: Drawn = [
      ["a", []],
      ["b1", ["a"]],
      ["b2", ["b1"]],
      ["c", ["a"]],
      ["d", ["b2", "c"]],
    ];
    expect(drawn(phases)).toEqual(["a:", "b1: b1", "b2: b1", "c: c", "d:"]);
  });

  test("a copy of a copy where a side parts once more, and the first copy again where that meets", () => {
    const phases: Drawn = [
      ["a", []],
      ["b1", ["a"]],
      ["b2", ["b1"]],
      ["b3", ["b1"]],
      ["b4", ["b2", "b3"]],
      ["c", ["a"]],
    ];
    expect(drawn(phases)).toEqual(["a:", "b1: b1", "b2: b2 b1", "b3: b3 b1", "b4: b1", "c: c"]);
  });

  test("from the start, where several begin at once", () => {
    expect(
      drawn([
        ["a", []],
        ["b", []],
        ["c", ["a"]],
      ]),
    ).toEqual(["a: a", "b: b", "c: a"]);
  });

  test("called after the first that leaves files, not after a marker, a gate or a matrix before it", () => {
    const phases: Drawn = [
      ["in", [], { type: "context" }],
      ["each", ["in"], { matrix: {} }],
      ["b", ["each"]],
      ["b2", ["b"]],
      ["c", ["in"]],
    ];
    expect(drawn(phases)).toEqual(["in:", "each:", "b: b", "b2: b", "c: c"]);
  });
});

describe("in any graph", () => {
  /** Each phase may come after any before it; some are gates, some matrices. */
  const graphs = fc
    .array(fc.tuple(fc.array(fc.nat(9), { maxLength: 3 }), fc.constantFrom("bash", "agent", "approval"), fc.nat(7)), {
      minLength: 1,
      maxLength: 10,
    })
    .map((phases) =>
      phases.map(([after, type, dice], at): Drawn[number] => {
        const dependsOn = [...new Set(after.filter((each) => each < at).map((each) => `p${each}`))];
        return [`p${at}`, dependsOn, { type, ...(dice === 0 ? { matrix: {} } : {}) }];
      }),
    );
  const isWork = (of: Graph, name: string): boolean => (of.phase.get(name) as Phase).type !== "approval";
  const sideBySide = (of: Graph, one: string, other: string): boolean =>
    one !== other && !upstreamOf(of, one).has(other) && !upstreamOf(of, other).has(one);
  const placeOf = (of: Graph, name: string): string =>
    (of.phase.get(name) as Phase).matrix ? `${name}[]` : (branchesOf(of, name)[0] ?? "run");

  test("phases that may run side by side never work in one place, nor in one that the other's is just copied from", () => {
    fc.assert(
      fc.property(graphs, (phases) => {
        const of = graph(phases);
        const names = phases.map(([name]) => name).filter((name) => isWork(of, name));
        for (const one of names)
          for (const other of names) {
            if (!sideBySide(of, one, other)) continue;
            const sources = [...branchesOf(of, one), "run"];
            expect(sources).not.toContain(placeOf(of, other));
            expect(placeOf(of, one)).not.toBe(placeOf(of, other));
          }
      }),
      { numRuns: 500 },
    );
  });

  test("where a place begins, its phase works in it, and all others there come after", () => {
    fc.assert(
      fc.property(graphs, (phases) => {
        const of = graph(phases);
        for (const [name] of phases) {
          const [place] = branchesOf(of, name);
          if (place === undefined || place === name) continue;
          expect(branchesOf(of, place)[0]).toBe(place);
          expect(upstreamOf(of, name).has(place)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

test("a thousand phases in a row beside another row are told apart in no time to speak of", () => {
  const row = (side: string): Drawn =>
    Array.from({ length: 1_000 }, (_, at): Drawn[number] => [`${side}${at}`, at === 0 ? [] : [`${side}${at - 1}`]]);
  const of = graph([...row("l"), ...row("r")]);
  expect([branchesOf(of, "l999"), branchesOf(of, "r999")]).toEqual([["l0"], ["r0"]]);
});
