import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../src/domain/clock.ts";
import { conversation } from "../../src/domain/session.ts";
import type { SessionBody } from "../../src/http/api.ts";
import { openServer } from "../../src/http/server.ts";
import { sessions } from "../../src/store/files/sessions.ts";
import { temporaryFolder } from "../support/world.ts";
import { openWorld, TOKEN } from "./world.ts";

const SESSION = "01930000-0000-7abc-8123-0123456789ab";
const AT = "2026-11-21T09:00:00.000Z";

/** A server over a session that this test writes. */
async function reading() {
  const root = join(temporaryFolder(), "projects");
  const files = sessions(root, systemClock());
  const world = await openWorld({ sessions: files });
  const words = conversation({
    session: SESSION,
    tool: "bash",
    command: "true",
    cwd: "/app",
    version: "0.1.0",
    startedAt: AT,
  });
  const file = files.open({ session: SESSION, cwd: "/app" });
  let number = 0;
  const tail = (headers: Record<string, string> = {}) =>
    fetch(`${world.server.url}/api/v1/sessions/${SESSION}/tail`, {
      headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    });
  return {
    ...world,
    files,
    path: join(root, "-app", `${SESSION}.jsonl`),
    tail,
    write: (count: number) => {
      for (const until = number + count; number < until; number++) {
        file.append([words.output("stdout", number, `${number}\u2028\n`, [number + 1, 0], AT)]);
      }
    },
    end: () => file.append([words.result({ status: "ok", stopReason: "end_turn", durationMs: 1 }, [number, 0], AT)]),
    page: async (query = "") =>
      (await world.ask("GET", `/api/v1/sessions/${SESSION}${query}`)) as unknown as {
        status: number;
        body: SessionBody;
      },
  };
}

/** Events as a browser would count them. */
const events = (text: string) =>
  [...text.matchAll(/id: (\d+)\nevent: line\ndata: (.*)\n\n/g)].map(([, id, data]) => ({
    id: id as string,
    seq: (JSON.parse(data as string) as { seq: number }).seq,
  }));
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

test("a session is read in pages, each from where the one before ended", async () => {
  const { write, page } = await reading();
  write(30);
  const seen: unknown[] = [];
  let body: SessionBody = { items: [], next_offset: 0, size: 1 };
  while (body.next_offset < body.size) {
    const asked = await page(`?offset=${body.next_offset}&limit=2000`);
    expect(asked.status).toBe(200);
    expect(asked.body.next_offset - body.next_offset).toBeLessThanOrEqual(2_000);
    body = asked.body;
    seen.push(...body.items.map(({ line }) => line?.seq));
  }
  expect(seen).toEqual(upTo(30));
  expect((await page()).body.items).toHaveLength(30);
});

test("a session that is none is 404, a page that is none 400", async () => {
  const { ask, page } = await reading();
  for (const id of [SESSION.replace("7abc", "7abd"), "no", "..%2f..%2fetc", "a".repeat(200)]) {
    for (const path of [`/api/v1/sessions/${id}`, `/api/v1/sessions/${id}/tail`]) {
      const { status, body } = await ask("GET", path);
      expect([status, body.error?.code]).toEqual([404, "session.unknown"]);
    }
  }
  for (const query of ["?offset=-1", "?offset=x", "?limit=5", "?limit=9999999", "?size=1"]) {
    expect((await page(query)).status).toBe(400);
  }
});

test("a live tail brings each line as it is written and ends behind the result", async () => {
  const { write, end, tail, files } = await reading();
  write(3);
  const response = await tail();
  expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
  const text = response.text();
  write(4);
  end();
  const heard = events(await text);
  expect(heard.map(({ seq }) => seq)).toEqual(upTo(8));
  expect(Number(heard.at(-1)?.id)).toBe((await files.find(SESSION)).size);
  expect((await tail({ "last-event-id": heard.at(-1)?.id as string })).status).toBe(204);
});

test("whoever lost the stream at any line takes it up behind that line", async () => {
  const { write, end, tail } = await reading();
  write(12);
  end();
  const whole = events(await (await tail()).text());
  for (const [at, { id }] of whole.slice(0, -1).entries()) {
    expect(events(await (await tail({ "last-event-id": id })).text())).toEqual(whole.slice(at + 1));
  }
});

test("bytes that are no line are told as such, and the stream goes on", async () => {
  const { write, tail, page, path } = await reading();
  write(1);
  const foreign = { type: "result", result: "of another program \u2028 \n" };
  appendFileSync(path, `{"seq":2,"half\n\n${JSON.stringify(foreign)}\n`);
  expect((await page()).body.items.map(({ fault }) => fault)).toEqual([null, "damaged", "damaged", null]);
  const text = await (await tail()).text();
  expect([...text.matchAll(/^data: (.*)$/gm)].slice(1).map(([, data]) => JSON.parse(data as string))).toEqual([
    null,
    null,
    foreign,
  ]);
});

test("a client that loses its daemon again and again hears each line once", async () => {
  const { write, end, options, server, client } = await reading();
  const heard: unknown[] = [];
  let current = server;
  write(5);
  for await (const { line } of client.watchSession(SESSION)) {
    heard.push(line?.seq);
    if (heard.length % 5 !== 0 || heard.length > 20) continue;
    await current.close();
    write(5);
    if (heard.length === 20) end();
    current = await openServer({ ...options, port: server.port });
  }
  expect(heard).toEqual(upTo(26));
  await current.close();
});

test("closing the server ends its streams at once, and one that is left makes room", async () => {
  const { write, tail, server } = await reading();
  write(1);
  const responses = await Promise.all(Array.from({ length: 200 }, () => tail()));
  expect(responses.every(({ status }) => status === 200)).toBe(true);
  expect((await tail()).status).toBe(429);
  await responses[0]?.body?.cancel();
  let again = await tail();
  for (let tries = 0; again.status === 429 && tries < 100; tries++) again = await tail();
  expect(again.status).toBe(200);
  const texts = responses.slice(1).map((each) => each.text());
  await server.close();
  expect((await Promise.all(texts)).every((text) => events(text).length === 1)).toBe(true);
});
