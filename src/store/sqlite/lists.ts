import type { Database } from "better-sqlite3";
import type { RunStatus } from "../../domain/run.ts";
import type { RunLine } from "../lines.ts";
import type { Page, PageRequest, RunFilter } from "../store.ts";
import { fromCursor, toCursor } from "./keyset.ts";

export const LINE_COLUMNS = `id, workflow_name, workflow_hash, trigger_type, trigger_id, repo, issue_number, current_phase,
           status, reason, restart_count, rev, epoch, priority, starred, label,
           parent_run_id, forked_from, cost_usd, turns, tokens, queued_at, started_at, updated_at, finished_at`;

export interface LineRow extends Omit<RunLine, "starred"> {
  starred: number;
}

interface PlacedRow extends LineRow {
  place: number;
}

/** A place in list order: a time, and the row within it. */
interface Place {
  at: string;
  place: number;
}

interface Keys extends Place {
  since: string;
  status: string | null;
  workflow: string | null;
  trigger: string | null;
  label: string | null;
  starred: number | null;
}

/** The last place of a stride: nothing behind it is looked at. */
interface End {
  until: string;
  last: number;
}

/** How many index entries one look may walk before others get their turn. */
const STRIDE = 1_000;
const TOP: Place = { at: "9999", place: -1 };

/**
 * Every statement that lists runs, two per way in; a test asks each for its plan and its columns. Each walks an index in
 * list order, so no page is sorted and none costs more for standing deep. The index is named: the seed's single-column
 * status index must never be chosen (150 ms at 20,000 rows). `stride` tells where one stride of the index ends, `page`
 * takes from it what the whole filter lets through.
 */
export function listStatements(db: Database) {
  // Ties within a millisecond fall in row order, which is what each index itself keeps behind started_at.
  const beyond = "started_at <= @at AND (started_at < @at OR rowid > @place)";
  const order = "ORDER BY started_at DESC, rowid";
  const list = (index: string, key: string) => ({
    page: db.prepare<Keys & End & { limit: number }, PlacedRow>(`
    SELECT ${LINE_COLUMNS}, rowid AS place
      FROM workflow_runs INDEXED BY ${index}
     WHERE ${key} ${beyond} AND started_at >= @until AND (started_at > @until OR rowid <= @last)
       AND (@status IS NULL OR +status = @status) AND (@workflow IS NULL OR +workflow_name = @workflow)
       AND (@trigger IS NULL OR +trigger_id = @trigger) AND (@label IS NULL OR +label = @label)
       AND (@starred IS NULL OR +starred = @starred)
     ${order} LIMIT @limit`),
    stride: db.prepare<Keys & { skip: number }, Place>(`
    SELECT started_at AS at, rowid AS place
      FROM workflow_runs INDEXED BY ${index}
     WHERE ${key} ${beyond} AND started_at >= @since
     ${order} LIMIT 1 OFFSET @skip`),
  });
  return {
    label: list("runs_by_label", "label = @label AND"),
    trigger: list("runs_by_trigger", "trigger_id = @trigger AND"),
    starred: list("runs_starred", "starred = 1 AND"),
    workflowStatus: list("runs_by_workflow_status", "workflow_name = @workflow AND status = @status AND"),
    workflow: list("idx_workflow_runs_name_started", "workflow_name = @workflow AND"),
    status: list("runs_by_status", "status = @status AND"),
    all: list("idx_workflow_runs_started_at", ""),
  };
}

/** Lists of runs, newest first, by keyset (engine rule 7). However rare what is looked for, the event loop is never held long. */
export function runLists(db: Database) {
  const statements = listStatements(db);
  const placeOf = db.prepare<{ id: string }, number>("SELECT rowid FROM workflow_runs WHERE id = @id").pluck();

  /** The narrowest way in comes first: what people mark and what one trigger started are few. */
  function wayIn(filter: RunFilter, status: RunStatus | null) {
    if (filter.label !== undefined) return statements.label;
    if (filter.trigger !== undefined) return statements.trigger;
    if (filter.starred) return statements.starred;
    if (filter.workflow !== undefined) return status ? statements.workflowStatus : statements.workflow;
    return status ? statements.status : statements.all;
  }

  async function part(filter: RunFilter, status: RunStatus | null, after: Place, limit: number): Promise<PlacedRow[]> {
    const { page, stride } = wayIn(filter, status);
    const keys = {
      since: filter.since ?? "",
      status,
      workflow: filter.workflow ?? null,
      trigger: filter.trigger ?? null,
      label: filter.label ?? null,
      starred: filter.starred === undefined ? null : filter.starred ? 1 : 0,
    };
    const rows: PlacedRow[] = [];
    for (let from: Place | undefined = after; from; ) {
      const end = stride.get({ ...keys, ...from, skip: STRIDE - 1 });
      const { at: until, place: last } = end ?? { at: keys.since, place: Number.MAX_SAFE_INTEGER };
      rows.push(...page.all({ ...keys, ...from, until, last, limit: limit - rows.length }));
      if (rows.length >= limit) break;
      from = end;
      // Whoever looks for a needle waits; the daemon does not.
      if (from) await new Promise<void>((resolve) => void setImmediate(resolve));
    }
    return rows;
  }

  return async (filter: RunFilter, page: PageRequest): Promise<Page<RunLine>> => {
    const cursor = page.after === undefined ? null : fromCursor("runs", page.after);
    const after = cursor ? { at: cursor.at, place: placeOf.get({ id: cursor.id }) ?? -1 } : TOP;
    const statuses = filter.status?.length ? [...new Set(filter.status)] : [null];
    const parts: PlacedRow[] = [];
    for (const status of statuses) parts.push(...(await part(filter, status, after, page.limit)));
    // Several statuses are several walks of one index; they are merged as the index would have them.
    const rows = parts.sort(newestFirst).slice(0, page.limit);
    const last = rows.at(-1);
    return {
      rows: rows.map(toLine),
      next: last && rows.length === page.limit ? toCursor("runs", { at: last.started_at, id: last.id }) : null,
    };
  };
}

function newestFirst(a: PlacedRow, b: PlacedRow): number {
  return a.started_at === b.started_at ? a.place - b.place : a.started_at < b.started_at ? 1 : -1;
}

export function toLine(row: LineRow): RunLine {
  return {
    id: row.id,
    workflow_name: row.workflow_name,
    workflow_hash: row.workflow_hash,
    trigger_type: row.trigger_type,
    trigger_id: row.trigger_id,
    repo: row.repo,
    issue_number: row.issue_number,
    current_phase: row.current_phase,
    status: row.status,
    reason: row.reason,
    restart_count: row.restart_count,
    rev: row.rev,
    epoch: row.epoch,
    priority: row.priority,
    starred: row.starred === 1,
    label: row.label,
    parent_run_id: row.parent_run_id,
    forked_from: row.forked_from,
    cost_usd: row.cost_usd,
    turns: row.turns,
    tokens: row.tokens,
    queued_at: row.queued_at,
    started_at: row.started_at,
    updated_at: row.updated_at,
    finished_at: row.finished_at,
  };
}
