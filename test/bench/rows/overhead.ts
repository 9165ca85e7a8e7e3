import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startAndWait, stopDaemon } from "../daemons.ts";
import type { Row } from "../row.ts";
import { percentile, rounded } from "../sample.ts";

const RUNS = 150;
const MOST_MS = 5;

/** Row 4: what the engine adds to a command: from asking for the spawn to the recorded end, beside a bare spawn. */
export const overhead: Row = {
  row: 4,
  title: "overhead of a bash phase",
  measure: async ({ folder }) => {
    const stateDir = join(folder, "state");
    const workflows = join(folder, "workflows");
    for (const each of [stateDir, workflows]) mkdirSync(each, { mode: 0o700 });
    const phases = Array.from({ length: 10 }, (_, at) => `  - { name: p${at}, type: bash, command: 'true' }`).join(
      "\n",
    );
    writeFileSync(join(workflows, "ten.yaml"), `name: ten\nphases:\n${phases}\n`);
    const ready = await startAndWait({ stateDir, workflows });
    try {
      const bare: number[] = [];
      const ours: number[] = [];
      // Turn about, so that a slow minute of the machine falls on both.
      for (let round = 0; round < RUNS / 10; round++) {
        for (let each = 0; each < 10; each++) bare.push(await bareSpawn());
        const { id } = await ready.client.startRun({ workflow: "ten" });
        for await (const { status } of ready.client.watchRun(id)) if (status === "succeeded") break;
        const { executions } = await ready.client.run(id);
        // From one phase's start to the next's: start, command, whole-tree end, session file synced, and the commit.
        const starts = executions.map(({ started_at }) => Date.parse(started_at));
        const last = Date.parse(executions.at(-1)?.finished_at ?? "");
        ours.push((last - (starts[0] as number)) / executions.length);
      }
      const [p50, p99] = [percentile(ours, 0.5), percentile(ours, 0.99)];
      const over = p50 - percentile(bare, 0.5);
      return [
        {
          name: "a bash phase over a bare spawn, p50",
          value: rounded(over),
          unit: "ms",
          target: `≤ ${MOST_MS}`,
          met: over <= MOST_MS,
          phase_p50_ms: rounded(p50),
          phase_p99_ms: rounded(p99),
          bare_p50_ms: rounded(percentile(bare, 0.5)),
          bare_p99_ms: rounded(percentile(bare, 0.99)),
        },
      ];
    } finally {
      await stopDaemon(ready.daemon);
    }
  },
};

function bareSpawn(): Promise<number> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn("bash", ["-c", "true"], { stdio: "ignore" });
    child.once("error", reject);
    child.once("exit", () => resolve(performance.now() - start));
  });
}
