import { join } from "node:path";
import { expect, test } from "vitest";
import { fakeClock } from "../../support/clock.ts";
import { grammarWorld, tries } from "../../support/grammar.ts";
import { folderOf, lives, pidIn } from "../../support/programs.ts";

test("each class of failure is tried again where `when` names it, and nowhere else", async () => {
  const world = await grammarWorld(
    {
      "r.yaml": `name: r
phases:
  - { name: exit, type: bash, depends_on: [], retry: { times: 1, when: [exit] }, command: "exit 1" }
  - { name: exit_other, type: bash, depends_on: [], retry: { times: 1, when: [timeout, agent_error, lost] }, command: "exit 1" }
  - { name: slow, type: bash, depends_on: [], timeout: 1s, retry: { times: 1, when: [timeout] }, command: 'if [ "$LASTLIGHT_ATTEMPT" = 1 ]; then echo $$ > pid; sleep 60; fi' }
  - { name: agent, depends_on: [], prompt: prompts/p.md, retry: { times: 2, when: [agent_error] } }
  - { name: agent_other, depends_on: [], prompt: prompts/p.md, retry: { times: 2, when: [exit] } }
  - { name: every, type: bash, depends_on: [], retry: { times: 2 }, command: "exit 2" }
`,
      "prompts/p.md": "Think",
    },
    { says: { agent: [{ exit: 1 }, { exit: 1 }, { output: "good" }], agent_other: { exit: 1 } } },
  );
  const id = await world.start("r");
  const run = await world.over(id);
  const of = (name: string) => run.executions.filter((each) => each.name === name).map((each) => each.failure ?? "ok");
  expect(Object.fromEntries(Object.keys(run.node_statuses).map((name) => [name, of(name)]))).toEqual({
    exit: ["exit", "exit"],
    exit_other: ["exit"],
    slow: ["timeout", "ok"],
    agent: ["agent_error", "agent_error", "ok"],
    agent_other: ["agent_error"],
    every: ["exit", "exit", "exit"],
  });
  expect(lives(await pidIn(join(world.workspace(id, "slow"), "pid")))).toBe(false);
});

test("between two tries it pauses as long as backoff says, through a restart, with the same words in hand", async () => {
  const clock = fakeClock();
  const world = await grammarWorld(
    {
      "r.yaml": `name: r
phases:
  - { name: a, type: bash, retry: { times: 2, backoff: { duration: 10m, factor: 3, max: 20m } }, command: '[ "$LASTLIGHT_ATTEMPT" = 3 ] || exit 1; printf "%s" {{run.started_at}}' }
`,
    },
    { clock },
  );
  const id = await world.start("r");
  for (const [tried, longest] of [
    [1, 10],
    [2, 20],
  ] as const) {
    const held = await world.until(id, (run) => run.reason === "timer" && run.executions.length === tried);
    const pause = Date.parse((await world.store.nextDue()) as string) - Date.parse(clock.now());
    expect([held.status, pause >= longest * 30_000, pause <= longest * 60_000]).toEqual(["paused", true, true]);
    clock.advance(pause - 1);
    await world.restart();
    expect(tries((await world.store.run(id)) as never)).toHaveLength(tried);
    clock.advance(1);
  }
  const run = await world.over(id);
  expect(tries(run)).toEqual(["a error", "a error", "a ok"]);
  expect(new Set(run.executions.map(({ input }) => JSON.stringify(input))).size).toBe(1);
});

test("a timeout is taken from the context where it is a number, and from the default where it is none", async () => {
  const world = await grammarWorld({
    "r.yaml": `name: r
phases:
  - { name: a, type: bash, timeout_seconds: { from: limits.a, default: 60 }, command: "sleep 1.5" }
`,
  });
  const [short, odd] = await Promise.all([
    world.start("r", { context: { limits: { a: 0.2 } } }).then(world.over),
    world.start("r", { context: { limits: { a: "1" } } }).then(world.over),
  ]);
  expect(short.executions[0]).toMatchObject({ failure: "timeout", error: "no end within 1 s" });
  expect(odd.status).toBe("succeeded");
});

test("a program that vanishes is begun again, and no try of `retry` is spent on it", async () => {
  const world = await grammarWorld({
    "r.yaml": `name: r
phases:
  - { name: a, type: bash, retry: { times: 1, when: [exit] }, command: 'case "$LASTLIGHT_ATTEMPT" in 1) echo "$PPID" > keeper; sleep 60 ;; 2) exit 1 ;; esac' }
`,
  });
  const id = await world.start("r");
  const keeper = await pidIn(join(folderOf(world.workspace(id)).path, "keeper"));
  process.kill(keeper, "SIGKILL");
  const run = await world.over(id);
  expect(tries(run)).toEqual(["a interrupted", "a error", "a ok"]);
});
