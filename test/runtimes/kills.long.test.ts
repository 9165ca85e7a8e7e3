import { expect, test } from "vitest";
import { temporaryFolder } from "../support/world.ts";
import { stormOfKills } from "./kills.ts";

test("whoever of daemon, keeper, sandbox, driver and agent is killed, each run ends, and each word of an agent is kept once", async () => {
  const kills = Number(process.env.KILLS ?? 30);
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  const tally = await stormOfKills(temporaryFolder(), kills, seed);
  console.log(JSON.stringify({ seed, ...tally }));
  expect(tally.violations.slice(0, 10), `seed ${seed}`).toEqual([]);
  expect(Object.values(tally.kills).reduce((sum, each) => sum + each)).toBe(kills);
  expect(tally.words).toBeGreaterThan(0);
});
