import { randomUUID } from "node:crypto";
import Database from "better-sqlite3";

/**
 * The same three-phase runs as bare SQL: what the tables, indexes and batches of the state spec cost when there is no
 * engine, no contract and no guard. The reference that throughput is a share of. A program of its own.
 */
export interface BareLoad {
  readonly file: string;
  readonly runs: number;
  readonly inFlight: number;
}

interface BareRun {
  readonly id: string;
  readonly trigger: string;
  readonly history: object[];
  readonly nodes: Record<string, string>;
  execution: string;
  /** How many of the three phases have ended. */
  ended: number;
}

function bare({ file, runs, inFlight }: BareLoad): { runs_per_s: number; commits: number } {
  const db = new Database(file);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.pragma("cache_size = -65536");
  db.exec(SCHEMA);
  const insertRun = db.prepare(`
    INSERT INTO workflow_runs (id, workflow_name, trigger_id, repo, current_phase, status, context, scratch,
                               node_statuses, started_at, updated_at)
    VALUES (?, ?, ?, ?, ?, 'running', ?, '{}', ?, ?, ?)`);
  const updateRun = db.prepare(`
    UPDATE workflow_runs
       SET current_phase = ?, phase_history = ?, node_statuses = ?, status = ?, updated_at = ?, finished_at = ?
     WHERE id = ?`);
  const insertExecution = db.prepare(`
    INSERT INTO executions (id, trigger_type, trigger_id, skill, repo, started_at, workflow_run_id)
    VALUES (?, ?, ?, ?, ?, ?, ?)`);
  const updateExecution = db.prepare(
    "UPDATE executions SET finished_at = ?, success = 1, duration_ms = ?, output_text = ? WHERE id = ?",
  );
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");

  let begun = 0;
  let done = 0;
  let commits = 0;
  let queue: { run: BareRun; isNew: boolean }[] = [];

  function ask(): void {
    const nodes = { a: "running", b: "pending", c: "pending" };
    const run = { id: randomUUID(), trigger: `trig-${begun}`, history: [], nodes, execution: "", ended: 0 };
    begun++;
    queue.push({ run, isNew: true });
  }

  function open(run: BareRun, now: string): void {
    run.execution = randomUUID();
    insertExecution.run(run.execution, "api", run.trigger, `bench:${PHASES[run.ended]}`, "o/r", now, run.id);
  }

  function create(run: BareRun): void {
    const now = new Date().toISOString();
    const nodes = JSON.stringify(run.nodes);
    insertRun.run(run.id, "bench", run.trigger, "o/r", "a", JSON.stringify({ a: 1 }), nodes, now, now);
    open(run, now);
  }

  function end(run: BareRun): void {
    const now = new Date().toISOString();
    updateExecution.run(now, 1, "ok", run.execution);
    const phase = PHASES[run.ended] as string;
    run.history.push({ phase, at: now, success: true });
    run.nodes[phase] = "succeeded";
    run.ended++;
    const next = PHASES[run.ended];
    if (next) {
      run.nodes[next] = "running";
      open(run, now);
    }
    updateRun.run(
      next ?? phase,
      JSON.stringify(run.history),
      JSON.stringify(run.nodes),
      next ? "running" : "succeeded",
      now,
      next ? null : now,
      run.id,
    );
  }

  for (let at = 0; at < inFlight; at++) ask();
  const start = performance.now();
  while (done < runs) {
    const batch = queue;
    queue = [];
    begin.run();
    for (const { run, isNew } of batch) {
      if (isNew) create(run);
      else end(run);
    }
    commit.run();
    commits++;
    for (const { run } of batch) {
      if (run.ended < PHASES.length) queue.push({ run, isNew: false });
      else {
        done++;
        if (begun < runs) ask();
      }
    }
  }
  const seconds = (performance.now() - start) / 1000;
  db.close();
  return { runs_per_s: runs / seconds, commits };
}

const PHASES = ["a", "b", "c"];

const SCHEMA = `
  CREATE TABLE workflow_runs (
    id TEXT PRIMARY KEY, workflow_name TEXT NOT NULL, trigger_id TEXT NOT NULL, repo TEXT, issue_number INTEGER,
    current_phase TEXT NOT NULL, phase_history TEXT NOT NULL DEFAULT '[]', status TEXT NOT NULL DEFAULT 'running',
    context TEXT, scratch TEXT, node_statuses TEXT, restart_count INTEGER NOT NULL DEFAULT 0,
    started_at TEXT NOT NULL, updated_at TEXT NOT NULL, finished_at TEXT);
  CREATE INDEX runs_trigger ON workflow_runs(trigger_id, status);
  CREATE INDEX runs_status ON workflow_runs(status, started_at DESC);
  CREATE INDEX runs_started ON workflow_runs(started_at DESC);
  CREATE INDEX runs_name ON workflow_runs(workflow_name, started_at DESC);
  CREATE TABLE executions (
    id TEXT PRIMARY KEY, trigger_type TEXT NOT NULL, trigger_id TEXT NOT NULL, skill TEXT NOT NULL, repo TEXT,
    issue_number INTEGER, started_at TEXT NOT NULL, finished_at TEXT, success INTEGER, error TEXT, duration_ms INTEGER,
    session_id TEXT, workflow_run_id TEXT, output_text TEXT);
  CREATE INDEX executions_trigger ON executions(trigger_type, trigger_id);
  CREATE INDEX executions_skill ON executions(skill, started_at);
  CREATE INDEX executions_run ON executions(workflow_run_id, skill);`;

if (import.meta.main) {
  process.stdout.write(JSON.stringify(bare(JSON.parse(process.argv[2] as string) as BareLoad)));
}
