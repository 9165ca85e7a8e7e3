import { join } from "node:path";
import type { Driven, Load } from "../drive.ts";
import { freshFolder } from "../harness.ts";
import type { Row } from "../row.ts";
import { rounded } from "../sample.ts";
import { sampleOf } from "../subprocess.ts";

const RUNS = 3_000;
const MOST_P50_MS = 2;
const MOST_P99_MS = 15;

/** Row 3: how long one run takes when nothing else is going on: four commits, one after the other. */
export const latency: Row = {
  row: 3,
  title: "start to finish",
  measure: async ({ folder }) => {
    const file = join(freshFolder(folder), "lastlight.db");
    const load: Load = { file, runs: RUNS, inFlight: 1, triggers: 500, warmUp: 300 };
    const driven = await sampleOf<Driven>(new URL("../drive.ts", import.meta.url), load);
    const figure = (name: string, value: number, most: number) => ({
      name: `start to finish, one at a time, ${name}`,
      value: rounded(value),
      unit: "ms",
      target: `≤ ${most}`,
      met: value <= most,
    });
    return [
      {
        ...figure("p50", driven.p50_ms, MOST_P50_MS),
        p99: rounded(driven.p99_ms),
        runs: RUNS,
        runs_per_s: rounded(driven.runs_per_s),
        commits_per_run: rounded(driven.commits / RUNS),
      },
      figure("p99", driven.p99_ms, MOST_P99_MS),
    ];
  },
};
