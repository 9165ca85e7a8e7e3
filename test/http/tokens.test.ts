import { describe, expect, test } from "vitest";
import type { IssuedToken } from "../../src/http/api.ts";
import { fakeClock } from "../support/clock.ts";
import { addPerson, browserOf, type Credentials, tokenOf } from "./people.ts";
import { openWorld, untilGate, untilOver, type World } from "./world.ts";

const DAY_MS = 86_400_000;

async function ask(
  { server }: World,
  who: Credentials,
  method: string,
  path: string,
  json?: unknown,
): Promise<{ status: number; body: unknown }> {
  const { id: _, ...headers } = who as Credentials & { id?: string };
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method,
    headers: { ...headers, ...(json !== undefined && { "content-type": "application/json" }) },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : text };
}

const bearer = ({ token }: IssuedToken): Credentials => ({ authorization: `Bearer ${token}` });

async function openHouse(): Promise<World> {
  const world = await openWorld();
  await addPerson(world, "ana", "operator", { groups: ["leads"] });
  await addPerson(world, "ben", "viewer");
  return world;
}

test("a token is shown once, does what its owner may, and says whose it is", async () => {
  const world = await openHouse();
  const made = await ask(world, await browserOf(world, "ana"), "POST", "/tokens", { name: "ci" });
  const token = made.body as IssuedToken;
  expect(made).toMatchObject({ status: 201, body: { owner: "ana", name: "ci", role: "operator", workflows: null } });
  expect(token.token).toMatch(/^llt_[\w-]{43}$/);
  const who = await ask(world, bearer(token), "GET", "/session");
  expect(who.body).toEqual({ by: "token:ana/ci", role: "operator", groups: ["leads"] });
  const listed = await ask(world, bearer(token), "GET", "/tokens");
  expect(JSON.stringify(listed.body)).not.toContain(token.token);
  expect(listed.body).toMatchObject({ items: [{ id: token.id, last_used_at: expect.any(String) }] });
  const run = await ask(world, bearer(token), "POST", "/runs", { workflow: "greet" });
  expect(run.status).toBe(202);
});

test("no token is more than its owner: not when it is made, and not when they become less", async () => {
  const world = await openHouse();
  const ana = await browserOf(world, "ana");
  expect((await ask(world, ana, "POST", "/tokens", { name: "up", role: "admin" })).status).toBe(403);
  const down = await ask(world, ana, "POST", "/tokens", { name: "down", role: "viewer" });
  expect((await ask(world, bearer(down.body as IssuedToken), "GET", "/session")).body).toMatchObject({
    role: "viewer",
  });
  const same = (await ask(world, ana, "POST", "/tokens", { name: "same" })).body as IssuedToken;
  await world.client.changeUser("ana", { role: "approver" });
  expect((await ask(world, bearer(same), "GET", "/session")).body).toMatchObject({ role: "approver" });
  await world.client.changeUser("ana", { role: "admin" });
  expect((await ask(world, bearer(same), "GET", "/session")).body).toMatchObject({ role: "operator" });
});

test("nobody makes, sees or revokes tokens of others, but an admin", async () => {
  const world = await openHouse();
  const ana = await tokenOf(world, "ana");
  const ben = await browserOf(world, "ben");
  expect((await ask(world, ben, "GET", "/tokens")).body).toEqual({ items: [] });
  expect((await ask(world, ben, "DELETE", `/tokens/${ana.id}`)).status).toBe(404);
  expect((await ask(world, ben, "POST", "/tokens", { name: "x", owner: "ana" })).status).toBe(403);
  const forAna = await world.client.createToken({ name: "x", owner: "ana" });
  expect(forAna).toMatchObject({ owner: "ana", role: "operator" });
  expect((await world.client.tokens()).items.map(({ owner }) => owner)).toEqual(["ana", "ana"]);
  expect((await ask(world, ana, "GET", "/session")).status).toBe(200);
  expect(await world.client.revokeToken(ana.id)).toMatchObject({ revoked_at: expect.any(String) });
  const refused = await ask(world, ana, "GET", "/session");
  expect(refused).toMatchObject({ status: 401, body: { error: { message: "The token was revoked" } } });
  await expect(world.client.revokeToken(ana.id)).rejects.toMatchObject({ code: "token.unknown" });
});

test("the machine's own tokens are no user's, whatever that user is called", async () => {
  const world = await openHouse();
  await addPerson(world, "ada", "viewer");
  const machine = await world.client.createToken({ name: "backup", role: "viewer" });
  expect(machine.owner).toBe("local:ada");
  expect((await ask(world, await browserOf(world, "ada"), "GET", "/tokens")).body).toEqual({ items: [] });
  expect((await ask(world, bearer(machine), "GET", "/session")).body).toMatchObject({ by: "token:local:ada/backup" });
});

