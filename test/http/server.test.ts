import { expect, test } from "vitest";
import { createClient } from "../../src/http/client.ts";
import { openServer } from "../../src/http/server.ts";
import { fakeClock } from "../support/clock.ts";
import { openWorld, TOKEN, untilGate } from "./world.ts";

test("health is for those who have a token, the two probes for anyone", async () => {
  const world = await openWorld();
  expect(await world.client.health()).toMatchObject({ status: "ready", cap: 4 });
  const live = await fetch(`${world.server.url}/livez`);
  expect(await live.json()).toEqual({ status: "alive", loop_lag_ms: expect.any(Number) });
  expect(await (await fetch(`${world.server.url}/readyz`)).json()).toEqual({ status: "ready" });
});

test("the daemon says it is not ready while it stops, and when its disk takes no write", async () => {
  const world = await openWorld();
  await world.store.close();
  const troubled = await fetch(`${world.server.url}/readyz`);
  expect([troubled.status, await troubled.json()]).toMatchObject([503, { error: { code: "store.trouble" } }]);
  world.stop();
  const stopping = await fetch(`${world.server.url}/readyz`);
  expect([stopping.status, await stopping.json()]).toMatchObject([503, { error: { code: "store.stopped" } }]);
});

test("many who ask within a second cost one write", async () => {
  const clock = fakeClock();
  const world = await openWorld({ clock });
  let writes = 0;
  const { pulse } = world.store;
  Object.assign(world.store, { pulse: () => pulse().finally(() => writes++) });
  const ask = () => fetch(`${world.server.url}/readyz`).then((each) => each.status);
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([200, 200, 200]);
  expect(writes).toBe(1);
  clock.advance(1_000);
  await ask();
  expect(writes).toBe(2);
});

test("the description is OpenAPI 3.1 and names every route with its schemas", async () => {
  const world = await openWorld();
  const { status, body } = await world.ask("GET", "/openapi.json");
  expect([status, body.openapi]).toEqual([200, "3.1.0"]);
  const paths = body.paths as Record<string, Record<string, object>>;
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((each) => `${each} ${path}`),
  );
  expect(routes.toSorted()).toEqual([
    "delete /api/v1/admin/safe-mode",
    "delete /api/v1/crons/{name}/override",
    "delete /api/v1/session",
    "delete /api/v1/tokens/{id}",
    "delete /api/v1/users/{name}",
    "delete /api/v1/workflows/{name}/override",
    "get /",
    "get /api/v1/approvals",
    "get /api/v1/approvals/{id}",
    "get /api/v1/audit",
    "get /api/v1/crons",
    "get /api/v1/crons/{name}",
    "get /api/v1/crons/{name}/fires",
    "get /api/v1/deliveries",
    "get /api/v1/deliveries/{id}",
    "get /api/v1/health",
    "get /api/v1/outbox",
    "get /api/v1/runs",
    "get /api/v1/runs/{id}",
    "get /api/v1/runs/{id}/events",
    "get /api/v1/runs/{id}/executions",
    "get /api/v1/session",
    "get /api/v1/sessions/{id}",
    "get /api/v1/sessions/{id}/tail",
    "get /api/v1/tokens",
    "get /api/v1/users",
    "get /api/v1/workflows",
    "get /api/v1/workflows/{name}",
    "get /livez",
    "get /login",
    "get /openapi.json",
    "get /readyz",
    "get /schema/workflow.json",
    "post /api/v1/approvals/{id}/respond",
    "post /api/v1/crons/{name}/trigger",
    "post /api/v1/deliveries/{id}/replay",
    "post /api/v1/outbox/drop",
    "post /api/v1/outbox/retry",
    "post /api/v1/runs",
    "post /api/v1/runs/{id}/cancel",
    "post /api/v1/runs/{id}/fork",
    "post /api/v1/runs/{id}/label",
    "post /api/v1/runs/{id}/pause",
    "post /api/v1/runs/{id}/resume",
    "post /api/v1/runs/{id}/retry",
    "post /api/v1/runs/{id}/signals",
    "post /api/v1/runs/{id}/star",
    "post /api/v1/session",
    "post /api/v1/session/link",
    "post /api/v1/tokens",
    "post /api/v1/users",
    "post /api/v1/workflows/{name}/check",
    "post /hooks/{source}",
    "post /login",
    "put /api/v1/crons/{name}/override",
    "put /api/v1/session/password",
    "put /api/v1/users/{name}",
    "put /api/v1/workflows/{name}/override",
  ]);
  expect(JSON.stringify(paths["/api/v1/approvals/{id}/respond"])).toContain('"enum":["approve","reject","reply"]');
  expect(JSON.stringify(paths["/api/v1/runs"]?.get)).toMatch(/"format":"date-time"},"required":false,"name":"since"/);
});

