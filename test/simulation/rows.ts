import type { Database } from "better-sqlite3";
import type { PendingGate } from "../../src/domain/approval.ts";
import type { Iso } from "../../src/domain/clock.ts";
import type { ExecutionStatus, LiveExecution, Usage } from "../../src/domain/execution.ts";
import type { Deadline, Ending, HistoryLine, Hold, Run, RunReason, RunStatus } from "../../src/domain/run.ts";
import type { ApprovalLine } from "../../src/store/lines.ts";
import { phasesOf } from "../../src/store/sqlite/runs.ts";
import type { EffectKind } from "../../src/store/store.ts";
import { type Books, emptyBooks, type Place } from "../domain/books.ts";

/** A run as its rows have it. */
export interface Recorded {
  readonly run: Run;
  readonly books: Books;
  readonly executions: readonly ExecutionRow[];
  readonly approvals: readonly ApprovalRow[];
  readonly key: string | null;
  readonly workflow: string;
  readonly group: string | null;
  readonly parent: string | null;
}

export interface ExecutionRow extends LiveExecution {
  readonly run: string;
  readonly status: ExecutionStatus;
  /** Whose worker it has; null for what no worker carries out. */
  readonly incarnation: string | null;
}

/** What a try has used up; null is unknown. */
type Used = { readonly [Figure in Exclude<keyof Usage, "cacheReadTokens">]: number | null };

export interface ApprovalRow {
  readonly id: string;
  readonly phase: string;
  readonly iteration: number;
  readonly kind: PendingGate["kind"];
  readonly status: string;
  readonly createdAt: Iso;
}

export interface OwedRow {
  readonly id: string;
  readonly run: string;
  readonly kind: EffectKind;
  readonly state: "owed" | "held" | "done";
  readonly incarnation: string | null;
  readonly due: Iso;
  readonly payload: string;
}

interface RunRow {
  id: string;
  workflow: string;
  hash: string;
  status: RunStatus;
  reason: RunReason | null;
  hold: Hold | null;
  statuses: string;
  states: string | null;
  current: string;
  restarts: number;
  rev: number;
  epoch: number;
  started: Iso;
  updated: Iso;
  finished: Iso | null;
  ending: string | null;
  deadline: string | null;
  usd: number;
  turns: number;
  tokens: number;
  history: string;
  key: string | null;
  grp: string | null;
  parent: string | null;
  place: string | null;
}

/** A short look at every run: enough to see that one has changed. */
export interface Glance {
  readonly id: string;
  readonly rev: number;
  readonly epoch: number;
  readonly status: RunStatus;
  readonly hold: Hold | null;
  readonly grp: string | null;
  /** The version's hash. */
  readonly workflow: string;
  /** All of a row that only a transition may change. */
  readonly sign: string;
}

