import { describe, expect, test } from "vitest";
import { openWorld, untilGate, untilOver, type World } from "./world.ts";

async function waiting(): Promise<{ world: World; run: string; gate: string }> {
  const world = await openWorld();
  const { id: run } = await world.client.startRun({ workflow: "release" });
  return { world, run, gate: await untilGate(world, run) };
}

const approve = ({ client }: World, gate: string) => client.respond(gate, { decision: "approve" });

test("a run that is held back takes its answer, and goes on when it is let go on", async () => {
  const { world, run, gate } = await waiting();
  expect(await world.client.pause(run)).toMatchObject({ id: run });
  await approve(world, gate);
  expect(await world.client.run(run)).toMatchObject({ status: "paused", reason: "operator" });
  expect(await world.ask("POST", `/api/v1/runs/${run}/pause`)).toMatchObject({
    status: 409,
    body: { error: { code: "run.held", message: `Run ${run} is paused (operator)` } },
  });
  await world.client.resume(run);
  expect(await untilOver(world, run)).toBe("succeeded");
  for (const verb of ["pause", "resume"])
    expect(await world.ask("POST", `/api/v1/runs/${run}/${verb}`)).toMatchObject({
      status: 409,
      body: { error: { code: "run.terminal" } },
    });
});

test("what nobody held back cannot be let go on", async () => {
  const { world, run } = await waiting();
  expect(await world.ask("POST", `/api/v1/runs/${run}/resume`)).toMatchObject({
    status: 409,
    body: { error: { code: "run.held" } },
  });
});

test("a run that is over is retried from what failed, or from a phase by name; one under way is not", async () => {
  const { world, run, gate } = await waiting();
  const retry = (json: object) => world.ask("POST", `/api/v1/runs/${run}/retry`, { json });
  expect(await retry({})).toMatchObject({ status: 409, body: { error: { code: "run.unfinished" } } });
  await world.client.respond(gate, { decision: "reject" });
  await untilOver(world, run);
  expect(await retry({ from: "nobody" })).toMatchObject({ status: 404, body: { error: { code: "phase.unknown" } } });
  expect(await retry({})).toMatchObject({ status: 200, body: { id: run } });
  await approve(world, await untilGate(world, run));
  expect(await untilOver(world, run)).toBe("succeeded");
  expect((await world.client.retry(run, "publish")).id).toBe(run);
  await untilOver(world, run);
  const { epoch, executions, phase_history } = await world.client.run(run);
  expect([epoch, executions.map(({ name }) => name)]).toEqual([2, ["prepare", "publish", "publish"]]);
  expect(phase_history.flatMap((line) => line.retried_by ?? [])).toEqual(["local:ada", "local:ada"]);
});

test("a fork is accepted once under its key, and says what it is a fork of", async () => {
  const { world, run, gate } = await waiting();
  await approve(world, gate);
  await untilOver(world, run);
  const path = `/api/v1/runs/${run}/fork`;
  const json = { from: "publish", idempotency_key: "k" };
  const first = await world.ask("POST", path, { json });
  expect(first).toMatchObject({ status: 202, body: { created: true } });
  expect(await world.ask("POST", path, { json })).toMatchObject({
    status: 200,
    body: { created: false, id: first.body.id },
  });
  await untilOver(world, first.body.id as string);
  expect(await world.client.run(first.body.id as string)).toMatchObject({
    status: "succeeded",
    forked_from: run,
    node_statuses: { prepare: "succeeded", confirm: "succeeded", publish: "succeeded" },
    executions: [{ name: "publish" }],
  });
});

test("a fork of what does not fit is refused, and makes no run", async () => {
  const { world, run } = await waiting();
  const path = `/api/v1/runs/${run}/fork`;
  const refused = async (json: object) => {
    const { status, body } = await world.ask("POST", path, { json });
    return [status, body.error?.code];
  };
  expect(await refused({ from: "nobody" })).toEqual([404, "phase.unknown"]);
  expect(await refused({ from: "prepare", inputs: { more: 1 } })).toEqual([422, "input.invalid"]);
  expect(await refused({ from: "prepare", yaml: "name: release\nphases: [" })).toEqual([422, "workflow.invalid"]);
  expect(await refused({ from: "prepare", yaml: "a".repeat(300_000) })).toEqual([400, "request.invalid"]);
  expect((await world.client.runs({})).items).toHaveLength(1);
});

