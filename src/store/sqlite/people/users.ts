import type { Database } from "better-sqlite3";
import type { Iso } from "../../../domain/clock.ts";
import { Fault } from "../../../domain/fault.ts";
import type { Role } from "../../../domain/identity.ts";
import type { NewUser, UserChange, UserLine } from "../../people.ts";

interface Row {
  id: string;
  name: string;
  role: Role;
  groups: string;
  email: string | null;
  password: number;
  disabled_at: Iso | null;
  created_at: Iso;
  created_by: string;
  last_login_at: Iso | null;
}

/** A user's groups as a JSON list, for whichever statement has `users` in hand. */
export const GROUPS = `(SELECT json_group_array(group_name) FROM user_groups WHERE user_id = users.id)`;

const COLUMNS = `id, name, role, ${GROUPS} AS groups, email, password_hash IS NOT NULL AS password,
           disabled_at, created_at, created_by, last_login_at`;

/** People with a name of their own, their role and their groups. */
export function users(db: Database) {
  const all = db.prepare<[], Row>(`SELECT ${COLUMNS} FROM users ORDER BY name`);
  const one = db.prepare<{ name: string }, Row>(`SELECT ${COLUMNS} FROM users WHERE name = @name`);
  const any = db.prepare("SELECT 1 FROM users WHERE disabled_at IS NULL LIMIT 1").pluck();
  const bySubject = db.prepare<{ subject: string }, Row>(`SELECT ${COLUMNS} FROM users WHERE subject = @subject`);
  // Whom the provider has named already is never taken for someone else who was given their address since.
  const byEmail = db.prepare<{ email: string }, Row>(
    `SELECT ${COLUMNS} FROM users WHERE email = @email AND subject IS NULL`,
  );
  const nameByEmail = db.prepare<{ email: string }, string>("SELECT name FROM users WHERE email = @email").pluck();
  const passwordHash = db
    .prepare<{ name: string }, string>(
      "SELECT password_hash FROM users WHERE name = @name AND disabled_at IS NULL AND password_hash IS NOT NULL",
    )
    .pluck();
  const add = db.prepare(`
    INSERT INTO users (id, name, role, password_hash, email, subject, created_at, created_by)
    VALUES (@id, @name, @role, @passwordHash, @email, @subject, @now, @by)
        ON CONFLICT DO NOTHING`);
  const change = db.prepare(`
    UPDATE users
       SET role = @role, email = @email, disabled_at = @disabledAt,
           password_hash = COALESCE(@passwordHash, password_hash), subject = COALESCE(@subject, subject)
     WHERE id = @id`);
  const remove = db.prepare("DELETE FROM users WHERE name = @name");
  const login = db.prepare("UPDATE users SET last_login_at = @now WHERE id = @id");
  const leaveGroups = db.prepare("DELETE FROM user_groups WHERE user_id = @id");
  const makeGroup = db.prepare("INSERT INTO groups (name, created_at) VALUES (@group, @now) ON CONFLICT DO NOTHING");
  const joinGroup = db.prepare(
    "INSERT INTO user_groups (user_id, group_name) VALUES (@id, @group) ON CONFLICT DO NOTHING",
  );

  const join = (id: string, groups: readonly string[], now: Iso): void => {
    leaveGroups.run({ id });
    for (const group of groups) {
      makeGroup.run({ group, now });
      joinGroup.run({ id, group });
    }
  };
  const line = (row: Row | undefined): UserLine | null => (row ? toLine(row) : null);

  return {
    all: (): UserLine[] => all.all().map(toLine),
    one: (name: string): UserLine | null => line(one.get({ name })),
    idOf: (name: string): string | null => one.get({ name })?.id ?? null,
    any: (): boolean => any.get() !== undefined,
    known: (subject: string, email: string | null): UserLine | null =>
      line(bySubject.get({ subject }) ?? (email === null ? undefined : byEmail.get({ email }))),
    passwordHash: (name: string): string | null => passwordHash.get({ name }) ?? null,
    add: ({ groups, ...user }: NewUser, id: string, now: Iso): boolean => {
      if (add.run({ ...user, id, now }).changes === 0) return false;
      join(id, groups, now);
      return true;
    },
    /** The user's id, so that what hangs on it can follow. */
    change: (name: string, to: UserChange, now: Iso): string | null => {
      const row = one.get({ name });
      if (!row) return null;
      const other = to.email ? nameByEmail.get({ email: to.email }) : undefined;
      if (other !== undefined && other !== name)
        throw new Fault("user.taken", `${to.email} is the address of ${other} already`);
      change.run({
        id: row.id,
        role: to.role ?? row.role,
        email: to.email === undefined ? row.email : to.email,
        disabledAt: to.disabled === undefined ? row.disabled_at : to.disabled ? (row.disabled_at ?? now) : null,
        passwordHash: to.passwordHash ?? null,
        subject: to.subject ?? null,
      });
      if (to.groups) join(row.id, to.groups, now);
      return row.id;
    },
    remove: (name: string): boolean => remove.run({ name }).changes > 0,
    login: (id: string, now: Iso): void => {
      login.run({ id, now });
    },
  };
}

function toLine({ id: _, groups, password, ...row }: Row): UserLine {
  return { ...row, groups: (JSON.parse(groups) as string[]).sort(), password: password === 1 };
}
