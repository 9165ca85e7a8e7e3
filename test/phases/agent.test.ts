import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isFound } from "../../src/phases/pattern.ts";
import type { RunDetail } from "../../src/store/lines.ts";
import { grammarWorld, tries } from "../support/grammar.ts";

const one = (more = "", top = ""): string => `
name: one
${top}
phases:
  - { name: think, prompt: prompts/think.md${more} }
  - { name: next, type: bash, command: "cat $LASTLIGHT_OUTPUTS/think" }
`;
const prompt = { "prompts/think.md": "Think of {{issueTitle}}" };

const lastOf = ({ executions }: RunDetail) => executions.at(-1) as RunDetail["executions"][number];

test("an agent's words are its output, and what it used up stands with its try and with the run", async () => {
  const world = await grammarWorld(
    { "one.yaml": one(", model: large, variant: slow"), ...prompt },
    { says: { think: { output: "Words\n", usd: 0.25, turns: 3, tokens: 1200 } } },
  );
  const run = await world.over(await world.start("one"));
  expect(run.executions[0]).toMatchObject({
    status: "ok",
    output: "Words\n",
    output_bytes: 6,
    exit_code: 0,
    cost_usd: 0.25,
    turns: 3,
    input_tokens: 1200,
    output_tokens: null,
    input: { prompt: "Think of ", agent: "scripted", model: "large", variant: "slow", values: {} },
  });
  expect(run.executions[1]).toMatchObject({ output: "Words\n", cost_usd: null, turns: null });
  expect(run).toMatchObject({ status: "succeeded", cost_usd: 0.25, turns: 3, tokens: 1200 });
});

test("an agent that says nothing of what it used up has not used up nothing: that is unknown", async () => {
  const world = await grammarWorld({ "one.yaml": one(), ...prompt });
  const run = await world.over(await world.start("one"));
  expect(run.executions[0]).toMatchObject({
    output: "scripted: think",
    cost_usd: null,
    turns: null,
    input_tokens: null,
  });
  expect(run).toMatchObject({ cost_usd: 0, turns: 0, tokens: 0 });
});

test("an agent that exits otherwise than with 0 has failed as an agent does, and its cost counts", async () => {
  const world = await grammarWorld(
    { "one.yaml": one(", retry: { times: 1, when: [agent_error] }"), ...prompt },
    { says: { think: { output: "Alas", exit: 7, usd: 0.5, turns: 2, tokens: 10 } } },
  );
  const run = await world.over(await world.start("one"));
  expect(tries(run)).toEqual(["think error", "think error"]);
  expect(lastOf(run)).toMatchObject({
    failure: "agent_error",
    error: "exit 7",
    exit_code: 7,
    output: "Alas",
    cost_usd: 0.5,
  });
  expect(run).toMatchObject({ status: "failed", reason: null, cost_usd: 1, turns: 4, tokens: 20 });
});

test("an agent that takes too long is ended, and its phase fails for that", async () => {
  const world = await grammarWorld(
    { "one.yaml": one(", timeout_seconds: { from: limits.think, default: 900 }"), ...prompt },
    { says: { think: { seconds: 30 } } },
  );
  const run = await world.over(await world.start("one", { context: { limits: { think: 0.2 } } }));
  expect(lastOf(run)).toMatchObject({ failure: "timeout", error: "no end within 1 s" });
  expect(run).toMatchObject({ status: "failed", node_statuses: { think: "failed", next: "skipped" } });
});

describe("a budget", () => {
  test.for([
    ["usd: 0.5", { usd: 0.2 }, 3],
    ["turns: 4", { turns: 2 }, 2],
    ["tokens: 1000", { tokens: 999 }, 2],
  ] as const)("of %s ends the run when it is used up, within a loop too", async ([limit, uses, count]) => {
    const world = await grammarWorld(
      {
        "spends.yaml": `
name: spends
budget: { ${limit} }
phases:
  - name: work
    prompt: prompts/think.md
    generic_loop: { max_iterations: 9, until: "false" }
  - { name: tidy, type: bash, finally: true, command: "echo tidy" }
`,
        ...prompt,
      },
      { says: { work: uses } },
    );
    const run = await world.over(await world.start("spends"));
    expect(run).toMatchObject({ status: "failed", reason: "budget", node_statuses: { tidy: "succeeded" } });
    expect(tries(run)).toEqual([...Array.from({ length: count }, (_, at) => `work_iter_${at + 1} ok`), "tidy ok"]);
  });

  test("that is just kept, or used up by the last thing to be done, ends nothing", async () => {
    const world = await grammarWorld(
      { "one.yaml": one("", "budget: { usd: 1, turns: 5, tokens: 100 }"), "last.yaml": last, ...prompt },
      { says: { think: { usd: 0.99, turns: 4, tokens: 99 }, end: { usd: 7, turns: 9, tokens: 999 } } },
    );
    expect((await world.over(await world.start("one"))).status).toBe("succeeded");
    expect((await world.over(await world.start("last"))).status).toBe("succeeded");
  });
  const last = `
name: last
budget: { usd: 1, turns: 5, tokens: 100 }
phases: [{ name: end, prompt: prompts/think.md }]
`;
});

