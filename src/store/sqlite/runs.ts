import type { Database } from "better-sqlite3";
import type { PhaseStatus } from "../../domain/graph.ts";
import type { Json } from "../../domain/json.ts";
import { FIRST, type PhaseState } from "../../domain/phase-state.ts";
import {
  type Deadline,
  type Ending,
  type Hold,
  newborn,
  type Run,
  type RunReason,
  type RunStatus,
} from "../../domain/run.ts";
import type { WorkflowVersion } from "../../domain/workflow.ts";
import type { RunLine } from "../lines.ts";
import type { Child, NewRun, Parent } from "../store.ts";
import type { Approvals } from "./approvals.ts";
import type { Entry, RunRow } from "./batch.ts";
import type { Executions } from "./executions.ts";
import { LINE_COLUMNS, type LineRow, toLine } from "./lists.ts";
import type { Versions } from "./versions.ts";

interface Row extends RunRow {
  current_phase: string;
  status: RunStatus;
  reason: RunReason | null;
  hold: Hold | null;
  node_statuses: string;
  phase_states: string | null;
  restart_count: number;
  rev: number;
  epoch: number;
  started_at: string;
  updated_at: string;
  finished_at: string | null;
  ending: string | null;
  deadline: string | null;
  cost_usd: number;
  turns: number;
  tokens: number;
}

export interface DetailRow extends LineRow {
  context: string | null;
  inputs: string | null;
  scratch: string | null;
  node_statuses: string | null;
  phase_history: string;
  idempotency_key: string | null;
  concurrency_key: string | null;
  ending: string | null;
  phase_states: string | null;
  inherited: string | null;
}

// Appending text keeps the cost of a line flat: the array is never parsed to grow.
const APPEND_HISTORY = `
           phase_history = CASE
             WHEN @lines IS NULL THEN phase_history
             WHEN phase_history = '[]' THEN '[' || @lines || ']'
             ELSE substr(phase_history, 1, length(phase_history) - 1) || ',' || @lines || ']'
           END`;

