import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, readIdentity } from "../../src/engine/processes.ts";
import type { Client } from "../../src/http/client.ts";
import { type Dice, dice } from "../chaos/dice.ts";
import { orphansOf } from "../chaos/orphans.ts";
import { pause } from "../chaos/pace.ts";
import { killAll, textOf } from "../chaos/victims.ts";
import { type DaemonProcess, endPrograms, startDaemon } from "../support/daemon.ts";
import { streamingPi, streamingWorkflow } from "../support/streaming.ts";
import { auditOf, type Over } from "./kills-audit.ts";

const VICTIMS = ["daemon", "keeper", "driver", "agent", "all"] as const;
type Victim = (typeof VICTIMS)[number];

/** What a storm of kills came to. */
export interface Tally {
  readonly kills: { readonly [victim in Victim]: number };
  readonly runs: number;
  readonly executions: number;
  /** How tries ended: `ok`, `error lost`. */
  readonly ended: { readonly [how: string]: number };
  readonly words: number;
  readonly seconds: number;
  readonly violations: readonly string[];
}

const EVENTS = 240;
const SECONDS = 1.5;
const OPEN = 4;
const SETTLE_MS = 120_000;
const WAIT_MS = 20_000;

/** Kills at seeded instants while agents talk, lets all come to its end, and audits what is left. */
export async function stormOfKills(folder: string, kills: number, seed: number): Promise<Tally> {
  const began = performance.now();
  const roll = dice(seed, "agents");
  const [stateDir, workflows] = ["state", "workflows"].map((each) => join(folder, each)) as [string, string];
  mkdirSync(join(workflows, "prompts"), { recursive: true });
  writeFileSync(join(workflows, "talk.yaml"), streamingWorkflow("talk", { events: EVENTS, seconds: SECONDS }));
  writeFileSync(join(workflows, "prompts", "talk.md"), "Talk");
  const pi = streamingPi(folder);
  const start = (): DaemonProcess =>
    startDaemon({
      stateDir,
      workflows,
      environment: { PATH: pi.path, LASTLIGHT_SAFE_MODE_AFTER: "0", LASTLIGHT_UNSAFE_NO_SANDBOX: "1" },
    });
  let daemon = start();
  const runs: string[] = [];
  const casualties = new Set<string>();
  const done = { daemon: 0, keeper: 0, driver: 0, agent: 0, all: 0 };
  try {
    for (let killed = 0; killed < kills; ) {
      const client = await daemon.ready;
      await fill(client, runs);
      await pause(roll.between(20, 400));
      const victim = roll.pick(VICTIMS);
      const hit = victim === "daemon" ? null : await target(stateDir, roll, victim);
      if (victim !== "daemon" && !hit) throw new Error(`there was nobody to be killed for ${WAIT_MS / 1000} s`);
      if (hit) casualties.add(hit.execution);
      const falls = victim === "daemon" || victim === "all" ? [daemon.pid] : [];
      if (!killAll([...falls, ...(hit?.pids ?? [])])) continue;
      done[victim]++;
      killed++;
      if (falls.length === 0) continue;
      await daemon.ended;
      daemon = start();
    }
    const ended = await settled(await daemon.ready, runs);
    daemon.kill("SIGTERM");
    const how = await daemon.ended;
    const { violations, words } = auditOf({
      stateDir,
      runs: ended,
      casualties,
      starts: pi.starts(),
      events: EVENTS,
    });
    const orphans = orphansOf(stateDir).map(({ pid, name, why }) => `process ${pid} lives on: ${name} (${why})`);
    const executions = ended.flatMap((run) => run.executions);
    return {
      kills: done,
      runs: ended.length,
      executions: executions.length,
      ended: counted(executions.map(({ status, failure }) => [status, failure].filter(Boolean).join(" "))),
      words,
      seconds: Math.round((performance.now() - began) / 1000),
      violations: [...violations, ...orphans, ...(how === 0 ? [] : [`the last daemon ended with ${how}`])],
    };
  } finally {
    daemon.kill("SIGKILL");
    await daemon.ended;
    endPrograms(stateDir);
  }
}

/** As many runs under way as may be at once. */
async function fill(client: Client, runs: string[]): Promise<void> {
  const { counts } = await client.health();
  for (let open = counts.executing + counts.owed; open < OPEN; open++)
    runs.push((await client.startRun({ workflow: "talk" })).id);
}

async function settled(client: Client, runs: readonly string[]): Promise<Over[]> {
  const until = performance.now() + SETTLE_MS;
  const ended: Over[] = [];
  for (const id of runs) {
    let run = await client.run(id);
    while (run.finished_at === null && performance.now() < until) {
      await pause(100);
      run = await client.run(id);
    }
    ended.push(run);
  }
  return ended;
}

interface Hit {
  readonly execution: string;
  readonly pids: readonly number[];
}

/** Somebody of an execution under way, by what he is of it; null where there is none for a while. */
async function target(stateDir: string, roll: Dice, victim: Victim): Promise<Hit | null> {
  const until = performance.now() + WAIT_MS;
  while (performance.now() < until) {
    const found = living(stateDir).filter(({ agent }) => agent !== null);
    const [first, ...others] = found;
    if (first) {
      const { execution, keeper, driver, agent } = roll.pick([first, ...others]);
      const of = { daemon: [], keeper: [keeper], driver: [driver], agent: [agent], all: [keeper, driver, agent] };
      return { execution, pids: of[victim].flatMap((pid) => pid ?? []) };
    }
    await pause(20);
  }
  return null;
}

/** Whoever carries out an execution: its keeper, the driver below that, and the agent itself. */
function living(stateDir: string) {
  const root = join(stateDir, "spool");
  return readdirSync(root).flatMap((execution) => {
    const keeper = readIdentity(textOf(join(root, execution, "claim")).trimEnd());
    if (!keeper || !isAlive(keeper)) return [];
    const driver = childOf(keeper.pid, "drivers/pi.ts");
    const agent = driver === null ? null : childOf(driver, "stream-agent.ts");
    return [{ execution, keeper: keeper.pid, driver, agent }];
  });
}

/** Shells that were told to start it have its name among their words, too. */
function childOf(pid: number, named: string): number | null {
  const children = textOf(`/proc/${pid}/task/${pid}/children`).split(" ").map(Number).filter(Boolean);
  const isIt = (words: string): boolean => words.startsWith(`${process.execPath}\0`) && words.includes(named);
  return children.find((child) => isIt(textOf(`/proc/${child}/cmdline`))) ?? null;
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
