import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { simulateRuns } from "../../../src/simulate.ts";
import { check } from "../../../src/workflow/check.ts";
import { easyScenario } from "../../../src/workflow/scenario/easy.ts";
import type { Row } from "../row.ts";
import { median, rounded } from "../sample.ts";

const ROUNDS = 20;
const COLD_ROUNDS = 5;
const MOST_MS = 100;
const MAIN = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));

const gate = (name: string): string =>
  `  - { name: ${name}, type: approval, approval: { summary: "Go on?", timeout: 24h, on_timeout: continue, remind: [4h, 12h], escalate: { after: 20h, to: { groups: [leads] } } } }\n`;
const WORKFLOW = `name: doors\nphases:\n${["a", "b", "c"].map(gate).join("")}`;
const SCENARIO = "name: nobody answers\nexpect: { status: succeeded, takes: { at_least: 72h, at_most: 72h } }\n";

/** Row 13: three days at gates that nobody answers, every reminder included; within one process, and as a command. */
export const simulation: Row = {
  row: 13,
  title: "simulation",
  measure: async ({ folder }) => {
    const { version } = check("doors.yaml", new TextEncoder().encode(WORKFLOW));
    if (!version) throw new Error("the workflow has errors");
    const nobody = { ...easyScenario(version.workflow), easy: false };
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const start = performance.now();
      const { elapsedMs } = await simulateRuns({ version, children: [], scenario: nobody });
      times.push(performance.now() - start);
      if (elapsedMs !== 72 * 3_600_000) throw new Error(`${elapsedMs} ms were simulated, not three days`);
    }
    const cold = commandTimes(folder);
    return [
      {
        name: "three gates of 24 h with reminders and escalation, simulated",
        value: rounded(median(times)),
        unit: "ms",
        target: `< ${MOST_MS}`,
        met: median(times) < MOST_MS,
        first_ms: rounded(times[0] as number),
        samples_ms: times.map(rounded),
      },
      {
        name: "the same, `workflows simulate` from start to exit",
        value: rounded(median(cold)),
        unit: "ms",
        target: "–",
        met: null,
        samples_ms: cold.map(rounded),
      },
    ];
  },
};

function commandTimes(folder: string): number[] {
  const [workflow, scenario] = [join(folder, "doors.yaml"), join(folder, "nobody.yaml")];
  writeFileSync(workflow, WORKFLOW);
  writeFileSync(scenario, SCENARIO);
  return Array.from({ length: COLD_ROUNDS }, () => {
    const start = performance.now();
    const argv = [MAIN, "workflows", "simulate", workflow, "--scenario", scenario];
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${stdout}${stderr}`);
    return performance.now() - start;
  });
}
