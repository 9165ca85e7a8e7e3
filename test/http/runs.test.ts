import { expect, test } from "vitest";
import { openWorld, TOKEN, untilGate, untilOver } from "./world.ts";

test("a run is started, carried out and shown with everything it left", async () => {
  const world = await openWorld();
  const started = await world.ask("POST", "/api/v1/runs", { json: { workflow: "greet" } });
  expect(started.status).toBe(202);
  expect(started.body).toMatchObject({ status: "running", created: true });
  const id = started.body.id as string;
  expect(await untilOver(world, id)).toBe("succeeded");
  const run = await world.client.run(id);
  expect(run).toMatchObject({ workflow_name: "greet", trigger_type: "api", node_statuses: { hello: "succeeded" } });
  expect(run.context).toMatchObject({ trigger: { by: "local:ada" } });
  expect((await world.client.executions(id)).items).toMatchObject([{ phase: "hello", status: "ok" }]);
});

test("a workflow nobody wrote is a 404 that says how to list the library", async () => {
  const world = await openWorld();
  const { status, body } = await world.ask("POST", "/api/v1/runs", { json: { workflow: "gret" } });
  expect(status).toBe(404);
  expect(body.error).toMatchObject({ code: "workflow.unknown", hint: expect.stringContaining("lastlight workflows") });
});

test("wrong inputs are refused with one problem per path", async () => {
  const world = await openWorld();
  const json = { workflow: "typed", inputs: { tries: "many", extra: 1 } };
  const { status, body } = await world.ask("POST", "/api/v1/runs", { json });
  expect(status).toBe(422);
  expect(body.error?.code).toBe("input.invalid");
  expect(body.error?.details.map((each) => each.path).sort()).toEqual(["/extra", "/repo", "/tries"]);
  expect((await world.client.runs()).items).toEqual([]);
});

test("a body that is no request names what is wrong with it", async () => {
  const world = await openWorld();
  const { status, body } = await world.ask("POST", "/api/v1/runs", { json: { input: {}, idempotency_key: "" } });
  expect(status).toBe(400);
  expect(body.error?.code).toBe("request.invalid");
  expect(body.error?.details.map((each) => each.path).sort()).toEqual(["/idempotency_key", "/input", "/workflow"]);
});

test("a workflow that needs what this version lacks is not started", async () => {
  const world = await openWorld();
  const { status, body } = await world.ask("POST", "/api/v1/runs", { json: { workflow: "future" } });
  expect([status, body.error?.code]).toEqual([409, "workflow.unavailable"]);
});

test("twenty requests at once with one idempotency key start one run", async () => {
  const world = await openWorld();
  const json = { workflow: "greet", idempotency_key: "order-7" };
  const answers = await Promise.all(Array.from({ length: 20 }, () => world.ask("POST", "/api/v1/runs", { json })));
  expect(new Set(answers.map((each) => each.body.id)).size).toBe(1);
  expect(answers.filter((each) => each.status === 202)).toHaveLength(1);
  expect(answers.filter((each) => each.status === 200 && each.body.created === false)).toHaveLength(19);
  expect((await world.client.runs()).items).toHaveLength(1);
});

test("a run can be cancelled once, and then it is over", async () => {
  const world = await openWorld();
  const { id } = await world.client.startRun({ workflow: "release" });
  await untilGate(world, id);
  expect(await world.client.cancel(id)).toEqual({ id, status: "cancelled" });
  await expect(world.client.cancel(id)).rejects.toMatchObject({ code: "run.terminal" });
  expect((await world.ask("POST", `/api/v1/runs/${id}/cancel`)).status).toBe(409);
});

test("a star and a label are set, filtered by, and taken away", async () => {
  const world = await openWorld();
  const { id } = await world.client.startRun({ workflow: "greet" });
  await world.client.startRun({ workflow: "greet" });
  expect(await world.client.star(id, true)).toMatchObject({ starred: true });
  expect(await world.client.label(id, "käse")).toMatchObject({ label: "käse" });
  expect((await world.client.runs({ starred: true })).items.map((each) => each.id)).toEqual([id]);
  expect((await world.client.runs({ label: "käse" })).items.map((each) => each.id)).toEqual([id]);
  expect((await world.client.runs({ starred: false })).items.map((each) => each.id)).not.toContain(id);
  expect(await world.client.label(id, null)).toMatchObject({ label: null });
  await expect(world.client.label(id, "")).rejects.toMatchObject({ code: "request.invalid" });
});

