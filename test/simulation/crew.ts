import { Worker } from "node:worker_threads";
import { add, type Counts } from "./tally.ts";

export interface Assignment {
  readonly from: number;
  readonly seeds: number;
  /** Every how-many-th of them. */
  readonly stride: number;
}

/** What some seeds came to. */
export interface Harvest {
  seeds: number;
  simulatedMs: number;
  readonly counts: Counts;
  readonly broken: { readonly seed: number; readonly invariant: string; readonly detail: string }[];
}

/** So many seeds, on so many threads. */
export async function harvest(from: number, seeds: number, threads: number): Promise<Harvest> {
  const all = emptyHarvest();
  const shares = Array.from({ length: Math.min(threads, seeds) }, (_, at): Assignment => {
    const stride = Math.min(threads, seeds);
    return { from: from + at, seeds: Math.ceil((seeds - at) / stride), stride };
  });
  for (const part of await Promise.all(shares.map(working))) {
    all.seeds += part.seeds;
    all.simulatedMs += part.simulatedMs;
    add(all.counts, part.counts);
    all.broken.push(...part.broken);
  }
  all.broken.sort((a, b) => a.seed - b.seed);
  return all;
}

export function emptyHarvest(): Harvest {
  return { seeds: 0, simulatedMs: 0, counts: {}, broken: [] };
}

function working(share: Assignment): Promise<Harvest> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./crew.worker.ts", import.meta.url), { workerData: share });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}