/** Rows of `workflow_runs`: loaded into a batch, written back when it ends. */
export function runs(db: Database, rooms: { versions: Versions; executions: Executions; approvals: Approvals }) {
  // Foreign runs (engine rule 8) have no version: no transition ever touches them.
  const load = db.prepare<{ id: string }, Row>(`
    SELECT workflow_name, workflow_hash, trigger_type, trigger_id, repo, issue_number, priority, starred, label, queued_at,
           current_phase, status, reason, hold, node_statuses, phase_states, restart_count, rev, epoch,
           started_at, updated_at, finished_at, ending, deadline, cost_usd, turns, tokens,
           parent_run_id, parent_place, forked_from, inherited, concurrency_key
      FROM workflow_runs
     WHERE id = @id AND workflow_hash IS NOT NULL`);
  const insert = db.prepare(`
    INSERT INTO workflow_runs (id, workflow_name, workflow_hash, trigger_type, trigger_id, repo, issue_number,
                               current_phase, phase_history, status, reason, context, inputs, node_statuses, phase_states,
                               restart_count, rev, epoch, priority, idempotency_key, hold, ending, deadline,
                               parent_run_id, parent_place, forked_from, inherited, concurrency_key, scratch,
                               queued_at, started_at, updated_at, finished_at)
    VALUES (@id, @workflow_name, @workflow_hash, @trigger_type, @trigger_id, @repo, @issue_number,
            @current_phase, @history, @status, @reason, @context, @inputs, @node_statuses, @phase_states,
            @restart_count, @rev, @epoch, @priority, @once, @hold, @ending, @deadline,
            @parent_run_id, @parent_place, @forked_from, @inherited, @concurrency_key, @scratch,
            @queued_at, @started_at, @updated_at, @finished_at)`);
  // Two ways to save: SQLite rewrites every index whose column is named in SET, and fires every trigger on it, changed
  // or not.
  const progress = db.prepare(`
    UPDATE workflow_runs
       SET current_phase = @current_phase, reason = @reason, hold = @hold, node_statuses = @node_statuses,
           phase_states = @phase_states, rev = @rev, epoch = @epoch, updated_at = @updated_at,
           ending = @ending, deadline = @deadline,${APPEND_HISTORY}
     WHERE id = @id`);
  const turn = db.prepare(`
    UPDATE workflow_runs
       SET status = @status, started_at = @started_at, finished_at = @finished_at,
           current_phase = @current_phase, reason = @reason, hold = @hold, node_statuses = @node_statuses,
           phase_states = @phase_states, restart_count = @restart_count, rev = @rev, epoch = @epoch,
           updated_at = @updated_at, ending = @ending, deadline = @deadline,${APPEND_HISTORY}
     WHERE id = @id`);
  const spent = db.prepare("UPDATE workflow_runs SET cost_usd = @usd, turns = @turns, tokens = @tokens WHERE id = @id");
  // Under way: not over, and not waiting for its turn.
  const active = db
    .prepare<{ key: string }, string>(`
    SELECT id FROM workflow_runs INDEXED BY runs_by_group
     WHERE concurrency_key = @key AND finished_at IS NULL AND hold IS NOT 'concurrency'`)
    .pluck();
  const waiting = db
    .prepare<{ key: string; limit: number }, string>(`
    SELECT id FROM workflow_runs INDEXED BY runs_by_group
     WHERE concurrency_key = @key AND finished_at IS NULL AND hold = 'concurrency'
     ORDER BY priority DESC, id LIMIT @limit`)
    .pluck();
  const children = db.prepare<{ id: string }, { child: string; place: string }>(`
    SELECT id AS child, parent_place AS place FROM workflow_runs INDEXED BY runs_by_parent
     WHERE parent_run_id = @id AND finished_at IS NULL`);
  const costSince = db
    .prepare<{ workflow: string; since: string }, number>(`
    SELECT coalesce(sum(cost_usd), 0) FROM workflow_runs INDEXED BY runs_cost
     WHERE workflow_name = @workflow AND started_at >= @since AND cost_usd > 0`)
    .pluck();
  // Compared by rowid, which the index has; the id would be looked up in every row.
  const costBeside = db
    .prepare<{ id: string }, number>(`
    SELECT coalesce(sum(other.cost_usd), 0)
      FROM workflow_runs AS own JOIN workflow_runs AS other INDEXED BY runs_cost
        ON other.workflow_name = own.workflow_name AND other.cost_usd > 0
       AND other.started_at >= substr(own.started_at, 1, 10) || 'T00:00:00.000Z'
       AND other.started_at <= substr(own.started_at, 1, 10) || 'T23:59:59.999Z'
       AND other.rowid <> own.rowid
     WHERE own.id = @id`)
    .pluck();
  const held = db
    .prepare<{ hold: Hold }, string>(
      "SELECT id FROM workflow_runs INDEXED BY runs_held WHERE hold = @hold AND finished_at IS NULL",
    )
    .pluck();
  const byOnce = db
    .prepare<{ key: string }, string>("SELECT id FROM workflow_runs WHERE idempotency_key = @key")
    .pluck();
  const putScratch = db.prepare(`
    UPDATE workflow_runs SET scratch = json_set(coalesce(scratch, '{}'), @path, json(@value)) WHERE id = @id`);
  const appendScratch = db.prepare(`
    UPDATE workflow_runs
       SET scratch = json_insert(
             CASE WHEN json_type(scratch, @path) = 'array' THEN scratch
                  ELSE json_set(coalesce(scratch, '{}'), @path, json('[]')) END,
             @path || '[#]', json(@value))
     WHERE id = @id`);
  const markStar = db.prepare("UPDATE workflow_runs SET starred = @starred WHERE id = @id");
  const markLabel = db.prepare("UPDATE workflow_runs SET label = @label WHERE id = @id");
  const detail = db.prepare<{ id: string }, DetailRow>(`
    SELECT ${LINE_COLUMNS}, context, inputs, scratch, node_statuses, phase_history, idempotency_key,
           concurrency_key, ending, phase_states, inherited
      FROM workflow_runs WHERE id = @id`);

  return {
    load: (id: string): Entry | null => {
      const row = load.get({ id });
      if (!row) return null;
      const version = rooms.versions.get(row.workflow_hash);
      if (!version) return null;
      const phases = phasesOf(row.node_statuses, row.phase_states);
      const run: Run = {
        id,
        status: row.status,
        reason: row.reason,
        hold: row.hold,
        phases,
        currentPhase: row.current_phase,
        // Another program's column of the same name may have made text of our numbers.
        restartCount: Number(row.restart_count),
        rev: Number(row.rev),
        epoch: Number(row.epoch),
        startedAt: row.started_at,
        updatedAt: row.updated_at,
        finishedAt: row.finished_at,
        live: some(phases, "running") ? rooms.executions.live(id) : [],
        gates: some(phases, "waiting") ? rooms.approvals.pending(id) : [],
        ending: row.ending === null ? null : (JSON.parse(row.ending) as Ending),
        deadline: row.deadline === null ? null : (JSON.parse(row.deadline) as Deadline),
        spent: { usd: Number(row.cost_usd), turns: Number(row.turns), tokens: Number(row.tokens) },
      };
      return { workflow: version.workflow, row, fresh: null, saved: run, run, lines: [] };
    },

    fresh: (request: NewRun, version: WorkflowVersion, now: string): Entry => ({
      workflow: version.workflow,
      row: {
        workflow_name: version.name,
        workflow_hash: version.hash,
        trigger_type: request.trigger.type,
        trigger_id: request.trigger.id,
        repo: request.repo,
        issue_number: request.issueNumber,
        priority: request.priority,
        starred: false,
        label: null,
        queued_at: now,
        parent_run_id: request.parent?.run ?? null,
        parent_place: request.parent ? placeText(request.parent) : null,
        forked_from: request.origin?.run ?? null,
        inherited: request.origin ? JSON.stringify(request.origin.inherited) : null,
        concurrency_key: request.group?.key ?? null,
      },
      fresh: request,
      saved: null,
      run: newborn(request.id, version.workflow, now),
      lines: [],
    }),

    /** Writes what the batch made of the run: once, however many events it saw. */
    save: (entry: Entry): void => {
      const { run, fresh, saved, row } = entry;
      const lines = entry.lines.length === 0 ? null : entry.lines.map((line) => JSON.stringify(line)).join(",");
      const states = statesOf(run);
      const common = {
        id: run.id,
        current_phase: run.currentPhase,
        reason: run.reason,
        hold: run.hold,
        node_statuses: states.statuses,
        phase_states: states.rest,
        rev: run.rev,
        epoch: run.epoch,
        updated_at: run.updatedAt,
        ending: run.ending && JSON.stringify(run.ending),
        deadline: run.deadline && JSON.stringify(run.deadline),
      };
      if (fresh) {
        insert.run({
          ...common,
          workflow_name: row.workflow_name,
          workflow_hash: row.workflow_hash,
          trigger_type: row.trigger_type,
          trigger_id: row.trigger_id,
          repo: row.repo,
          issue_number: row.issue_number,
          parent_run_id: row.parent_run_id,
          parent_place: row.parent_place,
          forked_from: row.forked_from,
          inherited: row.inherited,
          concurrency_key: row.concurrency_key,
          history: lines === null ? "[]" : `[${lines}]`,
          status: run.status,
          restart_count: run.restartCount,
          context: JSON.stringify(fresh.context),
          inputs: JSON.stringify(fresh.inputs),
          scratch: fresh.origin?.scratch === undefined ? null : JSON.stringify(fresh.origin.scratch),
          priority: row.priority,
          once: fresh.once,
          queued_at: row.queued_at,
          started_at: run.startedAt,
          finished_at: run.finishedAt,
        });
      } else if (
        saved &&
        saved.status === run.status &&
        saved.startedAt === run.startedAt &&
        saved.restartCount === run.restartCount
      ) {
        progress.run({ ...common, lines });
      } else {
        turn.run({
          ...common,
          lines,
          status: run.status,
          restart_count: run.restartCount,
          started_at: run.startedAt,
          finished_at: run.finishedAt,
        });
      }
      if (saved && saved.spent !== run.spent) spent.run({ id: run.id, ...run.spent });
      entry.fresh = null;
      entry.saved = run;
      entry.lines = [];
    },

    active: (key: string): string[] => active.all({ key }),
    waiting: (key: string, limit: number): string[] => waiting.all({ key, limit }),
    children: (id: string): Child[] =>
      children
        .all({ id })
        .map(({ child, place }) => ({ ...(JSON.parse(place) as Omit<Parent, "run">), run: id, id: child })),
    costSince: (workflow: string, since: string): number => costSince.get({ workflow, since }) ?? 0,

    costBeside: (id: string): number => costBeside.get({ id }) ?? 0,

    held: (hold: Hold): string[] => held.all({ hold }),

    byOnce: (key: string): string | null => byOnce.get({ key }) ?? null,

    writeScratch: (id: string, key: string, value: Json, append: boolean): void => {
      const parameters = { id, path: `$."${key}"`, value: JSON.stringify(value) };
      if (append) appendScratch.run(parameters);
      else putScratch.run(parameters);
    },

    mark: (id: string, marks: { starred?: boolean; label?: string | null }): boolean => {
      let changes = 0;
      if (marks.starred !== undefined) changes += markStar.run({ id, starred: marks.starred ? 1 : 0 }).changes;
      if (marks.label !== undefined) changes += markLabel.run({ id, label: marks.label }).changes;
      return changes > 0;
    },

    detail: (id: string): DetailRow | null => detail.get({ id }) ?? null,

    /** A run of this batch as lists show it. */
    line: ({ run, row }: Entry): RunLine => ({
      id: run.id,
      workflow_name: row.workflow_name,
      workflow_hash: row.workflow_hash,
      trigger_type: row.trigger_type,
      trigger_id: row.trigger_id,
      repo: row.repo,
      issue_number: row.issue_number,
      current_phase: run.currentPhase,
      status: run.status,
      reason: run.reason,
      restart_count: run.restartCount,
      rev: run.rev,
      epoch: run.epoch,
      priority: row.priority,
      starred: Boolean(row.starred),
      label: row.label,
      parent_run_id: row.parent_run_id,
      forked_from: row.forked_from,
      cost_usd: run.spent.usd,
      turns: run.spent.turns,
      tokens: run.spent.tokens,
      queued_at: row.queued_at,
      started_at: run.startedAt,
      updated_at: run.updatedAt,
      finished_at: run.finishedAt,
    }),

    lineById: (id: string): RunLine | null => {
      const row = detail.get({ id });
      return row ? toLine(row) : null;
    },
  };
}
export type Runs = ReturnType<typeof runs>;