test("editors find the grammar, people find a word of welcome", async () => {
  const world = await openWorld();
  expect((await world.ask("GET", "/schema/workflow.json")).body.title).toMatch(/lastlight/);
  const page = await fetch(world.server.url);
  expect(page.headers.get("content-type")).toMatch(/^text\/plain/);
  expect(await page.text()).toContain("/api/v1");
});

test("every answer carries the headers that keep browsers from guessing and framing", async () => {
  const world = await openWorld();
  for (const path of ["/", "/livez", "/api/v1/runs", "/api/v1/nothing", "/api/v1/runs/none"]) {
    const { headers } = await world.ask("GET", path);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cache-control")).toBe("no-store");
  }
});

test("a path that is none is 404, a method that is none is 405 and says which there are", async () => {
  const world = await openWorld();
  const nothing = await world.ask("GET", "/api/v1/jobs");
  expect([nothing.status, nothing.body.error?.code]).toEqual([404, "route.unknown"]);
  const wrong = await world.ask("DELETE", "/api/v1/runs");
  expect([wrong.status, wrong.body.error?.code, wrong.headers.get("allow")]).toEqual([
    405,
    "route.unknown",
    "POST, GET",
  ]);
  expect((await world.ask("OPTIONS", "/api/v1/runs")).status).toBe(405);
  expect((await world.ask("HEAD", "/api/v1/runs")).status).toBe(200);
});

test("a surprise is answered without its insides and logged with them", async () => {
  const world = await openWorld({
    health: async () => {
      throw new Error("secret at /home/ada/state/lastlight.db");
    },
  });
  const { status, body } = await world.ask("GET", "/api/v1/health");
  expect([status, body.error?.code]).toEqual([500, "internal.error"]);
  expect(JSON.stringify(body)).not.toMatch(/secret|\/home|at .*\.ts/);
  expect(world.errors).toMatchObject([{ err: { message: expect.stringContaining("secret") } }]);
});

test("a watcher is kept company, and hears from the heartbeat what no news told", async () => {
  const clock = fakeClock();
  const world = await openWorld({ clock });
  const { id } = await world.client.startRun({ workflow: "release" });
  const gate = await untilGate(world, id);
  Object.assign(world.engine.bus, { publish: () => {} });
  const response = await fetch(`${world.server.url}/api/v1/runs/${id}/events`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toContain('"status":"paused"');
  clock.advance(15_000);
  expect((await reader.read()).value).toBe(": still here\n\n");
  await world.engine.cancel(id, "someone");
  expect(await world.client.approval(gate)).toMatchObject({ status: "void" });
  clock.advance(15_000);
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
  expect(rest).toContain('"status":"cancelled"');
});

test("closing ends every stream at once", async () => {
  const world = await openWorld();
  const { id } = await world.client.startRun({ workflow: "release" });
  await untilGate(world, id);
  const response = await fetch(`${world.server.url}/api/v1/runs/${id}/events`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  const [text] = await Promise.all([response.text(), world.server.close()]);
  expect(text).toContain('"status":"paused"');
});

test("a daemon that is not there is said to be unreachable", async () => {
  const world = await openWorld();
  await world.server.close();
  await expect(world.client.runs()).rejects.toMatchObject({ code: "daemon.unreachable" });
  await expect(world.client.watchRun("any").next()).rejects.toMatchObject({ code: "daemon.unreachable" });
});

test("a watcher takes a lost stream up again where it broke", async () => {
  const world = await openWorld();
  const { id } = await world.client.startRun({ workflow: "release" });
  const gate = await untilGate(world, id);
  let pauses = 0;
  const client = createClient({
    url: world.server.url,
    token: TOKEN,
    pause: async () => {
      if (pauses++ > 0) return;
      const again = await openServer({ ...world.options, port: world.server.port });
      await world.engine.answer(gate, { decision: "approve", by: "local:bo", comment: null });
      onOver.push(() => again.close());
    },
  });
  const onOver: (() => Promise<void>)[] = [];
  const heard: string[] = [];
  for await (const news of client.watchRun(id)) {
    heard.push(news.status);
    if (heard.length === 1) await world.server.close();
  }
  expect([heard[0], heard.at(-1), heard.filter((each) => each === "paused").length]).toEqual([
    "paused",
    "succeeded",
    1,
  ]);
  for (const end of onOver) await end();
});
