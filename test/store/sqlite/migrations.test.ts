import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { migrate, migrations } from "../../../src/store/sqlite/migrate.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import { fakeClock } from "../../support/clock.ts";
import { temporaryFolder } from "../../support/world.ts";

const NOW = "2026-11-21T09:00:00.000Z";

function fresh() {
  const file = join(temporaryFolder(), "lastlight.db");
  const issued: string[] = [];
  const open = () => {
    const db = new Database(file, { verbose: (sql) => void issued.push(String(sql)) });
    onTestFinished(() => void db.close());
    return db;
  };
  return { file, issued, open };
}

test("a second start issues no DDL", () => {
  const { issued, open } = fresh();
  migrate(open(), NOW);
  expect(issued.some((sql) => sql.includes("CREATE TABLE"))).toBe(true);
  issued.length = 0;
  migrate(open(), NOW);
  expect(issued.length).toBeGreaterThan(0);
  expect(issued.filter((sql) => /\b(CREATE|ALTER|DROP|INSERT|UPDATE|DELETE)\b/.test(sql))).toEqual([]);
});

test("a start that was killed between two migrations is taken up by the next", () => {
  const { open } = fresh();
  const db = open();
  migrate(db, NOW);
  const whole = db.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY name").all();
  for (let done = 0; done < migrations().length; done++) {
    const { open: again } = fresh();
    const partial = again();
    const known = migrations();
    partial.exec(
      "CREATE TABLE lastlight_migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL, applied_at TEXT NOT NULL) STRICT",
    );
    for (const each of known.slice(0, done)) {
      for (const statement of each.statements) partial.exec(statement);
      partial
        .prepare("INSERT INTO lastlight_migrations VALUES (?, ?, ?, ?)")
        .run(each.number, each.name, each.hash, NOW);
    }
    migrate(partial, NOW);
    const names = (rows: unknown[]) => (rows as { name: string }[]).map(({ name }) => name);
    expect(names(partial.prepare("SELECT name FROM sqlite_schema ORDER BY name").all())).toEqual(names(whole));
  }
});

test("a database newer than the program is refused", () => {
  const { file, open } = fresh();
  const db = open();
  migrate(db, NOW);
  db.prepare("INSERT INTO lastlight_migrations VALUES (99, '0099_future.sql', 'x', ?)").run(NOW);
  expect(() => openSqliteStore({ file, clock: fakeClock() })).toThrow(
    expect.objectContaining({ code: "database.newer" }),
  );
});

test("a migration that was changed after it was applied is refused", () => {
  const { file, open } = fresh();
  const db = open();
  migrate(db, NOW);
  db.prepare("UPDATE lastlight_migrations SET hash = 'x' WHERE number = 3").run();
  expect(() => openSqliteStore({ file, clock: fakeClock() })).toThrow(
    expect.objectContaining({ code: "database.altered" }),
  );
});

test("migrations only add: nothing is dropped, renamed or narrowed", () => {
  expect(migrations().length).toBeGreaterThan(0);
  for (const { name, statements } of migrations()) {
    for (const statement of statements) {
      const sql = statement.replace(/^--.*$/gm, "").replace(/'[^']*'/g, "''");
      expect(`${name}: ${sql}`).not.toMatch(/\bDROP\b|\bRENAME\b|\bDELETE FROM\b|\bREPLACE\b/i);
      if (/ADD COLUMN/i.test(sql) && /NOT NULL/i.test(sql)) expect(sql).toMatch(/DEFAULT/);
    }
  }
});

test("a migration that has landed never changes", () => {
  expect(Object.fromEntries(migrations().map(({ name, hash }) => [name, hash]))).toMatchSnapshot();
});

test("numbers rise by one from one", () => {
  expect(migrations().map(({ number }) => number)).toEqual(migrations().map((_, at) => at + 1));
});
