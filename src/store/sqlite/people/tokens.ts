import type { Database } from "better-sqlite3";
import type { Iso } from "../../../domain/clock.ts";
import { isAtLeast, type Role } from "../../../domain/identity.ts";
import type { Known, NewToken, TokenLine } from "../../people.ts";
import { GROUPS } from "./users.ts";

interface Row extends Omit<TokenLine, "workflows"> {
  workflows: string | null;
}
interface BearerRow extends Row {
  owner_role: Role | null;
  owner_groups: string;
  owner_disabled_at: Iso | null;
}

const COLUMNS = `tokens.id, owner, tokens.name, tokens.role, workflows,
           tokens.created_at, expires_at, last_used_at, revoked_at`;

/** Bearer tokens: of programs, by whoever made them, and of executions. */
export function tokens(db: Database) {
  const add = db.prepare(`
    INSERT INTO tokens (id, hash, user_id, owner, name, role, workflows, created_at, expires_at)
    VALUES (@id, @hash, @user, @owner, @name, @role, @workflows, @now, @expiresAt)
        ON CONFLICT DO NOTHING`);
  const list = db.prepare<{ owner: string | null }, Row>(`
    SELECT ${COLUMNS} FROM tokens WHERE @owner IS NULL OR owner = @owner ORDER BY owner, name, id`);
  const one = db.prepare<{ id: string }, Row>(`SELECT ${COLUMNS} FROM tokens WHERE id = @id`);
  const revoke = db.prepare(`
    UPDATE tokens SET revoked_at = @now
     WHERE id = @id AND revoked_at IS NULL AND (@owner IS NULL OR owner = @owner)`);
  const used = db.prepare("UPDATE tokens SET last_used_at = @now WHERE id = @id");
  const bearer = db.prepare<{ hash: string }, BearerRow>(`
    SELECT ${COLUMNS}, users.role AS owner_role, ${GROUPS} AS owner_groups, users.disabled_at AS owner_disabled_at
      FROM tokens LEFT JOIN users ON users.id = tokens.user_id
     WHERE hash = @hash`);
  const addExecution = db.prepare(`
    INSERT INTO execution_tokens (hash, execution_id, run_id, created_at) VALUES (@hash, @execution, @run, @now)`);
  const ofExecution = db.prepare<{ hash: string }, { execution: string; run: string; status: string | null }>(`
    SELECT execution_id AS execution, run_id AS run, executions.status AS status
      FROM execution_tokens LEFT JOIN executions ON executions.id = execution_id
     WHERE hash = @hash`);

  function program(row: BearerRow, now: Iso): Known {
    const { owner, name, role, workflows, expires_at, revoked_at } = toLine(row);
    // What its owner may no more do, it may no more do.
    const most = row.owner_role ?? role;
    return {
      identity: {
        kind: "token",
        name: `${owner}/${name}`,
        role: isAtLeast(most, role) ? role : most,
        groups: JSON.parse(row.owner_groups) as string[],
        scopes: { workflows, run: null },
      },
      lapsed: revoked_at
        ? "revoked"
        : expires_at !== null && expires_at <= now
          ? "expired"
          : row.owner_disabled_at
            ? "disabled"
            : null,
    };
  }

  return {
    add: ({ workflows, machine: _, ...token }: NewToken, user: string | null, now: Iso): boolean =>
      add.run({ ...token, user, workflows: workflows && JSON.stringify(workflows), now }).changes > 0,
    list: (owner: string | null): TokenLine[] => list.all({ owner }).map(toLine),
    revoke: (id: string, owner: string | null, now: Iso): TokenLine | null => {
      if (revoke.run({ id, owner, now }).changes === 0) return null;
      return toLine(one.get({ id }) as Row);
    },
    used: (id: string, now: Iso): void => {
      used.run({ id, now });
    },
    addExecution: (token: { hash: string; execution: string; run: string }, now: Iso): void => {
      addExecution.run({ ...token, now });
    },
    /** With the token's id and when it was used last, where that is kept. */
    bearer: (hash: string, now: Iso): { known: Known; used: { id: string; at: Iso | null } | null } | null => {
      const row = bearer.get({ hash });
      if (row) return { known: program(row, now), used: { id: row.id, at: row.last_used_at } };
      const own = ofExecution.get({ hash });
      return own ? { known: execution(own), used: null } : null;
    },
  };
}

function execution({ execution, run, status }: { execution: string; run: string; status: string | null }): Known {
  return {
    identity: { kind: "execution", name: execution, role: "viewer", groups: [], scopes: { workflows: null, run } },
    lapsed: status === "running" ? null : "expired",
  };
}

function toLine(row: Row): TokenLine {
  const { id, owner, name, role, workflows, created_at, expires_at, last_used_at, revoked_at } = row;
  return {
    id,
    owner,
    name,
    role,
    workflows: workflows === null ? null : (JSON.parse(workflows) as string[]),
    created_at,
    expires_at,
    last_used_at,
    revoked_at,
  };
}