describe("an agent that is not there", () => {
  test("is refused by name, before anything starts", async () => {
    const world = await grammarWorld({
      "one.yaml": one(", agent: clod"),
      ...prompt,
    });
    await expect(world.start("one")).rejects.toMatchObject({
      code: "workflow.invalid",
      details: [{ message: expect.stringContaining("must be pi, claude, codex, agentic, scripted or acp:") }],
    });
    expect((await world.store.runs({}, { limit: 1 })).rows).toEqual([]);
  });

  test("is refused without a sandbox, by name or by default, unless the operator lets it; one that only says its lines is not", async () => {
    const files = {
      "one.yaml": one(", agent: pi"),
      "other.yaml": one().replace("name: one", "name: other"),
      "said.yaml": one(", agent: scripted").replace("name: one", "name: said"),
      ...prompt,
    };
    const world = await grammarWorld(files, { settings: { unsandboxed: false, agent: "claude" } });
    for (const name of ["one", "other"])
      await expect(world.start(name)).rejects.toMatchObject({
        code: "sandbox.missing",
        message: `Phase "think" of "${name}" would have an agent work without a sandbox`,
        hint: expect.stringContaining("--unsafe-no-sandbox"),
      });
    expect((await world.over(await world.start("said"))).status).toBe("succeeded");
  });

  test("has the key of its models where one is set, and of other secrets only what its phase asks for", async () => {
    const claude = { "bin/claude": "#!/bin/sh\nenv\n" };
    const world = await grammarWorld(
      {
        ...claude,
        "one.yaml": one(
          ", agent: claude, secrets: [DEPLOY], env: { PATH: '{{ inputs.path }}' }",
          "secrets: [DEPLOY]\ninputs: { path: { type: string } }",
        ),
        ...prompt,
      },
      {
        settings: { secrets: { ANTHROPIC_API_KEY: "key-1", OPENAI_API_KEY: "key-2", DEPLOY: "key-3", OTHER: "key-4" } },
      },
    );
    chmodSync(join(world.folder, "workflows/bin/claude"), 0o755);
    const path = `${join(world.folder, "workflows/bin")}:/usr/bin:/bin`;
    const run = await world.over(await world.start("one", { inputs: { path } }));
    const said = readFileSync(join(world.folder, "spool", lastOf(run).id, "stdout"), "utf8");
    expect([...said.matchAll(/^(\w+)=key-\d$/gm)].map(([, name]) => name).sort()).toEqual([
      "ANTHROPIC_API_KEY",
      "DEPLOY",
    ]);
  });

  test("fails its phase by name where only the settings wanted it, and no later try is given it", async () => {
    const settings = { agent: "clod" };
    const world = await grammarWorld({ "one.yaml": one(), ...prompt }, { settings });
    const id = await world.start("one");
    const run = await world.over(id);
    expect(lastOf(run)).toMatchObject({
      failure: "error",
      error: 'phase.unsupported: Agents of kind "clod" are not carried out here',
      input: null,
    });
    expect(run.status).toBe("failed");
  });

  test("is missed at once where no agent is set up at all", async () => {
    const world = await grammarWorld({ "one.yaml": one(), ...prompt }, { settings: { agent: null } });
    await expect(world.start("one")).rejects.toMatchObject({ code: "workflow.unavailable" });
  });
});

test("a skill without a prompt is handed on with all that the run knows", async () => {
  const world = await grammarWorld({
    "skilled.yaml": `
name: skilled
phases:
  - { name: both, skills: [looking, telling] }
  - { name: prompted, prompt: prompts/think.md, skill: looking }
`,
    "skills/looking/SKILL.md": "# Look\n",
    "skills/telling/SKILL.md": "# Tell\n",
    ...prompt,
  });
  const run = await world.over(
    await world.start("skilled", { context: { issueTitle: "rain", deep: { key: ["{{what}}"] } } }),
  );
  const [both, prompted] = run.executions.map(({ input }) => (input as { prompt: string }).prompt);
  expect(both?.startsWith('Use the skill "looking" for this:\n\n')).toBe(true);
  expect(JSON.parse(both?.split("\n\n")[1] ?? "")).toEqual(run.context);
  expect(run.context).toMatchObject({ issueTitle: "rain", deep: { key: ["{{what}}"] }, trigger: { by: "ana" } });
  expect(prompted).toBe("Think of rain");
});

test("a marker is exact: a missing one fails the phase and says which", async () => {
  const world = await grammarWorld(
    { "one.yaml": one(', on_output: { requires_marker: "DONE:" }'), ...prompt },
    { says: { think: [{ output: "done: all", usd: 0.1 }] } },
  );
  const run = await world.over(await world.start("one"));
  expect(lastOf(run)).toMatchObject({
    failure: "agent_error",
    error: 'the output does not hold the marker "DONE:"',
    output: "done: all",
    cost_usd: 0.1,
  });
});

test.for<[string, string, boolean]>([
  ["set up", "Set Up CI", true],
  ["^(bootstrap|set ?up)\\b", "SETUP ci", true],
  ["^(bootstrap|set ?up)\\b", "Bootstrapped", false],
  ["^(bootstrap|set ?up)\\b", "No bootstrap", false],
  ["(?:a|b)+c$", "xxababc", true],
  ["(?:a|b)+c$", "abcd", false],
  ["v\\d+\\.\\d+", "Release V12.3", true],
  ["[a-f0-9-]*!", "Dead-Beef!", true],
  ["^[^a]", "abc", false],
  ["a.c", "a\nc", false],
  ["\\(wip\\)", "now (WIP)", true],
  ["x*", "", true],
  // What it does not read, it finds nowhere.
  ["a{2}", "aa", false],
  ["(?=a)a", "a", false],
  ["(a", "a", false],
  ["a\\", "a", false],
  ["*a", "a", false],
  // Nested repetitions, for which other engines need longer than there is time.
  ["(((a+)+)+)+$", `${"a".repeat(900)}b`, false],
  ["(a*)*(b*)*c", `${"ab".repeat(450)}`, false],
])("of a title, /%s/ in %j is %j", ([pattern, text, found]) => {
  expect(isFound(pattern, text)).toBe(found);
});
