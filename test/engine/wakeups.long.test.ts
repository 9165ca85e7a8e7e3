import { expect, test } from "vitest";
import { chance } from "../domain/chance.ts";
import { ROUNDS, wakefulWorld } from "./wakeups.ts";

const ALL = 1_000;

test("1,000 rounds, a restart in every third at a random instant: none waits for the next poll", async () => {
  const dice = chance(Number(process.env.SEED ?? 20_261_121));
  const rounds = Object.values(ROUNDS);
  const ended: string[] = [];
  for (let done = 0; done < ALL; ) {
    // A world of its own for every hundred: no round may live by what an earlier one left.
    const world = await wakefulWorld();
    for (let of = 0; of < 100; of++, done++) {
      const round = rounds[dice(rounds.length)] as (typeof rounds)[number];
      const run = await round(world, dice, dice(3) === 0);
      ended.push(run.status);
      expect(run.executions.filter(({ status }) => status === "ok").map(({ name }) => name)).toEqual(
        run.workflow_name === "timer" ? ["after"] : ["before", "after"],
      );
    }
  }
  expect(ended).toEqual(Array.from({ length: ALL }, () => "succeeded"));
});