test("a token ends with its days, its owner, and its owner's leave", async () => {
  const clock = fakeClock();
  const world = await openWorld({}, { clock });
  await addPerson(world, "ana", "operator");
  const [short, long, ever] = [
    await world.client.createToken({ name: "short", owner: "ana", expires_in_days: 1 }),
    await world.client.createToken({ name: "long", owner: "ana" }),
    await world.client.createToken({ name: "ever", owner: "ana", expires_in_days: null }),
  ];
  const states = async (): Promise<number[]> => {
    const found = [];
    for (const each of [short, long, ever]) found.push((await ask(world, bearer(each), "GET", "/session")).status);
    return found;
  };
  expect(await states()).toEqual([200, 200, 200]);
  clock.advance(DAY_MS);
  expect(await states()).toEqual([401, 200, 200]);
  clock.advance(89 * DAY_MS);
  expect(await states()).toEqual([401, 401, 200]);
  await world.client.changeUser("ana", { disabled: true });
  expect(await states()).toEqual([401, 401, 401]);
  await world.client.changeUser("ana", { disabled: false });
  expect(await states()).toEqual([401, 401, 200]);
  await world.client.removeUser("ana");
  await addPerson(world, "ana", "operator");
  expect(await states()).toEqual([401, 401, 401]);
});

test("a name is had once by an owner, and again once its token is revoked", async () => {
  const world = await openHouse();
  const { id } = await world.client.createToken({ name: "ci", owner: "ana" });
  await expect(world.client.createToken({ name: "CI", owner: "ana" })).rejects.toMatchObject({ code: "token.taken" });
  await world.client.createToken({ name: "ci", owner: "ben" });
  await world.client.revokeToken(id);
  await world.client.createToken({ name: "ci", owner: "ana" });
});

describe("a token for certain workflows", () => {
  async function greeter(world: World): Promise<Credentials> {
    return tokenOf(world, "ana", { role: "operator", workflows: ["greet", "typed"] });
  }

  test("starts, sees and ends runs of those alone", async () => {
    const world = await openHouse();
    const token = await greeter(world);
    const own = await ask(world, token, "POST", "/runs", { workflow: "greet" });
    const { id } = own.body as { id: string };
    expect(own.status).toBe(202);
    await untilOver(world, id);
    const other = await world.client.startRun({ workflow: "release" });
    const gate = await untilGate(world, other.id);
    const may: [string, string, unknown?][] = [
      ["GET", `/runs/${id}`],
      ["GET", "/runs?workflow=greet"],
      ["GET", "/workflows/greet"],
      ["POST", `/runs/${id}/star`, { starred: true }],
      ["POST", `/runs/${id}/retry`, {}],
      ["POST", `/runs/${id}/fork`, { from: "hello" }],
    ];
    for (const [method, path, json] of may) {
      expect([path, (await ask(world, token, method, path, json)).status]).not.toEqual([path, 403]);
    }
    const mayNot: [string, string, unknown?][] = [
      ["POST", "/runs", { workflow: "release" }],
      ["GET", `/runs/${other.id}`],
      ["GET", `/runs/${other.id}/events`],
      ["POST", `/runs/${other.id}/cancel`],
      ["GET", `/approvals/${gate}`],
      ["POST", `/approvals/${gate}/respond`, { decision: "approve" }],
      ["GET", "/runs"],
      ["GET", "/runs?workflow=release"],
      ["GET", "/runs?status=failed"],
      ["GET", "/approvals"],
      ["GET", "/workflows"],
      ["GET", "/workflows/release"],
      ["GET", "/sessions/any"],
      ["GET", "/health"],
      ["GET", "/deliveries"],
      ["GET", "/runs/none"],
      ["POST", `/runs/${id}/fork`, { from: "hello", yaml: "name: release" }],
      ["POST", `/runs/${id}/fork`, { from: "hello", files: { "prompts/x.md": "x" } }],
    ];
    for (const [method, path, json] of mayNot) {
      const { status, body } = await ask(world, token, method, path, json);
      expect([path, status]).toEqual([path, 403]);
      expect(body).toMatchObject({ error: { code: "identity.forbidden" } });
    }
    expect(await world.client.approval(gate)).toMatchObject({ status: "pending" });
  });
});

test("an Authorization header is one line of a sane length, or nobody's", async () => {
  const world = await openHouse();
  const { authorization = "" } = await tokenOf(world, "ana");
  const own = [`Host: 127.0.0.1:${world.server.port}`, "Connection: close"];
  const send = (...lines: string[]): Promise<string> =>
    world.raw(`GET /api/v1/session HTTP/1.1\r\n${[...own, ...lines].join("\r\n")}\r\n\r\n`);
  expect(await send(`Authorization: ${authorization}`)).toMatch(/^HTTP\/1.1 200/);
  expect(await send(`Authorization: ${authorization}`, `Authorization: ${authorization}`)).toMatch(/^HTTP\/1.1 401/);
  expect(await send("Authorization: Bearer wrong", `Authorization: ${authorization}`)).toMatch(/^HTTP\/1.1 401/);
  expect(await send(`Authorization: ${authorization}\t`)).toMatch(/^HTTP\/1.1 (200|401)/);
  expect(await send(`Authorization: Bearer ${"x".repeat(12_000)}`)).toMatch(/^HTTP\/1.1 401/);
  expect(await send(`Authorization: Bearer ${"x".repeat(100_000)}`)).toMatch(/^HTTP\/1.1 431/);
  expect(await send(`Authorization: Bearer ${" ".repeat(12_000)}x`)).toMatch(/^HTTP\/1.1 401/);
  expect(world.errors).toEqual([]);
});
