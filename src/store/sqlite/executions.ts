import type { Database } from "better-sqlite3";
import type { ExecutionStatus, FailureClass, LiveExecution } from "../../domain/execution.ts";
import { graphOf } from "../../domain/graph.ts";
import type { Json } from "../../domain/json.ts";
import { loopOf, roundOf } from "../../domain/round.ts";
import type { Effect } from "../../domain/run.ts";
import { type Phase, type PhaseType, PROGRAM_TYPES } from "../../domain/workflow.ts";
import type { ExecutionLine } from "../lines.ts";
import type { Grant, Lease } from "../store.ts";
import type { Entry } from "./batch.ts";
import { ENOUGH, type Outputs } from "./outputs.ts";
import { type UsageRow, usageOf } from "./usage.ts";
import type { Versions } from "./versions.ts";

type Close = Extract<Effect, { type: "execution.close" }>;

interface LiveRow {
  id: string;
  phase: string;
  name: string | null;
  iteration: number;
  attempt: number;
  epoch: number;
  started_at: string;
}

interface Row extends Omit<ExecutionLine, "success" | "idle" | "input" | "outputs"> {
  success: number | null;
  idle: number | null;
  input: string | null;
  outputs: string | null;
}

export interface BriefRow extends LiveRow {
  workflow_run_id: string;
}

