import { expect, test } from "vitest";
import type { Phase } from "../../src/domain/workflow.ts";
import { isApproved } from "../../src/engine/scope.ts";
import { easyAct, easyAnswer, easyScenario } from "../../src/workflow/scenario/easy.ts";
import { CHILD, WORKFLOW, workflowOf } from "./scenario-world.ts";

const phaseOf = (keys: string): Phase =>
  workflowOf(`name: x\nphases:\n  - { name: fix, ${keys} }\n`).phases[0] as Phase;

test("without a scenario one person asks for one run, every named secret is there, and no gate is enabled", () => {
  const secretive = workflowOf(
    "name: x\nsecrets: [A, B]\nphases: [{ name: a, type: bash, command: x, secrets: [B] }]\n",
  );
  expect(easyScenario(secretive, [WORKFLOW, CHILD])).toEqual({
    name: null,
    description: null,
    seed: 1,
    start: "2026-01-05T09:00:00.000Z",
    limitMs: 30 * 86_400_000,
    settings: {
      approvals: [],
      models: {},
      variants: {},
      secrets: ["A", "B", "GITHUB_TOKEN"],
      publicUrl: "",
      sandbox: "none",
      maxExecutions: 4,
    },
    triggers: [
      { atMs: 0, type: "api", id: null, by: "you", once: null, inputs: {}, context: {}, expect: [], said: null },
    ],
    cast: { phases: {}, answers: {} },
    children: {},
    signals: [],
    operator: [],
    easy: true,
  });
  expect(new Date(easyScenario(WORKFLOW).start).getUTCDay()).toBe(1);
});

test("a try that nobody wrote takes a second, ends well and says its name", () => {
  expect(easyAct(phaseOf("type: bash, command: x"), "fix[3]")).toEqual({
    takesMs: 1_000,
    end: { type: "exit", code: 0 },
    output: "simulated: fix[3]",
    stderr: "",
    error: null,
    files: {},
    usage: {},
    said: null,
  });
});

test("a marker that must be said is said, on a line of its own", () => {
  const phase = phaseOf("prompt: p.md, on_output: { requires_marker: 'FIX_COMPLETE:' }");
  expect(easyAct(phase, "fix").output.split("\n")).toEqual(["simulated: fix", "FIX_COMPLETE:"]);
});

test("a review that nobody wrote approves", () => {
  const phase = phaseOf(
    "prompt: p.md, loop: { max_cycles: 1, on_request_changes: { fix_prompt: a, re_review_prompt: b } }",
  );
  expect(isApproved(easyAct(phase, "fix").output)).toBe(true);
});

test("what a phase declares is there: files, and JSON where JSON is read", () => {
  const phase = phaseOf(
    "type: bash, command: x, artefacts: [{ path: patch.diff, name: patch }, { path: both.json, name: both }], outputs: { a: { from: file, path: a.txt }, b: { from: json, path: both.json } }",
  );
  expect(easyAct(phase, "fix").files).toEqual({
    "patch.diff": "simulated: patch.diff",
    "both.json": "{}",
    "a.txt": "simulated: a.txt",
  });
  expect(easyAct(phaseOf("type: bash, command: x, outputs: { all: { from: json } }"), "fix").output).toBe("{}");
});

test("output that is read as JSON holds its marker inside", () => {
  const phase = phaseOf("prompt: p.md, outputs: { all: { from: json } }, on_output: { requires_marker: DONE }");
  const { output } = easyAct(phase, "fix");
  expect(JSON.parse(output)).toEqual({ simulated: "DONE" });
});

test("people say yes within a minute, and something where something must be said", () => {
  expect(easyAnswer("approve")).toEqual({
    type: "answer",
    decision: "approve",
    by: "someone",
    afterMs: 60_000,
    comment: null,
    said: null,
  });
  expect(easyAnswer("reply")).toMatchObject({ decision: "reply", comment: "simulated reply" });
});
