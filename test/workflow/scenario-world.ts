import type { Scenario } from "../../src/domain/scenario.ts";
import type { Workflow } from "../../src/domain/workflow.ts";
import { check } from "../../src/workflow/check.ts";
import { printComplaint } from "../../src/workflow/complaint.ts";
import { readScenario } from "../../src/workflow/scenario/read.ts";

/** A workflow with something of everything that a scenario may speak of. */
export const WORKFLOW = workflowOf(`name: fix
inputs: { oses: { type: array, items: { type: string }, default: [] }, x: { type: integer, default: 0 } }
secrets: [GITHUB_TOKEN]
phases:
  - { name: intake, type: context }
  - name: diagnose
    type: bash
    command: npm test
    retry: { times: 2 }
    approval_gate: after_diagnose
  - name: fix
    prompt: prompts/fix.md
    trigger_rule: all_done
    approval_gate: ignored_on_loops
    generic_loop: { max_iterations: 4, until: "output.contains('READY')", until_bash: npm test }
  - { name: review, prompt: prompts/review.md, loop: { max_cycles: 2, on_request_changes: { fix_prompt: a.md, re_review_prompt: b.md }, approval_gate: between_cycles } }
  - { name: talk, prompt: prompts/talk.md, generic_loop: { max_iterations: 3, until: "output == ''", interactive: true, gate_kind: reply, on_soft_failure: { retries: 1 } } }
  - { name: build, type: bash, command: make, matrix: { os: [linux, mac] } }
  - { name: count, type: bash, command: make, matrix: { at: inputs.oses } }
  - { name: pause, type: wait, wait: { for: 1h } }
  - { name: child, type: workflow, workflow: build-it }
  - { name: approve, type: approval, approval: { summary: "Ship it?" } }
  - { name: publish, type: tool, tool: open-pull-request }
  - { name: maybe, type: bash, command: x, if: "inputs.x == 1" }
  - { name: tidy, type: bash, command: git worktree prune, finally: true }
`);

export const CHILD = workflowOf(`name: build-it
phases:
  - { name: compile, type: bash, command: make, artefacts: [{ path: out.bin, name: out }] }
  - { name: sign, type: approval, approval: { summary: "Sign it?" } }
  - { name: further, type: workflow, workflow: deeper }
`);

/** All there is to say. */
export const FULL = `# yaml-language-server: $schema=./scenario.schema.json
name: approved on the second day
description: What a good week looks like
seed: 7
start: 2026-01-05T10:00:00+01:00
limit: 10d
easy: true
settings:
  approvals: [after_diagnose]
  models: { fix: opus }
  variants: { fix: high }
  secrets: [GITHUB_TOKEN]
  public_url: https://lastlight.example/
  sandbox: container
  max_executions: 2
triggers:
  - at: 0s
    type: webhook
    id: delivery-1
    by: ana
    once: key
    context: { issueTitle: "It breaks" }
    inputs: { severity: high }
    expect:
      status: failed
      reason: rejected
      phases:
        fix: { status: succeeded, tries: 2, output: done, given: words of the prompt }
        approve: { asks: 1 }
        diagnose: { output: { contains: "1 failed" } }
      order: [diagnose, fix]
      never: [publish]
      said: [Ship it, sorry]
      takes: { at_least: 1h, at_most: 3d }
      costs: { usd: 1, turns: 20, tokens: 10000 }
  - { at: 10s, expect: { refused: input.invalid } }
phases:
  diagnose: [{ exit: 1, output: "1 failed", stderr: no, takes: 3m }, { output: ok }]
  fix: { output: "FIX_COMPLETE: yes", takes: 20m, usd: 0.4, turns: 12, input_tokens: 3400, output_tokens: 800, files: { patch.diff: "+1" } }
  fix_iter_2: { error: the model is overloaded }
  talk: say this
  build[1]: { takes: never }
  tidy: { lost: true, takes: 10s }
answers:
  approve: { decision: reject, by: ana, after: 2h, comment: not yet }
  after_diagnose: [approve, reject, nobody]
  talk: { reply: use blue, after: 1h, by: ben }
children:
  build-it: { phases: { compile: built }, answers: { sign: approve } }
signals:
  - { at: 3h, name: deployed, payload: { ok: true }, id: s1, run: 2 }
  - { at: 4h, name: deployed }
operator:
  - { at: 10m, do: pause, by: ops, run: 2 }
  - { at: 1h, do: resume }
  - { at: 2h, do: cancel }
  - { at: 3h, do: retry, from: fix }
`;

export function workflowOf(text: string): Workflow {
  const { version, complaints } = check("fix.yaml", new TextEncoder().encode(text));
  if (!version) throw new Error(complaints.map(printComplaint).join("\n"));
  return version.workflow;
}

export function reading(text: string | Uint8Array, workflow = WORKFLOW): ReturnType<typeof readScenario> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return readScenario({ file: "s.yaml", bytes, workflow, children: [CHILD] });
}

/** What a person reads about a scenario saved as `s.yaml`, one line each. */
export function complaintsAbout(text: string | Uint8Array, workflow?: Workflow): string[] {
  return reading(text, workflow).complaints.map(printComplaint);
}

/** The scenario of a text; a test that expects one fails with what is wrong with it. */
export function scenarioIn(text: string, workflow?: Workflow): Scenario {
  const { scenario, complaints } = reading(text, workflow);
  if (!scenario) throw new Error(complaints.map(printComplaint).join("\n"));
  return scenario;
}
