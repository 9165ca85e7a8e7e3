import { describe, expect, test } from "vitest";
import { type Fate, REPO } from "../support/github.ts";
import { acting, once, posts, saying, silent, talking } from "./github-sketches.ts";
import { speaking } from "./github-world.ts";

test("runs that GitHub did not set off say nothing there", async () => {
  const { github, world, quiet, over } = await speaking();
  const { run } = await world.store.create(world.request(talking, { repo: REPO, issueNumber: 1 }), undefined);
  await world.store.apply(run.id, { type: "run.cancelled", by: "ana" });
  await over(run.id);
  await quiet();
  expect(github.asked).toEqual([]);
});

test("a daemon with a token alone shows no checks, which are for Apps, and says the rest", async () => {
  const { github, start, over, quiet, letters } = await speaking("token");
  await over(await start(saying));
  await quiet();
  expect(await github.comments(1)).toHaveLength(1);
  expect(github.asked.filter(({ path }) => path.includes("check-runs"))).toEqual([]);
  expect(await letters("dead")).toEqual([]);
});

describe("a refusal that no waiting heals is a person's to look at, in GitHub's words", () => {
  test.each<[string, Fate, RegExp]>([
    ["401", { status: 401, body: '{"message":"Bad credentials"}' }, /401 Bad credentials$/],
    [
      "403",
      { status: 403, body: '{"message":"Resource not accessible by integration"}' },
      /403 Resource not accessible/,
    ],
    ["404", { status: 404, body: '{"message":"Not Found"}' }, /404 Not Found$/],
    ["410", { status: 410, body: '{"message":"This issue was deleted"}' }, /410 This issue was deleted$/],
    [
      "422",
      { status: 422, body: '{"message":"Validation Failed","errors":[{"code":"custom"}]}' },
      /422 Validation Failed .*custom/,
    ],
  ])("%s", async (_status, fate, words) => {
    const { github, start, over, quiet, letters } = await speaking();
    github.fate = (asked) => (posts(asked) ? fate : null);
    await over(await start(saying));
    await quiet();
    expect(await letters("dead")).toEqual([
      expect.objectContaining({ kind: "post", error: expect.stringMatching(words) }),
    ]);
    expect(await letters("late")).toEqual([]);
  });

  test("an operator has it tried anew, or lets it go", async () => {
    const { github, world, start, over, quiet, letters } = await speaking();
    github.fate = (asked) => (posts(asked) ? { status: 404, body: '{"message":"Not Found"}' } : null);
    await over(await start(saying));
    await over(await start(saying));
    await quiet();
    const [one, other] = await letters("dead");
    github.fate = () => null;
    expect(await world.store.replies.retry(one?.id as string)).toBe(true);
    expect(await world.store.replies.drop(other?.id as string, "ana")).toBe(true);
    expect(await world.store.replies.retry(other?.id as string)).toBe(false);
    world.clock.advance(20_000);
    await quiet();
    expect(await github.comments(1)).toHaveLength(1);
    expect(await letters("dead")).toEqual([]);
  });
});

test("a token that was taken back is replaced by a fresh one, unseen by anyone", async () => {
  const { github, start, over, quiet, letters } = await speaking();
  github.fate = once(posts, { status: 401, body: '{"message":"Bad credentials"}' });
  await over(await start(saying));
  await quiet();
  expect(await github.comments(1)).toHaveLength(1);
  expect(github.asked.filter(({ path }) => path.endsWith("/access_tokens"))).toHaveLength(2);
  expect([...(await letters("dead")), ...(await letters("late"))]).toEqual([]);
});

describe("trouble that passes is waited out", () => {
  test.each<[string, Fate]>([
    ["500", { status: 500, body: '{"message":"Server Error"}' }],
    ["a proxy's page", { status: 502, body: "<html>Bad Gateway</html>" }],
    ["words that are no JSON", { status: 200, body: "<html>" }],
    ["an answer without end", "endless"],
  ])("%s", async (_what, fate) => {
    const { github, world, start, over, quiet, letters } = await speaking();
    github.fate = once(posts, fate);
    await over(await start(saying));
    await quiet();
    expect(await letters("late")).toHaveLength(1);
    world.clock.advance(60_000);
    await quiet();
    expect(await github.comments(1)).toHaveLength(1);
    expect(await letters("late")).toEqual([]);
  });

  test("no answer at all", async () => {
    const { github, world, start, over, quiet, until } = await speaking();
    github.fate = once(posts, "silence");
    await over(await start(saying));
    await until(() => github.asked.some(posts));
    world.clock.advance(20_000);
    await quiet();
    world.clock.advance(60_000);
    await quiet();
    expect(await github.comments(1)).toHaveLength(1);
  });
});

describe("a limit is obeyed: nothing is asked before its time, by anyone", () => {
  const reset = Math.floor(Date.parse("2026-11-21T09:10:00.000Z") / 1000);
  test.each<[string, Fate, number]>([
    ["429 with Retry-After", { status: 429, headers: { "retry-after": "300" } }, 300],
    [
      "a secondary limit that names no time",
      { status: 403, body: '{"message":"You have exceeded a secondary rate limit"}' },
      60,
    ],
    [
      "the hour's limit",
      { status: 403, headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(reset) } },
      600,
    ],
    ["503 with Retry-After", { status: 503, headers: { "retry-after": "120" } }, 120],
  ])("%s", async (_what, fate, seconds) => {
    const { github, world, start, over, quiet, letters } = await speaking();
    // The first run's App signs in, so that what follows is about comments alone.
    await over(await start(silent));
    await quiet();
    github.fate = once(posts, fate);
    await over(await start(saying));
    await quiet();
    const before = github.asked.length;
    const other = await start(saying);
    await over(other);
    world.clock.advance((seconds - 1) * 1000);
    await quiet();
    expect(github.asked.length).toBe(before);
    expect(await github.comments(1)).toHaveLength(0);
    world.clock.advance(1_000);
    await quiet();
    expect(await github.comments(1)).toHaveLength(2);
    expect(await letters("late")).toEqual([]);
  });
});

