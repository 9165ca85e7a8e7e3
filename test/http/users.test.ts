import { expect, test } from "vitest";
import { addPerson, browserOf, executing, executionToken, tokenOf } from "./people.ts";
import { openWorld } from "./world.ts";

test("people are added, listed, changed and removed; a hash is shown to nobody", async () => {
  const world = await openWorld();
  const { client } = world;
  const password = "a password of this test";
  await client.addUser({
    name: "Ana",
    role: "operator",
    groups: ["Leads", "ops"],
    email: "Ana@House.example",
    password,
  });
  await client.addUser({ name: "ben", role: "viewer" });
  const { items } = await client.users();
  expect(items).toMatchObject([
    {
      name: "ana",
      role: "operator",
      groups: ["leads", "ops"],
      email: "ana@house.example",
      password: true,
      disabled_at: null,
      created_by: "local:ada",
      last_login_at: null,
    },
    { name: "ben", role: "viewer", groups: [], email: null, password: false },
  ]);
  expect(JSON.stringify(items)).not.toContain("scrypt");
  expect(await client.changeUser("ana", { groups: ["ops", "new"], role: "admin" })).toMatchObject({
    groups: ["new", "ops"],
    role: "admin",
    email: "ana@house.example",
  });
  expect(await client.changeUser("ana", { groups: [], email: null })).toMatchObject({ groups: [], email: null });
  expect(await client.removeUser("ana")).toMatchObject({ name: "ana" });
  expect((await client.users()).items.map(({ name }) => name)).toEqual(["ben"]);
});

test("what is taken, unknown or unfit is refused and says so", async () => {
  const { client } = await openWorld();
  await client.addUser({ name: "ana", role: "viewer", email: "ana@house.example" });
  await client.addUser({ name: "ben", role: "viewer" });
  const refused: [() => Promise<unknown>, string][] = [
    [() => client.addUser({ name: "ANA", role: "viewer" }), "user.taken"],
    [() => client.addUser({ name: "cem", role: "viewer", email: "ANA@house.example" }), "user.taken"],
    [() => client.changeUser("ben", { email: "ana@house.example" }), "user.taken"],
    [() => client.changeUser("nobody", { role: "admin" }), "user.unknown"],
    [() => client.removeUser("nobody"), "user.unknown"],
    [() => client.addUser({ name: "\u0430na", role: "viewer" }), "user.unfit"],
    [() => client.addUser({ name: "a b", role: "viewer" }), "user.unfit"],
    [() => client.addUser({ name: "dan", role: "viewer", groups: ["a b"] }), "user.unfit"],
    [() => client.addUser({ name: "dan", role: "viewer", password: "too short" }), "password.unfit"],
    [() => client.addUser({ name: "dan", role: "viewer", password: "x".repeat(257) }), "password.unfit"],
    [() => client.addUser({ name: "dan", role: "owner" as "admin" }), "request.invalid"],
    [() => client.addUser({ name: "dan", role: "viewer", email: "no address" }), "request.invalid"],
  ];
  for (const [asked, code] of refused) await expect(asked()).rejects.toMatchObject({ code });
  expect((await client.users()).items.map(({ name }) => name)).toEqual(["ana", "ben"]);
});

test("every mutation is recorded, allowed or refused: who, what, on what, from where, and what came of it", async () => {
  const world = await openWorld();
  const { client, server } = world;
  await addPerson(world, "ana", "viewer");
  const { id: _, ...token } = await tokenOf(world, "ana", { role: "viewer", name: "ci" });
  const headers = { ...token, "content-type": "application/json", "user-agent": `curl ${"x".repeat(1_000)}` };
  const post = (path: string, more: Record<string, string>, body: string) =>
    fetch(`${server.url}/api/v1${path}`, { method: "POST", headers: { ...headers, ...more }, body });
  await post("/runs", {}, '{"workflow":"greet","inputs":{"secret":"of this test"}}');
  await post("/runs/r1/cancel", { authorization: "Bearer wrong" }, "{}");
  const { cookie = "" } = await browserOf(world, "ana");
  await fetch(`${server.url}/api/v1/session`, { method: "DELETE", headers: { cookie } });
  const { id } = await client.startRun({ workflow: "greet" });
  await client.startRun({ workflow: "none" }).catch(() => {});
  await client.changeUser("ana", { role: "admin", password: "a password of this test" });
  const { items } = await client.audit();
  expect(items.map(({ who, what, subject, outcome }) => [who, what, subject, outcome])).toEqual([
    ["local:ada", "PUT /api/v1/users/{name}", "ana: role admin, password", "ok"],
    ["local:ada", "POST /api/v1/runs", null, "workflow.unknown"],
    ["local:ada", "POST /api/v1/runs", id, "ok"],
    ["user:ana", "DELETE /api/v1/session", null, "csrf.missing"],
    ["nobody", "POST /api/v1/runs/{id}/cancel", "r1", "identity.missing"],
    ["token:ana/ci", "POST /api/v1/runs", null, "identity.forbidden"],
  ]);
  expect(items.every(({ address }) => address === "127.0.0.1")).toBe(true);
  expect(items.at(-1)?.agent).toHaveLength(200);
  expect(JSON.stringify(items)).not.toContain("of this test");
});

test("reads, and what keeps nothing, leave no row", async () => {
  const { client } = await openWorld();
  await client.runs();
  await client.check("greet", "name: greet");
  expect((await client.audit()).items).toEqual([]);
});

test("the audit is read page by page, and by whom", async () => {
  const world = await openWorld();
  const { client } = world;
  for (const label of ["a", "b", "c"]) {
    const { id } = await client.startRun({ workflow: "greet" });
    await client.label(id, label);
  }
  const first = await client.audit({ limit: 4 });
  const second = await client.audit({ limit: 4, cursor: first.next_cursor as string });
  expect([first.items.length, second.items.length, second.next_cursor]).toEqual([4, 2, null]);
  expect(new Set([...first.items, ...second.items].map(({ id }) => id)).size).toBe(6);
  expect((await client.audit({ who: "local:ada" })).items).toHaveLength(6);
  expect((await client.audit({ who: "user:ana" })).items).toEqual([]);
  await expect(client.audit({ cursor: "nonsense" })).rejects.toMatchObject({ code: "cursor.invalid" });
});

test("a stranger who knocks without end fills no disk", async () => {
  const world = await openWorld();
  for (let knock = 0; knock < 60; knock++) {
    await fetch(`${world.server.url}/api/v1/runs`, { method: "POST" }).then((response) => response.body?.cancel());
  }
  expect((await world.client.audit({ who: "nobody", limit: 200 })).items).toHaveLength(20);
});

test("an agent that knocks without end fills none either", async () => {
  const world = await openWorld();
  const { execution, run } = await executing(world);
  const headers = await executionToken(world, execution, run);
  for (let knock = 0; knock < 60; knock++) {
    const response = await fetch(`${world.server.url}/api/v1/runs`, { method: "POST", headers });
    expect(response.status).toBe(403);
    await response.body?.cancel();
  }
  expect((await world.client.audit({ who: `execution:${execution}`, limit: 200 })).items).toHaveLength(20);
});

test("an audit that takes no row is logged, and stands in nobody's way", async () => {
  const world = await openWorld();
  Object.assign(world.store.people, { record: () => Promise.reject(new Error("no room")) });
  await world.client.startRun({ workflow: "greet" });
  expect(world.errors).toMatchObject([{ what: "POST /api/v1/runs", who: "local:ada" }]);
});
