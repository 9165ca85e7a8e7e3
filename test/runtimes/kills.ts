import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { isAlive, readIdentity } from "../../src/engine/processes.ts";
import type { Client } from "../../src/http/client.ts";
import { bubblewrap } from "../../src/runtimes/sandbox/bubblewrap.ts";
import { type Dice, dice } from "../chaos/dice.ts";
import { orphansOf } from "../chaos/orphans.ts";
import { pause } from "../chaos/pace.ts";
import { killAll, textOf } from "../chaos/victims.ts";
import { type DaemonProcess, endPrograms, startDaemon } from "../support/daemon.ts";
import { streamingPi, streamingWorkflow } from "../support/streaming.ts";
import { auditOf, type Over } from "./kills-audit.ts";

const VICTIMS = ["daemon", "keeper", "sandbox", "driver", "agent", "all"] as const;
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
const SANDBOXED = 0.8;
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
  const isSandboxed = "found" in (await bubblewrap({ path: pi.path, cache: join(folder, "compiled") }).available());
  let sandbox = "none";
  // Most daemons, by chance, put their agents into a sandbox; whoever comes next attaches to either.
  const start = (): DaemonProcess => {
    sandbox = isSandboxed && roll.chance(SANDBOXED) ? "bubblewrap" : "none";
    const environment = {
      LASTLIGHT_SANDBOX: sandbox,
      LASTLIGHT_UNSAFE_NO_SANDBOX: "1",
      LASTLIGHT_SAFE_MODE_AFTER: "0",
    };
    return startDaemon({ stateDir, workflows, environment: { PATH: pi.path, ...environment } });
  };
  let daemon = start();
  const runs: string[] = [];
  const casualties = new Set<string>();
  const done = { daemon: 0, keeper: 0, sandbox: 0, driver: 0, agent: 0, all: 0 };
  try {
    for (let killed = 0; killed < kills; ) {
      const client = await daemon.ready;
      await fill(client, runs);
      await pause(roll.between(20, 400));
      const victim = roll.pick(VICTIMS);
      if (victim === "sandbox" && sandbox === "none") continue;
      const hit = victim === "daemon" ? null : await target(stateDir, roll, victim, () => fill(client, runs));
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
      starts: pi.starts(stateDir),
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
async function target(
  stateDir: string,
  roll: Dice,
  victim: Exclude<Victim, "daemon">,
  refill: () => Promise<void>,
): Promise<Hit | null> {
  const until = performance.now() + WAIT_MS;
  for (;;) {
    const [first, ...others] = living(stateDir).flatMap((each) => hitOf(each, victim, roll) ?? []);
    if (first) return roll.pick([first, ...others]);
    if (performance.now() >= until) return null;
    await pause(20);
    // All may have ended while there was no daemon.
    await refill();
  }
}

function hitOf(
  { execution, keeper, sandbox, driver, agent }: Living,
  victim: Exclude<Victim, "daemon">,
  roll: Dice,
): Hit | null {
  if (driver === null || agent === null) return null;
  const [first, ...others] = sandbox;
  const holder = first === undefined ? [] : [roll.pick([first, ...others])];
  const all = [keeper, ...sandbox, driver, agent];
  const pids = { keeper: [keeper], sandbox: holder, driver: [driver], agent: [agent], all }[victim];
  return pids.length > 0 ? { execution, pids } : null;
}

interface Living {
  readonly execution: string;
  readonly keeper: number;
  /** The launcher, the maker, and number one inside; nobody where there is no sandbox. */
  readonly sandbox: readonly number[];
  readonly driver: number | null;
  readonly agent: number | null;
}

/** Whoever carries out an execution: its keeper, what holds the sandbox below that, the driver, and the agent itself. */
function living(stateDir: string): Living[] {
  const root = join(stateDir, "spool");
  return readdirSync(root).flatMap((execution) => {
    const keeper = readIdentity(textOf(join(root, execution, "claim")).trimEnd());
    if (!keeper || !isAlive(keeper)) return [];
    const below = descendantsOf(keeper.pid).map((pid) => ({ pid, words: textOf(`/proc/${pid}/cmdline`).split("\0") }));
    const running = (file: string): number[] =>
      below.flatMap(({ pid, words: [program, script = ""] }) => {
        return program === process.execPath && script.endsWith(file) ? [pid] : [];
      });
    const makers = below.flatMap(({ pid, words: [program = ""] }) => (basename(program) === "bwrap" ? [pid] : []));
    const [driver = null] = running("drivers/pi.ts");
    const [agent = null] = running("stream-agent.ts");
    return [{ execution, keeper: keeper.pid, sandbox: [...running("sandbox/launch.ts"), ...makers], driver, agent }];
  });
}

function descendantsOf(pid: number): number[] {
  const children = textOf(`/proc/${pid}/task/${pid}/children`).split(" ").map(Number).filter(Boolean);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
