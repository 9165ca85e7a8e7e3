import { describe, expect, test } from "vitest";
import type { Runtime } from "../../src/engine/contracts/runtime.ts";
import { continued, sessionNews } from "../../src/phases/session.ts";
import { agentic } from "../../src/runtimes/agentic.ts";
import { claude } from "../../src/runtimes/claude.ts";
import { pi } from "../../src/runtimes/pi.ts";
import type { Brief, SessionBefore } from "../../src/store/store.ts";
import { acp, house, loop, noted, said, sessions } from "./talking.ts";

describe("with `session: continue` an agent", () => {
  test.for(["resumes", "loads"])("that %s goes on with its conversation in each later round", async (manner) => {
    const world = await house(loop(), { agent: acp(manner) });
    const run = await world.over(await world.start("talk"));
    expect(said(run)).toEqual(["round 1", "round 1 | round 2", "round 1 | round 2 | round 3"]);
    expect(sessions(run)).toEqual([0, 0, 0]);
    const [first, second] = run.executions;
    expect(second?.input).toMatchObject({ session: { id: first?.runtime_session_id, of: first?.id, before: {} } });
    expect(noted(world, run)).toEqual([
      [],
      [expect.stringContaining(`of ${first?.id}`)],
      [expect.stringContaining(`of ${second?.id}`)],
    ]);
  });
});

test("without it each round begins a conversation", async () => {
  const world = await house(loop("session: fresh"));
  const run = await world.over(await world.start("talk"));
  expect(said(run)).toEqual(["round 1", "round 2", "round 3"]);
  expect(sessions(run)).toEqual([0, 1, 2]);
  expect(noted(world, run)).toEqual([[], [], []]);
});

describe("the session of the try before", () => {
  const UUID = "01930000-0000-7abc-8123-0123456789ab";
  const before = (more: Partial<SessionBefore>): Brief =>
    ({
      earlier: { execution: "e", session: UUID, status: "ok", input: { agent: "pi" }, used: { usd: 1 }, ...more },
    }) as Brief;
  const taken = (more: Partial<SessionBefore>, runtime: Runtime = pi) => continued(before(more), runtime);

  test("is gone on with, with what was used in it", () => {
    expect(taken({})).toEqual({ resumes: { id: UUID, of: "e", before: { usd: 1 } } });
  });

  test.for<[string, Partial<SessionBefore>, Runtime, RegExp]>([
    ["of a try that failed", { status: "error" }, pi, /did not end well/],
    ["of a try that was lost", { status: "interrupted" }, pi, /did not end well/],
    ["of a try that was cancelled", { status: "cancelled" }, pi, /did not end well/],
    ["of another runtime", { input: { agent: "codex" } }, pi, /the agent was codex/],
    ["of nobody knows which runtime", { input: null }, pi, /the agent was/],
    ["of a runtime that takes none up", { input: { agent: "agentic" } }, agentic, /agentic cannot go on with one/],
    ["that is a path", { session: "../../x" }, pi, /its name is none/],
    ["that is an option", { session: "--last" }, pi, /its name is none/],
    ["that is words to look for", { session: "my-chat", input: { agent: "claude" } }, claude, /its name is none/],
  ])("%s is not, and why is told", ([, more, runtime, why]) => {
    expect(taken(more, runtime)).toEqual({ note: expect.stringMatching(why) });
  });

  test("that there is none of needs no word", () => {
    expect(continued({ earlier: null } as Brief, agentic)).toEqual({});
  });
});

describe("what a runtime calls its session", () => {
  test("is kept once it is known, and once more where there was no room for it", async () => {
    const kept: string[] = [];
    let full = true;
    const news = sessionNews({
      keepSession: async (session) => {
        if (full) throw new Error("the disk is full");
        kept.push(session);
      },
    });
    news.began("ses_1");
    full = false;
    await news.settled();
    expect(kept).toEqual(["ses_1"]);
  });

  test("is kept a few times at most, whatever a stream goes on to name", async () => {
    let kept = 0;
    const news = sessionNews({ keepSession: async () => void kept++ });
    for (let n = 0; n < 1_000; n++) news.began(`ses_${n}`);
    await news.settled();
    expect(kept).toBe(10);
  });

  test.for(["../../x", "-x", "", "a b", "x/y", "a".repeat(129), "a\u0000", "é", "a..b", "."])(
    "is not kept where it is none: %j",
    async (session) => {
      const news = sessionNews({ keepSession: () => Promise.reject(new Error("it was to be kept")) });
      news.began(session);
      await news.settled();
    },
  );
});