function some(phases: Run["phases"], status: PhaseStatus): boolean {
  for (const name in phases) if ((phases[name] as PhaseState).status === status) return true;
  return false;
}

/** Also of a run that is only looked at: what another program wrote may be anything, and is then no phase of ours. */
export function phasesOf(statusText: string, restText: string | null): Record<string, PhaseState> {
  const statuses = JSON.parse(statusText) as Record<string, PhaseStatus>;
  const rest = restText === null ? null : (JSON.parse(restText) as Record<string, object>);
  const phases: Record<string, PhaseState> = {};
  for (const name in statuses) phases[name] = { status: statuses[name] as PhaseStatus, ...FIRST, ...rest?.[name] };
  return phases;
}

/** `node_statuses` is the seed's map of words; what few phases have besides stands apart, and is usually nothing. */
function statesOf({ phases }: Run): { statuses: string; rest: string | null } {
  const statuses: Record<string, PhaseStatus> = {};
  let rest: Record<string, object> | null = null;
  for (const name in phases) {
    const { status, ...more } = phases[name] as PhaseState;
    statuses[name] = status;
    if (more.iteration === FIRST.iteration && more.attempt === FIRST.attempt && Object.keys(more).length === 2)
      continue;
    rest ??= {};
    rest[name] = more;
  }
  return { statuses: JSON.stringify(statuses), rest: rest && JSON.stringify(rest) };
}

function placeText({ phase, iteration, attempt, epoch }: Parent): string {
  return JSON.stringify({ phase, iteration, attempt, epoch });
}
