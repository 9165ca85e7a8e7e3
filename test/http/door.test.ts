import { get } from "node:http";
import { networkInterfaces } from "node:os";
import { expect, onTestFinished, test } from "vitest";
import { openNewsroom } from "../../src/http/news.ts";
import { rulesOf } from "../../src/http/route.ts";
import { createApp, openServer } from "../../src/http/server.ts";
import { openWorld, TOKEN, type World } from "./world.ts";

interface Route {
  readonly method: string;
  readonly path: string;
  readonly isPublic: boolean;
}

/** Every route there is, with something in place of its parameter. */
function inventory({ options, engine, store }: World): Route[] {
  const newsroom = openNewsroom({ bus: engine.bus, store, clock: options.clock });
  const app = createApp(options, newsroom);
  const routes = app.routes.filter(({ method }) => method !== "ALL");
  expect(routes.length).toBeGreaterThan(20);
  return routes.map(({ method, path }) => ({
    method,
    path: path.replace(/:\w+/, "greet"),
    isPublic: rulesOf(app).get(`${method} ${path}`)?.needs === "public",
  }));
}

const BODY = JSON.stringify({ workflow: "greet", enabled: false });

function head(method: string, path: string, lines: readonly string[]): string {
  const all = [...lines, `Authorization: Bearer ${TOKEN}`, "Content-Type: application/json"];
  return `${method} ${path} HTTP/1.1\r\n${all.join("\r\n")}\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
}

async function expectUntouched({ client }: World): Promise<void> {
  expect((await client.runs()).items).toEqual([]);
  expect((await client.workflows()).items.every((each) => each.enabled)).toBe(true);
}

test("no route answers to a Host that is not ours, whatever the token", async () => {
  const world = await openWorld();
  for (const { method, path } of inventory(world)) {
    const answer = await world.raw(head(method, path, ["Host: rebind.example"]));
    expect([path, answer.slice(0, 12)]).toEqual([path, "HTTP/1.1 403"]);
    if (method !== "HEAD") expect(answer).toContain("host.refused");
  }
  await expectUntouched(world);
});

test("no route answers to a page of another origin, reads and streams neither", async () => {
  const world = await openWorld();
  for (const { method, path } of inventory(world)) {
    const own = `Host: 127.0.0.1:${world.server.port}`;
    for (const line of ["Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"]) {
      const answer = await world.raw(head(method, path, [own, line]));
      expect([path, answer.slice(0, 12)]).toEqual([path, "HTTP/1.1 403"]);
      expect(answer).toContain("origin.refused");
    }
  }
  await expectUntouched(world);
});

test("a Host is taken only as it should be: once, with our port, under one of our names", async () => {
  const world = await openWorld();
  const { port } = world.server;
  const wrong = [
    [],
    ["Host:"],
    [`Host: 127.0.0.1:${port}`, "Host: rebind.example"],
    ["Host: rebind.example", `Host: 127.0.0.1:${port}`],
    [`Host: 127.0.0.1:${port}`, `Host: 127.0.0.1:${port}`],
    ["Host: 127.0.0.1"],
    [`Host: 127.0.0.1:${port + 1}`],
    [`Host: 127.0.0.1.evil:${port}`],
    [`Host: localhost.:${port}`],
    [`Host: user@127.0.0.1:${port}`],
    [`Host: 127.1:${port}`],
    [`Host: [::]:${port}`],
  ];
  for (const lines of wrong) {
    const answer = await world.raw(head("GET", "/api/v1/runs", lines));
    expect([lines, answer.slice(0, 12)]).toEqual([lines, "HTTP/1.1 403"]);
  }
  for (const host of ["127.0.0.1", "localhost", "LocalHost", "[::1]"]) {
    const answer = await world.raw(head("GET", "/livez", [`Host: ${host}:${port}`, "Connection: close"]));
    expect([host, answer.slice(0, 12)]).toEqual([host, "HTTP/1.1 200"]);
  }
});

test("a request's target must be a path", async () => {
  const world = await openWorld();
  const { port } = world.server;
  for (const target of [`http://127.0.0.1:${port}/api/v1/runs`, "http://evil.example/api/v1/runs", "*"]) {
    expect(await world.raw(head("OPTIONS", target, [`Host: 127.0.0.1:${port}`]))).toMatch(/^HTTP\/1.1 403/);
  }
});

test("our own pages may call", async () => {
  const world = await openWorld();
  const headers = { origin: `http://localhost:${world.server.port}`, "sec-fetch-site": "same-origin" };
  expect((await world.ask("GET", "/api/v1/runs", { headers })).status).toBe(200);
});

test("every route but the public few wants a token, whatever the method", async () => {
  const world = await openWorld();
  const routes = inventory(world);
  const paths = new Set(routes.map((each) => each.path));
  for (const path of [...paths, "/api/v1/nothing", "/livez/x", "/readyz/", "//livez", "/x/health"]) {
    for (const method of ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]) {
      const { status } = await fetch(world.server.url + path, { method, redirect: "manual" });
      const asked = method === "HEAD" ? "GET" : method;
      const isOpen = routes.some((each) => each.isPublic && each.method === asked && each.path === path);
      // What is open to anyone may still want something else of them than a token.
      expect([method, path, status !== 401]).toEqual([method, path, isOpen]);
    }
  }
  expect(routes.filter((each) => each.isPublic).length).toBeGreaterThan(4);
});

