import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { startDaemon } from "../support/daemon.ts";
import { temporaryFolder } from "../support/world.ts";

/** How often each attack is made at each route, and how many logins are tried: more by hand. */
const ROUNDS = Number(process.env.LASTLIGHT_HOSTILE_ROUNDS ?? "1");
const LOGINS = Number(process.env.LASTLIGHT_HOSTILE_LOGINS ?? "2000");
const MEGABYTE = 1_048_576;
const MOST_GROWTH = 32 * MEGABYTE;
const AT_ONCE = 4;

interface Target {
  readonly port: number;
  readonly token: string;
  readonly routes: readonly { readonly method: string; readonly path: string; readonly takes: string | null }[];
  memory(): number;
  /** Milliseconds the daemon has computed for. */
  cpu(): number;
}

interface Attack {
  readonly lines: readonly string[];
  /** What is sent as the body, for as long as anyone reads. */
  readonly body: Iterable<Buffer>;
}

/** Without Content-Type and Host, which every attack but one has as they should be. */
const bomb = (text: string): Attack => ({
  lines: [`Content-Length: ${Buffer.byteLength(text)}`],
  body: [Buffer.from(text)],
});
const DEEP = 60_000;

const attacks: Record<string, () => Attack> = {
  "a bomb of arrays": () => bomb(`{"a":${"[".repeat(DEEP)}${"]".repeat(DEEP)}}`),
  "a bomb of objects": () => bomb(`${'{"a":'.repeat(DEEP)}1${"}".repeat(DEEP)}`),
  "brackets that never close": () => bomb("[".repeat(MEGABYTE)),
  "a prototype": () => bomb('{"__proto__":{"admin":true},"workflow":"none"}'),
  "a prototype in escapes": () => bomb('{"\\u005f_proto__":{"admin":true},"workflow":"none"}'),
  "a constructor's prototype": () => bomb('{"constructor":{"prototype":{"admin":true}}}'),
  "half a character": () => bomb('{"workflow":"\\ud800","name":"\\udfff","comment":"\\ud83d"}'),
  "half a character as a key": () => bomb('{"\\ud800":1}'),
  "bytes that are no UTF-8": () => ({ lines: ["Content-Length: 4"], body: [Buffer.from([0x22, 0xc3, 0x28, 0x22])] }),
  "a bomb of gzip": () => {
    const packed = gzipped();
    return { lines: [`Content-Length: ${packed.length}`, "Content-Encoding: gzip"], body: [packed] };
  },
  "200 MB, announced": () => ({
    lines: [`Content-Length: ${200 * MEGABYTE}`],
    body: endless(Buffer.alloc(65_536, 32)),
  }),
  "200 MB, in chunks": () => {
    const part = Buffer.alloc(65_536, 32);
    return {
      lines: ["Transfer-Encoding: chunked"],
      body: endless(Buffer.concat([Buffer.from("10000\r\n"), part, Buffer.from("\r\n")])),
    };
  },
  "a megabyte of numbers": () => bomb(`[${"1,".repeat(500_000)}1]`),
  "a megabyte of one text": () => bomb(`{"workflow":"${"x".repeat(1_000_000)}"}`),
  "a hundred thousand keys": () => bomb(`{${Array.from({ length: 60_000 }, (_, n) => `"k${n}":${n}`).join(",")}}`),
  "a number of a megabyte": () => bomb(`{"workflow":${"9".repeat(1_000_000)}}`),
  "two Host lines": () => ({ lines: ["Host: rebind.example", "Content-Length: 2"], body: [Buffer.from("{}")] }),
  "another Origin": () => ({ lines: ["Origin: https://evil.example", "Content-Length: 2"], body: [Buffer.from("{}")] }),
};
/** What no route lets in, whether or not it would read a body. */
const AT_THE_DOOR = new Set(["two Host lines", "another Origin"]);

let packed: Buffer | null = null;
function gzipped(): Buffer {
  packed ??= gzipSync(Buffer.alloc(200 * MEGABYTE, 32));
  return packed;
}

function* endless(part: Buffer): Generator<Buffer> {
  for (let sent = 0; sent < 200 * MEGABYTE; sent += part.length) yield part;
}

/** One connection, one request; the status, once the daemon has closed or answered. */
function strike({ port, token }: Target, method: string, path: string, attack: Attack, type: string): Promise<number> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1");
    const parts = attack.body[Symbol.iterator]();
    const push = (): void => {
      const { done, value } = socket.destroyed || answer !== "" ? { done: true, value: undefined } : parts.next();
      if (!done && value) socket.write(value, push);
    };
    const lines = [
      `Host: 127.0.0.1:${port}`,
      `Authorization: Bearer ${token}`,
      `Content-Type: ${type}`,
      "Connection: close",
    ];
    socket.write(`${method} ${path} HTTP/1.1\r\n${[...lines, ...attack.lines].join("\r\n")}\r\n\r\n`, push);
    socket.on("data", (data) => {
      answer += data;
      // Streams do not end by themselves; whoever has their status has seen enough.
      if (/\r\n\r\n/.test(answer)) socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(Number(/^HTTP\/1.1 (\d{3})/.exec(answer)?.[1] ?? 0)));
  });
}

