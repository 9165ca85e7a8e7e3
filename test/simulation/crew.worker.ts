import { parentPort, workerData } from "node:worker_threads";
import { drawn } from "./choices.ts";
import { type Assignment, emptyHarvest } from "./crew.ts";
import { pass } from "./storm.ts";
import { add } from "./tally.ts";

const { from, seeds, stride } = workerData as Assignment;
const harvest = emptyHarvest();
for (let at = 0; at < seeds; at++) {
  const seed = from + at * stride;
  const { violation, simulatedMs, counts } = await pass(drawn(seed));
  harvest.seeds++;
  harvest.simulatedMs += simulatedMs;
  add(harvest.counts, counts);
  if (violation) harvest.broken.push({ seed, invariant: violation.invariant, detail: violation.detail });
}
parentPort?.postMessage(harvest);
