import type { Database } from "better-sqlite3";
import type { Iso } from "../../domain/clock.ts";
import type { Json } from "../../domain/json.ts";
import type { Letter, LetterState, Receipt, Replies, Said } from "../replies.ts";
import type { Page, PageRequest } from "../store.ts";
import { fromCursor, toCursor } from "./keyset.ts";

interface ReceiptRow {
  key: string;
  target: string;
  begun_at: Iso;
  remote_id: string | null;
  url: string | null;
  state: string | null;
}

/** Receipts, dead letters and cursors; `write` puts what it is given into the transaction of this turn. */
export function replies(db: Database, now: () => Iso, write: <T>(work: () => T) => Promise<T>): Replies {
  const receipt = db.prepare<{ key: string }, ReceiptRow>(
    "SELECT key, target, begun_at, remote_id, url, state FROM receipts WHERE key = @key",
  );
  const begin = db.prepare(`
    INSERT INTO receipts (key, run_id, target, begun_at)
    VALUES (@key, @run, @target, @now)
        ON CONFLICT (key) DO NOTHING`);
  const keep = db.prepare("UPDATE receipts SET remote_id = @id, url = @url, state = @state WHERE key = @key");
  const retry = db.prepare(`
    UPDATE outbox SET state = 'owed', died_at = NULL, due = @now, forgiven = tries
     WHERE id = @id AND (died_at IS NOT NULL OR (state = 'owed' AND error IS NOT NULL))`);
  const drop = db.prepare("UPDATE outbox SET died_at = NULL, dropped_by = @by WHERE id = @id AND died_at IS NOT NULL");
  const cursor = db.prepare<{ source: string }, string>("SELECT cursor FROM cursors WHERE source = @source").pluck();
  const moveCursor = db.prepare(`
    INSERT INTO cursors (source, cursor, updated_at)
    VALUES (@source, @cursor, @now)
        ON CONFLICT (source) DO UPDATE SET cursor = excluded.cursor, updated_at = excluded.updated_at`);
  const lists = letterStatements(db);

  const known = (key: string): Receipt | null => {
    const row = receipt.get({ key });
    return row ? toReceipt(row) : null;
  };

  return {
    receipt: async (key) => known(key),
    begin: (key, run, target) =>
      write(() => {
        begin.run({ key, run, target, now: now() });
        return known(key) as Receipt;
      }),
    keep: (key, said) =>
      write(() => {
        keep.run({ key, ...said });
      }),
    letters: async (state, page) => lettersOf(state, page),
    retry: (id) => write(() => retry.run({ id, now: now() }).changes === 1),
    drop: (id, by) => write(() => drop.run({ id, by }).changes === 1),
    cursor: async (source) => JSON.parse(cursor.get({ source }) ?? "null") as Json,
    moveCursor: (source, to) =>
      write(() => {
        moveCursor.run({ source, cursor: JSON.stringify(to), now: now() });
      }),
  };

  function lettersOf(state: LetterState, { limit, after }: PageRequest): Page<Letter> {
    const place = after === undefined ? START[state] : fromCursor(`letters ${state}`, after);
    const rows = lists[state].all({ ...place, limit }).map((row) => ({ ...row, state }));
    const last = rows.at(-1);
    const at = last && (state === "dead" ? (last.died_at as Iso) : last.due);
    const more = last && at !== undefined && rows.length === limit;
    return { rows, next: more ? toCursor(`letters ${state}`, { at, id: last.id }) : null };
  }
}

const START = { dead: { at: "9999", id: "" }, late: { at: "", id: "" } } as const;

/** Every statement that lists letters; a test asks each for its plan. */
export function letterStatements(db: Database) {
  type Row = Omit<Letter, "state">;
  type Place = { at: string; id: string; limit: number };
  const columns = "id, run_id, kind, tries, error, due, died_at";
  return {
    dead: db.prepare<Place, Row>(`
      SELECT ${columns} FROM outbox INDEXED BY outbox_dead
       WHERE died_at IS NOT NULL AND (died_at, id) < (@at, @id) ORDER BY died_at DESC, id DESC LIMIT @limit`),
    late: db.prepare<Place, Row>(`
      SELECT ${columns} FROM outbox INDEXED BY outbox_late
       WHERE state = 'owed' AND error IS NOT NULL AND (due, id) > (@at, @id) ORDER BY due, id LIMIT @limit`),
  };
}

function toReceipt({ key, target, begun_at, remote_id, url, state }: ReceiptRow): Receipt {
  const said: Said | null = remote_id === null ? null : { id: remote_id, url, state };
  return { key, target, begunAt: begun_at, said };
}