async function openTarget(): Promise<Target> {
  const folder = temporaryFolder();
  const workflows = join(folder, "workflows");
  mkdirSync(workflows);
  writeFileSync(
    join(workflows, "greet.yaml"),
    "name: greet\nphases:\n  - { name: hello, type: bash, command: 'true' }\n",
  );
  const stateDir = join(folder, "state");
  // What is refused is logged nowhere that grows. With so small a heap, what grows is what is held: otherwise it is for the
  // most part what V8 has put off collecting, which it does by hundreds of megabytes.
  const environment = {
    LASTLIGHT_LOG_LEVEL: "silent",
    NODE_OPTIONS: "--max-old-space-size=72 --max-semi-space-size=1",
    MALLOC_ARENA_MAX: "2",
  };
  const daemon = startDaemon({ stateDir, workflows, environment });
  onTestFinished(async () => {
    daemon.kill("SIGKILL");
    await daemon.ended;
  });
  await daemon.ready;
  const { url } = JSON.parse(readFileSync(join(stateDir, "daemon.json"), "utf8")) as { url: string };
  const proc = (file: string): string => readFileSync(`/proc/${daemon.pid}/${file}`, "utf8");
  const TICK_MS = 10;
  return {
    port: Number(new URL(url).port),
    token: readFileSync(join(stateDir, "api-token"), "utf8"),
    routes: await inventory(url),
    memory: () => Number(/^VmRSS:\s+(\d+) kB/m.exec(proc("status"))?.[1]) * 1_024,
    cpu: () => {
      const fields = proc("stat").split(") ")[1]?.split(" ") ?? [];
      return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
    },
  };
}

async function inventory(url: string): Promise<Target["routes"]> {
  type Operation = { requestBody?: { content: Record<string, unknown> } };
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, Operation>>;
  };
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { requestBody }]) => ({
      method: method.toUpperCase(),
      path: path.replace(/\{\w+\}/, "none"),
      takes: requestBody ? (Object.keys(requestBody.content)[0] ?? null) : null,
    })),
  );
  expect(routes.length).toBeGreaterThan(40);
  expect(routes.filter(({ takes }) => takes !== null).length).toBeGreaterThan(10);
  return routes;
}

async function together<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const hand = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, hand));
}

test("what is hostile is refused at every route, and costs neither memory nor much time", async () => {
  const target = await openTarget();
  const all = Array.from({ length: ROUNDS }, () => target.routes).flat();
  // The daemon in full swing, everything loaded: what it grows from there on is the attackers' doing.
  for (const attack of Object.values(attacks)) {
    await together(target.routes, async ({ method, path, takes }) => {
      await strike(target, method, path, attack(), takes ?? "application/json");
    });
  }
  const first = target.memory();
  let highest = 0;
  const look = setInterval(() => {
    highest = Math.max(highest, target.memory());
  }, 20);
  onTestFinished(() => clearInterval(look));
  const growths: Record<string, number> = {};
  const table: string[] = [];
  for (const [what, attack] of Object.entries(attacks)) {
    const spent = target.cpu();
    const before = target.memory();
    highest = before;
    await together(all, async ({ method, path, takes }) => {
      const status = await strike(target, method, path, attack(), takes ?? "application/json");
      // Who takes no body answers as ever, having read none of it; a text in YAML may hold what is no good JSON.
      const isRead = AT_THE_DOOR.has(what) || (takes !== null && takes !== "text/yaml");
      const mayBe = isRead ? /^4\d\d$/ : /^[234]\d\d$|^502$/;
      expect([what, method, path, String(status)]).toEqual([what, method, path, expect.stringMatching(mayBe)]);
    });
    growths[what] = highest - before;
    const cpu = ((target.cpu() - spent) / all.length).toFixed(2).padStart(7);
    table.push(`${cpu} ms  ${((highest - before) / MEGABYTE).toFixed(1).padStart(5)} MB  ${what}`);
  }
  const grown = ((target.memory() - first) / MEGABYTE).toFixed(1);
  console.log(
    [
      `${all.length} requests of each kind at ${target.routes.length} routes, ${AT_ONCE} at once: the daemon's CPU for each, how far its RSS rose`,
      ...table,
      `RSS ${(first / MEGABYTE).toFixed(1)} MB before, ${grown} MB more after all of them`,
    ].join("\n"),
  );
  for (const [what, growth] of Object.entries(growths)) {
    expect([what, growth <= MOST_GROWTH]).toEqual([what, true]);
  }
});

test("thousands who try passwords at once cost a handful of hashes, and the door stays open", async () => {
  const target = await openTarget();
  const url = `http://127.0.0.1:${target.port}`;
  const authorization = `Bearer ${target.token}`;
  const add = { name: "ana", role: "admin", password: "correct horse battery staple" };
  const headers = { authorization, "content-type": "application/json" };
  expect((await fetch(`${url}/api/v1/users`, { method: "POST", headers, body: JSON.stringify(add) })).status).toBe(201);
  const spent = target.cpu();
  const before = target.memory();
  const told: Record<number, number> = {};
  await together([...Array(LOGINS).keys()], async () => {
    const body = JSON.stringify({ name: "ana", password: "wrong" });
    const { status } = await fetch(`${url}/api/v1/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    told[status] = (told[status] ?? 0) + 1;
  });
  const growth = target.memory() - before;
  console.log(
    `${LOGINS} logins: ${JSON.stringify(told)}, ${((target.cpu() - spent) / LOGINS).toFixed(2)} ms of CPU each, RSS ${(growth / MEGABYTE).toFixed(1)} MB more`,
  );
  expect(told).toEqual({ 401: 5, 429: LOGINS - 5 });
  expect(growth).toBeLessThanOrEqual(64 * MEGABYTE);
  expect((await fetch(`${url}/api/v1/users`, { headers: { authorization } })).status).toBe(200);
});