test("word from outside is taken under its id once, and refused when the run is over", async () => {
  const { world, run, gate } = await waiting();
  const send = (json: object) => world.ask("POST", `/api/v1/runs/${run}/signals`, { json });
  expect(await send({ name: "go", payload: { n: 1 }, id: "one" })).toMatchObject({ status: 202, body: { id: run } });
  expect((await send({ name: "go", payload: { n: 2 }, id: "one" })).status).toBe(202);
  expect((await send({ name: "bare" })).status).toBe(202);
  const kept = [
    { id: "one", name: "go", payload: { n: 1 }, received_at: expect.stringMatching(/Z$/) },
    { id: expect.any(String), name: "bare", payload: true, received_at: expect.stringMatching(/Z$/) },
  ];
  expect((await world.store.data(run, null))?.signals).toEqual(kept);
  expect((await world.client.run(run)).signals).toEqual(kept);
  await approve(world, gate);
  await untilOver(world, run);
  expect(await send({ name: "go" })).toMatchObject({ status: 409, body: { error: { code: "run.terminal" } } });
});

describe("a body that cannot be meant is refused with the place that is wrong, and changes nothing", () => {
  const deep = (levels: number): string => `${"[".repeat(levels)}1${"]".repeat(levels)}`;
  test("whichever verb it is for", async () => {
    const { world, run } = await waiting();
    const before = await world.client.run(run);
    const cases: [string, string, number, string][] = [
      ["retry", "{}x", 400, "body.malformed"],
      ["retry", "null", 400, "request.invalid"],
      ["retry", "[]", 400, "request.invalid"],
      ["retry", '{"from":""}', 400, "request.invalid"],
      ["retry", '{"from":7}', 400, "request.invalid"],
      ["retry", '{"from":"a","force":true}', 400, "request.invalid"],
      ["retry", '{"__proto__":{"from":"a"}}', 400, "body.malformed"],
      ["fork", "{}", 400, "request.invalid"],
      ["fork", '{"from":["prepare"]}', 400, "request.invalid"],
      ["fork", '{"from":"prepare","inputs":[]}', 400, "request.invalid"],
      ["fork", '{"from":"prepare","files":{"p.md":7}}', 400, "request.invalid"],
      ["fork", '{"from":"prepare","inputs":{"constructor":{"prototype":{"x":1}}}}', 400, "body.malformed"],
      ["fork", `{"from":"prepare","inputs":{"a":${deep(100)}}}`, 400, "body.too_deep"],
      ["fork", '{"from":"prepare","idempotency_key":""}', 400, "request.invalid"],
      ["signals", "{}", 400, "request.invalid"],
      ["signals", '{"name":"a b"}', 400, "request.invalid"],
      ["signals", '{"name":"a.b"}', 400, "request.invalid"],
      ["signals", '{"name":"__proto__x-y"}', 400, "request.invalid"],
      ["signals", `{"name":"${"a".repeat(65)}"}`, 400, "request.invalid"],
      ["signals", `{"name":"a","payload":"${"ä".repeat(32_768)}"}`, 400, "request.invalid"],
      ["signals", `{"name":"a","payload":${deep(100)}}`, 400, "body.too_deep"],
      ["signals", '{"name":"a","id":""}', 400, "request.invalid"],
      ["signals", `{"name":"a","payload":"${"x".repeat(1_100_000)}"}`, 413, "body.too_large"],
    ];
    for (const [verb, body, status, code] of cases) {
      const answer = await world.ask("POST", `/api/v1/runs/${run}/${verb}`, { body });
      expect([answer.status, answer.body.error?.code], `${verb} ${body.slice(0, 80)}`).toEqual([status, code]);
    }
    expect(await world.client.run(run)).toEqual(before);
    expect(world.errors).toEqual([]);
  });

  test("a signal's name is no prototype's either", async () => {
    const { world, run } = await waiting();
    for (const name of ["__proto__", "constructor", "toString"]) {
      const { status } = await world.ask("POST", `/api/v1/runs/${run}/signals`, { json: { name, payload: 1 } });
      expect(status).toBe(202);
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect((await world.store.data(run, null))?.signals.map(({ name }) => name)).toEqual([
      "__proto__",
      "constructor",
      "toString",
    ]);
  });
});

test.each(["pause", "resume", "retry", "fork", "signals"])("%s of a run that is not there is told so", async (verb) => {
  const world = await openWorld();
  const json = { fork: { from: "a" }, signals: { name: "a" } }[verb] ?? {};
  for (const id of ["none", "..%2f..", "%00", "a".repeat(200)]) {
    const { status, body } = await world.ask("POST", `/api/v1/runs/${id}/${verb}`, { json });
    expect([status, body.error?.code], id).toEqual([404, "run.unknown"]);
  }
});

test("without the token nobody operates anything", async () => {
  const { world, run } = await waiting();
  for (const verb of ["pause", "resume", "retry", "fork", "signals"]) {
    const response = await fetch(`${world.server.url}/api/v1/runs/${run}/${verb}`, { method: "POST", body: "{}" });
    expect(response.status).toBe(401);
  }
});
