import { describe, expect, test } from "vitest";
import type { LoginLink, SessionState } from "../../src/http/api.ts";
import { fakeClock } from "../support/clock.ts";
import { addPerson, browserOf, type Credentials, PASSWORD } from "./people.ts";
import { openWorld, TOKEN, untilGate, type World } from "./world.ts";

const HOUR_MS = 3_600_000;

interface LoggedIn {
  readonly status: number;
  readonly set: string;
  readonly state: SessionState;
  /** What the browser sends from now on, and what our page adds. */
  readonly headers: Credentials;
}

async function logIn({ server }: World, name: string, password = PASSWORD, more: Credentials = {}): Promise<LoggedIn> {
  const response = await fetch(`${server.url}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json", ...more },
    body: JSON.stringify({ name, password }),
  });
  const set = response.headers.get("set-cookie") ?? "";
  const state = (await response.json()) as SessionState;
  const headers = { cookie: set.split(";")[0] ?? "", "x-lastlight-csrf": "1" };
  return { status: response.status, set, state, headers };
}

async function statusOf({ server }: World, headers: Credentials, method = "GET", path = "/api/v1/session") {
  return (await fetch(server.url + path, { method, headers, redirect: "manual" })).status;
}

async function openHouse(): Promise<World> {
  const world = await openWorld();
  await addPerson(world, "ana", "operator", { password: true, groups: ["leads"] });
  return world;
}

describe("logging in with a password", () => {
  test("a person is who they are from then on, by a cookie that no script reads and no other site sends", async () => {
    const world = await openHouse();
    const { status, set, state, headers } = await logIn(world, "ana");
    expect([status, state]).toEqual([200, { by: "user:ana", role: "operator", groups: ["leads"] }]);
    const { port } = world.server;
    expect(set).toMatch(
      new RegExp(`^lastlight-${port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800$`),
    );
    const started = await fetch(`${world.server.url}/api/v1/runs`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: '{"workflow":"greet"}',
    });
    expect(started.status).toBe(202);
  });

  test("a name is the same however it is typed, and none other that looks like it", async () => {
    const world = await openHouse();
    for (const name of ["ANA", " ana ", "ａｎａ"]) expect((await logIn(world, name)).status).toBe(200);
    for (const name of ["\u0430na", "ana\u0301"]) expect((await logIn(world, name)).status).toBe(401);
  });

  test("a wrong password, a name nobody has, one without a password and one who is disabled are told the same", async () => {
    const world = await openHouse();
    await addPerson(world, "ben", "admin");
    await addPerson(world, "cem", "admin", { password: true });
    await world.client.changeUser("cem", { disabled: true });
    const told = await Promise.all([
      logIn(world, "ana", "wrong horse battery"),
      logIn(world, "nobody"),
      logIn(world, "ben"),
      logIn(world, "cem"),
    ]);
    for (const { status, set, state } of told) {
      expect([status, set, state]).toEqual([401, "", told[0]?.state]);
    }
  });

  test("a session that was there before ends: nobody can have chosen it beforehand", async () => {
    const world = await openHouse();
    const first = await logIn(world, "ana");
    const { cookie = "" } = first.headers;
    const second = await logIn(world, "ana", PASSWORD, { cookie });
    expect(second.headers.cookie).not.toBe(cookie);
    expect(await statusOf(world, first.headers)).toBe(401);
    expect(await statusOf(world, second.headers)).toBe(200);
  });

  test("the page without script does as much, and says what was wrong", async () => {
    const world = await openHouse();
    const page = await fetch(`${world.server.url}/login`);
    expect(page.headers.get("content-security-policy")).toBe(
      "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
    expect(await page.text()).not.toMatch(/<script|style=|onclick/);
    const send = (fields: Record<string, string>) =>
      fetch(`${world.server.url}/login`, { method: "POST", body: new URLSearchParams(fields), redirect: "manual" });
    const wrong = await send({ name: '"><script>', password: "x" });
    expect([wrong.status, await wrong.text()]).toEqual([401, expect.stringContaining("Name or password is wrong")]);
    const right = await send({ name: "ana", password: PASSWORD });
    expect([right.status, right.headers.get("location")]).toEqual([303, "/"]);
    expect(await statusOf(world, { cookie: right.headers.get("set-cookie")?.split(";")[0] ?? "" })).toBe(200);
  });
});

describe("a session", () => {
  test("ends by logging out, and takes its cookie along", async () => {
    const world = await openHouse();
    const { headers } = await logIn(world, "ana");
    const response = await fetch(`${world.server.url}/api/v1/session`, { method: "DELETE", headers });
    expect([response.status, response.headers.get("set-cookie")]).toEqual([204, expect.stringContaining("Max-Age=0")]);
    expect(await statusOf(world, headers)).toBe(401);
  });

  test.each(["a new password", "disabling", "removal"] as const)("ends everywhere by %s", async (how) => {
    const world = await openHouse();
    const one = await browserOf(world, "ana");
    const other = await browserOf(world, "ana");
    if (how === "a new password") await world.client.changeUser("ana", { password: "another long password" });
    if (how === "disabling") await world.client.changeUser("ana", { disabled: true });
    if (how === "removal") await world.client.removeUser("ana");
    for (const headers of [one, other]) expect(await statusOf(world, headers)).toBe(401);
    await world.client.changeUser("ana", { disabled: false }).catch(() => {});
    expect(await statusOf(world, one)).toBe(401);
  });

  test("changes its person's password against the one they have, and goes on in this browser alone", async () => {
    const world = await openHouse();
    const mine = await logIn(world, "ana");
    const other = await browserOf(world, "ana");
    const change = (current: string, password: string) =>
      fetch(`${world.server.url}/api/v1/session/password`, {
        method: "PUT",
        headers: { ...mine.headers, "content-type": "application/json" },
        body: JSON.stringify({ current, password }),
      });
    expect((await change("not the one I have", "another long password")).status).toBe(401);
    expect((await change(PASSWORD, "short")).status).toBe(422);
    const changed = await change(PASSWORD, "another long password");
    expect(changed.status).toBe(200);
    expect(await statusOf(world, { cookie: changed.headers.get("set-cookie")?.split(";")[0] ?? "" })).toBe(200);
    for (const headers of [mine.headers, other]) expect(await statusOf(world, headers)).toBe(401);
    expect((await logIn(world, "ana", "another long password")).status).toBe(200);
  });

  test("ends after half a day of nothing, and after a week whatever happens", async () => {
    const clock = fakeClock();
    const world = await openWorld({}, { clock });
    await addPerson(world, "ana", "operator", { password: true });
    const idle = await logIn(world, "ana");
    clock.advance(12 * HOUR_MS - 1);
    expect(await statusOf(world, idle.headers)).toBe(200);
    clock.advance(12 * HOUR_MS);
    expect(await statusOf(world, idle.headers)).toBe(401);
    const busy = await logIn(world, "ana");
    for (let day = 0; day < 14; day++) {
      expect(await statusOf(world, busy.headers)).toBe(200);
      clock.advance(12 * HOUR_MS - 1);
    }
    clock.advance(HOUR_MS);
    expect(await statusOf(world, busy.headers)).toBe(401);
  });

  test("is nobody's when its cookie comes twice, under another name, or is no word of ours", async () => {
    const world = await openHouse();
    const { cookie = "" } = await browserOf(world, "ana");
    const [name, value] = cookie.split("=");
    const wrong = [
      `${cookie}; ${cookie}`,
      `${name}=x; ${cookie}`,
      `${cookie}; ${name}=${"A".repeat(43)}`,
      `__Host-lastlight=${value}`,
      `lastlight=${value}`,
      `${name}=${value}A`,
      `${name}=`,
      `${name}="${value}"`,
    ];
    for (const each of wrong) expect([each, await statusOf(world, { cookie: each })]).toEqual([each, 401]);
    expect(await statusOf(world, { cookie: `theme=dark; ${cookie}; lang=en` })).toBe(200);
  });

  test("does not come to the help of a wrong token", async () => {
    const world = await openHouse();
    const browser = await browserOf(world, "ana");
    expect(await statusOf(world, { ...browser, authorization: "Bearer wrong" })).toBe(401);
  });

  test("that ends ends the streams it opened", async () => {
    const clock = fakeClock();
    const world = await openWorld({ clock });
    await addPerson(world, "ana", "viewer");
    const browser = await browserOf(world, "ana");
    const { id } = await world.client.startRun({ workflow: "release" });
    await untilGate(world, id);
    const stream = await fetch(`${world.server.url}/api/v1/runs/${id}/events`, { headers: browser });
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toContain('"status":"paused"');
    clock.advance(10_000);
    await world.client.changeUser("ana", { disabled: true });
    clock.advance(10_000);
    let rest = await reader.read();
    while (!rest.done) rest = await reader.read();
    expect(rest.done).toBe(true);
  });
});

describe("a link for a browser", () => {
  const open = async (world: World): Promise<URL> => {
    const { body, status } = await world.ask("POST", "/api/v1/session/link");
    expect(status).toBe(201);
    return new URL((body as unknown as LoginLink).url);
  };
  const enter = (url: URL) =>
    fetch(new URL("/login", url), {
      method: "POST",
      body: new URLSearchParams({ code: url.searchParams.get("code") ?? "" }),
      redirect: "manual",
    });

  test("logs the daemon's own person in by a button, once", async () => {
    const world = await openWorld();
    const url = await open(world);
    // Whoever only looks at it has not used it.
    for (let look = 0; look < 2; look++) expect(await (await fetch(url)).text()).toContain("<button>");
    const entered = await enter(url);
    expect([entered.status, entered.headers.get("location")]).toEqual([303, "/"]);
    const cookie = entered.headers.get("set-cookie")?.split(";")[0] ?? "";
    const who = await (await fetch(`${world.server.url}/api/v1/session`, { headers: { cookie } })).json();
    expect(who).toMatchObject({ by: "local:ada", role: "admin" });
    expect((await enter(url)).status).toBe(401);
  });

  test("is good for a minute", async () => {
    const clock = fakeClock();
    const world = await openWorld({ clock });
    const url = await open(world);
    clock.advance(60_000);
    expect((await enter(url)).status).toBe(401);
  });
});

describe("behind a proxy that speaks https", () => {
  const publicUrl = "https://lastlight.example";
  const proxied = { host: "lastlight.example", "x-forwarded-for": "192.0.2.1, 198.51.100.7" };

  /** As a proxy on this machine hands a request on. */
  async function ask(world: World, method: string, path: string, lines: Credentials, body = ""): Promise<string> {
    const all = Object.entries({ connection: "close", ...proxied, ...lines }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    const head = [`${method} ${path} HTTP/1.1`, ...all, `content-length: ${Buffer.byteLength(body)}`].join("\r\n");
    return world.raw(`${head}\r\n\r\n${body}`);
  }

  test("the cookie is held to https and to this host", async () => {
    const world = await openWorld({ publicUrl });
    await addPerson(world, "ana", "viewer", { password: true });
    const json = { "content-type": "application/json", origin: publicUrl };
    const body = JSON.stringify({ name: "ana", password: PASSWORD });
    const answer = await ask(world, "POST", "/api/v1/session", json, body);
    expect(answer).toMatch(
      /^set-cookie: __Host-lastlight=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=604800; Secure\r$/m,
    );
    const [, cookie = ""] = /^set-cookie: ([^;]+);/m.exec(answer) ?? [];
    expect(await ask(world, "GET", "/api/v1/session", { cookie })).toMatch(/^HTTP\/1.1 200/);
    expect((await world.client.audit()).items[0]).toMatchObject({ who: "user:ana", address: "198.51.100.7" });
  });

  test("the daemon's own token is no use there, nor are its links", async () => {
    const world = await openWorld({ publicUrl });
    const own = { authorization: `Bearer ${TOKEN}` };
    expect(await ask(world, "GET", "/api/v1/runs", own)).toMatch(/^HTTP\/1.1 401/);
    expect(await ask(world, "GET", "/api/v1/runs", { ...own, host: `127.0.0.1:${world.server.port}` })).toMatch(
      /^HTTP\/1.1 401/,
    );
    const { body } = await world.ask("POST", "/api/v1/session/link");
    const code = new URL((body as unknown as LoginLink).url).searchParams.get("code");
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect(await ask(world, "POST", "/login", form, `code=${code}`)).toMatch(/^HTTP\/1.1 403/);
  });

  test("without https nobody is given a cookie", async () => {
    const world = await openWorld({ publicUrl: "http://lastlight.example" });
    await addPerson(world, "ana", "viewer", { password: true });
    const body = JSON.stringify({ name: "ana", password: PASSWORD });
    const answer = await ask(world, "POST", "/api/v1/session", { "content-type": "application/json" }, body);
    expect(answer).toMatch(/^HTTP\/1.1 403/);
    expect(answer).not.toContain("set-cookie");
  });
});
