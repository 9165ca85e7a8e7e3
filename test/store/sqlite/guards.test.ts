import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { openDatabase, openSqliteStore } from "../../../src/store/sqlite/open.ts";
import { fakeClock } from "../../support/clock.ts";
import { version, workflow } from "../../support/workflow.ts";
import { temporaryFolder } from "../../support/world.ts";

const gated = version(workflow("gated", [{ name: "a" }, { name: "door", type: "approval" }]));
const HASH = gated.hash;

/** One run under way with a pending gate, and a second connection that knows no manners. */
async function intruder() {
  const file = join(temporaryFolder(), "lastlight.db");
  const clock = fakeClock();
  const store = openSqliteStore({ file, clock });
  const id = clock.id();
  await store.create(
    {
      id,
      version: gated,
      trigger: { type: "api", id },
      repo: null,
      issueNumber: null,
      context: { a: 1 },
      inputs: {},
      priority: 0,
      once: null,
    },
    { node: { node: "n", incarnation: "i" }, cap: 4 },
  );
  const db = openDatabase(file);
  onTestFinished(async () => {
    db.close();
    await store.close();
  });
  return { db, id, store };
}

const insertRun = (columns: Record<string, unknown>): [string, Record<string, unknown>] => {
  const row = {
    id: "x",
    workflow_name: "w",
    trigger_id: "t",
    current_phase: "a",
    workflow_hash: HASH,
    status: "running",
    restart_count: 0,
    started_at: "2026",
    updated_at: "2026",
    ...columns,
  };
  return [
    `INSERT INTO workflow_runs (${Object.keys(row)}) VALUES (${Object.keys(row).map((name) => `@${name}`)})`,
    row,
  ];
};

test.each<[string, string | [string, Record<string, unknown>], RegExp]>([
  ["a context is immutable", "UPDATE workflow_runs SET context = '{}'", /keeps its context/],
  ["a run keeps its inputs", "UPDATE workflow_runs SET inputs = '{\"a\":2}'", /keeps its context/],
  ["a run keeps its version", "UPDATE workflow_runs SET workflow_hash = NULL", /keeps its context/],
  ["restart_count is capped at 10", "UPDATE workflow_runs SET restart_count = 11", /capped at 10/],
  ["a run is not born beyond the cap", insertRun({ restart_count: 11 }), /born/],
  ["a run is not born with an unknown status", insertRun({ status: "done" }), /born/],
  ["a run is not born with 64 KiB of context and more", insertRun({ context: "ü".repeat(32_769) }), /born/],
  ["a status is one of six", "UPDATE workflow_runs SET status = 'active'", /finished_at is set/],
  ["an end has its time", "UPDATE workflow_runs SET status = 'failed'", /finished_at is set/],
  ["runs are not deleted", "DELETE FROM workflow_runs", /append-only/],
  [
    "runs are not replaced",
    [
      "INSERT OR REPLACE INTO workflow_runs (id, workflow_name, trigger_id, current_phase, started_at, updated_at) SELECT id, 'w', 't', 'a', '', '' FROM workflow_runs",
      {},
    ],
    /append-only/,
  ],
  ["executions are not deleted", "DELETE FROM executions", /append-only/],
  ["approvals are not deleted", "DELETE FROM workflow_approvals", /append-only/],
  [
    "a phase is not started twice under one number",
    "INSERT INTO executions (id, trigger_type, trigger_id, skill, started_at, workflow_run_id, kind, phase, iteration, attempt, epoch, status) SELECT 'twice', trigger_type, trigger_id, skill, started_at, workflow_run_id, kind, phase, iteration, attempt, epoch, status FROM executions",
    /UNIQUE.*attempt/,
  ],
  [
    "a phase does not complete twice",
    "INSERT INTO executions (id, trigger_type, trigger_id, skill, started_at, workflow_run_id, kind, phase, iteration, attempt, epoch, status) VALUES ('1', 'api', 't', 's', '', 'r', 'phase', 'a', 0, 1, 0, 'ok'), ('2', 'api', 't', 's', '', 'r', 'phase', 'a', 0, 2, 0, 'ok')",
    /UNIQUE/,
  ],
  ["an execution's status is one of five", "UPDATE executions SET status = 'done'", /CHECK/],
  ["a version never changes", "UPDATE workflow_versions SET yaml = ''", /never changes/],
  [
    "messages keep their session",
    "INSERT INTO messaging_messages (session_id, role, content, timestamp) VALUES ('none', 'user', '', '')",
    /FOREIGN KEY/,
  ],
])("%s, even for a hand on the database", async (_promise, statement, complaint) => {
  const { db } = await intruder();
  const [sql, values] = typeof statement === "string" ? [statement, {}] : statement;
  expect(() => db.prepare(sql).run(values)).toThrow(complaint);
});

