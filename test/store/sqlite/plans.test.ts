import type { Statement } from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { listStatements as approvalStatements } from "../../../src/store/sqlite/approvals.ts";
import { listStatements as runStatements } from "../../../src/store/sqlite/lists.ts";
import { migrate } from "../../../src/store/sqlite/migrate.ts";
import { openDatabase } from "../../../src/store/sqlite/open.ts";
import { voidStatements } from "../../../src/store/sqlite/outbox.ts";
import { listStatements as auditStatements } from "../../../src/store/sqlite/people/audit.ts";

const BLOBS = ["context", "inputs", "scratch", "node_statuses", "phase_states", "phase_history", "output_text"];

function database() {
  const db = openDatabase(":memory:");
  migrate(db, "2026-11-21T09:00:00.000Z");
  return db;
}

const value = {
  at: "9999",
  place: -1,
  id: null,
  since: "",
  limit: 20,
  skip: 999,
  until: "",
  last: 1,
  status: "failed",
  workflow: "w",
  trigger: "t",
  label: "l",
  starred: 1,
};

/** Every statement that lists, by its name. */
function statements(db: ReturnType<typeof database>): Record<string, Statement> {
  const runs = Object.entries(runStatements(db)).flatMap(([name, { page, stride }]) => [
    [`runs by ${name}`, page],
    [`the stride of runs by ${name}`, stride],
  ]);
  const approvals = Object.entries(approvalStatements(db)).map(([name, statement]) => [
    `approvals by ${name}`,
    statement,
  ]);
  return Object.fromEntries([...runs, ...approvals]) as Record<string, Statement>;
}
const names = Object.keys(statements(database()));

/** A database whose statistics would mislead a planner that was free to choose. */
function misled() {
  const db = database();
  db.exec("ANALYZE");
  db.exec("DELETE FROM sqlite_stat1");
  db.exec("INSERT INTO sqlite_stat1 VALUES ('workflow_runs', 'idx_workflow_runs_status', '1000000 2')");
  db.exec("ANALYZE sqlite_schema");
  return db;
}

test("every list is looked at", () => {
  expect(names.length).toBe(16);
});

describe.each([
  ["plain", database],
  ["misleading", misled],
])("with %s statistics", (_which, make) => {
  test.each(names)("%s walk an index in order, whatever the filter", (name) => {
    const db = make();
    const { source } = statements(db)[name] as Statement;
    const plan = (db.prepare(`EXPLAIN QUERY PLAN ${source}`).all(value) as { detail: string }[]).map(
      ({ detail }) => detail,
    );
    expect(plan.join("\n")).not.toMatch(/TEMP B-TREE|AUTOMATIC|MATERIALIZE|SCAN/);
    expect(
      plan.filter((step) => /^SEARCH workflow_(runs|approvals) USING (COVERING )?INDEX (?!sqlite_)\w+ \(/.test(step)),
    ).toHaveLength(1);
    expect(plan.join("\n")).not.toContain("INDEX idx_workflow_runs_status ");
  });
});

test.each([
  ["plain", database],
  ["misleading", misled],
])("what is taken back is found among what its own run owes, with %s statistics", (_which, make) => {
  const db = make();
  const plans = Object.values(voidStatements(db)).map(({ source }) =>
    (db.prepare(`EXPLAIN QUERY PLAN ${source}`).all({ run: "r", approval: "a" }) as { detail: string }[]).map(
      ({ detail }) => detail,
    ),
  );
  const own = ["SEARCH outbox USING INDEX outbox_of_run (run_id=? AND kind=?)"];
  expect(plans).toEqual([own, own]);
});

test.each([
  ["plain", database],
  ["misleading", misled],
])("the audit is walked in order, whoever is looked for, with %s statistics", (_which, make) => {
  const db = make();
  const plans = Object.values(auditStatements(db)).map(({ source }) =>
    (db.prepare(`EXPLAIN QUERY PLAN ${source}`).all({ before: "~", who: "w", limit: 20 }) as { detail: string }[]).map(
      ({ detail }) => detail,
    ),
  );
  expect(plans).toEqual([
    ["SEARCH audit USING PRIMARY KEY (id<?)"],
    ["SEARCH audit USING INDEX audit_by_who (who=? AND id<?)"],
  ]);
});

test.each(names)("%s read no column that grows", (name) => {
  const columns = (statements(database())[name] as Statement).columns().map((column) => column.column ?? column.name);
  expect(columns.length).toBeGreaterThan(0);
  expect(columns.filter((column) => BLOBS.includes(column))).toEqual([]);
});
