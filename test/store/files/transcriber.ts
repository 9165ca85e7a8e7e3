import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { onTestFinished } from "vitest";
import { systemClock } from "../../../src/domain/clock.ts";
import type { SessionEnd } from "../../../src/domain/session.ts";
import type { Log } from "../../../src/engine/contracts/log.ts";
import type { Transcribed } from "../../../src/engine/contracts/transcript.ts";
import { createTranscripts } from "../../../src/engine/transcript.ts";
import { sessions } from "../../../src/store/files/sessions.ts";

const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
export const DONE: SessionEnd = { status: "ok", stopReason: "end_turn", durationMs: 1 };
const CWD = "/home/agent/workspace";

/** Where an execution of a test's own folder leaves its words. */
export function executionIn(folder: string, execution: string): Transcribed & { readonly file: string } {
  return {
    execution,
    tool: "bash",
    command: "seq 1 100",
    cwd: CWD,
    stdout: join(folder, "stdout"),
    stderr: join(folder, "stderr"),
    startedAt: "2026-11-21T09:00:00.000Z",
    file: join(folder, "projects", "-home-agent-workspace", `${execution}.jsonl`),
  };
}

export function transcriptsIn(folder: string, more: Partial<Parameters<typeof createTranscripts>[0]> = {}) {
  const clock = systemClock();
  const files = sessions(join(folder, "projects"), clock);
  return { files, transcripts: createTranscripts({ sessions: files, clock, log: SILENT, version: "0.1.0", ...more }) };
}

export interface Measured {
  readonly rssMb: number;
  readonly longestMs: number;
  readonly tookMs: number;
}

/** A process that transcribes once it hears a word on stdin: `end` to the end, anything else until it is killed. */
export async function transcribe(folder: string, execution: string): Promise<void> {
  const [word] = (await once(process.stdin.setEncoding("utf8"), "data")) as [string];
  process.stdin.destroy();
  const transcript = transcriptsIn(folder).transcripts.open(executionIn(folder, execution));
  if (!word.startsWith("end")) {
    process.stdout.write("at work\n");
    return;
  }
  const lag = monitorEventLoopDelay({ resolution: 1 });
  lag.enable();
  const since = performance.now();
  let rss = 0;
  const look = setInterval(() => {
    rss = Math.max(rss, process.memoryUsage.rss());
  }, 10);
  await transcript.finish(DONE);
  clearInterval(look);
  const measured: Measured = {
    rssMb: Math.round(rss / 1e6),
    longestMs: Math.round(lag.max / 1e6),
    tookMs: Math.round(performance.now() - since),
  };
  process.stdout.write(JSON.stringify(measured));
}

/** Such a process, its modules loaded while another still works. */
export function prepare(folder: string, execution: string): ChildProcess {
  const call = `import(${JSON.stringify(import.meta.url)}).then((it) => it.${transcribe.name}(...process.argv.slice(1)))`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", call, folder, execution], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin?.on("error", () => {});
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}
