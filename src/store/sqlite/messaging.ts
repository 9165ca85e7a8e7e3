import type { Database } from "better-sqlite3";
import type { ChatMessage, ChatSession, ChatSessionReader } from "../messaging.ts";
import type { Page, PageRequest } from "../store.ts";
import { fromCursor, toCursor } from "./keyset.ts";

interface SessionRow extends Omit<ChatSession, "active"> {
  active: number | null;
}
interface Place {
  at: string;
  place: number;
}

const COLUMNS = "id, platform, channel_id, thread_id, user_id, agent_session_id, created_at, last_activity_at, active";
const TOP: Place = { at: "\u{10ffff}", place: Number.MAX_SAFE_INTEGER };

/** Every statement that lists chats or what was said in them; a test asks each for its plan. */
export function listStatements(db: Database) {
  return {
    sessions: db.prepare<Place & { limit: number }, SessionRow & { place: number }>(`
    SELECT ${COLUMNS}, rowid AS place
      FROM messaging_sessions INDEXED BY chats_by_activity
     WHERE last_activity_at <= @at AND (last_activity_at < @at OR rowid < @place)
     ORDER BY last_activity_at DESC, rowid DESC LIMIT @limit`),
    // In the order of coming: whatever a platform says of when something was said, nothing comes before what was read.
    messages: db.prepare<{ session: string; after: number; longest: number; limit: number }, ChatMessage>(`
    SELECT id, role, substr(content, 1, @longest) AS content, length(content) AS characters, timestamp, platform_message_id
      FROM messaging_messages INDEXED BY messages_by_chat
     WHERE session_id = @session AND id > @after
     ORDER BY id LIMIT @limit`),
  };
}

/** Chats as the tables have them. */
export function chatSessionReader(db: Database): ChatSessionReader {
  const { sessions, messages } = listStatements(db);
  const find = db.prepare<{ id: string }, SessionRow>(`SELECT ${COLUMNS} FROM messaging_sessions WHERE id = @id`);
  const placeOf = db.prepare<{ id: string }, number>("SELECT rowid FROM messaging_sessions WHERE id = @id").pluck();

  return {
    find: async (id) => {
      const row = find.get({ id });
      return row ? toSession(row) : null;
    },
    sessions: async ({ limit, after }) => {
      const cursor = after === undefined ? null : fromCursor("chats", after);
      const from = cursor ? { at: cursor.at, place: placeOf.get({ id: cursor.id }) ?? 0 } : TOP;
      const rows = sessions.all({ ...from, limit: bounded(limit) });
      return paged(
        rows.map(({ place: _, ...row }) => toSession(row)),
        bounded(limit),
        (last) => toCursor("chats", { at: last.last_activity_at, id: last.id }),
      );
    },
    messages: async (session, { limit, after }) => {
      const cursor = after === undefined ? null : fromCursor("messages", after);
      const from = cursor ? Number(cursor.id) || 0 : 0;
      const rows = messages.all({ session, after: from, longest: LONGEST, limit: bounded(limit) });
      return paged(rows, bounded(limit), (last) => toCursor("messages", { at: last.timestamp, id: String(last.id) }));
    },
  };
}

const MOST = 500;
const LONGEST = 65_536;

function bounded(limit: PageRequest["limit"]): number {
  return Math.max(1, Math.min(limit, MOST));
}

function paged<T>(rows: readonly T[], limit: number, cursor: (last: T) => string): Page<T> {
  const last = rows.at(-1);
  return { rows, next: last !== undefined && rows.length === limit ? cursor(last) : null };
}

function toSession({ active, ...row }: SessionRow): ChatSession {
  return { ...row, active: active === 1 };
}