test("a terminal status is final within its epoch", async () => {
  const { db, id, store } = await intruder();
  await store.apply(id, { type: "run.cancelled", by: "ana" });
  expect(() => db.exec("UPDATE workflow_runs SET status = 'succeeded'")).toThrow(/final/);
  expect(() => db.exec("UPDATE workflow_runs SET status = 'running', finished_at = NULL")).toThrow(/final/);
  db.exec("UPDATE workflow_runs SET status = 'running', finished_at = NULL, epoch = epoch + 1");
});

test("an execution ends once, and an approval is answered once", async () => {
  const { db, id, store } = await intruder();
  await store.apply(id, { type: "run.cancelled", by: "ana" });
  expect(() => db.exec("UPDATE executions SET status = 'ok'")).toThrow(/ends once/);
  db.exec(
    "INSERT INTO workflow_approvals (id, workflow_run_id, gate, phase, summary, status, created_at) VALUES ('g', 'r', 'door', 'door', '', 'rejected', '')",
  );
  expect(() => db.exec("UPDATE workflow_approvals SET status = 'approved'")).toThrow(/answered once/);
});

test("messaging rows are not deleted", async () => {
  const { db } = await intruder();
  db.exec(
    "INSERT INTO messaging_sessions (id, platform, channel_id, user_id, created_at, last_activity_at) VALUES ('s', 'slack', 'c', 'u', '', '')",
  );
  db.exec("INSERT INTO messaging_messages (session_id, role, content, timestamp) VALUES ('s', 'user', 'hi', '')");
  expect(() => db.exec("DELETE FROM messaging_messages")).toThrow(/append-only/);
  expect(() => db.exec("DELETE FROM messaging_sessions")).toThrow(/append-only/);
});

test("one session per key is active, inactive ones may stack", async () => {
  const { db } = await intruder();
  const add = (id: string, active: number) =>
    db.exec(
      `INSERT INTO messaging_sessions (id, platform, channel_id, thread_id, user_id, created_at, last_activity_at, active) VALUES ('${id}', 'slack', 'c', 't', 'u', '', '', ${active})`,
    );
  add("a", 1);
  add("b", 0);
  add("c", 0);
  expect(() => add("d", 1)).toThrow(/UNIQUE/);
});

test("every commit is synced: the connection runs in WAL at FULL, and says so after a write", async () => {
  const { db, store } = await intruder();
  await store.pulse();
  expect(db.pragma("journal_mode", { simple: true })).toBe("wal");
  expect(db.pragma("synchronous", { simple: true })).toBe(2);
  expect(db.pragma("foreign_keys", { simple: true })).toBe(1);
  expect(db.pragma("recursive_triggers", { simple: true })).toBe(1);
});

test("a file that is no database is refused with its name", () => {
  const file = join(temporaryFolder(), "lastlight.db");
  const text = new Database(file);
  text.close();
  expect(() => openSqliteStore({ file: temporaryFolder(), clock: fakeClock() })).toThrow(/unable to open/);
});

test("what the audit holds is neither changed nor taken away, even by a hand on the database", async () => {
  const { db, store } = await intruder();
  const entry = { who: "user:ana", what: "log in", subject: null, address: null, agent: null, outcome: "ok" };
  await store.people.record(entry);
  expect(() => db.exec("UPDATE audit SET who = 'user:ben'")).toThrow(/append-only/);
  expect(() => db.exec("DELETE FROM audit")).toThrow(/append-only/);
  expect(() =>
    db.exec("INSERT OR REPLACE INTO audit SELECT id, at, 'x', what, subject, address, agent, outcome FROM audit"),
  ).toThrow(/append-only/);
});
