import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import Database from "better-sqlite3";
import type { Iso } from "../../domain/clock.ts";
import { Fault } from "../../domain/fault.ts";

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly hash: string;
  readonly statements: readonly string[];
}

interface Applied {
  readonly number: number;
  readonly name: string;
  readonly hash: string;
}

const FOLDER = new URL("./migrations/", import.meta.url);
const SEED_TABLES = 1;

/** The numbered files beside this one, in order; a statement per paragraph. */
export function migrations(): readonly Migration[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith(".sql"))
    .sort()
    .map((name) => {
      const text = readFileSync(new URL(name, FOLDER), "utf8");
      return {
        number: Number(name.slice(0, 4)),
        name,
        hash: createHash("sha256").update(text).digest("hex"),
        statements: paragraphs(text),
      };
    });
}

/** Blank lines part statements; a trigger's body has none. */
function paragraphs(text: string): string[] {
  return text
    .split(/\n{2,}/)
    .map((each) => each.trim())
    .filter((each) => each.replace(/^--.*$/gm, "").trim() !== "");
}

/**
 * Brings a database to this version's schema: forward only, additive, each migration and its line in the journal in one
 * transaction, so that a crash between two of them leaves a database that the next start takes up. Issues no DDL when
 * there is nothing to do. A database made by another program keeps every row (engine rule 8).
 */
export function migrate(db: Database.Database, now: Iso): void {
  const known = migrations();
  const applied = journal(db);
  for (const done of applied) {
    const mine = known.find((each) => each.number === done.number);
    if (!mine)
      throw new Fault("database.newer", `The database has migration ${done.name}, which this version does not know`);
    if (mine.hash !== done.hash)
      throw new Fault("database.altered", `Migration ${done.name} is not the one that was applied`);
  }
  const due = known.filter((each) => !applied.some((done) => done.number === each.number));
  if (due.length === 0) return;
  if (applied.length === 0) relaxMessagingSessions(db);
  for (const migration of due) {
    db.transaction(() => {
      apply(db, migration);
      record(db, migration, now);
    }).immediate();
  }
}

function journal(db: Database.Database): Applied[] {
  const exists = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'lastlight_migrations'").get();
  if (!exists) return [];
  return db.prepare<[], Applied>("SELECT number, name, hash FROM lastlight_migrations ORDER BY number").all();
}

function record(db: Database.Database, { number, name, hash }: Migration, now: Iso): void {
  db.exec(`CREATE TABLE IF NOT EXISTS lastlight_migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL, applied_at TEXT NOT NULL) STRICT`);
  db.prepare("INSERT INTO lastlight_migrations VALUES (@number, @name, @hash, @now)").run({ number, name, hash, now });
}

function apply(db: Database.Database, migration: Migration): void {
  for (const statement of migration.statements) {
    const added = /^(?:--.*\n)*ALTER TABLE (\w+) ADD COLUMN (\w+)/.exec(statement);
    // The seed's own way: a column that is there already is not an error.
    if (added && columns(db, added[1] as string).has(added[2] as string)) continue;
    db.exec(statement);
  }
  if (migration.number === SEED_TABLES) completeSeedTables(db, migration);
}

/** A table that an older program made may lack columns that the seed prints: they are added, empty. */
function completeSeedTables(db: Database.Database, seed: Migration): void {
  const model = new Database(":memory:");
  try {
    for (const statement of seed.statements) model.exec(statement);
    const tables = model
      .prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
      .all();
    for (const { name: table } of tables) {
      const kind = db
        .prepare<{ table: string }, { type: string }>("SELECT type FROM sqlite_schema WHERE name = @table")
        .get({ table });
      if (kind?.type !== "table") throw new Fault("database.unfit", `${table} is a ${kind?.type} here, not a table`);
      const present = columns(db, table);
      for (const column of columns(model, table).values()) {
        if (present.has(column.name)) continue;
        if (column.pk) throw new Fault("database.unfit", `${table} has no column ${column.name}, its key`);
        // ADD COLUMN needs a default wherever NULL is not allowed.
        const rule = column.notnull
          ? `NOT NULL DEFAULT ${column.dflt_value ?? "''"}`
          : column.dflt_value
            ? `DEFAULT ${column.dflt_value}`
            : "";
        db.exec(`ALTER TABLE ${table} ADD COLUMN ${column.name} ${column.type} ${rule}`);
      }
    }
  } finally {
    model.close();
  }
}

interface Column {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly dflt_value: string | null;
  readonly pk: number;
}

function columns(db: Database.Database, table: string): Map<string, Column> {
  return new Map((db.pragma(`table_info(${table})`) as Column[]).map((column) => [column.name, column]));
}

/**
 * The one exception to additive migration (seed: Migrations): an old table-level UNIQUE on messaging_sessions blocks a
 * session from being made again, and SQLite cannot drop it in place. The table is rebuilt once, every row and column kept.
 */
function relaxMessagingSessions(db: Database.Database): void {
  const indexes = db.pragma("index_list(messaging_sessions)") as { origin: string }[];
  if (!indexes.some((index) => index.origin === "u")) return;
  const names = [...columns(db, "messaging_sessions").values()];
  const key = names.find((column) => column.pk);
  const defined = names.map((column) => {
    const rules = [
      column === key ? "PRIMARY KEY" : "",
      column.notnull ? "NOT NULL" : "",
      column.dflt_value ? `DEFAULT ${column.dflt_value}` : "",
    ];
    return `${quoted(column.name)} ${column.type} ${rules.join(" ")}`;
  });
  const list = names.map((column) => quoted(column.name)).join(", ");
  // SQLite's own procedure (lang_altertable §7): keys off, copy, drop, rename, check, keys on.
  db.pragma("foreign_keys = OFF");
  try {
    db.transaction(() => {
      db.exec(`CREATE TABLE messaging_sessions_relaxed (${defined.join(", ")})`);
      db.exec(`INSERT INTO messaging_sessions_relaxed (${list}) SELECT ${list} FROM messaging_sessions`);
      db.exec("DROP TABLE messaging_sessions");
      db.exec("ALTER TABLE messaging_sessions_relaxed RENAME TO messaging_sessions");
    }).immediate();
  } finally {
    db.pragma("foreign_keys = ON");
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
