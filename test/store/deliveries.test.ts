import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Arrival, NewDelivery } from "../../src/store/deliveries.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { NewRun } from "../../src/store/store.ts";
import { fakeClock } from "../support/clock.ts";
import { version, workflow } from "../support/workflow.ts";
import { temporaryFolder } from "../support/world.ts";

const single = version(workflow("single", [{ name: "a" }]));
const node = { node: "here", incarnation: "first" };

function world() {
  const clock = fakeClock();
  const file = join(temporaryFolder(), "lastlight.db");
  let store = openSqliteStore({ file, clock });
  onTestFinished(() => store.close());
  const run = (): NewRun => {
    const id = clock.id();
    return {
      id,
      version: single,
      trigger: { type: "webhook", id },
      repo: "acme/w",
      issueNumber: 7,
      context: {},
      inputs: {},
      priority: 0,
      once: null,
    };
  };
  const arrival = (more: Partial<NewDelivery> = {}, runs: readonly NewRun[] = [run()]): Arrival => ({
    delivery: {
      id: clock.id(),
      source: "github",
      key: "d-1",
      via: "webhook",
      echo: null,
      digest: null,
      type: "issues.opened",
      outcome: "started",
      reason: null,
      replayOf: null,
      receivedAt: clock.now(),
      started: { repo: "acme/w", issueNumber: 7, actor: "ada", payload: '{"a":1}' },
      verdicts: runs.map(({ id }) => ({ workflow: "single", why: "issues.opened", run: id })),
      ...more,
    },
    runs,
    take: { node, cap: 10 },
  });
  const reopen = async () => {
    await store.close();
    store = openSqliteStore({ file, clock });
    return store;
  };
  return { store, clock, run, arrival, reopen };
}

test("a delivery and its runs are there together, their first phases in hand", async () => {
  const { store, arrival, reopen, run } = world();
  const given = arrival({}, [run(), run()]);
  const accepted = await store.deliveries.accept(given);
  expect(accepted).toMatchObject({ fresh: true, id: given.delivery.id, runs: given.runs.map(({ id }) => id) });
  expect(accepted.granted.map((grant) => grant.run).sort()).toEqual(given.runs.map(({ id }) => id).sort());
  const again = await reopen();
  for (const { id } of given.runs) expect((await again.run(id))?.status).toBe("running");
  expect((await again.deliveries.one(given.delivery.id))?.payload).toEqual({ a: 1 });
});

test("five deliveries under one key in one turn are one, with the runs of the first", async () => {
  const { store, arrival } = world();
  const all = Array.from({ length: 5 }, () => arrival());
  const accepted = await Promise.all(all.map((each) => store.deliveries.accept(each)));
  expect(accepted.map(({ fresh }) => fresh)).toEqual([true, false, false, false, false]);
  expect(new Set(accepted.map(({ id }) => id)).size).toBe(1);
  expect(new Set(accepted.flatMap(({ runs }) => runs)).size).toBe(1);
  expect((await store.runs({}, { limit: 10 })).rows).toHaveLength(1);
});

test("the same key of another source is another delivery", async () => {
  const { store, arrival } = world();
  await store.deliveries.accept(arrival());
  expect((await store.deliveries.accept(arrival({ source: "sentry" }))).fresh).toBe(true);
});

test("where a run cannot be made, its delivery is not there either, and others of the same turn are", async () => {
  const { store, arrival, run } = world();
  const twice = run();
  const results = await Promise.allSettled([
    store.deliveries.accept(arrival({ key: "d-1" })),
    store.deliveries.accept(arrival({ key: "d-2" }, [twice, twice])),
    store.deliveries.accept(arrival({ key: "d-3" })),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  const { rows } = await store.deliveries.list({}, { limit: 10 });
  expect(rows.map(({ delivery_id }) => delivery_id).sort()).toEqual(["d-1", "d-3"]);
  expect((await store.runs({}, { limit: 10 })).rows).toHaveLength(2);
});

test("a poll and a webhook of one happening are one delivery, whichever comes first; two webhooks of it are two", async () => {
  const { store, arrival } = world();
  const fresh = async (more: Partial<NewDelivery>) => (await store.deliveries.accept(arrival(more))).fresh;
  expect(await fresh({ key: "w-1", echo: "issues.opened 1" })).toBe(true);
  expect(await fresh({ key: "p-1", echo: "issues.opened 1", via: "poll" })).toBe(false);
  expect(await fresh({ key: "w-2", echo: "issues.opened 1" })).toBe(true);
  expect(await fresh({ key: "p-2", echo: "issues.opened 2", via: "poll" })).toBe(true);
  expect(await fresh({ key: "w-3", echo: "issues.opened 2" })).toBe(false);
  expect(await fresh({ key: "p-3", echo: null, via: "poll" })).toBe(true);
});

test("deliveries are found by the time they came, to the millisecond", async () => {
  const { store, clock, arrival } = world();
  await store.deliveries.accept(arrival({ key: "d-1" }));
  clock.advance(1);
  const since = clock.now();
  await store.deliveries.accept(arrival({ key: "d-2" }));
  const { rows } = await store.deliveries.list({ since }, { limit: 10 });
  expect(rows.map(({ delivery_id }) => delivery_id)).toEqual(["d-2"]);
});

test("what started nothing has no payload, and what started something has one: the database holds to it", async () => {
  const { store, arrival } = world();
  const nothing = arrival({ outcome: "nothing_matched" }, []);
  await expect(store.deliveries.accept(nothing)).rejects.toMatchObject({ code: "store.constraint" });
  await expect(store.deliveries.accept(arrival({ started: null }))).rejects.toMatchObject({ code: "store.constraint" });
  expect((await store.runs({}, { limit: 10 })).rows).toEqual([]);
});
