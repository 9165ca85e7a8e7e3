import Database from "better-sqlite3";
import { type Clock, systemClock, uuidv7 } from "../../src/domain/clock.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { CONTEXT, threePhases } from "./harness.ts";

export interface Stored {
  readonly file: string;
  readonly runs: number;
  /** How many of the newest runs carry a large scratch. */
  readonly heavy: number;
  /** Whether each run has the rows of its three executions. */
  readonly executions: boolean;
}

export const WORKFLOWS = 20;
export const TRIGGERS = 5_000;
export const LABELS = ["flaky", "security", "later", "customer"] as const;
/** One trigger asks for so large a share of all runs, as a cron or a busy repository does. */
export const BUSY_SHARE = 0.05;
export const BUSY_TRIGGER = "cron:nightly";

/** Newest of the stored runs; a second lies between one and the next. */
const UNTIL = Date.parse("2026-11-21T09:00:00.000Z");
export function startOf(at: number, runs: number): string {
  return new Date(UNTIL - (runs - at) * 1000).toISOString();
}

export function triggerOf(chance: number): string {
  return `https://example.com/o/r/issues/${Math.floor(chance * TRIGGERS)}`;
}

/** Targets of lists and of growth are for so many stored runs. */
const FULL_SIZE = 1_000_000;
/** Whether such a target is met: what holds for fewer stored runs decides nothing, what fails there fails. */
export function metAt(stored: number, holds: boolean): boolean | null {
  return holds && stored < FULL_SIZE ? null : holds;
}

const AT_ONCE = 10_000;
const SCRATCH_BYTES = 20_000;
const HISTORY = JSON.stringify(
  ["a", "b", "c"].map((phase) => ({ phase, status: "succeeded", at: "2026-11-21T09:00:00.000Z" })),
);
const NODES = JSON.stringify({ a: "succeeded", b: "succeeded", c: "succeeded" });

/** Fills a database as years of use would, past the engine: plain rows in large transactions, nothing durable until the end. */
export function generate({ file, runs, heavy, executions }: Stored): void {
  void openSqliteStore({ file, clock: systemClock() }).close();
  const db = new Database(file);
  db.pragma("journal_mode = OFF");
  db.pragma("synchronous = OFF");
  db.pragma("cache_size = -262144");
  const chance = dice();
  const ids = idsFrom(() => UNTIL - runs * 1000 + made * 1000);
  let made = 0;
  const run = db.prepare(`
    INSERT INTO workflow_runs (id, workflow_name, workflow_hash, trigger_type, trigger_id, repo, issue_number,
                               current_phase, phase_history, status, reason, context, inputs, scratch, node_statuses,
                               restart_count, rev, starred, label, queued_at, started_at, updated_at, finished_at)
    VALUES (@id, @workflow, @hash, 'api', @trigger, 'o/r', @at,
            'c', @history, @status, NULL, @context, '{}', @scratch, @nodes,
            0, 7, @starred, @label, @moment, @moment, @moment, @finished)`);
  const execution = db.prepare(`
    INSERT INTO executions (id, kind, trigger_type, trigger_id, skill, repo, started_at, finished_at, success,
                            duration_ms, workflow_run_id, phase, iteration, attempt, epoch, status, node, incarnation)
    VALUES (@id, 'phase', 'api', @trigger, @skill, 'o/r', @moment, @moment, 1,
            1, @run, @phase, 0, 1, 0, 'ok', 'bench', 'bench')`);
  const version = db.prepare("INSERT INTO workflow_versions VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
  version.run(
    threePhases.hash,
    threePhases.name,
    threePhases.yaml,
    JSON.stringify(threePhases.workflow),
    startOf(0, runs),
  );
  const context = JSON.stringify(CONTEXT);
  const scratch = JSON.stringify({ notes: "x".repeat(SCRATCH_BYTES) });

  const some = db.transaction((until: number) => {
    for (; made < until; made++) {
      const id = ids();
      const moment = startOf(made, runs);
      const status = executions ? "succeeded" : statusBy(chance());
      const workflow = `workflow-${Math.floor(chance() * WORKFLOWS)}`;
      const trigger = !executions && chance() < BUSY_SHARE ? BUSY_TRIGGER : triggerOf(chance());
      run.run({
        id,
        workflow,
        hash: threePhases.hash,
        trigger,
        at: made,
        history: HISTORY,
        status,
        context,
        scratch: made >= runs - heavy ? scratch : null,
        nodes: NODES,
        starred: chance() < 0.01 ? 1 : 0,
        label: chance() < 0.01 ? (LABELS[Math.floor(chance() * LABELS.length)] as string) : null,
        moment,
        finished: status === "paused" || status === "running" ? null : moment,
      });
      if (!executions) continue;
      for (const phase of ["a", "b", "c"]) {
        execution.run({ id: ids(), trigger, skill: `${workflow}:${phase}`, moment, run: id, phase });
      }
    }
  });
  while (made < runs) some(Math.min(made + AT_ONCE, runs));
  db.close();
  settle(file);
}

/** Back to the settings of every day, and on disk: what comes next is not to pay for the writing. */
function settle(file: string): void {
  const db = new Database(file);
  db.pragma("synchronous = FULL");
  db.pragma("journal_mode = WAL");
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.close();
}

/** Most runs succeed; what people look for is rare. */
function statusBy(chance: number): string {
  if (chance < 0.9) return "succeeded";
  if (chance < 0.97) return "failed";
  if (chance < 0.995) return "cancelled";
  return chance < 0.999 ? "paused" : "running";
}

/** The same dice for everyone: two databases of one size are alike. */
function dice(): () => number {
  let seed = 1;
  return () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
}

function idsFrom(millisecond: () => number): Clock["id"] {
  return uuidv7(millisecond, (bytes) => crypto.getRandomValues(bytes));
}
