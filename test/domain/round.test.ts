import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { combination, combinations, itemName, placeOf } from "../../src/domain/matrix.ts";
import { type Part, roundName, roundOf } from "../../src/domain/round.ts";

describe("names of iterations", () => {
  test.each<[Part, number, string]>([
    ["review", 0, "fix"],
    ["fix", 1, "fix_fix_1"],
    ["recheck", 1, "fix_recheck_1"],
    ["iter", 12, "fix_iter_12"],
    ["retry", 2, "fix_iter_2_retry"],
    ["check", 2, "fix_iter_2_check"],
  ])("%s %i is %s, and back", (part, n, name) => {
    expect(roundName("fix", { n, part })).toBe(name);
    expect(roundOf("fix", name)).toEqual({ n, part });
  });

  test.each(["other", "fix_iter_", "fix_iter_x", "fix_iter_1_other", "fixed", "other_iter_1"])(
    "%s is none of them",
    (name) => {
      expect(roundOf("fix", name)).toBeNull();
    },
  );
});

describe("names of items", () => {
  test("they are counted from 0, and known by their phase", () => {
    expect(itemName("build", 3)).toBe("build[3]");
    expect(placeOf("build", "build[3]")).toBe(3);
    expect(placeOf("build", "rebuild[3]")).toBeNull();
    expect(placeOf("build", "build")).toBeNull();
  });
});

describe("combinations", () => {
  test("the last axis turns fastest", () => {
    const axes = { os: ["linux", "mac"], version: [22, 24] };
    expect(Array.from({ length: combinations(axes) }, (_, place) => combination(axes, place))).toEqual([
      { os: "linux", version: 22 },
      { os: "linux", version: 24 },
      { os: "mac", version: 22 },
      { os: "mac", version: 24 },
    ]);
  });

  test("no axis, or one without values, gives none", () => {
    expect(combinations({})).toBe(0);
    expect(combinations({ os: ["linux"], version: [] })).toBe(0);
  });

  test("no combination comes twice", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.uniqueArray(fc.nat(), { minLength: 1, maxLength: 4 }), { maxKeys: 4 }),
        (axes) => {
          const all = Array.from({ length: combinations(axes) }, (_, place) =>
            JSON.stringify(combination(axes, place)),
          );
          expect(new Set(all).size).toBe(all.length);
        },
      ),
    );
  });
});
