import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { startAndWait, stopDaemon } from "../daemons.ts";
import type { Row } from "../row.ts";

const LINES = 100_000;
const SECONDS = 60;
const RESTARTS = 20;

/** Row 11: a command prints for a minute while its daemon is killed and started twenty times. */
export const restart: Row = {
  row: 11,
  title: "restarts while a program works",
  measure: async ({ folder }) => {
    const stateDir = join(folder, "state");
    const workflows = join(folder, "workflows");
    for (const each of [stateDir, workflows]) mkdirSync(each, { mode: 0o700 });
    const perBeat = Math.ceil(LINES / (SECONDS * 10));
    const command = `for beat in $(seq 0 ${SECONDS * 10 - 1}); do seq $((beat * ${perBeat} + 1)) $(((beat + 1) * ${perBeat})); sleep 0.09; done`;
    writeFileSync(
      join(workflows, "talks.yaml"),
      `name: talks\nphases:\n  - name: talk\n    type: bash\n    timeout: 10m\n    command: |\n      ${command}\n`,
    );
    const expected = perBeat * SECONDS * 10;
    const environment = { LASTLIGHT_SAFE_MODE_AFTER: "0" };
    let life = await startAndWait({ stateDir, workflows, environment });
    const { id } = await life.client.startRun({ workflow: "talks" });
    for (let at = 0; at < RESTARTS; at++) {
      await pause((SECONDS * 1000 * 0.9) / RESTARTS - 300);
      life.daemon.kill("SIGKILL");
      await life.daemon.ended;
      life = await startAndWait({ stateDir, workflows, environment });
    }
    try {
      let run = await life.client.run(id);
      for (let waited = 0; run.finished_at === null && waited < 1_200; waited++) {
        await pause(100);
        run = await life.client.run(id);
      }
      const told = linesTold(stateDir, run.executions[0]?.id ?? "");
      const wanted = Array.from({ length: expected }, (_, at) => String(at + 1));
      const lost = wanted.length - new Set(told).size;
      const repeated = told.length - new Set(told).size;
      const inOrder = told.every((line, at) => line === wanted[at]);
      return [
        {
          name: `${expected.toLocaleString("en")} lines over ${RESTARTS} SIGKILLs: lost or repeated`,
          value: lost + repeated,
          unit: "lines",
          target: "0",
          met: lost + repeated === 0 && inOrder && run.status === "succeeded" && run.executions.length === 1,
          lost,
          repeated,
          in_order: inOrder,
          executions: run.executions.length,
          status: run.status,
          restart_count: run.restart_count,
        },
      ];
    } finally {
      await stopDaemon(life.daemon);
    }
  },
};

/** Every line of output that the session file tells of. */
function linesTold(stateDir: string, execution: string): string[] {
  const projects = join(stateDir, "agent-sessions", "projects");
  const file = readdirSync(projects, { recursive: true, encoding: "utf8" }).find((name) =>
    name.endsWith(`${execution}.jsonl`),
  );
  if (!file) return [];
  let text = "";
  for (const line of readFileSync(join(projects, file), "utf8").split("\n").slice(0, -1)) {
    const { message } = JSON.parse(line) as { message?: { content?: unknown } };
    for (const block of Array.isArray(message?.content) ? message.content : []) {
      const { type, content } = block as { type?: string; content?: string };
      if (type === "tool_result") text += content;
    }
  }
  return text.split("\n").slice(0, -1);
}
