import { readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../../src/domain/clock.ts";
import { createEngine } from "../../../src/engine/engine.ts";
import { context } from "../../../src/phases/context.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import { silent } from "../../support/engine.ts";
import { calm } from "../../support/keeper.ts";
import { version, workflow } from "../../support/workflow.ts";
import { temporaryFolder } from "../../support/world.ts";

/** Databases that another program made: as the seed prints them, from before some columns, and from after others. */
const shapes = ["seed", "fewer", "more"] as const;

function foreign(shape: (typeof shapes)[number]) {
  const file = join(temporaryFolder(), "lastlight.db");
  const db = new Database(file);
  db.pragma("journal_mode = WAL");
  db.exec(readFileSync(new URL(`../../fixtures/databases/${shape}.sql`, import.meta.url), "utf8"));
  const tables = (
    db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").all() as {
      name: string;
    }[]
  ).map(({ name }) => name);
  const rows = () =>
    Object.fromEntries(
      tables.map((table) => [
        table,
        new Database(file, { readonly: true }).prepare(`SELECT * FROM ${table} ORDER BY 1`).all(),
      ]),
    );
  const before = rows();
  db.close();
  const open = () => {
    const clock = systemClock();
    const store = openSqliteStore({ file, clock });
    const engine = createEngine({
      store,
      clock,
      log: silent,
      node: { node: "n", incarnation: clock.id() },
      phases: [context],
      deliverers: [],
      cap: 4,
      restartLimit: 3,
      ...calm,
    });
    onTestFinished(() => store.close());
    return { store, engine };
  };
  return { open, before, rows, file };
}

describe.each(shapes)("a foreign database (%s)", (shape) => {
  test("opens, twice, and keeps every row as it was", async () => {
    const { open, before, rows } = foreign(shape);
    for (let at = 0; at < 2; at++) {
      const { store, engine } = open();
      await engine.begin();
      await engine.stop();
      await store.close();
    }
    const after = rows();
    expect(Object.keys(before).length).toBeGreaterThanOrEqual(7);
    for (const [table, lines] of Object.entries(before)) {
      expect(lines.length).toBeGreaterThan(0);
      expect(after[table]).toMatchObject(lines as object[]);
      expect(after[table]).toHaveLength(lines.length);
    }
  });

  test("lists its runs and shows each, blobs and all", async () => {
    const { open } = foreign(shape);
    const { store } = open();
    const { rows } = await store.runs({}, { limit: 50 });
    expect(rows.map(({ id, status }) => `${id} ${status}`)).toEqual([
      "run-5 running",
      "run-4 paused",
      "run-3 cancelled",
      "run-2 failed",
      "run-1 succeeded",
    ]);
    expect((await store.runs({ status: ["running"] }, { limit: 5 })).rows.map(({ id }) => id)).toEqual(["run-5"]);
    expect(await store.run("run-1")).toMatchObject({
      workflow_hash: null,
      context: { issue: 7 },
      phase_history: [{ phase: "architect" }],
      executions: [{ id: "exec-1" }, { id: "exec-2" }],
    });
    expect(await store.run("run-2")).toMatchObject({ scratch: "not json {" });
    expect(await store.run("run-4")).toMatchObject({ approvals: [{ id: "gate-1", status: "pending" }] });
  });

  test("dispatches nothing, sweeps nothing, and lets nothing be applied", async () => {
    const { open } = foreign(shape);
    const { store, engine } = open();
    expect(await engine.begin()).toMatchObject({ attached: 0, lost: 0 });
    expect(await store.counts()).toMatchObject({ executing: 0, owed: 0 });
    await expect(engine.cancel("run-5", "ana")).rejects.toMatchObject({ code: "run.foreign" });
    await expect(engine.answer("gate-1", { decision: "approve", by: "ana", comment: null })).rejects.toMatchObject({
      code: "run.foreign",
    });
    await engine.stop();
    expect(await store.run("run-5")).toMatchObject({ status: "running", finished_at: null });
  });

  test("takes new runs beside the old", async () => {
    const { open } = foreign(shape);
    const { store, engine } = open();
    await engine.begin();
    const chain = version(workflow("chain", [{ name: "a" }]));
    const done = new Promise<void>((resolve) =>
      engine.bus.subscribe("new", ({ status }) => status === "succeeded" && resolve()),
    );
    await engine.create({
      id: "new",
      version: chain,
      trigger: { type: "api", id: "t" },
      repo: null,
      issueNumber: null,
      context: {},
      inputs: {},
      priority: 0,
      once: null,
    });
    await done;
    expect((await store.runs({}, { limit: 50 })).rows).toHaveLength(6);
    await engine.stop();
  });

  test("its own program may go on writing its own runs, but not delete them", async () => {
    const { open, file } = foreign(shape);
    await open().store.close();
    const db = new Database(file);
    onTestFinished(() => void db.close());
    db.exec("UPDATE workflow_runs SET context = '{}', status = 'succeeded', restart_count = 12 WHERE id = 'run-3'");
    db.exec(
      "INSERT INTO workflow_runs (id, workflow_name, trigger_id, current_phase, started_at, updated_at) VALUES ('theirs', 'w', 't', 'a', '2026', '2026')",
    );
    expect(() => db.exec("DELETE FROM workflow_runs WHERE id = 'run-3'")).toThrow(/append-only/);
  });
});

test("an old table-level UNIQUE on messaging_sessions is relaxed once, every row and extra column kept", async () => {
  const { open, file } = foreign("fewer");
  await open().store.close();
  const db = new Database(file);
  onTestFinished(() => void db.close());
  expect(
    (db.pragma("index_list(messaging_sessions)") as { origin: string }[]).some(({ origin }) => origin === "u"),
  ).toBe(false);
  db.exec(
    "INSERT INTO messaging_sessions (id, platform, channel_id, thread_id, user_id, created_at, last_activity_at, active) SELECT 'again', platform, channel_id, thread_id, user_id, '2027', '2027', 0 FROM messaging_sessions LIMIT 1",
  );
  expect(db.pragma("foreign_key_check")).toEqual([]);
});

test("of several active sessions under one key the newest stays active", async () => {
  const { open, file } = foreign("fewer");
  await open().store.close();
  const db = new Database(file);
  onTestFinished(() => void db.close());
  expect(db.prepare("SELECT id, active FROM messaging_sessions ORDER BY id").all()).toEqual([{ id: "s-1", active: 1 }]);
});
