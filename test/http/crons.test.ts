import { expect, test } from "vitest";
import { schedule } from "../triggers/cron-world.ts";
import { openWorld, untilOver } from "./world.ts";

const schedules = [
  schedule({ cron: "0 9 * * *", timezone: "Europe/Berlin", jitterMs: 60_000 }),
  schedule({ name: "tidy", starts: { handler: "sweep" } }),
  schedule({ name: "odd", starts: { workflow: "future", inputs: {} } }),
];

test("schedules are listed by name with their next slots, as many as are asked for", async () => {
  const { client, ask } = await openWorld({}, { schedules });
  const { items } = await client.crons();
  expect(items.map(({ name, next }) => [name, next.length])).toEqual([
    ["odd", 1],
    ["s", 1],
    ["tidy", 1],
  ]);
  expect(await client.cron("s")).toMatchObject({
    workflow: "greet",
    handler: null,
    schedule: "0 9 * * *",
    timezone: "Europe/Berlin",
    status: "on",
    override: null,
    last: null,
  });
  expect((await client.cron("s")).next).toHaveLength(10);
  expect((await client.cron("s", 3)).next.map(({ slot, due }) => slot <= due)).toEqual([true, true, true]);
  expect((await ask("GET", "/api/v1/crons?next=51")).status).toBe(400);
  await expect(client.cron("nope")).rejects.toMatchObject({ code: "cron.unknown" });
});

test("a word over a file's schedule holds until it is taken back, with who said it", async () => {
  const { client, store } = await openWorld({}, { schedules });
  expect(await client.overrideCron("s", { schedule: "0 10 * * *" })).toMatchObject({
    schedule: "0 10 * * *",
    declared: "0 9 * * *",
    override: { enabled: true, schedule: "0 10 * * *", updated_by: "local:ada" },
  });
  expect(await client.overrideCron("s", { enabled: false })).toMatchObject({
    status: "off",
    reason: "switched off by local:ada",
    schedule: "0 10 * * *",
  });
  expect(await client.overrideCron("s", { schedule: null })).toMatchObject({ status: "off", schedule: "0 9 * * *" });
  expect(await client.overrideCron("s", null)).toMatchObject({ status: "on", override: null });
  expect(await store.crons.overrides()).toEqual([]);
  for (const wrong of ["0 0 31 2 *", "* * * * * *", "@daily", "0 9 * *"])
    await expect(client.overrideCron("s", { schedule: wrong })).rejects.toMatchObject({ code: "cron.invalid" });
  await expect(client.overrideCron("s", {})).rejects.toMatchObject({ code: "request.invalid" });
  await expect(client.overrideCron("nope", null)).rejects.toMatchObject({ code: "cron.unknown" });
});

test("a schedule is triggered once per key, and the ledger tells of it page by page", async () => {
  const world = await openWorld({}, { schedules });
  const { client } = world;
  const first = await client.triggerCron("s", { idempotency_key: "k" });
  expect(first).toMatchObject({ name: "s", outcome: "fired", fired_by: "local:ada" });
  expect(await client.triggerCron("s", { idempotency_key: "k" })).toMatchObject({
    run_id: first.run_id,
    slot: first.slot,
  });
  const second = await client.triggerCron("s");
  expect(await untilOver(world, second.run_id as string)).toBe("succeeded");
  expect(await client.run(second.run_id as string)).toMatchObject({
    trigger_type: "cron",
    context: { schedule: { name: "s" }, trigger: { by: "local:ada" } },
  });
  const page = await client.cronFires("s", { limit: 1 });
  expect(page.items.map(({ run_id }) => run_id)).toEqual([second.run_id]);
  const rest = await client.cronFires("s", { limit: 1, cursor: page.next_cursor as string });
  expect(rest.items.map(({ run_id }) => run_id)).toEqual([first.run_id]);
  await expect(client.cronFires("tidy", { cursor: page.next_cursor as string })).rejects.toMatchObject({
    code: "cursor.invalid",
  });
  expect(await client.cronFires("odd")).toEqual({ items: [], next_cursor: null });
  await expect(client.cronFires("nope")).rejects.toMatchObject({ code: "cron.unknown" });
});

test("who triggers is told what stands in the way", async () => {
  const { client } = await openWorld({}, { schedules });
  await expect(client.triggerCron("odd")).rejects.toMatchObject({ code: "workflow.unavailable" });
  await expect(client.triggerCron("nope")).rejects.toMatchObject({ code: "cron.unknown" });
  expect(await client.triggerCron("tidy")).toMatchObject({ outcome: "fired", run_id: null });
});
