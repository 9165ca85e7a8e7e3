import { expect, test } from "vitest";
import { createBus } from "../../src/engine/bus.ts";
import { openNewsroom } from "../../src/http/news.ts";
import type { RunDetail } from "../../src/store/lines.ts";
import type { Store } from "../../src/store/store.ts";
import { fakeClock } from "../support/clock.ts";

function newsroomOf(state: { rev: number; status: string }) {
  const bus = createBus();
  const store = { run: async () => state as RunDetail } as unknown as Store;
  return { bus, newsroom: openNewsroom({ bus, store, clock: fakeClock(), streams: 1 }) };
}

test("a reader who does not keep up is told the newest, in bounded room", async () => {
  const { bus, newsroom } = newsroomOf({ rev: 0, status: "running" });
  const stream = await newsroom.open("run", -1);
  for (let rev = 1; rev <= 100_000; rev++) bus.publish([{ run: "run", rev, status: "running" }]);
  bus.publish([{ run: "run", rev: 100_001, status: "succeeded" }]);
  const text = await new Response(stream).text();
  expect(text.length).toBeLessThan(5_000);
  expect(text).toMatch(/"rev":100001,"status":"succeeded"\}\n\n$/);
});

test("a change that arrives out of order is not told after a newer one", async () => {
  const { bus, newsroom } = newsroomOf({ rev: 3, status: "running" });
  const stream = await newsroom.open("run", -1);
  for (const rev of [2, 3, 5, 4]) bus.publish([{ run: "run", rev, status: "running" }]);
  newsroom.close();
  expect([...(await new Response(stream).text()).matchAll(/id: (\d)/g)].map((each) => each[1])).toEqual(["3", "5"]);
});

test("a stream that its reader left makes room for another and listens no more", async () => {
  const { newsroom } = newsroomOf({ rev: 3, status: "running" });
  const stream = await newsroom.open("run", -1);
  expect(newsroom.full).toBe(true);
  await stream?.cancel();
  expect(newsroom.full).toBe(false);
});
