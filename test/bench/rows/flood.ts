import { createReadStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../../src/domain/clock.ts";
import { lineCutter } from "../../../src/domain/lines.ts";
import { createTranscripts } from "../../../src/engine/transcript.ts";
import { piDecoder } from "../../../src/runtimes/decoders/pi.ts";
import { sessions } from "../../../src/store/files/sessions.ts";
import { silent } from "../../support/engine.ts";
import { memory } from "../daemons.ts";
import type { Row } from "../row.ts";
import { rounded } from "../sample.ts";
import { pour } from "../talk.ts";

const BYTES = 600_000_000;
const LEAST_PER_S = 60_000;
const MOST_MB = 150;
const MOST_HELD_MS = 50;
const IDLE_MS = 3_000;

/** Row 7: an agent's stream, recorded once and said again until it is a flood, becomes a session file. */
export const flood: Row = {
  row: 7,
  title: "an agent's events to its session file",
  measure: async ({ folder }) => {
    const clock = systemClock();
    const execution = clock.id();
    const [stdout, stderr, root] = ["stdout", "stderr", "sessions"].map((each) => join(folder, each)) as [
      string,
      string,
      string,
    ];
    mkdirSync(root);
    const { prompt, events, messages, bytes } = pour(stdout, BYTES);
    const transcripts = createTranscripts({ sessions: sessions(root, clock), clock, log: silent, version: "0.0.0" });
    const agent = { decoder: piDecoder, used: () => {} };
    const before = memory(process.pid, "VmRSS");
    const idle = monitorEventLoopDelay({ resolution: 1 });
    idle.enable();
    await pause(IDLE_MS);
    idle.disable();
    const loop = monitorEventLoopDelay({ resolution: 1 });
    loop.enable();
    const work = longestTurn();
    const start = performance.now();
    const report = await transcripts
      .open({ execution, tool: "script", command: prompt, cwd: "/w", stdout, stderr, startedAt: clock.now(), agent })
      .finish({ status: "ok", stopReason: "end_turn", durationMs: 0 });
    const seconds = (performance.now() - start) / 1000;
    loop.disable();
    const own = work.stop();
    const peak = memory(process.pid, "VmHWM");
    const held = loop.max / 1e6;
    // The result stands behind what was said.
    const told = (await linesIn(join(root, "-w", `${execution}.jsonl`), () => {})) - 1;
    const naively = performance.now();
    await linesIn(stdout, (line) => void JSON.parse(line));
    const naive = (performance.now() - naively) / 1000;
    return [
      {
        name: `an agent's ${Math.round(bytes / 1e6)} MB of events to its session file`,
        value: rounded(events / seconds),
        unit: "events/s",
        target: `≥ ${LEAST_PER_S.toLocaleString("en")}`,
        met: events / seconds >= LEAST_PER_S && told === messages && report?.status === "ok",
        ratio: rounded(naive / seconds),
        mb_per_s: rounded(bytes / 1e6 / seconds),
        events,
        messages,
        messages_told: told,
      },
      {
        name: "the same lines cut and parsed, nothing else",
        value: rounded(events / naive),
        unit: "events/s",
        target: "–",
        met: null,
      },
      {
        name: "most memory meanwhile",
        value: rounded(peak),
        unit: "MB",
        target: `≤ ${MOST_MB}`,
        met: peak <= MOST_MB,
        before_mb: rounded(before),
      },
      {
        name: "longest hold of the loop meanwhile",
        value: rounded(held),
        unit: "ms",
        target: `≤ ${MOST_HELD_MS}`,
        met: held <= MOST_HELD_MS,
        // What others on this machine do to a process that does nothing.
        idle_ms: rounded(idle.max / 1e6),
        p99_ms: rounded(loop.percentile(99) / 1e6),
      },
      {
        name: "longest turn of the loop by its own work",
        value: rounded(own),
        unit: "ms of CPU",
        target: `≤ ${MOST_HELD_MS}`,
        met: own <= MOST_HELD_MS,
      },
    ];
  },
};

/** The most that this thread worked between two turns of its loop: what others took from it on the way is not in it. */
function longestTurn(): { stop(): number } {
  let most = 0;
  let last = worked();
  let over = false;
  const turn = (): void => {
    const now = worked();
    most = Math.max(most, now - last);
    last = now;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  return {
    stop: () => {
      over = true;
      return most;
    },
  };
}

function worked(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

async function linesIn(file: string, hear: (line: string) => void): Promise<number> {
  const cutter = lineCutter();
  let count = 0;
  for await (const bytes of createReadStream(file))
    for (const { text } of cutter.feed(bytes)) {
      hear(text);
      count++;
    }
  return count;
}
