import { expect, test } from "vitest";
import { chance } from "../domain/chance.ts";
import { ROUNDS, wakefulWorld } from "./wakeups.ts";

test.each([
  ["a gate answered in the instant it opens", ROUNDS.answeredAtOnce, 90],
  ["a moment that comes at any moment", ROUNDS.dueAtRestart, 20],
  ["word that comes before, while and after a wait asks for it", ROUNDS.wordAnyTime, 90],
] as const)("%s: no run waits for the next poll", async (_what, round, rounds) => {
  const world = await wakefulWorld();
  const dice = chance(rounds);
  for (let done = 0; done < rounds; done += 10) {
    const runs = await Promise.all(Array.from({ length: 10 }, () => round(world, dice, false)));
    expect(runs.map(({ status }) => status)).toEqual(runs.map(() => "succeeded"));
  }
});
