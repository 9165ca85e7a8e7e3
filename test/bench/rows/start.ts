import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { memory, startAndWait, stopDaemon } from "../daemons.ts";
import { freshFolder } from "../harness.ts";
import type { Row } from "../row.ts";
import { median, rounded } from "../sample.ts";

const ROUNDS = 7;
const IDLE_MS = 2_000;
const MOST_READY_MS = 400;
const MOST_MB = 90;

/** Row 10: from nothing to ready, with nothing compiled yet and again; and what an idle daemon keeps. */
export const start: Row = {
  row: 10,
  title: "process start",
  measure: async ({ folder }) => {
    const workflows = join(folder, "workflows");
    mkdirSync(workflows);
    writeFileSync(
      join(workflows, "idle.yaml"),
      "name: idle\nphases:\n  - { name: wait, type: bash, command: 'true' }\n",
    );
    const first: number[] = [];
    const second: number[] = [];
    const idle: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const fresh = freshFolder(folder);
      const environment = { NODE_COMPILE_CACHE: join(fresh, "compiled") };
      const cold = await startAndWait({ stateDir: join(fresh, "first"), workflows, environment });
      first.push(cold.ready_ms);
      await stopDaemon(cold.daemon);
      const warm = await startAndWait({ stateDir: join(fresh, "second"), workflows, environment });
      second.push(warm.ready_ms);
      await pause(IDLE_MS);
      idle.push(memory(warm.daemon.pid, "VmRSS"));
      await stopDaemon(warm.daemon);
    }
    const figure = (name: string, times: readonly number[]) => ({
      name: `process start to ready, ${name}`,
      value: rounded(median(times) / 1000),
      unit: "s",
      target: `≤ ${MOST_READY_MS / 1000}`,
      met: median(times) <= MOST_READY_MS,
      samples_ms: times.map(rounded),
    });
    const mb = median(idle);
    return [
      figure("second start", second),
      figure("first start, nothing compiled", first),
      {
        name: `idle memory ${IDLE_MS / 1000} s after ready`,
        value: rounded(mb),
        unit: "MB",
        target: `≤ ${MOST_MB}`,
        met: mb <= MOST_MB,
        samples_mb: idle.map(rounded),
      },
    ];
  },
};
