import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "../../../src/http/client.ts";
import { sessionOf } from "../../support/session-file.ts";
import { streamingPi, streamingWorkflow, wordsIn } from "../../support/streaming.ts";
import { startAndWait, stopDaemon } from "../daemons.ts";
import type { Line, Row } from "../row.ts";

const LINES = 100_000;
const EVENTS = 100_000;
const SECONDS = 60;
const RESTARTS = 20;

/** Row 11: a command and an agent talk for a minute while their daemon is killed and started twenty times. */
export const restart: Row = {
  row: 11,
  title: "restarts while programs and agents work",
  measure: async ({ folder }) => {
    const [stateDir, workflows] = ["state", "workflows"].map((each) => join(folder, each)) as [string, string];
    for (const each of [stateDir, workflows, join(workflows, "prompts")]) mkdirSync(each, { mode: 0o700 });
    const perBeat = Math.ceil(LINES / (SECONDS * 10));
    const command = `for beat in $(seq 0 ${SECONDS * 10 - 1}); do seq $((beat * ${perBeat} + 1)) $(((beat + 1) * ${perBeat})); sleep 0.09; done`;
    writeFileSync(
      join(workflows, "talks.yaml"),
      `name: talks\nphases:\n  - name: talk\n    type: bash\n    timeout: 10m\n    command: |\n      ${command}\n`,
    );
    writeFileSync(join(workflows, "thinks.yaml"), streamingWorkflow("thinks", { events: EVENTS, seconds: SECONDS }));
    writeFileSync(join(workflows, "prompts", "talk.md"), "Talk");
    const pi = streamingPi(folder);
    const environment = { LASTLIGHT_SAFE_MODE_AFTER: "0", LASTLIGHT_UNSAFE_NO_SANDBOX: "1", PATH: pi.path };
    let life = await startAndWait({ stateDir, workflows, environment });
    const talks = await life.client.startRun({ workflow: "talks" });
    const thinks = await life.client.startRun({ workflow: "thinks" });
    for (let at = 0; at < RESTARTS; at++) {
      await pause((SECONDS * 1000 * 0.9) / RESTARTS - 300);
      life.daemon.kill("SIGKILL");
      await life.daemon.ended;
      life = await startAndWait({ stateDir, workflows, environment });
    }
    try {
      const expected = perBeat * SECONDS * 10;
      const talked = await over(life.client, talks.id);
      const thought = await over(life.client, thinks.id);
      const words = wordsIn(sessionOf(stateDir, thought.executions[0]?.id ?? "")?.lines ?? []);
      return [
        lineOf("lines", expected, linesTold(stateDir, talked.executions[0]?.id ?? "").map(Number), talked),
        lineOf("agent's events", EVENTS, words, thought),
        lostOf(thought, pi.starts(stateDir).length),
      ];
    } finally {
      await stopDaemon(life.daemon);
    }
  },
};

type Over = Awaited<ReturnType<Client["run"]>>;

/** What was told, which is to be the numbers from 1 on, each once. */
function lineOf(what: string, expected: number, told: readonly number[], run: Over): Line {
  const different = new Set(told).size;
  const [lost, repeated] = [expected - different, told.length - different];
  const inOrder = told.every((number, at) => number === at + 1);
  return {
    name: `${expected.toLocaleString("en")} ${what} over ${RESTARTS} SIGKILLs: lost or repeated`,
    value: lost + repeated,
    unit: what,
    target: "0",
    met: lost + repeated === 0 && inOrder && run.status === "succeeded" && run.executions.length === 1,
    lost,
    repeated,
    in_order: inOrder,
    executions: run.executions.length,
    status: run.status,
    restart_count: run.restart_count,
  };
}

/** What an agent worked in tries that came to nothing. */
function lostOf({ executions }: Over, starts: number): Line {
  const lost = executions.filter(({ status }) => status !== "ok");
  const seconds = lost.reduce((sum, { duration_ms }) => sum + (duration_ms ?? 0) / 1000, 0);
  const [tokens] = executions.filter(({ status }) => status === "ok").map((each) => each.input_tokens);
  return {
    name: `agent-seconds lost over ${RESTARTS} SIGKILLs`,
    value: seconds,
    unit: "s",
    target: "0",
    met: seconds === 0 && starts === 1 && tokens === EVENTS,
    starts,
    tokens,
    talked_s: executions.map(({ duration_ms }) => (duration_ms ?? 0) / 1000),
  };
}

async function over(client: Client, id: string): Promise<Over> {
  let run = await client.run(id);
  for (let waited = 0; run.finished_at === null && waited < 600; waited++) {
    await pause(100);
    run = await client.run(id);
  }
  return run;
}

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
