import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Counts } from "../../../src/store/store.ts";
import { version, workflow } from "../../support/workflow.ts";
import { children, memory, type Ready, startAndWait, stopDaemon } from "../daemons.ts";
import type { Crash } from "../leave.ts";
import type { Row } from "../row.ts";
import { rounded } from "../sample.ts";
import { sampleOf } from "../subprocess.ts";

const LEFT = 10_000;
const CAP = 4;
const MOST_READY_MS = 1_000;
const WATCHED_MS = 4_000;
const LOOK_EVERY_MS = 10;
const PATIENCE_MS = 30_000;

/** Row 9: a daemon that starts where another one was killed with ten thousand commands under way. */
export const recovery: Row = {
  row: 9,
  title: "start with runs left running",
  measure: async ({ folder }) => {
    const stateDir = join(folder, "state");
    const workflows = join(folder, "workflows");
    for (const each of [stateDir, workflows]) mkdirSync(each, { mode: 0o700 });
    // Each command notes its own beginning and end: what executed at once is read from that, not from a claim.
    const marks = join(folder, "marks");
    const command = `echo + >> '${marks}'; sleep 0.05; echo - >> '${marks}'`;
    writeFileSync(
      join(workflows, "idle.yaml"),
      "name: idle\nphases:\n  - { name: wait, type: bash, command: 'true' }\n",
    );
    const crash: Crash = {
      file: join(stateDir, "lastlight.db"),
      runs: LEFT,
      version: version(
        workflow("left", [
          { name: "a", type: "bash", command },
          { name: "b", type: "bash", command, after: ["a"] },
        ]),
      ),
    };
    const left = await sampleOf<Counts>(new URL("../leave.ts", import.meta.url), crash, { signal: "SIGKILL" });

    const ready = await startAndWait({ stateDir, workflows, environment: { LASTLIGHT_MAX_EXECUTIONS: String(CAP) } });
    try {
      const watched = await watch(ready);
      const executing = Math.max(watched.children, mostAtOnce(marks));
      return [
        {
          name: `start with ${LEFT.toLocaleString("en")} runs left running, ready`,
          value: rounded(ready.ready_ms / 1000),
          unit: "s",
          target: `≤ ${MOST_READY_MS / 1000}`,
          met: ready.ready_ms <= MOST_READY_MS,
          left_running: left.executing,
          recovered_ms: rounded(watched.recoveredMs),
          executions_ended: ended(marks),
          rss_mb: rounded(memory(ready.daemon.pid, "VmRSS")),
          peak_rss_mb: rounded(memory(ready.daemon.pid, "VmHWM")),
        },
        {
          name: `start with ${LEFT.toLocaleString("en")} runs left running, executing at once`,
          value: executing,
          unit: "executions",
          target: `≤ ${CAP}`,
          met: executing <= CAP && executing > 0,
          by_children: watched.children,
          by_marks: mostAtOnce(marks),
          by_health_after_recovery: watched.executing,
          by_health_during_recovery: watched.executingBefore,
        },
      ];
    } finally {
      await stopDaemon(ready.daemon);
    }
  },
};

interface Watched {
  /** From the ready line until every execution left behind was heard of and is owed again. */
  recoveredMs: number;
  children: number;
  executing: number;
  executingBefore: number;
}

async function watch({ client, daemon }: Ready): Promise<Watched> {
  const watched: Watched = { recoveredMs: Number.NaN, children: 0, executing: 0, executingBefore: 0 };
  const start = performance.now();
  let until = start + PATIENCE_MS;
  while (performance.now() < until) {
    const { counts } = await client.health();
    watched.children = Math.max(watched.children, children(daemon.pid));
    if (Number.isNaN(watched.recoveredMs)) {
      // What is lost still stands as running until its run has heard; then it is owed.
      if (counts.owed > 0 && counts.executing + counts.owed <= LEFT && counts.executing <= CAP) {
        watched.recoveredMs = performance.now() - start;
        until = performance.now() + WATCHED_MS;
      } else watched.executingBefore = Math.max(watched.executingBefore, counts.executing);
    } else watched.executing = Math.max(watched.executing, counts.executing);
    await pause(LOOK_EVERY_MS);
  }
  return watched;
}

function marksOf(file: string): string[] {
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

function mostAtOnce(file: string): number {
  let now = 0;
  let most = 0;
  for (const mark of marksOf(file)) {
    now += mark === "+" ? 1 : -1;
    most = Math.max(most, now);
  }
  return most;
}

function ended(file: string): number {
  return marksOf(file).filter((mark) => mark === "-").length;
}