/** Looks at the rows from outside, by no code of the daemon's that decides anything. */
export function openRows(db: Database) {
  const glance = db.prepare<[], Glance>(`
    SELECT id, rev, epoch, status, hold, concurrency_key AS grp, workflow_hash AS workflow,
           status || '|' || coalesce(reason, '') || '|' || coalesce(hold, '') || '|' || node_statuses || coalesce(phase_states, '')
             || '|' || current_phase || '|' || restart_count || '|' || coalesce(ending, '') || coalesce(deadline, '')
             || '|' || length(phase_history) || '|' || coalesce(finished_at, '') || coalesce(scratch, '') || updated_at AS sign
      FROM workflow_runs`);
  const run = db.prepare<{ id: string }, RunRow>(`
    SELECT id, workflow_name AS workflow, workflow_hash AS hash, status, reason, hold, node_statuses AS statuses,
           phase_states AS states, current_phase AS current, restart_count AS restarts, rev, epoch, started_at AS started,
           updated_at AS updated, finished_at AS finished, ending, deadline, cost_usd AS usd, turns, tokens,
           phase_history AS history, idempotency_key AS key, concurrency_key AS grp, parent_run_id AS parent, parent_place AS place
      FROM workflow_runs WHERE id = @id`);
  const executions = db.prepare<{ id: string }, ExecutionRow & Used>(`
    SELECT id, workflow_run_id AS run, phase, coalesce(name, phase) AS name, iteration, attempt, epoch, status,
           started_at AS startedAt, incarnation, cost_usd AS usd, turns, input_tokens AS inputTokens,
           output_tokens AS outputTokens, cache_creation_input_tokens AS cacheCreationTokens
      FROM executions WHERE workflow_run_id = @id AND kind = 'phase' ORDER BY id`);
  const approvals = db.prepare<{ id: string }, ApprovalRow>(`
    SELECT id, phase, iteration, kind, status, created_at AS createdAt FROM workflow_approvals WHERE workflow_run_id = @id ORDER BY id`);
  const owed = db.prepare<{ id: string }, OwedRow>(`
    SELECT id, run_id AS run, kind, state, incarnation, due, payload FROM outbox WHERE run_id = @id`);
  const starts = db.prepare<{ id: string }, { id: string; payload: string }>(
    "SELECT id, payload FROM effects WHERE run_id = @id AND kind = 'phase' AND state = 'owed'",
  );
  const children = db.prepare<{ id: string }, { place: string; finished: Iso | null }>(
    "SELECT parent_place AS place, finished_at AS finished FROM workflow_runs WHERE parent_run_id = @id",
  );
  const one = db.prepare<{ id: string }, ExecutionRow>(`
    SELECT id, workflow_run_id AS run, phase, coalesce(name, phase) AS name, iteration, attempt, epoch, status,
           started_at AS startedAt, incarnation
      FROM executions WHERE id = @id`);
  const running = db.prepare<[], ExecutionRow>(`
    SELECT id, workflow_run_id AS run, phase, coalesce(name, phase) AS name, iteration, attempt, epoch, status,
           started_at AS startedAt, incarnation
      FROM executions WHERE status = 'running'`);
  const label = db.prepare<{ id: string }, { key: string | null }>(
    "SELECT idempotency_key AS key FROM workflow_runs WHERE id = @id",
  );
  const effect = db.prepare<{ id: string }, OwedRow>(
    "SELECT id, run_id AS run, kind, state, incarnation, due, payload FROM outbox WHERE id = @id",
  );
  const waiting = db.prepare<[], OwedRow>(
    "SELECT id, run_id AS run, kind, state, incarnation, due, payload FROM outbox WHERE state <> 'done'",
  );
  const executing = db
    .prepare<[], number>("SELECT count(*) FROM executions WHERE status = 'running' AND incarnation IS NOT NULL")
    .pluck();
  const endings = db.prepare<[], { status: RunStatus; reason: RunReason | null }>(
    "SELECT status, reason FROM workflow_runs",
  );
  const countStarts = db.prepare<[], number>("SELECT count(*) FROM effects WHERE state = 'owed'").pluck();
  const approval = db.prepare<{ id: string }, ApprovalLine>("SELECT * FROM workflow_approvals WHERE id = @id");
  const youngsters = db.prepare<[], { id: string; parent: string; place: string }>(`
    SELECT id, parent_run_id AS parent, parent_place AS place FROM workflow_runs
     WHERE parent_run_id IS NOT NULL AND finished_at IS NULL AND ending IS NULL`);
  const labels = new Map<string, string>();

  function labelOf(id: string): string {
    const known = labels.get(id);
    if (known !== undefined) return known;
    const key = label.get({ id })?.key;
    if (key == null) return id;
    const child = /^child\/([^/]+)\/(.+)$/.exec(key);
    const made = child ? `${labelOf(child[1] as string)}>${child[2]}` : key;
    labels.set(id, made);
    return made;
  }

  return {
    glances: (): Glance[] => glance.all(),
    execution: (id: string): ExecutionRow | undefined => one.get({ id }),
    running: (): ExecutionRow[] => running.all(),
    effect: (id: string): OwedRow | undefined => effect.get({ id }),
    waiting: (): OwedRow[] => waiting.all(),
    approval: (id: string): ApprovalLine => approval.get({ id }) as ApprovalLine,
    endings: () => endings.all(),
    executing: (): number => executing.get() as number,
    /** Children that are neither over nor ending. */
    youngsters: () => youngsters.all().map(({ place, ...row }) => ({ ...row, place: JSON.parse(place) as Place })),
    startable: (): number => countStarts.get() as number,
    /** What a run is called in a script: by who asked for it, since ids are of chance. */
    labelOf,
    recorded: (id: string): Recorded | null => {
      const row = run.get({ id });
      if (!row) return null;
      const tries = executions.all({ id });
      const gates = approvals.all({ id });
      const lines = JSON.parse(row.history) as HistoryLine[];
      const live = tries.filter(({ status }) => status === "running");
      return {
        run: {
          id,
          status: row.status,
          reason: row.reason,
          hold: row.hold,
          phases: phasesOf(row.statuses, row.states),
          currentPhase: row.current,
          restartCount: row.restarts,
          rev: row.rev,
          epoch: row.epoch,
          startedAt: row.started,
          updatedAt: row.updated,
          finishedAt: row.finished,
          live,
          gates: gates.filter(({ status }) => status === "pending"),
          ending: row.ending === null ? null : (JSON.parse(row.ending) as Ending),
          deadline: row.deadline === null ? null : (JSON.parse(row.deadline) as Deadline),
          spent: { usd: row.usd, turns: row.turns, tokens: row.tokens },
        },
        books: { ...booksOf(row, tries), lines },
        executions: tries,
        approvals: gates,
        key: row.key,
        workflow: row.hash,
        group: row.grp,
        parent: row.parent,
      };
    },
  };

  function booksOf({ id, finished }: RunRow, tries: readonly (ExecutionRow & Used)[]): Books {
    const books = emptyBooks();
    for (const each of tries) {
      books.opened.set(each.id, each);
      const { usd, turns, inputTokens, outputTokens, cacheCreationTokens } = each;
      const figures = Object.entries({ usd, turns, inputTokens, outputTokens, cacheCreationTokens });
      books.used.set(each.id, Object.fromEntries(figures.filter(([, figure]) => figure !== null)));
      if (each.status !== "running")
        books.closed.set(each.id, {
          type: "execution.close",
          execution: each,
          status: each.status,
          error: null,
          outcome: null,
        });
    }
    if (finished !== null) return books;
    books.starts = starts.all({ id }).map(({ id: start, payload }) => ({
      ...(JSON.parse(payload) as Omit<Place, "epoch">),
      epoch: Number(start.split("/").at(-2)),
    }));
    for (const { kind, state, payload } of owed.all({ id })) {
      if (state === "done") continue;
      const said = JSON.parse(payload) as Place & { place: Place; due: Iso };
      if (kind === "decide") books.decisions.push(said);
      else if (kind === "timer") books.timers.push(said);
      else if (kind === "child") books.children.push(said);
      else if (kind === "action") books.actions.push(said);
      else if (kind === "child_ended") books.children.push(said.place);
    }
    for (const child of children.all({ id }))
      if (child.finished === null) books.children.push(JSON.parse(child.place) as Place);
    return books;
  }
}

export type Rows = ReturnType<typeof openRows>;
