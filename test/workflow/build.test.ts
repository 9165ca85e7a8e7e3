import { expect, test } from "vitest";
import { workflowIn } from "./said.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** One phase from a few keys, and what the engine gets of it; the workflow declares whatever such a phase may need. */
const declaring = (keys: string): string =>
  `name: fix\nsecrets: [TOKEN]\nphases:\n  - { name: before, type: context }\n  - { name: a, ${keys} }\n`;
const phaseOf = (keys: string) => workflowIn(declaring(keys)).phases[1]!;

const COMMAND = "type: bash, command: x";
const LOOP = "loop: { max_cycles: 2, on_request_changes: { fix_prompt: f.md, re_review_prompt: r.md }";

const keys: readonly [yaml: string, made: object][] = [
  ["type: context", { type: "context", label: "a", dependsOn: ["before"], triggerRule: "all_success" }],
  ["type: context, label: Look", { label: "Look" }],
  ["type: context, depends_on: []", { dependsOn: [] }],
  ["type: context, trigger_rule: one_success", { triggerRule: "one_success" }],
  ["type: context, if: 'true'", { if: "true" }],
  ["type: context, skip_if: 'true'", { skipIf: ["true"] }],
  ["type: context, skip_if: ['true', 'false']", { skipIf: ["true", "false"] }],
  ["type: context, requires_sandbox: docker", { requiresSandbox: "docker" }],
  ["type: context, messages: { on_start: Hello }", { messages: { on_start: "Hello" } }],
  ["type: context, on_success: { set_phase: complete }", { endMarker: "complete" }],
  ["type: context, approval_gate: g", { approvalGate: { name: "g" } }],
  [
    "type: context, approval_gate: g, approval_artifact: plan.md, approval_gate_message: Look",
    { approvalGate: { name: "g", artefact: "plan.md", message: "Look" } },
  ],

  [COMMAND, { type: "bash", command: "x", timeoutMs: 5 * MINUTE }],
  [
    "type: bash, command: 'echo {{before}} \"{{ before }}\"'",
    {
      command: 'echo "${LASTLIGHT_VALUE_1}" "${LASTLIGHT_VALUE_1}"',
      values: [{ variable: "LASTLIGHT_VALUE_1", template: "{{before}}" }],
    },
  ],
  [`${COMMAND}, timeout: 15m`, { timeoutMs: 15 * MINUTE }],
  [`${COMMAND}, timeout_seconds: 90`, { timeoutMs: 90_000 }],
  [`${COMMAND}, timeout_seconds: { from: fix.seconds, default: 9 }`, { timeoutMs: 9_000, timeoutFrom: "fix.seconds" }],
  [`${COMMAND}, retry: { times: 2 }`, { retry: { times: 2, when: ["any"], pauseMs: 0, factor: 2, longestMs: HOUR } }],
  [
    `${COMMAND}, retry: { times: 2, when: [timeout, exit], backoff: { duration: 5s, factor: 3, max: 1m } }`,
    { retry: { times: 2, when: ["timeout", "exit"], pauseMs: 5_000, factor: 3, longestMs: MINUTE } },
  ],
  [
    `${COMMAND}, retry: { times: 1, backoff: { duration: 5s } }`,
    { retry: { times: 1, when: ["any"], pauseMs: 5_000, factor: 2, longestMs: HOUR } },
  ],
  [
    `${COMMAND}, matrix: { os: [linux, mac], node: phases.before.items }`,
    { matrix: { axes: { os: ["linux", "mac"], node: "phases.before.items" }, maxParallel: 10, failFast: true } },
  ],
  [
    `${COMMAND}, matrix: { os: [linux] }, max_parallel: 3, fail_fast: false`,
    { matrix: { axes: { os: ["linux"] }, maxParallel: 3, failFast: false } },
  ],
  [`${COMMAND}, env: { ONE: "{{before}}" }`, { env: { ONE: "{{before}}" } }],
  [`${COMMAND}, secrets: [TOKEN]`, { secrets: ["TOKEN"] }],
  [`${COMMAND}, output_var: found`, { outputVar: "found" }],
  [
    `${COMMAND}, outputs: { all: { from: stdout }, one: { from: file, path: one.txt }, two: { from: json } }`,
    { outputs: { all: { from: "stdout" }, one: { from: "file", path: "one.txt" }, two: { from: "json" } } },
  ],
  [`${COMMAND}, artefacts: [{ path: out/a.txt, name: a }]`, { artefacts: [{ path: "out/a.txt", name: "a" }] }],
  [`${COMMAND}, finally: true`, { finally: true, dependsOn: [], triggerRule: "all_done" }],
  [`${COMMAND}, finally: true, depends_on: [before]`, { finally: true, dependsOn: ["before"] }],
  [`${COMMAND}, finally: true, trigger_rule: all_success`, { triggerRule: "all_success" }],

  [
    "type: script, script: 'say {{ what }}'",
    { type: "script", script: "say {{ what }}", runtime: "js", timeoutMs: 5 * MINUTE },
  ],
  ["type: script, script: x, runtime: python, timeout: 1m", { runtime: "python", timeoutMs: MINUTE }],

  ["prompt: p.md", { type: "agent", prompt: "p.md", timeoutMs: 4 * HOUR }],
  ["prompt: p.md, timeout: 10m", { timeoutMs: 10 * MINUTE }],
  ["prompt: p.md, timeout_seconds: 60", { timeoutMs: MINUTE }],
  ["skill: one", { skills: ["one"] }],
  ["skills: [one, two]", { skills: ["one", "two"] }],
  [
    'prompt: p.md, model: "{{models.fix}}", variant: "{{variants.fix}}", agent: scripted',
    { model: "{{models.fix}}", variant: "{{variants.fix}}", agent: "scripted" },
  ],
  ["prompt: p.md, on_output: { requires_marker: DONE }", { requiresMarker: "DONE" }],
  ["prompt: p.md, on_output: { contains_BLOCKED: { action: fail } }", { blocked: { action: "fail" } }],
  [
    "prompt: p.md, on_output: { contains_BLOCKED: { action: pause, message: m, unless_label: l, unless_title_matches: t, bypass_message: b } }",
    {
      blocked: { action: "pause", message: "m", unlessLabel: "l", unlessTitleMatches: "t", bypassMessage: "b" },
    },
  ],
  [`prompt: p.md, ${LOOP} }`, { loop: { maxCycles: 2, fixPrompt: "f.md", recheckPrompt: "r.md" } }],
  [
    `prompt: p.md, ${LOOP.replace("f.md", "f.md, fix_model: m, fix_variant: v")} }`,
    { loop: { maxCycles: 2, fixPrompt: "f.md", recheckPrompt: "r.md", fixModel: "m", fixVariant: "v" } },
  ],
  [
    `prompt: p.md, messages: { on_start: Go }, ${LOOP}, approval_gate: g, approval_artifact: v.md, messages: { on_approved: Yes } }`,
    {
      approvalGate: { name: "g", artefact: "v.md" },
      messages: { on_start: "Go", on_approved: "Yes" },
    },
  ],
  [
    "prompt: p.md, generic_loop: { max_iterations: 4, until: 'true' }",
    {
      genericLoop: {
        maxIterations: 4,
        until: "true",
        untilBashTimeoutMs: 30_000,
        scratchKey: "a",
        freshContext: false,
        softRetries: 0,
        thenComplete: false,
      },
    },
  ],
  [
    "prompt: p.md, generic_loop: { max_iterations: { from: fix.rounds, default: 2 }, until_bash: ls, interactive: true, gate_kind: reply, gate_message: Well?, scratch_key: k, fresh_context: true, on_soft_failure: { retries: 1, then: complete } }",
    {
      genericLoop: {
        maxIterations: 2,
        maxFrom: "fix.rounds",
        untilBash: "ls",
        untilBashTimeoutMs: 30_000,
        gate: { kind: "reply", message: "Well?" },
        scratchKey: "k",
        freshContext: true,
        softRetries: 1,
        thenComplete: true,
      },
    },
  ],
  [
    "prompt: p.md, generic_loop: { max_iterations: 1, until: 'true', interactive: true }",
    { genericLoop: expect.objectContaining({ gate: { kind: "approve" } }) },
  ],

  ["type: approval, label: Ship it", { type: "approval", summary: "Ship it" }],
  [
    "type: approval, approval: { summary: Sure?, timeout: 24h, on_timeout: continue, on_reject: { rework: before } }",
    { summary: "Sure?", timeoutMs: 24 * HOUR, onTimeout: "continue", rework: { phase: "before", max: 1 } },
  ],
  ["type: approval, approval: { on_reject: { rework: before, max: 3 } }", { rework: { phase: "before", max: 3 } }],
  [
    "type: approval, approval: { timeout: 24h, remind: [4h, 12h], escalate: { after: 20h, to: { groups: [leads] } } }",
    { remindMs: [4 * HOUR, 12 * HOUR], escalate: { afterMs: 20 * HOUR, to: { groups: ["leads"] } } },
  ],

  ["type: wait, wait: { for: 15m }", { type: "wait", wait: { forMs: 15 * MINUTE } }],
  ["type: wait, wait: { at: '2030-01-01T00:00:00Z' }", { wait: { at: "2030-01-01T00:00:00Z" } }],
  ["type: wait, wait: { until: 'true' }", { wait: { until: "true", everyMs: 30_000 } }],
  [
    "type: wait, wait: { until: 'true', every: 5m }, timeout: 1h",
    { wait: { until: "true", everyMs: 5 * MINUTE }, timeoutMs: HOUR },
  ],
  ["type: wait, wait: { until: 'true' }, timeout_seconds: 90", { timeoutMs: 90_000 }],

  ["type: workflow, workflow: other", { type: "workflow", workflow: "other", with: {} }],
  [
    'type: workflow, workflow: other, with: { who: "{{before}}", list: [1, true] }, timeout: 2h',
    { with: { who: "{{before}}", list: [1, true] }, timeoutMs: 2 * HOUR },
  ],
  ["type: workflow, workflow: other, timeout_seconds: 90", { timeoutMs: 90_000 }],
];

