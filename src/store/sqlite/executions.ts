import type { Database } from "better-sqlite3";
import type { ExecutionStatus, FailureClass, LiveExecution } from "../../domain/execution.ts";
import { graphOf } from "../../domain/graph.ts";
import type { Effect } from "../../domain/run.ts";
import { type Phase, type PhaseType, PROGRAM_TYPES } from "../../domain/workflow.ts";
import type { ExecutionLine, Grant, Lease, PhaseOutput } from "../store.ts";
import type { Entry } from "./batch.ts";
import type { Versions } from "./versions.ts";

type Close = Extract<Effect, { type: "execution.close" }>;

interface LiveRow {
  id: string;
  phase: string;
  iteration: number;
  attempt: number;
  epoch: number;
  started_at: string;
}

interface Row extends Omit<ExecutionLine, "success"> {
  success: number | null;
}

export interface BriefRow extends LiveRow {
  workflow_run_id: string;
  workflow_hash: string;
  context: string | null;
  inputs: string | null;
}

/** Tries of phases: rows of `executions`, with what they took and gave in `execution_io`. */
export function executions(db: Database, versions: Versions) {
  const open = db.prepare(`
    INSERT INTO executions (id, kind, trigger_type, trigger_id, skill, repo, issue_number, started_at, workflow_run_id,
                            phase, iteration, attempt, epoch, status, session_id, node, incarnation)
    VALUES (@id, 'phase', @trigger_type, @trigger_id, @skill, @repo, @issue_number, @started_at, @run,
            @phase, @iteration, @attempt, @epoch, 'running', @session, @node, @incarnation)`);
  const close = db.prepare(`
    UPDATE executions
       SET status = @status, success = @success, error = @error, failure = @failure,
           finished_at = @now, duration_ms = @duration
     WHERE id = @id AND status = 'running'`);
  const keep = db.prepare(`
    INSERT INTO execution_io (execution_id, input, output, output_bytes, exit_code)
    VALUES (@id, @input, @output, @bytes, @exit_code)`);
  const live = db.prepare<{ run: string }, LiveRow>(`
    SELECT id, phase, iteration, attempt, epoch, started_at
      FROM executions INDEXED BY executions_live
     WHERE workflow_run_id = @run AND status = 'running'`);
  const count = db
    .prepare<[], number>("SELECT count(*) FROM executions INDEXED BY executions_live WHERE status = 'running'")
    .pluck();
  const orphans = db.prepare<{ incarnation: string }, LiveRow & { run: string; hash: string }>(`
    SELECT e.id, e.phase, e.iteration, e.attempt, e.epoch, e.started_at, e.workflow_run_id AS run, r.workflow_hash AS hash
      FROM executions AS e INDEXED BY executions_live
      JOIN workflow_runs AS r ON r.id = e.workflow_run_id
     WHERE e.status = 'running' AND e.incarnation IS NOT @incarnation AND r.workflow_hash IS NOT NULL
     ORDER BY e.workflow_run_id`);
  const brief = db.prepare<{ id: string }, BriefRow>(`
    SELECT e.id, e.workflow_run_id, e.phase, e.iteration, e.attempt, e.epoch, e.started_at,
           r.workflow_hash, r.context, r.inputs
      FROM executions AS e JOIN workflow_runs AS r ON r.id = e.workflow_run_id
     WHERE e.id = @id AND e.status = 'running'`);
  const outputs = db.prepare<
    { run: string },
    { phase: string; execution: string; text: string | null; bytes: number }
  >(`
    SELECT e.phase, e.id AS execution, io.output AS text, coalesce(io.output_bytes, 0) AS bytes
      FROM executions AS e LEFT JOIN execution_io AS io ON io.execution_id = e.id
     WHERE e.workflow_run_id = @run AND e.kind = 'phase' AND e.status = 'ok'
     ORDER BY e.epoch, e.iteration, e.attempt`);
  const ofRun = db.prepare<{ run: string }, Row>(`
    SELECT e.id, e.workflow_run_id, e.skill, e.phase, e.iteration, e.attempt, e.epoch, e.status, e.success, e.error,
           e.failure, e.started_at, e.finished_at, e.duration_ms, e.session_id,
           io.exit_code, io.output, io.output_bytes
      FROM executions AS e LEFT JOIN execution_io AS io ON io.execution_id = e.id
     WHERE e.workflow_run_id = @run
     ORDER BY e.started_at, e.id`);

  return {
    open: ({ run, row, workflow }: Entry, execution: LiveExecution, node: Lease): void => {
      const { type } = graphOf(workflow).phase.get(execution.phase) as Phase;
      open.run({
        id: execution.id,
        trigger_type: row.trigger_type,
        trigger_id: row.trigger_id,
        skill: `${row.workflow_name}:${execution.phase}`,
        repo: row.repo,
        issue_number: row.issue_number,
        started_at: execution.startedAt,
        run: run.id,
        phase: execution.phase,
        iteration: execution.iteration,
        attempt: execution.attempt,
        epoch: execution.epoch,
        session: PROGRAM_TYPES.has(type) ? execution.id : null,
        node: node.node,
        incarnation: node.incarnation,
      });
    },
    close: ({ execution, status, error, outcome }: Close, now: string): void => {
      close.run({
        id: execution.id,
        status,
        success: status === "ok" ? 1 : 0,
        error,
        failure: failureOf(status, outcome),
        now,
        duration: Math.max(0, Date.parse(now) - Date.parse(execution.startedAt)),
      });
      if (!outcome || (outcome.output === undefined && outcome.exitCode === undefined && outcome.input === undefined))
        return;
      keep.run({
        id: execution.id,
        input: outcome.input === undefined ? null : JSON.stringify(outcome.input),
        output: outcome.output?.text ?? null,
        bytes: outcome.output?.bytes ?? null,
        exit_code: outcome.exitCode ?? null,
      });
    },
    live: (run: string): LiveExecution[] => live.all({ run }).map(toLive),
    count: (): number => count.get() as number,
    orphans: ({ incarnation }: Lease): Grant[] =>
      orphans.all({ incarnation }).flatMap(({ run, hash, ...row }) => {
        const version = versions.get(hash);
        const phase = version && graphOf(version.workflow).phase.get(row.phase);
        return version && phase ? [grantOf(run, version.name, phase.type, row)] : [];
      }),
    brief: (id: string): BriefRow | undefined => brief.get({ id }),
    outputs: (run: string): PhaseOutput[] => {
      const newest = new Map<string, PhaseOutput>();
      for (const row of outputs.all({ run })) newest.set(row.phase, { ...row, text: row.text ?? "" });
      return [...newest.values()];
    },
    ofRun: (run: string): ExecutionLine[] =>
      ofRun.all({ run }).map((row) => ({ ...row, success: row.success === null ? null : row.success === 1 })),
  };
}
export type Executions = ReturnType<typeof executions>;

function failureOf(status: ExecutionStatus, outcome: Close["outcome"]): FailureClass | null {
  if (outcome?.type === "failed") return outcome.failure;
  return status === "interrupted" ? "lost" : null;
}

function toLive(row: LiveRow): LiveExecution {
  return {
    id: row.id,
    phase: row.phase,
    iteration: row.iteration,
    attempt: row.attempt,
    epoch: row.epoch,
    startedAt: row.started_at,
  };
}

/** What a worker is handed for an execution that was just opened. */
export function grantOf(
  run: string,
  workflow: string,
  phaseType: PhaseType,
  execution: Omit<LiveExecution, "startedAt">,
): Grant {
  return {
    execution: execution.id,
    run,
    workflow,
    phase: execution.phase,
    phaseType,
    iteration: execution.iteration,
    attempt: execution.attempt,
    epoch: execution.epoch,
  };
}
