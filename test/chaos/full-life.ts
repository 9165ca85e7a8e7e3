import { asFault } from "../../src/domain/fault.ts";
import { isOver } from "../../src/domain/run.ts";
import type { Client } from "../../src/http/client.ts";
import type { FullWorld } from "./full-world.ts";
import type { Ledger } from "./ledger.ts";
import { pause, within } from "./pace.ts";
import type { Act } from "./strace.ts";
import {
  isStopped,
  keeperOf,
  ONE_POOL_THREAD,
  type Strike,
  strikeAt,
  tracedFromBirth,
  tracedKeeper,
} from "./strike.ts";

/** `denied`: that one call finds no room. `filled`: none is left behind that call, until it is given back; `greedily`: nor is the ballast's. */
export type How = "denied" | "filled" | "filled greedily";

const WISH = { workflow: "full", inputs: {}, idempotency_key: "run-0" } as const;
const LIFE_MS = 45_000;
/** How long a disk stays full once everything has settled, and at most. */
const FULL_MS = 500;
const LONGEST_FULL_MS = 10_000;

/** One daemon's life as it was seen from outside. */
export interface Life {
  ready: boolean;
  /** What it said when it ended before that. */
  lastWords: string;
  /** Its exit code, or the signal that ended it. */
  ended: number | string;
  /** The run's status and reason as last seen. */
  run: string | null;
  trouble: string | null;
  troubled: boolean;
  paused: boolean;
  finished: boolean;
  finishedAt: number | null;
  freedAt: number | null;
}

/** Asks for the run, opens its gate, waits for its end and stops the daemon. */
export async function live(world: FullWorld, ledger: Ledger, strike: Strike | null, how: How | null): Promise<Life> {
  const daemon = world.start([...ONE_POOL_THREAD, ...prefix(strike, world)]);
  const life: Life = {
    ready: false,
    lastWords: "",
    ended: "unknown",
    run: null,
    trouble: null,
    troubled: false,
    paused: false,
    finished: false,
    finishedAt: null,
    freedAt: null,
  };
  let release = async (): Promise<void> => {};
  const enter = async (act: Act): Promise<void> => {
    await release();
    release = async () => {};
    if (strike?.act === act && strike.party !== "keeper") release = await strikeAt(daemon.pid, strike);
  };
  const over = { yes: false };
  const ended = daemon.ended.then((how) => {
    over.yes = true;
    return how;
  });
  const squeezed =
    strike && how !== null && how !== "denied"
      ? squeeze(world, strike, how, life, over, () => (strike.party === "keeper" ? keeperOf(world.folder) : daemon.pid))
      : null;
  if (squeezed) squeezed.catch((error: unknown) => ledger.violations.push(`trial: ${error}`));
  const finished = daemon.ready
    .then((client) => {
      life.ready = true;
      return finish(client, ledger, life, enter, { before: strike?.act === "run" ? strike.before : 0, how });
    })
    .then(
      () => daemon.kill("SIGTERM"),
      async (error: unknown) => {
        if (!life.ready) {
          life.lastWords = (error as Error).message;
          return;
        }
        const { code, message } = asFault(error);
        if (GONE.has(code) && (await within(PATIENCE_MS, ended))) return;
        ledger.violations.push(`trial: refused with ${code}: ${message}`);
        daemon.kill("SIGKILL");
      },
    );
  if (!(await within(LIFE_MS, ended))) {
    ledger.violations.push(`trial: not over within ${LIFE_MS} ms; the run is ${life.run}, trouble ${life.trouble}`);
    daemon.kill("SIGKILL");
  }
  life.ended = await ended;
  await within(LIFE_MS, finished);
  if (squeezed) {
    const unsettled = await squeezed.catch(() => null);
    if (unsettled) ledger.violations.push(`trial: ${unsettled}`);
  }
  await release();
  return life;
}

const PATIENCE_MS = 3_000;
const GONE = new Set(["daemon.unreachable", "store.stopped"]);

