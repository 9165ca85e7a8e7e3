import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { migrate } from "../../src/store/sqlite/migrate.ts";
import { openDatabase, openSqliteStore } from "../../src/store/sqlite/open.ts";
import { letterStatements } from "../../src/store/sqlite/replies.ts";
import { fakeClock } from "../support/clock.ts";
import { version, workflow } from "../support/workflow.ts";
import { temporaryFolder } from "../support/world.ts";

const node = { node: "n", incarnation: "i" };
const gated = version(workflow("gated", [{ name: "door", type: "approval" }]));

function world() {
  const clock = fakeClock();
  const store = openSqliteStore({ file: join(temporaryFolder(), "lastlight.db"), clock });
  onTestFinished(() => store.close());
  /** A question that is owed and held; its id. */
  const owed = async (): Promise<string> => {
    const id = clock.id();
    await store.create({
      id,
      version: gated,
      trigger: { type: "api", id },
      repo: null,
      issueNumber: null,
      context: {},
      inputs: {},
      priority: 0,
      once: null,
    });
    const [effect] = (await store.due(node, 9)).filter(({ run }) => run === id);
    return effect?.id as string;
  };
  const letters = async (state: "dead" | "late") => (await store.replies.letters(state, { limit: 100 })).rows;
  return { clock, store, owed, letters };
}

test("what is said is noted before it is said, and the first note under a key stands", async () => {
  const { store, clock } = world();
  const { replies } = store;
  expect(await replies.receipt("k")).toBeNull();
  const begunAt = clock.now();
  expect(await replies.begin("k", "run", "acme/web#1")).toEqual({
    key: "k",
    target: "acme/web#1",
    begunAt,
    said: null,
  });
  clock.advance(1_000);
  expect(await replies.begin("k", "run", "acme/web#2")).toMatchObject({ target: "acme/web#1", begunAt });
  const said = { id: "7", url: "https://github.com/acme/web/issues/1#issuecomment-7", state: "one" };
  await replies.keep("k", said);
  await replies.keep("k", { ...said, state: "two" });
  expect(await replies.receipt("k")).toMatchObject({ said: { ...said, state: "two" } });
});

test("what is given up is listed with its error, newest first, in pages, and owed to nobody", async () => {
  const { store, owed, letters, clock } = world();
  const ids = [await owed(), await owed(), await owed()];
  for (const id of ids) {
    clock.advance(1_000);
    expect(await store.settle(node, id, { dead: true, error: `404 for ${id}` })).toBe(true);
  }
  expect((await letters("dead")).map(({ id, error, tries, kind }) => [id, error, tries, kind])).toEqual(
    [...ids].reverse().map((id) => [id, `404 for ${id}`, 1, "ask"]),
  );
  expect(await store.nextDue()).toBeNull();
  const first = await store.replies.letters("dead", { limit: 2 });
  const second = await store.replies.letters("dead", { limit: 2, after: first.next as string });
  expect([...first.rows, ...second.rows].map(({ id }) => id)).toEqual([...ids].reverse());
  await expect(store.replies.letters("late", { limit: 2, after: first.next as string })).rejects.toMatchObject({
    code: "cursor.invalid",
  });
});

test("whoever no longer holds it cannot give it up", async () => {
  const { store, owed, letters } = world();
  const id = await owed();
  expect(await store.settle({ node: "n", incarnation: "other" }, id, { dead: true, error: "x" })).toBe(false);
  expect(await letters("dead")).toEqual([]);
});

test("tried anew it is due at once; what it failed before does not count, and is not forgotten", async () => {
  const { store, owed, letters, clock } = world();
  const id = await owed();
  await store.settle(node, id, { dead: true, error: "404" });
  expect(await store.replies.retry(id)).toBe(true);
  expect(await letters("dead")).toEqual([]);
  expect(await store.nextDue()).toBe(clock.now());
  expect(await store.due(node, 9)).toMatchObject([{ id, tries: 2, forgiven: 1 }]);
  expect(await store.replies.retry(id)).toBe(false);
});

test("what failed and is owed again is listed soonest first, and may be tried at once", async () => {
  const { store, owed, letters, clock } = world();
  const [one, other] = [await owed(), await owed()];
  await store.settle(node, one, { retryAt: "2026-11-21T12:00:00.000Z", error: "500" });
  await store.settle(node, other, { retryAt: "2026-11-21T11:00:00.000Z", error: "500" });
  expect((await letters("late")).map(({ id }) => id)).toEqual([other, one]);
  expect(await store.replies.retry(one)).toBe(true);
  expect(await store.nextDue()).toBe(clock.now());
});

test("what is let go is no longer listed, and cannot be tried anew", async () => {
  const { store, owed, letters } = world();
  const id = await owed();
  expect(await store.replies.drop(id, "ana")).toBe(false);
  await store.settle(node, id, { dead: true, error: "404" });
  expect(await store.replies.drop(id, "ana")).toBe(true);
  expect(await letters("dead")).toEqual([]);
  expect(await store.replies.retry(id)).toBe(false);
});

test("how far a source has been read is remembered", async () => {
  const { store } = world();
  expect(await store.replies.cursor("github/acme/web")).toBeNull();
  await store.replies.moveCursor("github/acme/web", { issues: { seen: { last: 1 } } });
  await store.replies.moveCursor("github/acme/web", { issues: { seen: { last: 2 } } });
  expect(await store.replies.cursor("github/acme/web")).toEqual({ issues: { seen: { last: 2 } } });
});

test("both lists walk an index in order", () => {
  const db = openDatabase(":memory:");
  migrate(db, "2026-11-21T09:00:00.000Z");
  for (const [name, { source }] of Object.entries(letterStatements(db))) {
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${source}`).all({ at: "9", id: "", limit: 2 }) as { detail: string }[];
    expect(plan.map(({ detail }) => detail).join("; ")).toMatch(
      new RegExp(`^SEARCH outbox USING INDEX outbox_${name} \\(`),
    );
  }
});