test("runs are listed by every filter, and in pages that miss and repeat nothing", async () => {
  const world = await openWorld();
  const started = [];
  for (let n = 0; n < 5; n++) started.push((await world.client.startRun({ workflow: "greet" })).id);
  const { id: gated } = await world.client.startRun({ workflow: "release" });
  await untilGate(world, gated);
  for (const id of started) await untilOver(world, id);

  const ids = async (query: string) => {
    const { status, body } = await world.ask("GET", `/api/v1/runs${query}`);
    expect(status).toBe(200);
    return (body.items as { id: string }[]).map((each) => each.id);
  };
  expect(await ids("?status=paused")).toEqual([gated]);
  expect(await ids("?status=paused,succeeded")).toHaveLength(6);
  expect(await ids("?status=paused&status=failed")).toEqual([gated]);
  expect(await ids("?workflow=release")).toEqual([gated]);
  expect(await ids(`?trigger=${gated}`)).toEqual([gated]);
  expect(await ids("?since=2000-01-01")).toHaveLength(6);
  expect(await ids("?since=2999-01-01T00:00:00%2B02:00")).toEqual([]);

  const seen: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await world.client.runs({ limit: 2, workflow: "greet", ...(cursor && { cursor }) });
    seen.push(...page.items.map((each) => each.id));
    cursor = page.next_cursor;
  }
  expect(seen.toSorted()).toEqual(started.toSorted());
});

test.each([
  ["limit=0", "/limit"],
  ["limit=201", "/limit"],
  ["limit=2e1", "/limit"],
  ["limit=1&limit=2", "/limit"],
  ["status=done", "/status/0"],
  ["status=", "/status/0"],
  ["starred=yes", "/starred"],
  ["since=yesterday", "/since"],
  ["stat=paused", "/stat"],
  ["__proto__=x", "/__proto__"],
])("a list asked for with %s is refused by name", async (query, path) => {
  const world = await openWorld();
  const { status, body } = await world.ask("GET", `/api/v1/runs?${query}`);
  expect([status, body.error?.code]).toEqual([400, "request.invalid"]);
  expect(body.error?.details.map((each) => each.path)).toEqual([path]);
});

test("a cursor that no list gave out is refused", async () => {
  const world = await openWorld();
  const { status, body } = await world.ask("GET", "/api/v1/runs?cursor=bm9uc2Vuc2U");
  expect([status, body.error?.code]).toEqual([400, "cursor.invalid"]);
});

test("a run nobody started is unknown under every name", async () => {
  const world = await openWorld();
  for (const id of ["none", "..%2f..%2fetc", "%00", "a".repeat(129), "__proto__", "a%20b", "%E2%80%AE"]) {
    for (const tail of ["", "/executions", "/events"]) {
      const { status, body } = await world.ask("GET", `/api/v1/runs/${id}${tail}`);
      expect([id, status, body.error?.code]).toEqual([id, 404, expect.stringMatching(/^(run|route)\.unknown$/)]);
    }
  }
});

test("someone who watches a run hears each change until it is over", async () => {
  const world = await openWorld();
  const { id } = await world.client.startRun({ workflow: "release" });
  const gate = await untilGate(world, id);
  const heard: string[] = [];
  let rev = -1;
  for await (const news of world.client.watchRun(id)) {
    expect(news.rev).toBeGreaterThan(rev);
    rev = news.rev;
    if (heard.length === 0) await world.client.respond(gate, { decision: "approve" });
    heard.push(news.status);
  }
  expect([heard[0], heard.at(-1)]).toEqual(["paused", "succeeded"]);
  expect((await world.client.run(id)).rev).toBe(rev);
});

test("a watcher who comes back with the last id is told only what is new", async () => {
  const world = await openWorld();
  const { id } = await world.client.startRun({ workflow: "release" });
  const gate = await untilGate(world, id);
  const { rev } = await world.client.run(id);
  const response = await fetch(`${world.server.url}/api/v1/runs/${id}/events`, {
    headers: { authorization: `Bearer ${TOKEN}`, "last-event-id": String(rev) },
  });
  await world.client.respond(gate, { decision: "approve" });
  const text = await response.text();
  const ids = [...text.matchAll(/^id: (\d+)$/gm)].map((each) => Number(each[1]));
  expect(Math.min(...ids)).toBeGreaterThan(rev);
  expect(text).toContain('"status":"succeeded"');

  const over = await fetch(`${world.server.url}/api/v1/runs/${id}/events`, {
    headers: { authorization: `Bearer ${TOKEN}`, "last-event-id": String(Math.max(...ids)) },
  });
  expect(over.status).toBe(204);
});

test("a watcher of a run that is over hears its end and no more", async () => {
  const world = await openWorld();
  const { id } = await world.client.startRun({ workflow: "greet" });
  await untilOver(world, id);
  const heard = [];
  for await (const news of world.client.watchRun(id)) heard.push(news.status);
  expect(heard).toEqual(["succeeded"]);
});
