import type { Database } from "better-sqlite3";
import type { ApprovalKind, ApprovalStatus, PendingGate } from "../../domain/approval.ts";
import type { Effect } from "../../domain/run.ts";
import type { ApprovalLine } from "../lines.ts";
import type { Page, PageRequest } from "../store.ts";
import { fromCursor, toCursor } from "./keyset.ts";

const COLUMNS = `id, workflow_run_id, gate, phase, iteration, summary, status, kind, requested_by, responded_by, response,
                 responded_at, created_at, deadline`;

interface PendingRow {
  id: string;
  phase: string;
  iteration: number;
  kind: ApprovalKind;
  created_at: string;
}

/** Gates and their answers: rows of `workflow_approvals`. */
export function approvals(db: Database) {
  const open = db.prepare(`
    INSERT INTO workflow_approvals (id, workflow_run_id, gate, phase, iteration, summary, status, kind, created_at, deadline)
    VALUES (@id, @run, @gate, @phase, @iteration, @summary, 'pending', @kind, @now, @deadline)`);
  const close = db.prepare(`
    UPDATE workflow_approvals
       SET status = @status, responded_by = @by, response = @response, responded_at = @now
     WHERE id = @id AND status = 'pending'`);
  const pending = db.prepare<{ run: string }, PendingRow>(`
    SELECT id, phase, iteration, kind, created_at
      FROM workflow_approvals INDEXED BY approvals_by_run
     WHERE workflow_run_id = @run AND status = 'pending' AND phase IS NOT NULL
     ORDER BY id`);
  const one = db.prepare<{ id: string }, ApprovalLine>(`SELECT ${COLUMNS} FROM workflow_approvals WHERE id = @id`);
  const ofRun = db.prepare<{ run: string }, ApprovalLine>(`
    SELECT ${COLUMNS} FROM workflow_approvals INDEXED BY approvals_by_run WHERE workflow_run_id = @run ORDER BY created_at, id`);
  const count = db
    .prepare<[], number>(
      "SELECT count(*) FROM workflow_approvals INDEXED BY approvals_by_status WHERE status = 'pending'",
    )
    .pluck();
  const lists = listStatements(db);

  return {
    open: (id: string, run: string, gate: Extract<Effect, { type: "gate.open" }>, now: string): void => {
      const { phase, iteration, kind, summary, deadline } = gate;
      open.run({ id, run, gate: gate.gate, phase, iteration, kind, summary, deadline, now });
    },
    close: (gate: Extract<Effect, { type: "gate.close" }>, now: string): void => {
      close.run({ id: gate.approval, status: gate.status, by: gate.by, response: gate.response, now });
    },
    pending: (run: string): PendingGate[] =>
      pending.all({ run }).map(({ created_at, ...gate }) => ({ ...gate, createdAt: created_at })),
    one: (id: string): ApprovalLine | null => one.get({ id }) ?? null,
    ofRun: (run: string): ApprovalLine[] => ofRun.all({ run }),
    countPending: (): number => count.get() as number,
    list: (filter: { status?: ApprovalStatus }, page: PageRequest): Page<ApprovalLine> => {
      const after = page.after === undefined ? null : fromCursor("approvals", page.after);
      const place = { at: after?.at ?? NEWEST, id: after?.id ?? null, limit: page.limit };
      const rows = filter.status ? lists.byStatus.all({ ...place, status: filter.status }) : lists.all.all(place);
      const last = rows.at(-1);
      return {
        rows,
        next: last && rows.length === page.limit ? toCursor("approvals", { at: last.created_at, id: last.id }) : null,
      };
    },
  };
}
export type Approvals = ReturnType<typeof approvals>;

const NEWEST = "9999";

/** Every statement that lists approvals; a test asks each for its plan and its columns. */
export function listStatements(db: Database) {
  // Ties within a millisecond fall in row order, which is what the index itself keeps behind created_at.
  const beyond = `created_at <= @at
       AND (created_at < @at OR rowid > (SELECT rowid FROM workflow_approvals WHERE id = @id))`;
  type Place = { at: string; id: string | null; limit: number };
  return {
    all: db.prepare<Place, ApprovalLine>(`
      SELECT ${COLUMNS} FROM workflow_approvals INDEXED BY approvals_by_created
       WHERE ${beyond} ORDER BY created_at DESC, rowid LIMIT @limit`),
    byStatus: db.prepare<Place & { status: string }, ApprovalLine>(`
      SELECT ${COLUMNS} FROM workflow_approvals INDEXED BY approvals_by_status
       WHERE status = @status AND ${beyond} ORDER BY created_at DESC, rowid LIMIT @limit`),
  };
}