/** Tries of phases: rows of `executions`, with what they took and gave in `execution_io`. */
export function executions(db: Database, versions: Versions, outputs: Outputs) {
  const open = db.prepare(`
    INSERT INTO executions (id, kind, trigger_type, trigger_id, skill, repo, issue_number, started_at, workflow_run_id,
                            phase, name, iteration, attempt, epoch, status, session_id, node, incarnation)
    VALUES (@id, 'phase', @trigger_type, @trigger_id, @skill, @repo, @issue_number, @started_at, @run,
            @phase, @name, @iteration, @attempt, @epoch, 'running', @session, @node, @incarnation)`);
  const close = db.prepare(`
    UPDATE executions
       SET status = @status, success = @success, error = @error, failure = @failure,
           finished_at = @now, duration_ms = @duration
     WHERE id = @id AND status = 'running'`);
  const tally = db.prepare(`
    UPDATE executions
       SET cost_usd = @usd, turns = @turns, input_tokens = @inputTokens, output_tokens = @outputTokens,
           cache_read_input_tokens = @cacheReadTokens, cache_creation_input_tokens = @cacheCreationTokens
     WHERE id = @id`);
  const bridge = db.prepare("UPDATE executions SET output_text = @text WHERE id = @id");
  const markIdle = db.prepare("UPDATE executions SET idle = 1 WHERE id = @id");
  const markRetries = db.prepare("UPDATE executions SET retries = @retries WHERE id = @id");
  const stopReason = db.prepare("UPDATE executions SET stop_reason = @reason WHERE id = @id");
  const keep = db.prepare(`
    INSERT INTO execution_io (execution_id, input, output, output_bytes, exit_code, outputs)
    VALUES (@id, @input, @output, @bytes, @exit_code, @outputs)
        ON CONFLICT (execution_id) DO UPDATE
       SET input = coalesce(input, excluded.input), output = excluded.output, output_bytes = excluded.output_bytes,
           exit_code = excluded.exit_code, outputs = excluded.outputs`);
  const keepInput = db.prepare(`
    INSERT INTO execution_io (execution_id, input) VALUES (@id, @input)
        ON CONFLICT (execution_id) DO UPDATE SET input = coalesce(input, excluded.input)`);
  const inputBefore = db
    .prepare<Try, string>(`
    SELECT io.input
      FROM executions AS e JOIN execution_io AS io ON io.execution_id = e.id
     WHERE e.workflow_run_id = @run AND e.kind = 'phase' AND e.phase = @phase AND e.iteration = @iteration
       AND e.epoch = @epoch AND e.attempt <= @attempt AND io.input IS NOT NULL
     ORDER BY e.attempt LIMIT 1`)
    .pluck();
  const inputOfEarlier = db.prepare<Try & { name: string }, { input: string; epoch: number }>(`
    SELECT io.input, e.epoch
      FROM executions AS e INDEXED BY executions_try JOIN execution_io AS io ON io.execution_id = e.id
     WHERE e.workflow_run_id = @run AND e.kind = 'phase' AND e.phase = @phase AND coalesce(e.name, e.phase) = @name
       AND e.epoch < @epoch AND io.input IS NOT NULL
     ORDER BY e.epoch DESC, e.iteration DESC, e.attempt LIMIT 1`);
  const live = db.prepare<{ run: string }, LiveRow & UsageRow>(`
    SELECT id, phase, name, iteration, attempt, epoch, started_at, cost_usd, turns, input_tokens, output_tokens,
           cache_read_input_tokens, cache_creation_input_tokens
      FROM executions INDEXED BY executions_live
     WHERE workflow_run_id = @run AND status = 'running'`);
  const count = db
    .prepare<[], number>("SELECT count(*) FROM executions INDEXED BY executions_live WHERE status = 'running'")
    .pluck();
  const orphans = db.prepare<{ incarnation: string }, LiveRow & { run: string; hash: string }>(`
    SELECT e.id, e.phase, e.name, e.iteration, e.attempt, e.epoch, e.started_at, e.workflow_run_id AS run, r.workflow_hash AS hash
      FROM executions AS e INDEXED BY executions_live
      JOIN workflow_runs AS r ON r.id = e.workflow_run_id
     WHERE e.status = 'running' AND e.incarnation IS NOT @incarnation AND r.workflow_hash IS NOT NULL
     ORDER BY e.workflow_run_id`);
  const brief = db.prepare<{ id: string }, BriefRow>(`
    SELECT id, workflow_run_id, phase, name, iteration, attempt, epoch, started_at
      FROM executions
     WHERE id = @id AND status = 'running'`);
  const ofRun = db.prepare<{ run: string }, Row>(`
    SELECT e.id, e.workflow_run_id, e.skill, e.phase, coalesce(e.name, e.phase) AS name, e.iteration, e.attempt, e.epoch, e.status, e.success, e.error,
           e.failure, e.started_at, e.finished_at, e.duration_ms, e.session_id, e.runtime_session_id, e.retries,
           e.cost_usd, e.turns, e.input_tokens, e.output_tokens, e.idle,
           io.exit_code, io.input, io.output, io.output_bytes, io.outputs
      FROM executions AS e LEFT JOIN execution_io AS io ON io.execution_id = e.id
     WHERE e.workflow_run_id = @run
     ORDER BY e.started_at, e.id`);

  return {
    /** `node` is null for what no worker carries out: a child run's end. */
    open: ({ run, row, workflow }: Entry, execution: LiveExecution, node: Lease | null): void => {
      const { type } = graphOf(workflow).phase.get(execution.phase) as Phase;
      open.run({
        id: execution.id,
        trigger_type: row.trigger_type,
        trigger_id: row.trigger_id,
        skill: `${row.workflow_name}:${execution.name}`,
        repo: row.repo,
        issue_number: row.issue_number,
        started_at: execution.startedAt,
        run: run.id,
        phase: execution.phase,
        name: execution.name === execution.phase ? null : execution.name,
        iteration: execution.iteration,
        attempt: execution.attempt,
        epoch: execution.epoch,
        session: PROGRAM_TYPES.has(type) ? execution.id : null,
        node: node?.node ?? null,
        incarnation: node?.incarnation ?? null,
      });
    },
    /** What a try has used up so far. */
    tally: ({ id, used }: LiveExecution): void => {
      tally.run({ id, ...UNKNOWN, ...used });
    },
    close: ({ execution, status, error, outcome }: Close, { row, workflow }: Entry, now: string): void => {
      const { id } = execution;
      close.run({
        id,
        status,
        success: status === "ok" ? 1 : 0,
        error,
        failure: failureOf(status, outcome),
        now,
        duration: Math.max(0, Date.parse(now) - Date.parse(execution.startedAt)),
      });
      if (!outcome) return;
      if (outcome.usage) tally.run({ id, ...UNKNOWN, ...execution.used });
      if (outcome.type === "succeeded" && outcome.idle) markIdle.run({ id });
      if (outcome.retries !== undefined) markRetries.run({ id, retries: outcome.retries });
      outputs.keepArtefacts(id, row.workflow_name, outcome.artefacts ?? [], now);
      const named = outcome.type === "succeeded" ? outcome.outputs : undefined;
      const { output, exitCode, input } = outcome;
      if (output === undefined && exitCode === undefined && input === undefined && named === undefined) return;
      keep.run({
        id,
        input: input === undefined ? null : JSON.stringify(input),
        output: output?.text ?? null,
        bytes: output?.bytes ?? null,
        exit_code: exitCode ?? null,
        outputs: named === undefined ? null : JSON.stringify(named),
      });
      const round = roundOf(execution.phase, execution.name);
      if (!loopOf(graphOf(workflow).phase.get(execution.phase) as Phase)) return;
      const until = outcome.type === "succeeded" ? outcome.seen?.until : undefined;
      if (until !== undefined || round?.part === "check") stopReason.run({ id, reason: until ? ENOUGH : "continue" });
      if (round?.part !== "check") bridge.run({ id, text: output?.text ?? "" });
    },
    keepInput: (id: string, input: Json): void => {
      keepInput.run({ id, input: JSON.stringify(input) });
    },
    /** What the first try of this iteration was given. */
    input: (of: Try): Json => {
      const text = inputBefore.get(of);
      return text === undefined ? null : (JSON.parse(text) as Json);
    },
    /** What the same was given the last time, before an operator had the run go on; and in which epoch that was. */
    inputOfEarlier: (of: Try & { name: string }): { input: Json; epoch: number } | null => {
      const found = inputOfEarlier.get(of);
      return found ? { input: JSON.parse(found.input) as Json, epoch: found.epoch } : null;
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
    ofRun: (run: string): ExecutionLine[] =>
      ofRun.all({ run }).map((row) => ({
        ...row,
        success: row.success === null ? null : row.success === 1,
        idle: row.idle === 1,
        input: row.input === null ? null : (JSON.parse(row.input) as Json),
        outputs: row.outputs === null ? null : (JSON.parse(row.outputs) as Json),
      })),
  };
}
export type Executions = ReturnType<typeof executions>;

const UNKNOWN = {
  usd: null,
  turns: null,
  inputTokens: null,
  outputTokens: null,
  cacheReadTokens: null,
  cacheCreationTokens: null,
};

interface Try {
  run: string;
  phase: string;
  iteration: number;
  epoch: number;
  attempt: number;
}

function failureOf(status: ExecutionStatus, outcome: Close["outcome"]): FailureClass | null {
  if (outcome?.type === "failed") return outcome.failure;
  return status === "interrupted" ? "lost" : null;
}

function toLive(row: LiveRow & UsageRow): LiveExecution {
  const used = usageOf(row);
  return {
    id: row.id,
    phase: row.phase,
    name: row.name ?? row.phase,
    iteration: row.iteration,
    attempt: row.attempt,
    epoch: row.epoch,
    startedAt: row.started_at,
    ...(used ? { used } : {}),
  };
}

/** What a worker is handed for an execution that was just opened. */
export function grantOf(
  run: string,
  workflow: string,
  phaseType: PhaseType,
  execution: Omit<LiveExecution, "startedAt" | "name"> & { readonly name: string | null },
): Grant {
  return {
    execution: execution.id,
    run,
    workflow,
    phase: execution.phase,
    name: execution.name ?? execution.phase,
    phaseType,
    iteration: execution.iteration,
    attempt: execution.attempt,
    epoch: execution.epoch,
  };
}
