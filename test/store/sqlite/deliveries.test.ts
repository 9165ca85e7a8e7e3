import { expect, test } from "vitest";
import { listStatements } from "../../../src/store/sqlite/deliveries.ts";
import { migrate } from "../../../src/store/sqlite/migrate.ts";
import { openDatabase } from "../../../src/store/sqlite/open.ts";

const keys = { after: "~", since: "", source: "github", outcome: "started", limit: 20 };

test.each([
  ["all", "PRIMARY KEY (id>? AND id<?)"],
  ["outcome", "INDEX deliveries_by_outcome (outcome=? AND id>? AND id<?)"],
  ["source", "INDEX deliveries_by_source (source=? AND outcome=? AND id>? AND id<?)"],
] as const)("deliveries by %s walk an index in order, and read no payload", (name, walk) => {
  const db = openDatabase(":memory:");
  migrate(db, "2026-11-21T09:00:00.000Z");
  const statement = listStatements(db)[name];
  const plan = db.prepare(`EXPLAIN QUERY PLAN ${statement.source}`).all(keys) as { detail: string }[];
  expect(plan.map(({ detail }) => detail)).toEqual([`SEARCH deliveries USING ${walk}`]);
  expect(statement.columns().map(({ column }) => column)).not.toContain("payload");
  expect(statement.columns().map(({ column }) => column)).not.toContain("verdicts");
});
