import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "../../src/http/client.ts";
import { finalAudit } from "./audit.ts";
import { gather, integrity } from "./evidence.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { orphansOf } from "./orphans.ts";
import { pause, within } from "./pace.ts";
import { auditSessions } from "./sessions.ts";
import { ACTS, type Act, attach, CALLS, readSites, type Site, type Trace, traced } from "./strace.ts";
import { createWorld, type World } from "./world.ts";

/** What became of one kill. */
export interface Trial {
  /** Where it landed; null when the life ended before that call came. */
  readonly hit: string | null;
  /** Every site of that call up to the kill, for finding out how far a life drifted from the first one. */
  readonly seen: readonly Site[];
  readonly violations: readonly string[];
  readonly folder: string;
}

const LIFE_MS = 20_000;
const WISH = { workflow: "relay", inputs: { number: 0, left: 3, right: 3 }, idempotency_key: "run-0" } as const;

/** The sites of one five-phase run, from an empty STATE_DIR to the end of a stop in good order. */
export async function sitesOfOneRun(): Promise<Site[]> {
  const sites: Site[] = [];
  for (const act of ACTS) {
    const world = createWorld(1);
    try {
      const into = join(world.folder, "trace");
      await live(createLedger(), world, { act, calls: CALLS, into });
      sites.push(...readSites(into, world.stateDir, act));
    } finally {
      await world.close(false);
    }
  }
  // The first act is over when the daemon has said where it listens; what came after belongs to the others.
  const ready = sites.findIndex(({ key }) => key.startsWith("start: rename /daemon.json.new"));
  return sites.filter(({ act }, at) => act !== "start" || at <= ready);
}

/** One life killed as it enters the site's call, and a second one that finishes the run; then the audit. */
export async function trial(site: Site): Promise<Trial> {
  const world = createWorld(1);
  let violations: string[] = ["the trial broke off"];
  try {
    const ledger = createLedger();
    const trace = join(world.folder, "trace");
    const how = await live(ledger, world, { act: site.act, calls: [site.call], into: trace, killAt: site });
    const killed = how === "SIGKILL";
    if (!killed && how !== 0) ledger.violations.push(`trial: the traced daemon ended with ${how}`);
    const again = await live(ledger, world, null);
    if (again !== 0) ledger.violations.push(`trial: the second daemon ended with ${again}`);
    const orphans = orphansOf(world.stateDir);
    const evidence = gather(world, ledger, { outputs: true });
    const whole = integrity(world.stateDir);
    violations = [
      ...finalAudit(evidence),
      ...(evidence.runs.length === 1 && evidence.runs[0]?.status === "succeeded"
        ? []
        : [`trial: ${evidence.runs.length} runs, ${evidence.runs[0]?.status}`]),
      ...auditSessions(world.stateDir, evidence).violations,
      ...orphans.map(({ pid, name, why }) => `orphan: ${pid} ${name} (${why})`),
      ...(whole === "ok" ? [] : [`database: ${whole}`]),
    ];
    const seen = existsSync(trace) ? readSites(trace, world.stateDir, site.act) : [];
    return { hit: killed ? (seen.at(-1)?.key ?? null) : null, seen, violations, folder: world.folder };
  } finally {
    await world.close(violations.length > 0);
  }
}

/** Asks for the run, opens its gate, waits for its end and stops the daemon; returns how the daemon ended. */
async function live(ledger: Ledger, world: World, trace: (Trace & { act: Act }) | null): Promise<number | string> {
  const daemon = world.start(trace?.act === "start" ? traced(trace) : undefined);
  let release = async (): Promise<void> => {};
  const enter = async (act: Act): Promise<void> => {
    await release();
    release = async () => {};
    if (trace?.act === act) release = await attach(daemon.pid, trace);
  };
  const finished = daemon.ready
    .then((client) => finish(client, ledger, enter))
    .then(
      () => daemon.kill("SIGTERM"),
      () => {},
    );
  if (!(await within(LIFE_MS, daemon.ended))) {
    ledger.violations.push(`trial: not over within ${LIFE_MS} ms`);
    daemon.kill("SIGKILL");
  }
  const how = await daemon.ended;
  await within(LIFE_MS, finished);
  await release();
  return how;
}

async function finish(client: Client, ledger: Ledger, enter: (act: Act) => Promise<void>): Promise<void> {
  await enter("run");
  const { id } = await client.startRun(WISH);
  ledger.created.set(WISH.idempotency_key, id);
  for (;;) {
    const run = await client.run(id);
    if (run.finished_at !== null) return;
    const gate = run.approvals.find(({ status }) => status === "pending");
    if (gate) {
      await enter("end");
      ledger.asked.set(gate.id, "approve");
      await client.respond(gate.id, { decision: "approve" });
      ledger.answered.set(gate.id, "approve");
    }
    await pause(10);
  }
}
