import { context } from "../../src/phases/context.ts";
import { openEngine, requestOf } from "./harness.ts";
import { percentile } from "./sample.ts";

/** A load for the real engine. This file is a program: one load, its figures on stdout. */
export interface Load {
  readonly file: string;
  readonly runs: number;
  readonly inFlight: number;
  /** So many trigger ids shared by all runs; or each run's own id, which rises with time. */
  readonly triggers: number | "own";
  /** Runs that go before the clock starts. */
  readonly warmUp?: number;
}

export interface Driven {
  readonly runs_per_s: number;
  /** From the request to the news that the run succeeded. */
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** Commits that changed runs. */
  readonly commits: number;
}

if (import.meta.main) {
  process.stdout.write(JSON.stringify(await drive(JSON.parse(process.argv[2] as string) as Load)));
}

async function drive({ file, runs, inFlight, triggers, warmUp = 0 }: Load): Promise<Driven> {
  const { engine, store, clock } = openEngine({ file, phases: [context], cap: inFlight });
  await engine.begin();
  let commits = 0;
  store.onChange(() => {
    commits++;
  });

  const through = (count: number): Promise<number[]> =>
    new Promise((resolve, reject) => {
      const latencies: number[] = [];
      const asked = new Map<string, number>();
      let begun = 0;
      const begin = (): void => {
        const id = clock.id();
        const trigger = triggers === "own" ? id : `https://example.com/o/r/issues/${begun % triggers}`;
        begun++;
        asked.set(id, performance.now());
        engine.create(requestOf(id, trigger)).catch(reject);
      };
      const stop = engine.bus.subscribe(null, ({ run, status }) => {
        const since = asked.get(run);
        if (since === undefined || status !== "succeeded") return;
        asked.delete(run);
        latencies.push(performance.now() - since);
        if (begun < count) begin();
        if (latencies.length < count) return;
        stop();
        resolve(latencies);
      });
      if (count === 0) resolve(latencies);
      while (begun < Math.min(inFlight, count)) begin();
    });

  if (warmUp > 0) await through(warmUp);
  commits = 0;
  const start = performance.now();
  const latencies = await through(runs);
  const seconds = (performance.now() - start) / 1000;
  const driven = {
    runs_per_s: runs / seconds,
    p50_ms: percentile(latencies, 0.5),
    p99_ms: percentile(latencies, 0.99),
    commits,
  };
  await engine.stop();
  // What the engine asked for just before it fell silent is answered before the store closes.
  await store.pulse();
  await store.close();
  return driven;
}
