import { expect, test } from "vitest";
import { storm } from "./storm.ts";
import { table } from "./tally.ts";

const STOP_MS = 4_000;

test.each([
  ["daemon", 100, "SIGKILLs of the daemon: at least half of the programs under way go on"],
  ["keeper", 30, "SIGKILLs of a keeper: its phase alone is tried again"],
  ["command", 30, "SIGKILLs of a command: its phase alone fails"],
  ["all", 20, "SIGKILLs of daemon, keeper and command together: what is gone is tried again"],
  ["stop", 3, "daemons that stand still for a while: nobody takes their work for lost"],
] as const)("%s: %i %s; nothing is lost or doubled", async (victim, kills, _promise) => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  const { tally, stateDir } = await storm({ victim, kills, seed, runs: 30, stopMs: STOP_MS, longest: 2 });
  console.log(table([tally]));
  expect(tally.violations.slice(0, 10), `seed ${seed}, kept in ${stateDir}`).toEqual([]);
  expect(tally.kills).toBe(kills);
  if (victim === "daemon") for (const times of Object.values(tally.windows)) expect(times).toBeGreaterThan(0);
});
