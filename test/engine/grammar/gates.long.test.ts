import { describe, expect, test } from "vitest";
import type { RunDetail } from "../../../src/store/lines.ts";
import { fakeClock } from "../../support/clock.ts";
import { type GrammarWorld, grammarWorld, outputs, tries } from "../../support/grammar.ts";
import { said } from "../../support/said.ts";

const MINUTE = 60_000;

type Gate = RunDetail["approvals"][number];

/** The question that waits, once one does. */
async function asked(world: GrammarWorld, run: string): Promise<Gate> {
  const { approvals } = await world.until(run, (each) => each.approvals.some(({ status }) => status === "pending"));
  return approvals.find(({ status }) => status === "pending") as Gate;
}

async function answer(world: GrammarWorld, run: string, decision: "approve" | "reject", comment: string | null = null) {
  const gate = await asked(world, run);
  await world.engine.answer(gate.id, { decision, by: "ana", comment });
  return gate;
}

const promptsOf = (run: RunDetail, phase: string): unknown[] =>
  run.executions.filter((each) => each.phase === phase).map(({ input }) => (input as { prompt: string }).prompt);

describe("a gate that nobody answers in time", () => {
  const timed = (name: string, onTimeout: string): string => `
name: ${name}
phases:
  - name: door
    type: approval
    approval: { summary: "Ship {{inputs.what}}?", timeout: 30m${onTimeout} }
    messages: { on_success: "passed", on_failure: "not passed" }
  - { name: next, type: bash, command: "echo next" }
inputs: { what: { type: string, default: "it" } }
`;

  test.for<[string, string, Partial<RunDetail>, string[]]>([
    ["rejects by default", "", { status: "failed", reason: "expired" }, ["on_failure not passed"]],
    ["rejects", ", on_timeout: reject", { status: "failed", reason: "expired" }, ["on_failure not passed"]],
    ["fails where it is told to", ", on_timeout: fail", { status: "failed", reason: null }, ["on_failure not passed"]],
    [
      "lets pass where it is told to",
      ", on_timeout: continue",
      { status: "succeeded", reason: null },
      ["on_success passed"],
    ],
  ])("%s", async ([, onTimeout, ending, told]) => {
    const clock = fakeClock();
    const world = await grammarWorld({ "timed.yaml": timed("timed", onTimeout) }, { clock });
    const id = await world.start("timed");
    const gate = await asked(world, id);
    expect(gate.summary).toBe("Ship it?");
    expect(Date.parse(gate.deadline ?? "") - Date.parse(gate.created_at)).toBe(30 * MINUTE);
    clock.advance(29 * MINUTE);
    expect((await world.store.run(id))?.status).toBe("paused");
    clock.advance(2 * MINUTE);
    const run = await world.over(id);
    expect(run).toMatchObject(ending);
    expect(run.approvals).toMatchObject([{ status: "expired", responded_by: null }]);
    expect(await said(world)).toEqual(told);
    await expect(world.engine.answer(gate.id, { decision: "approve", by: "ana", comment: null })).rejects.toMatchObject(
      { code: "approval.answered" },
    );
  });

  test("may still be answered a moment before, also after a restart", async () => {
    const clock = fakeClock();
    const world = await grammarWorld({ "timed.yaml": timed("timed", "") }, { clock });
    const id = await world.start("timed");
    await asked(world, id);
    clock.advance(29 * MINUTE);
    await world.restart();
    await answer(world, id, "approve");
    const run = await world.over(id);
    expect(run.status).toBe("succeeded");
    clock.advance(5 * MINUTE);
    expect((await world.store.run(id))?.approvals).toMatchObject([{ status: "approved", responded_by: "ana" }]);
  });
});

describe("a gate that is refused", () => {
  const reworked = `
name: reworked
phases:
  - { name: draft, prompt: prompts/draft.md }
  - { name: polish, type: bash, command: "printf 'polished %s' {{draft}}" }
  - name: door
    type: approval
    approval: { summary: "Take {{polish}}?", on_reject: { rework: draft, max: 2 } }
  - { name: next, type: bash, command: "echo next" }
`;
  const files = {
    "reworked.yaml": reworked,
    "prompts/draft.md": "Write.{{#if reviewerNote}} They said: {{reviewerNote}}{{/if}}",
  };

  test("sends the work back with the reviewer's note, until it is approved", async () => {
    const world = await grammarWorld(files, { says: { draft: { output: "text" } } });
    const id = await world.start("reworked");
    expect((await answer(world, id, "reject", "Shorter! {{owner}} $(id)")).summary).toBe("Take polished text?");
    await answer(world, id, "reject", "Longer");
    await answer(world, id, "approve", "Good");
    const run = await world.over(id);
    expect(run.status).toBe("succeeded");
    expect(tries(run)).toEqual(["draft ok", "polish ok", "draft ok", "polish ok", "draft ok", "polish ok", "next ok"]);
    expect(promptsOf(run, "draft")).toEqual([
      "Write.",
      "Write. They said: Shorter! {{owner}} $(id)",
      "Write. They said: Longer",
    ]);
    expect(run.executions.map(({ iteration }) => iteration)).toEqual([0, 0, 1, 1, 2, 2, 0]);
  });

  test("beyond its maximum ends the run as rejected", async () => {
    const world = await grammarWorld(files, { says: { draft: { output: "text" } } });
    const id = await world.start("reworked");
    for (let time = 0; time < 3; time++) await answer(world, id, "reject", `no ${time}`);
    const run = await world.over(id);
    expect(run).toMatchObject({
      status: "failed",
      reason: "rejected",
      node_statuses: { draft: "succeeded", polish: "succeeded", door: "failed", next: "skipped" },
    });
    expect(run.approvals.map(({ status, response }) => `${status} ${response}`)).toEqual([
      "rejected no 0",
      "rejected no 1",
      "rejected no 2",
    ]);
    expect(promptsOf(run, "draft")).toHaveLength(3);
  });
});