test.for(keys)("{ %s }", ([yaml, made]) => {
  expect(phaseOf(yaml)).toEqual(expect.objectContaining(made));
});

test("a phase says nothing of what its author did not", () => {
  expect(phaseOf("type: context")).toEqual({
    name: "a",
    label: "a",
    type: "context",
    dependsOn: ["before"],
    triggerRule: "all_success",
  });
  expect(phaseOf("type: context, finally: false, messages: {}")).toEqual(phaseOf("type: context"));
  expect(phaseOf("type: approval, approval: { remind: [] }")).toEqual(phaseOf("type: approval"));
});

test("beside until_bash, timeout_seconds is the check's and not the agent's", () => {
  const loop = "generic_loop: { max_iterations: 2, until_bash: ls }";
  const checked = (seconds: string) => phaseOf(`prompt: p.md, timeout_seconds: ${seconds}, ${loop}`);
  expect(checked("90")).toMatchObject({ timeoutMs: 4 * HOUR, genericLoop: { untilBashTimeoutMs: 90_000 } });
  expect(checked("{ from: fix.seconds, default: 900 }")).toMatchObject({
    timeoutMs: 4 * HOUR,
    genericLoop: { untilBashTimeoutMs: 900_000 },
  });
  expect(checked("{ from: fix.seconds, default: 900 }")).not.toHaveProperty("timeoutFrom");
  expect(phaseOf(`prompt: p.md, timeout: 10m, ${loop}`)).toMatchObject({
    timeoutMs: 10 * MINUTE,
    genericLoop: { untilBashTimeoutMs: 30_000 },
  });
});

