import fc from "fast-check";
import { expect, test } from "vitest";
import { isOver } from "../../src/domain/run.ts";
import { must } from "./books.ts";
import { chance } from "./chance.ts";
import { drain, wander } from "./wander.ts";
import { workflows } from "./workflows.ts";

const RUNS = 2_000;

test("whatever happens in whatever order, a run ends or waits for something named, and nothing completes twice", () => {
  const ends = new Map<string, number>();
  fc.assert(
    fc.property(workflows, fc.integer(), (of, seed) => {
      const walk = wander(of, chance(seed));
      // As many lives as an operator has patience for; each is disturbed for a while, then left to come to its end.
      for (let life = 0; ; life++) {
        walk.disturb(walk.dice(80));
        drain(walk);
        const { run } = walk;
        must(isOver(run.status), "a run to which everything was done that can be done is over");
        const how = run.reason === null ? run.status : `${run.status} ${run.reason}`;
        ends.set(how, (ends.get(how) ?? 0) + 1);
        if (life === 2 || walk.dice(3) > 0) break;
        walk.retry();
      }
    }),
    { numRuns: RUNS },
  );
  // The walks went everywhere that a run can end.
  expect([...ends.keys()].sort()).toEqual([
    "cancelled operator",
    "failed",
    "failed budget",
    "failed crash_loop",
    "failed expired",
    "failed rejected",
    "failed timeout",
    "succeeded",
  ]);
}, 120_000);