describe("a gate behind a phase", () => {
  const files = {
    "behind.yaml": `
name: behind
phases:
  - name: plan
    prompt: prompts/plan.md
    approval_gate: post_plan
    approval_gate_message: "Good for {{owner}}?"
    messages: { on_success: "planned {{output}}", on_failure: "no plan" }
  - { name: build, prompt: prompts/plan.md, approval_gate: post_build, messages: { on_success: "built" } }
`,
    "prompts/plan.md": "Plan",
  };
  const says = { plan: { output: "the plan" }, build: { output: "it" } };

  test("asks where the settings enable it, and its phase is over only with the answer", async () => {
    const world = await grammarWorld(files, { says, settings: { approvals: new Set(["post_plan", "post_build"]) } });
    const id = await world.start("behind", { context: { owner: "acme" } });
    expect(await asked(world, id)).toMatchObject({ gate: "post_plan", phase: "plan", summary: "Good for acme?" });
    expect(await world.store.run(id)).toMatchObject({ status: "paused", node_statuses: { plan: "waiting" } });
    expect(await said(world)).toEqual([]);
    await answer(world, id, "approve");
    expect(await asked(world, id)).toMatchObject({ gate: "post_build", phase: "build" });
    await answer(world, id, "approve");
    const run = await world.over(id);
    expect(run.status).toBe("succeeded");
    expect(outputs(run)).toEqual({ plan: "the plan", build: "it" });
    expect(await said(world)).toEqual(["on_success planned the plan", "on_success built"]);

    const refused = await world.start("behind");
    await answer(world, refused, "reject");
    expect(await world.over(refused)).toMatchObject({
      status: "failed",
      reason: "rejected",
      node_statuses: { plan: "failed", build: "skipped" },
    });
    expect((await said(world)).at(-1)).toBe("on_failure no plan");
  });

  test("is silent where they do not", async () => {
    const world = await grammarWorld(files, { says, settings: { approvals: new Set(["another"]) } });
    const run = await world.over(await world.start("behind"));
    expect(run).toMatchObject({ status: "succeeded", approvals: [] });
  });
});

describe("what people are told", () => {
  test("comes in the order of happening, each thing once, a skip and a failure too", async () => {
    const world = await grammarWorld(
      {
        "told.yaml": `
name: told
final_message: "never told, since it failed"
phases:
  - { name: one, type: bash, command: "echo 1", messages: { on_start: "one begins", on_success: "one is {{output}}" } }
  - { name: two, type: bash, command: "true", skip_if: "one.contains('1')", messages: { on_skipped_done: "two is left out", on_success: "no" } }
  - name: three
    type: bash
    depends_on: [one, two]
    trigger_rule: all_done
    command: 'test -e again && exit 3; touch again; exit 4'
    retry: { times: 1 }
    messages: { on_start: "three begins", on_failure: "three failed" }
  - { name: four, type: bash, depends_on: [three], command: "true", messages: { on_start: "no", on_skipped_done: "four cannot" } }
`,
        "final.yaml": `
name: final
final_message: "{{only}} of {{owner}}"
phases: [{ name: only, type: bash, command: "printf all" }]
`,
        "empty.yaml": `
name: empty
final_message: "{{#if owner}}hello{{/if}} "
phases: [{ name: only, type: bash, command: "true" }]
`,
      },
      { clock: fakeClock() },
    );
    const run = await world.over(await world.start("told"));
    expect(run.status).toBe("failed");
    await said(world);
    await world.over(await world.start("empty"));
    await world.over(await world.start("final", { context: { owner: "acme" } }));
    expect(await said(world)).toEqual([
      "on_start one begins",
      "on_success one is 1",
      "on_skipped_done two is left out",
      "on_start three begins",
      "on_failure three failed",
      "on_skipped_done four cannot",
      "final_message all of acme",
    ]);
  });

  test("includes a checklist where the workflow wants one, its last word the end", async () => {
    const world = await grammarWorld({
      "listed.yaml": `
name: listed
status_checklist: true
phases:
  - { name: one, label: First thing, type: bash, command: "true" }
  - { name: two, type: bash, command: "true", if: "one.contains('x')" }
  - { name: three, type: bash, depends_on: [one], command: "exit 1" }
`,
    });
    const run = await world.over(await world.start("listed"));
    const lists = (await said(world)).map((each) => each.replace("status_checklist ", ""));
    expect(lists.at(-1)).toBe("[x] First thing\n[-] two\n[!] three");
    expect(world.told.every((each) => each.startsWith("status_checklist "))).toBe(true);
    expect(run.status).toBe("failed");
  });
});

