import type { Database } from "better-sqlite3";
import type { Iso } from "../../../domain/clock.ts";
import { type Role, UNSCOPED } from "../../../domain/identity.ts";
import type { KnownSession, NewWebSession } from "../../people.ts";
import { GROUPS } from "./users.ts";

/** How long a browser may be left alone before it has to log in again. */
const IDLE_MS = 12 * 3_600_000;
/** How many browsers one person may be logged in with; the oldest gives way. */
const MOST = 20;

interface Row {
  user_id: string | null;
  owner: string;
  seen_at: Iso;
  expires_at: Iso;
  name: string | null;
  role: Role | null;
  groups: string;
  disabled_at: Iso | null;
}

/** Browsers that someone logged in with. */
export function webSessions(db: Database) {
  const open = db.prepare(`
    INSERT INTO web_sessions (hash, user_id, owner, created_at, seen_at, expires_at)
    VALUES (@hash, @user, @owner, @now, @now, @expiresAt)`);
  const sweep = db.prepare("DELETE FROM web_sessions WHERE expires_at <= @now");
  const crowd = db.prepare(`
    DELETE FROM web_sessions
     WHERE hash IN (SELECT hash FROM web_sessions WHERE user_id IS @user ORDER BY created_at DESC LIMIT -1 OFFSET @most)`);
  const one = db.prepare<{ hash: string }, Row>(`
    SELECT user_id, owner, seen_at, expires_at, name, role, ${GROUPS} AS groups, disabled_at
      FROM web_sessions LEFT JOIN users ON users.id = web_sessions.user_id
     WHERE hash = @hash`);
  const seen = db.prepare("UPDATE web_sessions SET seen_at = @now WHERE hash = @hash");
  const end = db.prepare("DELETE FROM web_sessions WHERE hash = @hash");
  const endAll = db.prepare("DELETE FROM web_sessions WHERE user_id = @user");

  return {
    open: ({ machine: _, ...session }: NewWebSession, user: string | null, now: Iso): void => {
      sweep.run({ now });
      open.run({ ...session, user, now });
      crowd.run({ user, most: MOST });
    },
    one: (hash: string, now: Iso): { known: KnownSession; seenAt: Iso } | null => {
      const row = one.get({ hash });
      return row ? { known: toKnown(row, now), seenAt: row.seen_at } : null;
    },
    seen: (hash: string, now: Iso): void => {
      seen.run({ hash, now });
    },
    end: (hash: string): void => {
      end.run({ hash });
    },
    endAll: (user: string): void => {
      endAll.run({ user });
    },
  };
}

function toKnown(row: Row, now: Iso): KnownSession {
  const idle = Date.parse(now) - Date.parse(row.seen_at) >= IDLE_MS;
  return {
    identity: {
      kind: row.user_id === null ? "local" : "user",
      name: row.name ?? row.owner,
      role: row.user_id === null ? "admin" : (row.role ?? "viewer"),
      groups: JSON.parse(row.groups) as string[],
      scopes: UNSCOPED,
    },
    lapsed: idle || row.expires_at <= now ? "expired" : row.disabled_at ? "disabled" : null,
    expiresAt: row.expires_at,
  };
}
