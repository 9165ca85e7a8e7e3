import { describe, expect, test } from "vitest";
import { markerOf } from "../../src/connectors/github/marker.ts";
import { type Fate, REPO } from "../support/github.ts";
import { acting, checks, once, posts, saying, talking } from "./github-sketches.ts";
import { speaking } from "./github-world.ts";

test("a run is told where it came from: what its author says, one checklist that is kept up, eyes, and a check that ends as it does", async () => {
  const { github, start, over, quiet } = await speaking();
  const run = await start(talking);
  await over(run);
  await quiet();
  const said = (await github.comments(1)).map(({ body }) => body.replace(/\n\n<!-- lastlight:[0-9a-f]{32} -->$/, ""));
  expect(said.sort()).toEqual(["All is well.", "It is **done**: [secret KEY]", "[x] a"]);
  expect(await github.checks()).toEqual([
    expect.objectContaining({
      external_id: run,
      status: "completed",
      conclusion: "success",
      name: "lastlight / talking",
    }),
  ]);
  expect([...github.reactions]).toEqual([[`/repos/${REPO}/issues/1/reactions eyes`, 1]]);
});

describe("an answer that was lost", () => {
  test.each<[string, Fate]>([
    ["though GitHub did what it was asked", "cut after"],
    ["and GitHub never heard", "cut before"],
  ])("%s: the comment and the check are there once", async (_what, fate) => {
    const { github, world, start, over, quiet, letters } = await speaking();
    const [comment, check] = [once(posts, fate), once(checks, fate)];
    github.fate = (asked) => comment(asked) ?? check(asked);
    const run = await start(saying);
    await over(run);
    await quiet();
    expect(await letters("late")).toHaveLength(2);
    world.clock.advance(60_000);
    await quiet();
    expect(await github.comments(1)).toHaveLength(1);
    expect((await github.checks()).map(({ conclusion }) => conclusion)).toEqual(["success"]);
    expect(await letters("late")).toEqual([]);
  });
});

test("a repository on which the App is not installed", async () => {
  const { github, start, over, quiet, letters } = await speaking();
  github.fate = ({ path }) =>
    path.endsWith("/installation") ? { status: 404, body: '{"message":"Not Found"}' } : null;
  await over(await start(saying));
  await quiet();
  const dead = await letters("dead");
  expect(dead.map(({ kind }) => kind).sort()).toEqual(["post", "report", "report", "report"]);
  for (const { error } of dead) expect(error).toMatch(/not installed on octocat\/hello/);
});

describe("a phase acts at GitHub", () => {
  test.each<[string, object]>([
    ["github.comment", { body: "Hello" }],
    ["github.check", { name: "lint", conclusion: "neutral", summary: "Fine" }],
  ])("%s, once, though its answer was lost; the phase ends with its id and address", async (action, given) => {
    const { github, world, start, over, quiet } = await speaking();
    github.fate = once(
      (asked) => (action === "github.check" ? checks(asked) && asked.body.includes("lint") : posts(asked)),
      "cut after",
    );
    const run = await start(acting(action, given));
    await quiet();
    expect(await world.store.run(run)).toMatchObject({ status: "paused", reason: "action" });
    world.clock.advance(2_000);
    const { executions, status } = await over(run);
    expect(status).toBe("succeeded");
    expect(executions[0]).toMatchObject({
      output: expect.stringMatching(/^http/),
      outputs: { id: expect.stringMatching(/^\d+$/), url: expect.stringMatching(/^http/) },
    });
    await quiet();
    const lint = (await github.checks()).filter(({ name }) => name === "lint");
    expect([(await github.comments(1)).length, lint.length]).toEqual(action === "github.check" ? [0, 1] : [1, 0]);
  });
});

test("what marks a comment as ours cannot be told beforehand", () => {
  expect(markerOf("run/post/1")).toMatch(/^<!-- lastlight:[0-9a-f]{32} -->$/);
  expect(markerOf("run/post/1")).not.toBe(markerOf("run/post/2"));
});
