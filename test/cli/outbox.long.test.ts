import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { posts, saying } from "../connectors/github-sketches.ts";
import { speaking } from "../connectors/github-world.ts";
import { openWorld, TOKEN } from "../http/world.ts";
import { temporaryFolder } from "../support/world.ts";
import { environment, lastlight } from "./command.ts";

test("what could not be said is listed, tried anew and let go, over HTTP and from the command line", async () => {
  const { github, world, start, over, quiet } = await speaking();
  github.fate = (asked) => (posts(asked) ? { status: 404, body: '{"message":"Not Found"}' } : null);
  await over(await start(saying));
  await over(await start(saying));
  await quiet();
  const { client, server, ask } = await openWorld({ store: world.store });
  const stateDir = temporaryFolder();
  writeFileSync(join(stateDir, "daemon.json"), JSON.stringify({ url: server.url, pid: process.pid }));
  const say = (...argv: string[]) => lastlight(argv, environment(stateDir, { LASTLIGHT_TOKEN: TOKEN }));

  const { items } = await client.letters();
  expect(items).toHaveLength(2);
  const [one, other] = items.map(({ id }) => id) as [string, string];
  const list = await say("outbox");
  expect(list.code).toBe(0);
  expect(list.stdout).toContain("404 Not Found");
  expect(JSON.parse((await say("outbox", "list", "--json")).stdout)).toEqual({ items, next_cursor: null });

  github.fate = () => null;
  expect((await say("outbox", "retry", one)).stdout).toBe(`${one} is tried anew.\n`);
  expect(await client.dropLetter(other)).toEqual({ id: other, state: "dropped" });
  const gone = await say("outbox", "drop", other);
  expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining("Nothing of that id waits")]);
  expect((await ask("POST", "/api/v1/outbox/retry", { json: { id: "no such" } })).status).toBe(404);
  expect((await ask("GET", "/api/v1/outbox?state=odd")).status).toBe(400);
  expect((await say("outbox")).stdout).toBe("Nothing was given up.\n");
  expect((await say("outbox", "--late")).code).toBe(0);
  world.clock.advance(20_000);
  await quiet();
  expect(await github.comments(1)).toHaveLength(1);
});