describe("an agent that says BLOCKED", () => {
  const phase = (name: string, rule: string, more = ""): string => `
name: ${name}
phases:
  - name: ${name}
    prompt: prompts/look.md
    on_output: { contains_BLOCKED: { ${rule} }${more} }
    messages: { on_success: "ready", on_failure: "failed", on_blocked: "blocked", on_blocked_bypassed: "all the same" }
`;
  const bypass = 'action: fail, unless_label: bootstrap, unless_title_matches: "^(bootstrap|set ?up)\\\\b"';
  const cases: [string, string, object, string, string[], string?][] = [
    ["anywhere", "action: fail", {}, "It is unblocked now", ["on_blocked blocked", "on_failure failed"]],
    ["not", "action: fail", {}, "READY", ["on_success ready"]],
    [
      "own-words",
      'action: fail, message: "stuck: {{output}}"',
      {},
      "BLOCKED by rain",
      ["on_blocked stuck: BLOCKED by rain", "on_failure failed"],
    ],
    ["goes-on", "action: continue", {}, "BLOCKED", ["on_success ready"]],
    ["pauses", "action: pause", {}, "BLOCKED", ["on_success ready"]],
    [
      "label",
      bypass,
      { issueLabels: ["x", "bootstrap"] },
      "BLOCKED",
      ["on_blocked_bypassed all the same", "on_success ready"],
    ],
    ["no-label", bypass, { issueLabels: ["bootstrapping"] }, "BLOCKED", ["on_blocked blocked", "on_failure failed"]],
    [
      "title",
      bypass,
      { issueTitle: "Bootstrap the thing" },
      "BLOCKED",
      ["on_blocked_bypassed all the same", "on_success ready"],
    ],
    [
      "title-two",
      bypass,
      { issueTitle: "SET UP ci" },
      "BLOCKED",
      ["on_blocked_bypassed all the same", "on_success ready"],
    ],
    [
      "title-three",
      bypass,
      { issueTitle: "setup ci" },
      "BLOCKED",
      ["on_blocked_bypassed all the same", "on_success ready"],
    ],
    [
      "title-word",
      bypass,
      { issueTitle: "Bootstrapped already" },
      "BLOCKED",
      ["on_blocked blocked", "on_failure failed"],
    ],
    ["title-later", bypass, { issueTitle: "No bootstrap" }, "BLOCKED", ["on_blocked blocked", "on_failure failed"]],
    [
      "bypass-words",
      `${bypass}, bypass_message: "on we go"`,
      { issueLabels: ["bootstrap"] },
      "blocked",
      ["on_blocked_bypassed on we go", "on_success ready"],
    ],
    [
      "marker-too",
      bypass,
      { issueLabels: ["bootstrap"] },
      "blocked",
      ["on_blocked_bypassed all the same", "on_failure failed"],
      ', requires_marker: "DONE"',
    ],
  ];

  test("fails, or goes on, as its author said", async () => {
    const files = Object.fromEntries(
      cases.map(([name, rule, , , , more]) => [`${name}.yaml`, phase(name, rule, more)]),
    );
    const says = Object.fromEntries(cases.map(([name, , , output]) => [name, { output }]));
    const world = await grammarWorld({ ...files, "prompts/look.md": "Look" }, { says, cap: 2 });
    for (const [name, , context, , told] of cases) {
      const before = world.told.length;
      const run = await world.over(await world.start(name, { context: context as Record<string, string> }));
      expect([name, ...(await said(world)).slice(before)]).toEqual([name, ...told]);
      expect(run.status).toBe(told.at(-1) === "on_success ready" ? "succeeded" : "failed");
    }
  });
});

test("a question behind a command asks where its gate is enabled, and can name the place to answer it", async () => {
  const files = {
    "ship.yaml": `
name: ship
phases:
  - { name: build, type: bash, command: "echo built", approval_gate: post_build, approval_gate_message: "{{output}} {{approvalUrl}}" }
  - { name: door, type: approval, approval: { summary: "{{phases.build.output}} {{approvalUrl}}" } }
`,
  };
  const world = await grammarWorld(files, { settings: { approvals: new Set(["post_build"]) } });
  const run = await world.start("ship");
  const first = await answer(world, run, "approve");
  expect([first.gate, first.summary]).toEqual([
    "post_build",
    `built\n https://lastlight.example/approvals/${first.id}`,
  ]);
  const second = await answer(world, run, "approve");
  expect([second.gate, second.summary]).toEqual(["door", `built\n https://lastlight.example/approvals/${second.id}`]);
  expect((await world.over(run)).status).toBe("succeeded");
});