function prefix(strike: Strike | null, { folder }: FullWorld): readonly string[] {
  if (strike?.party === "keeper") return tracedKeeper(strike, folder, 1);
  return strike?.act === "start" ? tracedFromBirth(strike) : [];
}

/** Fills the disk where the strike stops, holds it full until all has settled, and gives it back. Returns what did not settle. */
async function squeeze(
  { disk }: FullWorld,
  strike: Strike,
  how: How,
  life: Life,
  over: { readonly yes: boolean },
  pidOf: () => number | null,
): Promise<string | null> {
  while (!isStopped(strike)) {
    if (over.yes) return null;
    await pause(5);
  }
  const greedy = how === "filled greedily";
  disk.fill({ greedy });
  process.kill(pidOf() as number, "SIGCONT");
  const full = performance.now();
  let calm = full;
  const held = (): boolean => {
    const now = performance.now();
    // With nothing left to write into, not even a pause can be recorded; it must only be known.
    const settled = greedy || life.run === null || /^(queued|paused (disk_full|gate)|succeeded)/.test(life.run);
    if (life.trouble === null || !settled) calm = now;
    return now - calm < FULL_MS && now - full < LONGEST_FULL_MS;
  };
  while (!over.yes && !life.finished && held()) await pause(10);
  const settled = over.yes || life.finished || performance.now() - calm >= FULL_MS;
  disk.free();
  life.freedAt = performance.now();
  if (settled) return null;
  return `after ${LONGEST_FULL_MS} ms without room the run was "${life.run}" and the trouble "${life.trouble}"`;
}

async function finish(
  client: Client,
  ledger: Ledger,
  life: Life,
  enter: (act: Act) => Promise<void>,
  { before, how }: { before: number; how: How | null },
): Promise<void> {
  const look = async (): Promise<void> => {
    life.trouble = (await client.health()).trouble;
    life.troubled ||= life.trouble !== null;
    // One call was denied, and by then there was room again already.
    if (life.troubled && how === "denied") life.freedAt ??= performance.now();
  };
  await fillLog(client, ledger, before);
  await enter("run");
  const { id } = await insist(() => client.startRun(WISH), look);
  ledger.created.set(WISH.idempotency_key, id);
  let opened = false;
  for (;;) {
    await look();
    const run = await client.run(id);
    life.run = run.reason === null ? run.status : `${run.status} ${run.reason}`;
    life.paused ||= life.run === "paused disk_full";
    if (isOver(run.status)) {
      life.finished = true;
      life.finishedAt = performance.now();
      return;
    }
    const gate = run.approvals.find(({ status }) => status === "pending");
    if (gate) {
      if (!opened) await enter("end");
      opened = true;
      await insist(() => answer(client, ledger, gate.id), look);
    }
    await pause(10);
  }
}

/** So many runs of two phases each: what they wrote stands in the log of the database until it is moved over. */
async function fillLog(client: Client, ledger: Ledger, runs: number): Promise<void> {
  for (let number = 1; number <= runs; number++) {
    const key = `run-${number}`;
    const { id } = await client.startRun({ workflow: "blink", inputs: { number }, idempotency_key: key });
    ledger.created.set(key, id);
    // One after another: together they would share commits, and the log stay short.
    while ((await client.run(id)).finished_at === null) await pause(10);
  }
}

async function answer(client: Client, ledger: Ledger, gate: string): Promise<void> {
  const again = ledger.asked.has(gate);
  ledger.asked.set(gate, "approve");
  try {
    await client.respond(gate, { decision: "approve" });
  } catch (error) {
    // Said before without hearing back.
    if (!again || asFault(error).code !== "approval.answered") throw error;
  }
  ledger.answered.set(gate, "approve");
}

const NO_ROOM = new Set(["disk.full", "store.trouble"]);

/** Asks again for as long as it is refused for want of room. */
async function insist<T>(ask: () => Promise<T>, look: () => Promise<void>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!NO_ROOM.has(asFault(error).code)) throw error;
      await look();
      await pause(50);
    }
  }
}