test("a wrong token is refused, of our length, of another, and in other forms", async () => {
  const world = await openWorld();
  const wrong = [
    `Bearer ${TOKEN.slice(0, -1)}X`,
    `Bearer ${TOKEN}X`,
    "Bearer x",
    "Bearer",
    "",
    `Basic ${TOKEN}`,
    TOKEN,
    `Bearer ${TOKEN} ${TOKEN}`,
  ];
  for (const authorization of wrong) {
    const { status, headers, body } = await world.ask("GET", "/api/v1/runs", { headers: { authorization } });
    expect([authorization, status, body.error?.code]).toEqual([authorization, 401, "identity.missing"]);
    expect(headers.get("www-authenticate")).toBe("Bearer");
  }
  expect((await world.ask("GET", "/api/v1/runs", { headers: { authorization: `bearer ${TOKEN}` } })).status).toBe(200);
});

test("the CSRF header alone is no identity", async () => {
  const world = await openWorld();
  const response = await fetch(`${world.server.url}/api/v1/runs`, {
    method: "POST",
    headers: { "x-lastlight-csrf": "1", "content-type": "application/json" },
    body: BODY,
  });
  expect(response.status).toBe(401);
});

test("an address beyond loopback is not listened on", async () => {
  for (const host of ["0.0.0.0", "::", "192.168.1.4", "example.com", "127.0.0.1.example.com"]) {
    await expect(openWorld({ host })).rejects.toMatchObject({ code: "config.invalid" });
  }
});

test("a port that is taken is a fault that says so", async () => {
  const world = await openWorld();
  await expect(openWorld({ port: world.server.port })).rejects.toMatchObject({
    code: "config.invalid",
    message: expect.stringContaining("another program"),
  });
});

test("beyond loopback a daemon listens once there is someone to log in, and not for those who are disabled", async () => {
  const { store, options } = await openWorld();
  const user = { groups: [], passwordHash: "scrypt", email: null, subject: null, by: "local:ada" };
  await store.people.addUser({ ...user, name: "ana", role: "admin" });
  await store.people.changeUser("ana", { disabled: true });
  await expect(openServer({ ...options, host: "0.0.0.0" })).rejects.toMatchObject({ code: "config.invalid" });
  await store.people.changeUser("ana", { disabled: false });
  const server = await openServer({ ...options, host: "0.0.0.0" });
  onTestFinished(() => server.close());
  expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
  expect((await fetch(`${server.url}/livez`)).status).toBe(200);
});

test("beyond loopback the daemon's own token serves those alone who come over loopback", async () => {
  const { store, options } = await openWorld();
  const user = { groups: [], passwordHash: null, email: null, subject: null, by: "local:ada" };
  await store.people.addUser({ ...user, name: "ana", role: "admin" });
  const server = await openServer({ ...options, host: "0.0.0.0" });
  onTestFinished(() => server.close());
  const outer = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal);
  const status = (host: string, named: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { host: `${named}:${server.port}`, authorization: `Bearer ${TOKEN}` };
      const asked = get({ host, port: server.port, path: "/api/v1/runs", headers, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on("error", reject);
    });
  expect(await status("127.0.0.1", "127.0.0.1")).toBe(200);
  if (!outer) return console.log("not tried: this machine has no address beyond loopback");
  expect(await status(outer.address, "127.0.0.1")).toBe(401);
  expect(await status(outer.address, "localhost")).toBe(401);
});

test("a daemon answers to its public name and to those that are allowed, and takes calls from their pages", async () => {
  const world = await openWorld({
    publicUrl: "https://lastlight.example",
    allowedHosts: ["10.0.0.4:9000", "inside.example"],
  });
  const { port } = world.server;
  const status = async (host: string, ...lines: string[]): Promise<string> =>
    (await world.raw(head("GET", "/livez", [`Host: ${host}`, "Connection: close", ...lines]))).slice(9, 12);
  for (const host of [
    "lastlight.example",
    "LASTLIGHT.example",
    "10.0.0.4:9000",
    "inside.example",
    `inside.example:${port}`,
  ]) {
    expect([host, await status(host)]).toEqual([host, "200"]);
  }
  for (const host of ["lastlight.example:1", "10.0.0.4", "x.inside.example", "lastlight.example.evil"]) {
    expect([host, await status(host)]).toEqual([host, "403"]);
  }
  const own = "lastlight.example";
  expect(await status(own, "Origin: https://lastlight.example")).toBe("200");
  expect(await status(own, "Origin: https://inside.example")).toBe("200");
  expect(await status(own, "Origin: http://lastlight.example")).toBe("403");
  expect(await status(own, "Origin: https://evil.example")).toBe("403");
});

test("a link on another site leads to the first page, and to nothing that does something", async () => {
  const world = await openWorld();
  const lines = (mode: string) => [
    `Host: 127.0.0.1:${world.server.port}`,
    "Connection: close",
    "Sec-Fetch-Site: cross-site",
    `Sec-Fetch-Mode: ${mode}`,
    "Sec-Fetch-Dest: document",
  ];
  const status = async (path: string, mode = "navigate"): Promise<string> =>
    (await world.raw(head("GET", path, lines(mode)))).slice(9, 12);
  expect(await status("/")).toBe("200");
  expect(await status("/", "no-cors")).toBe("403");
  for (const path of ["/api/v1/runs", "/login?code=x", "/api/v1/session", "//", "/?/../login"]) {
    expect([path, await status(path)]).toEqual([path, path.startsWith("/?") ? "200" : "403"]);
  }
});

test("someone's token is not taken for the daemon's own", async () => {
  await expect(openWorld({ token: `llt_${"x".repeat(43)}` })).rejects.toMatchObject({ code: "config.invalid" });
});
