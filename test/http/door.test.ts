import { expect, test } from "vitest";
import { openNewsroom } from "../../src/http/news.ts";
import { PUBLIC } from "../../src/http/route.ts";
import { createApp } from "../../src/http/server.ts";
import { openWorld, TOKEN, type World } from "./world.ts";

/** Every route there is, with something in place of its parameter. */
function inventory({ options, engine, store }: World): { method: string; path: string }[] {
  const newsroom = openNewsroom({ bus: engine.bus, store, clock: options.clock });
  const routes = createApp(options, newsroom).routes.filter(({ method }) => method !== "ALL");
  expect(routes.length).toBeGreaterThan(20);
  return routes.map(({ method, path }) => ({ method, path: path.replace(/:\w+/, "greet") }));
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
  const paths = new Set(inventory(world).map((each) => each.path));
  for (const path of [...paths, "/api/v1/nothing", "/livez/x", "/readyz/", "//livez", "/x/health"]) {
    for (const method of ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]) {
      const { status } = await fetch(world.server.url + path, { method });
      const open = PUBLIC.has(path) && (method === "GET" || method === "HEAD");
      expect([method, path, status]).toEqual([method, path, open ? 200 : 401]);
    }
  }
  expect([...PUBLIC].every((path) => paths.has(path))).toBe(true);
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
