import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { drawn } from "./choices.ts";
import { harvest } from "./crew.ts";
import { pass, whole } from "./storm.ts";
import { among } from "./tally.ts";

const SEEDS = 2_000;
const FROM = 1_000_000;

/** Every way in which things go wrong here; one that is never seen tests nothing. */
const FAULTS = [
  "clock jumps back",
  "clock jumps forward",
  "delivery fails",
  "delivery fails after it was made",
  "delivery is late",
  "delivery is made, and the daemon dies",
  "event heard twice",
  "events from before a retry",
  "its sync fails and it is not on disk",
  "its sync fails and it is on disk",
  "no room for a commit",
  "notice doubled",
  "notice late",
  "notice lost",
  "program lost",
  "slow disk",
  "the daemon dies after it, before anyone hears",
  "the daemon dies before it",
  "the daemon dies within it",
  "the disk is full",
];

const DEATHS = [
  "after a commit",
  "after a commit, in recovery",
  "after a delivery, before it was settled",
  "after a failed sync",
  "after a failed sync, in recovery",
  "before a commit",
  "before a commit, in recovery",
  "between two turns",
  "between two turns, in recovery",
  "none: it stopped",
  "with a run in hand",
  "within a commit",
  "within a commit, in recovery",
];

const ENDINGS = [
  "cancelled (concurrency)",
  "cancelled (operator)",
  "failed",
  "failed (budget)",
  "failed (crash_loop)",
  "failed (expired)",
  "failed (rejected)",
  "failed (timeout)",
  "succeeded",
];

test(`${SEEDS} houses keep every promise, and all that can go wrong does`, async () => {
  const { broken, counts, simulatedMs } = await harvest(FROM, SEEDS, 2);
  expect(broken).toEqual([]);
  expect(Object.keys(among(counts, "fault "))).toEqual(FAULTS);
  expect(Object.keys(among(counts, "death "))).toEqual(expect.arrayContaining(DEATHS));
  expect(Object.keys(among(counts, "run "))).toEqual(ENDINGS);
  expect(counts["re-attachments"]).toBeGreaterThan(SEEDS / 10);
  expect(counts.losses).toBeGreaterThan(0);
  expect(simulatedMs / SEEDS).toBeGreaterThan(86_400_000);
});

test("one seed lived a hundred times, by two processes, is one life", async () => {
  const seed = 26;
  const command = ["test/simulation/simulate.ts", "--seed", String(seed), "--times", "50"];
  const { stdout } = await promisify(execFile)(process.execPath, command);
  const lives = stdout.trim().split("\n");
  for (let time = 0; time < 50; time++) lives.push(whole(await pass(drawn(seed), { image: true })));
  expect(lives).toHaveLength(100);
  expect(new Set(lives).size).toBe(1);
});
