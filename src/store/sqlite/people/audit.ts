import type { Database } from "better-sqlite3";
import type { Iso } from "../../../domain/clock.ts";
import type { AuditEntry, AuditLine } from "../../people.ts";
import type { Page, PageRequest } from "../../store.ts";
import { fromCursor, toCursor } from "../keyset.ts";

/** The record of what was asked: rows are added, and triggers see to it that nothing else happens to them. */
export function audit(db: Database) {
  const add = db.prepare(`
    INSERT INTO audit (id, at, who, what, subject, address, agent, outcome)
    VALUES (@id, @now, @who, @what, @subject, @address, @agent, @outcome)`);
  const lists = listStatements(db);
  return {
    add: (entry: AuditEntry, id: string, now: Iso): void => {
      add.run({ ...entry, id, now });
    },
    list: ({ who }: { readonly who?: string }, { limit, after }: PageRequest): Page<AuditLine> => {
      const before = after === undefined ? LAST : fromCursor("audit", after).id;
      const rows = who === undefined ? lists.all.all({ before, limit }) : lists.byWho.all({ before, limit, who });
      const last = rows.at(-1);
      return { rows, next: last && rows.length === limit ? toCursor("audit", { at: last.at, id: last.id }) : null };
    },
  };
}

/** Behind every id there can be. */
const LAST = "~";
const COLUMNS = "id, at, who, what, subject, address, agent, outcome";

/** Every statement that lists the audit; a test asks each for its plan and its columns. */
export function listStatements(db: Database) {
  type Place = { before: string; limit: number };
  return {
    all: db.prepare<Place, AuditLine>(`SELECT ${COLUMNS} FROM audit WHERE id < @before ORDER BY id DESC LIMIT @limit`),
    byWho: db.prepare<Place & { who: string }, AuditLine>(`
      SELECT ${COLUMNS} FROM audit INDEXED BY audit_by_who
       WHERE who = @who AND id < @before ORDER BY id DESC LIMIT @limit`),
  };
}
