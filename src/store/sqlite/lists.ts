import type { Database } from "better-sqlite3";
import type { RunStatus } from "../../domain/run.ts";
import type { Page, PageRequest, RunFilter, RunLine } from "../store.ts";
import { fromCursor, type Keyset, toCursor } from "./keyset.ts";

export const LINE_COLUMNS = `id, workflow_name, workflow_hash, trigger_type, trigger_id, repo, issue_number, current_phase,
           status, reason, restart_count, rev, epoch, priority, starred, label,
           queued_at, started_at, updated_at, finished_at`;

export interface LineRow extends Omit<RunLine, "starred"> {
  starred: number;
}

interface PlacedRow extends LineRow {
  place: number;
}

interface Parameters {
  at: string;
  id: string | null;
  since: string;
  limit: number;
  status: string | null;
  workflow: string | null;
  trigger: string | null;
  label: string | null;
  starred: number | null;
}

/**
 * Every statement that lists runs, one per way in; a test asks each for its plan and its columns. Each walks an index in
 * list order, so no page is sorted and none costs more for standing deep. The index is named: the seed's single-column
 * status index must never be chosen (150 ms at 20,000 rows).
 */
export function listStatements(db: Database) {
  // Ties within a millisecond fall in row order, which is what each index itself keeps behind started_at.
  const page = `started_at <= @at AND started_at >= @since
       AND (started_at < @at OR rowid > (SELECT rowid FROM workflow_runs WHERE id = @id))`;
  const rest = `
       AND (@status IS NULL OR +status = @status) AND (@workflow IS NULL OR +workflow_name = @workflow)
       AND (@trigger IS NULL OR +trigger_id = @trigger) AND (@label IS NULL OR +label = @label)
       AND (@starred IS NULL OR +starred = @starred)
     ORDER BY started_at DESC, rowid
     LIMIT @limit`;
  const list = (index: string, key: string) =>
    db.prepare<Parameters, PlacedRow>(`
    SELECT ${LINE_COLUMNS}, rowid AS place
      FROM workflow_runs INDEXED BY ${index}
     WHERE ${key} ${page} ${rest}`);
  return {
    label: list("runs_by_label", "label = @label AND"),
    starred: list("runs_starred", "starred = 1 AND"),
    trigger: list("runs_by_trigger", "trigger_id = @trigger AND"),
    workflowStatus: list("runs_by_workflow_status", "workflow_name = @workflow AND status = @status AND"),
    workflow: list("idx_workflow_runs_name_started", "workflow_name = @workflow AND"),
    status: list("runs_by_status", "status = @status AND"),
    all: list("idx_workflow_runs_started_at", ""),
  };
}

const NEWEST = "9999";

/** Lists of runs, newest first, by keyset (engine rule 7). */
export function runLists(db: Database) {
  const statements = listStatements(db);

  /** The narrowest way in comes first: what people mark and what one trigger started are few. */
  function wayIn(filter: RunFilter, status: RunStatus | null) {
    if (filter.label !== undefined) return statements.label;
    if (filter.starred) return statements.starred;
    if (filter.trigger !== undefined) return statements.trigger;
    if (filter.workflow !== undefined) return status ? statements.workflowStatus : statements.workflow;
    return status ? statements.status : statements.all;
  }

  function part(filter: RunFilter, status: RunStatus | null, after: Keyset | null, limit: number): PlacedRow[] {
    return wayIn(filter, status).all({
      at: after?.at ?? NEWEST,
      id: after?.id ?? null,
      since: filter.since ?? "",
      limit,
      status,
      workflow: filter.workflow ?? null,
      trigger: filter.trigger ?? null,
      label: filter.label ?? null,
      starred: filter.starred === undefined ? null : filter.starred ? 1 : 0,
    });
  }

  return (filter: RunFilter, page: PageRequest): Page<RunLine> => {
    const after = page.after === undefined ? null : fromCursor("runs", page.after);
    const statuses = [...new Set(filter.status ?? [])];
    const rows =
      statuses.length <= 1
        ? part(filter, statuses[0] ?? null, after, page.limit)
        : merge(
            statuses.map((status) => part(filter, status, after, page.limit)),
            page.limit,
          );
    const last = rows.at(-1);
    return {
      rows: rows.map(toLine),
      next: last && rows.length === page.limit ? toCursor("runs", { at: last.started_at, id: last.id }) : null,
    };
  };
}

/** Several statuses are several walks of one index; their heads are merged as the index would have them. */
function merge(parts: PlacedRow[][], limit: number): PlacedRow[] {
  return parts
    .flat()
    .sort((a, b) => (a.started_at === b.started_at ? a.place - b.place : a.started_at < b.started_at ? 1 : -1))
    .slice(0, limit);
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
    queued_at: row.queued_at,
    started_at: row.started_at,
    updated_at: row.updated_at,
    finished_at: row.finished_at,
  };
}
