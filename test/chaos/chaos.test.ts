import { expect, test } from "vitest";
import { storm } from "./storm.ts";
import { table } from "./tally.ts";

test("eight SIGKILLs at random instants lose nothing and double nothing", async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  const { tally, stateDir } = await storm({ victim: "daemon", kills: 8, seed, runs: 10, stopMs: 0, longest: 1 });
  console.log(table([tally]));
  expect(tally.violations.slice(0, 10), `seed ${seed}, kept in ${stateDir}`).toEqual([]);
  expect(tally.attached).toBeGreaterThan(0);
});
