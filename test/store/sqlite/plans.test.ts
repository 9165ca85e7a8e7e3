import type { Statement } from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { listStatements as approvalStatements } from "../../../src/store/sqlite/approvals.ts";
import { listStatements as runStatements } from "../../../src/store/sqlite/lists.ts";
import { migrate } from "../../../src/store/sqlite/migrate.ts";
import { openDatabase } from "../../../src/store/sqlite/open.ts";

const BLOBS = ["context", "inputs", "scratch", "node_statuses", "phase_states", "phase_history", "output_text"];

function database() {
  const db = openDatabase(":memory:");
  migrate(db, "2026-11-21T09:00:00.000Z");
  return db;
}

const value = {
  at: "9999",
  id: null,
  since: "",
  limit: 20,
  status: "failed",
  workflow: "w",
  trigger: "t",
  label: "l",
  starred: 1,
};
const names = {
  runs: Object.keys(runStatements(database())),
  approvals: Object.keys(approvalStatements(database())),
};

/** Statements as they are, plus what a planner that was misled by statistics would make of them. */
function statements(list: "runs" | "approvals", analysed: boolean) {
  const db = database();
  if (analysed) {
    db.exec("ANALYZE");
    db.exec("DELETE FROM sqlite_stat1");
    db.exec("INSERT INTO sqlite_stat1 VALUES ('workflow_runs', 'idx_workflow_runs_status', '1000000 2')");
    db.exec("ANALYZE sqlite_schema");
  }
  const all = list === "runs" ? runStatements(db) : approvalStatements(db);
  return { db, all: all as unknown as Record<string, Statement> };
}

describe.each([false, true])("with misleading statistics: %s", (analysed) => {
  test.each([
    ...names.runs.map((name) => ["runs", name] as const),
    ...names.approvals.map((name) => ["approvals", name] as const),
  ])("the list of %s by %s walks an index in order, whatever the filter", (list, name) => {
    const { db, all } = statements(list, analysed);
    const { source } = all[name] as Statement;
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${source}`).all(value) as { detail: string }[];
    const outer = plan.map(({ detail }) => detail);
    expect(outer.join("\n")).not.toMatch(/TEMP B-TREE|AUTOMATIC|MATERIALIZE|^SCAN/m);
    expect(outer[0]).toMatch(/^SEARCH workflow_(runs|approvals) USING INDEX \w+ \(/);
    expect(outer.join("\n")).not.toContain("INDEX idx_workflow_runs_status ");
  });
});

test.each(names.runs)("the list of runs by %s reads no column that grows", (name) => {
  const columns = (runStatements(database()) as unknown as Record<string, Statement>)[name]
    ?.columns()
    .map((column) => column.column);
  expect(columns?.length).toBeGreaterThan(10);
  expect(columns?.filter((column) => BLOBS.includes(column ?? ""))).toEqual([]);
});