test("what failed twenty times is given up, after about two days", async () => {
  const { github, world, start, over, quiet, letters } = await speaking();
  github.fate = (asked) => (posts(asked) ? { status: 500 } : null);
  const began = Date.parse(world.clock.now());
  await over(await start(saying));
  await quiet();
  for (let tries = 1; tries < 20; tries++) {
    expect(await letters("dead")).toEqual([]);
    const [late] = await letters("late");
    world.clock.advance(Date.parse(late?.due as string) - Date.parse(world.clock.now()));
    await quiet();
  }
  const [dead] = await letters("dead");
  expect(dead).toMatchObject({ tries: 20, kind: "post" });
  const hours = (Date.parse(world.clock.now()) - began) / 3_600_000;
  expect(hours).toBeGreaterThan(36);
  expect(hours).toBeLessThan(60);
});

describe("a phase acts at GitHub", () => {
  test("labels and reactions", async () => {
    const { github, start, over, quiet } = await speaking();
    await github.person("POST", `repos/${REPO}/labels`, { name: "bug", color: "ff0000" });
    await github.person("POST", `repos/${REPO}/labels`, { name: "old", color: "ff0000" });
    await github.person("POST", `repos/${REPO}/issues/1/labels`, { labels: ["old"] });
    const labelled = await over(await start(acting("github.label", { add: ["bug"], remove: ["old", "never-there"] })));
    expect(labelled.executions[0]?.outputs).toEqual({ added: ["bug"], removed: ["old", "never-there"] });
    const issue = await github.person<{ labels: { name: string }[] }>("GET", `repos/${REPO}/issues/1`);
    expect(issue.labels.map(({ name }) => name)).toEqual(["bug"]);
    expect((await over(await start(acting("github.reaction", { content: "rocket" })))).status).toBe("succeeded");
    expect(github.reactions.get(`/repos/${REPO}/issues/1/reactions rocket`)).toBe(1);
    await quiet();
  });

  test("a review with what the phase before it said, never an approval that nobody asked for", async () => {
    const { github, world, start, over, quiet } = await speaking();
    const { sha } = await github.person<{ sha: string }>("GET", `repos/${REPO}/commits/main`);
    await github.person("POST", `repos/${REPO}/git/refs`, { ref: "refs/heads/fix", sha });
    const pull = await github.person<{ number: number }>("POST", `repos/${REPO}/pulls`, {
      title: "Fix",
      head: "fix",
      base: "main",
    });
    github.fate = once(({ method, path }) => method === "POST" && path.endsWith("/reviews"), "cut after");
    const run = await start(acting("github.review", { body: "VERDICT: APPROVED" }), { issue: pull.number });
    await quiet();
    world.clock.advance(2_000);
    expect((await over(run)).status).toBe("succeeded");
    const reviews = await github.person<{ state: string; body: string }[]>(
      "GET",
      `repos/${REPO}/pulls/${pull.number}/reviews`,
    );
    expect(reviews.map(({ state }) => state)).toEqual(["COMMENTED"]);
    await quiet();
  });

  test.each<[string, object, RegExp]>([
    ["github.comment", { body: "x", repo: "no/where" }, /404/],
    ["github.comment", { body: "x", repo: "../secrets" }, /no repository: write owner\/name/],
    ["github.comment", { body: " " }, /nothing to say: body is empty/],
    ["github.comment", { body: "x", issue: "one" }, /issue is no number/],
    ["github.review", { body: "x", event: "MERGE" }, /event must be one of COMMENT, APPROVE, REQUEST_CHANGES/],
    ["github.label", {}, /must name a label/],
  ])("%s with %j fails its phase, and says why", async (action, given, words) => {
    const { start, over, letters, quiet } = await speaking();
    const { status, executions } = await over(await start(acting(action, given)));
    expect(status).toBe("failed");
    expect(executions[0]?.error).toMatch(words);
    await quiet();
    expect((await letters("dead")).filter(({ kind }) => kind === "action")).toEqual([]);
  });

  test("it is over at its time's end, though GitHub is silent", async () => {
    const { github, world, start, until, over } = await speaking();
    github.fate = (asked) => (posts(asked) ? { status: 500 } : null);
    const run = await start(acting("github.comment", { body: "x" }, { timeoutMs: 60_000 }));
    await until(() => github.asked.some(posts));
    world.clock.advance(60_000);
    const { status, executions } = await over(run);
    expect([status, executions]).toEqual(["failed", []]);
  });

  test("nothing is done for a run that was cancelled meanwhile", async () => {
    const { github, world, start, until, quiet } = await speaking();
    github.fate = (asked) => (posts(asked) ? { status: 500 } : null);
    const run = await start(acting("github.comment", { body: "x" }));
    await until(() => github.asked.some(posts));
    github.fate = () => null;
    await world.store.apply(run, { type: "run.cancelled", by: "ana" });
    world.clock.advance(3_600_000);
    await quiet();
    expect(await github.comments(1)).toEqual([]);
  });
});