const workflows: readonly [yaml: string, made: object][] = [
  ["", { grammar: 1, name: "fix", kind: "agent", description: null, priority: 0, inputs: {}, unavailable: [] }],
  ["kind: health\ndescription: Look\n", { kind: "health", description: "Look" }],
  ["priority: -5\n", { priority: -5 }],
  ["inputs: { who: { type: string, default: ana } }\n", { inputs: { who: { type: "string", default: "ana" } } }],
  ["variables: { team: platform }\n", { variables: { team: "platform" } }],
  ["secrets: [TOKEN]\n", { secrets: ["TOKEN"] }],
  ["timeout: 2h\n", { timeoutMs: 2 * HOUR }],
  ["concurrency: {}\n", { concurrency: { max: 1, onConflict: "queue" } }],
  [
    'concurrency: { group: "{{repo}}", max: 3, on_conflict: replace }\n',
    { concurrency: { group: "{{repo}}", max: 3, onConflict: "replace" } },
  ],
  [
    "budget: { usd: 5, per_day_usd: 50, turns: 200, tokens: 1000 }\n",
    { budget: { usd: 5, perDayUsd: 50, turns: 200, tokens: 1000 } },
  ],
  ["budget: { usd: 0.5 }\n", { budget: { usd: 0.5 } }],
  ["status_checklist: true\n", { statusChecklist: true }],
  ["final_message: Done\n", { finalMessage: "Done" }],
];

test.for(workflows)("a workflow with %j", ([yaml, made]) => {
  const workflow = workflowIn(`name: fix\n${yaml}phases: [{ name: a, type: context }]\n`);
  expect(workflow).toEqual(expect.objectContaining(made));
});

test("the workflow's environment reaches its phases, which may set the same names anew", () => {
  const text = `name: fix\nenv: { ONE: all, TWO: all }\nphases:\n  - { name: a, ${COMMAND}, env: { TWO: mine } }\n  - { name: b, ${COMMAND} }\n`;
  expect(workflowIn(text).phases.map(({ env }) => env)).toEqual([
    { ONE: "all", TWO: "mine" },
    { ONE: "all", TWO: "all" },
  ]);
});

test("phases that run last follow each other, and the others pass them by", () => {
  const text = `name: fix\nphases:
  - { name: a, type: context }
  - { name: sweep, ${COMMAND}, finally: true }
  - { name: b, type: context }
  - { name: mop, ${COMMAND}, finally: true }
  - { name: tell, ${COMMAND}, finally: true, depends_on: [] }
`;
  const order = Object.fromEntries(workflowIn(text).phases.map(({ name, dependsOn }) => [name, dependsOn]));
  expect(order).toEqual({ a: [], sweep: [], b: ["a"], mop: ["sweep"], tell: [] });
});

test("a declaration is plain JSON: what is stored is what was made", () => {
  const text =
    `name: fix\nphases:\n${keys.map(([yaml], at) => `  - { name: p${at}, ${yaml.replaceAll("before", "p0")} }\n`).join("")}`
      .replace("name: fix\n", "name: fix\nsecrets: [TOKEN]\n")
      // Only what leads to a gate can be sent back.
      .replaceAll("depends_on: []", "depends_on: [p0]")
      .replaceAll("finally: true", "finally: false");
  const workflow = workflowIn(text);
  expect(workflow.phases).toHaveLength(keys.length);
  expect(JSON.parse(JSON.stringify(workflow))).toEqual(workflow);
});
