import { connect } from "node:net";
import { expect, test } from "vitest";
import { openWorld, TOKEN, type World } from "./world.ts";

const MEGABYTE = 1_048_576;

/** Sends as much of an endless body as the daemon takes; what it answered, and how many megabytes left for it. */
function flood({ server }: World, framing: string, chunk: Buffer): Promise<{ answer: string; sent: number }> {
  return new Promise((resolve) => {
    let answer = "";
    let sent = 0;
    const socket = connect(server.port, "127.0.0.1");
    const push = (): void => {
      if (socket.destroyed || sent > 200 * MEGABYTE) return void socket.destroy();
      socket.write(chunk, (error) => {
        if (error) return;
        sent += chunk.length;
        push();
      });
    };
    const lines = [
      `Host: 127.0.0.1:${server.port}`,
      `Authorization: Bearer ${TOKEN}`,
      "Content-Type: application/json",
    ];
    socket.write(`POST /api/v1/runs HTTP/1.1\r\n${[...lines, framing].join("\r\n")}\r\n\r\n`, push);
    socket.on("data", (data) => {
      answer += data;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve({ answer, sent: sent / MEGABYTE }));
  });
}

test("200 MB announced are refused without being read", async () => {
  const { answer, sent } = await flood(
    await openWorld(),
    `Content-Length: ${200 * MEGABYTE}`,
    Buffer.alloc(65_536, 32),
  );
  expect(answer).toMatch(/^HTTP\/1.1 413/);
  expect(answer).toContain("body.too_large");
  expect(sent).toBeLessThan(16);
});

test("an endless body in chunks is refused once it is over the limit", async () => {
  const text = Buffer.alloc(65_536, 32);
  const chunk = Buffer.concat([Buffer.from(`${text.length.toString(16)}\r\n`), text, Buffer.from("\r\n")]);
  const { answer, sent } = await flood(await openWorld(), "Transfer-Encoding: chunked", chunk);
  expect(answer).toMatch(/^HTTP\/1.1 413/);
  expect(sent).toBeLessThan(16);
});

test("a body sent without a token is not read either", async () => {
  const world = await openWorld({ token: "another" });
  const { answer, sent } = await flood(world, `Content-Length: ${200 * MEGABYTE}`, Buffer.alloc(65_536, 32));
  expect(answer).toMatch(/^HTTP\/1.1 401/);
  expect(sent).toBeLessThan(16);
});

test("whoever asks before sending is told no before sending", async () => {
  const world = await openWorld();
  const lines = ["Expect: 100-continue", `Content-Length: ${200 * MEGABYTE}`, `Authorization: Bearer ${TOKEN}`];
  const head = [`Host: 127.0.0.1:${world.server.port}`, "Content-Type: application/json", ...lines].join("\r\n");
  expect(await world.raw(`POST /api/v1/runs HTTP/1.1\r\n${head}\r\n\r\n`)).toMatch(/^HTTP\/1.1 413/);
});

test("a body of exactly 1 MiB is read and one byte more is not", async () => {
  const world = await openWorld();
  const rest = MEGABYTE - JSON.stringify({ workflow: "greet", pad: "" }).length;
  const body = (more: number) => JSON.stringify({ workflow: "greet", pad: "x".repeat(rest + more) });
  expect((await world.ask("POST", "/api/v1/runs", { body: body(0) })).status).toBe(400);
  expect((await world.ask("POST", "/api/v1/runs", { body: body(1) })).status).toBe(413);
});

test.each([
  ["5,000 arrays in one another", `{"workflow":"greet","inputs":${"[".repeat(5_000)}${"]".repeat(5_000)}}`],
  ["5,000 objects in one another", `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`],
  ["65 levels", `{"workflow":"greet","inputs":${"[".repeat(64)}${"]".repeat(64)}}`],
  ["depth hidden behind an escaped quote", `{"a":"\\"","b":${"[".repeat(100)}${"]".repeat(100)}}`],
  ["half a million brackets that never close", "[".repeat(500_000)],
])("a body with %s is refused", async (_, body) => {
  const world = await openWorld();
  const answer = await world.ask("POST", "/api/v1/runs", { body });
  expect([answer.status, answer.body.error?.code]).toEqual([400, "body.too_deep"]);
});

test("brackets inside a text are text", async () => {
  const world = await openWorld();
  const json = { workflow: "typed", inputs: { repo: `\\"${"[{".repeat(200)}`, tries: 1 } };
  expect((await world.ask("POST", "/api/v1/runs", { json })).status).toBe(202);
});

test.each([
  ["nothing", ""],
  ["half a value", '{"workflow":'],
  ["two values", '{"workflow":"greet"}{"workflow":"greet"}'],
  ["trailing words", '{"workflow":"greet"} and more'],
  ["a comment", '{"workflow":"greet"/* */}'],
  ["bytes that are not UTF-8", new Uint8Array([0x22, 0xc3, 0x28, 0x22])],
  ["a prototype", '{"workflow":"greet","inputs":{"__proto__":{"admin":true}}}'],
  ["an escaped prototype", '{"workflow":"greet","inputs":{"\\u005f_proto__":{"admin":true}}}'],
  ["a constructor's prototype", '{"workflow":"greet","inputs":{"constructor":{"prototype":{}}}}'],
])("a body that is %s is malformed", async (_, body) => {
  const world = await openWorld();
  const answer = await world.ask("POST", "/api/v1/runs", { body });
  expect([answer.status, answer.body.error?.code]).toEqual([400, "body.malformed"]);
  expect((await world.client.runs()).items).toEqual([]);
});

test.each([
  "text/plain",
  "multipart/form-data; boundary=x",
  "application/x-www-form-urlencoded",
  "application/jsonp",
  "",
])("a run is not started from %o", async (type) => {
  const world = await openWorld();
  const body = new TextEncoder().encode('{"workflow":"greet"}');
  const answer = await world.ask("POST", "/api/v1/runs", { body, headers: { "content-type": type } });
  expect([answer.status, answer.body.error?.code]).toEqual([415, "body.malformed"]);
});

test("a compressed body is refused, since it may grow without end", async () => {
  const world = await openWorld();
  const answer = await world.ask("POST", "/api/v1/runs", { body: "x", headers: { "content-encoding": "gzip" } });
  expect(answer.status).toBe(415);
});

test("a body that breaks off harms nobody", async () => {
  const world = await openWorld();
  const head = [
    `Host: 127.0.0.1:${world.server.port}`,
    `Authorization: Bearer ${TOKEN}`,
    "Content-Type: application/json",
  ];
  await new Promise<void>((resolve) => {
    const socket = connect(world.server.port, "127.0.0.1");
    socket.write(`POST /api/v1/runs HTTP/1.1\r\n${head.join("\r\n")}\r\nContent-Length: 100\r\n\r\n{"wor`, () =>
      socket.end(),
    );
    socket.resume().on("close", () => resolve());
  });
  expect((await world.ask("GET", "/api/v1/runs")).status).toBe(200);
  expect(world.errors).toEqual([]);
});
