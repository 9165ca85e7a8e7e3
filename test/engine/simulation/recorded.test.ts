import { expect, test } from "vitest";
import { judge } from "../../../src/engine/simulation/judge.ts";
import { recorded } from "../../../src/engine/simulation/recorded.ts";
import { simulateRuns } from "../../../src/simulate.ts";
import type { RunDetail } from "../../../src/store/lines.ts";
import { printComplaint } from "../../../src/workflow/complaint.ts";
import { printScenario } from "../../../src/workflow/scenario/print.ts";
import { readScenario } from "../../../src/workflow/scenario/read.ts";
import { type GrammarWorld, grammarWorld } from "../../support/grammar.ts";

const CHILD = `
name: child
inputs: { what: { type: string } }
phases:
  - { name: make, type: bash, command: "echo made {{ inputs.what }}" }
`;

const PARENT = `
name: parent
inputs: { what: { type: string } }
phases:
  - { name: flaky, type: bash, command: "echo $LASTLIGHT_ATTEMPT; [ $LASTLIGHT_ATTEMPT = 2 ]", retry: { times: 1 } }
  - { name: write, prompt: prompts/write.md, generic_loop: { max_iterations: 3, until: "output.contains('READY')" } }
  - { name: each, type: bash, command: "echo {{ matrix.n }}", matrix: { n: [1, 2] } }
  - { name: go, type: wait, wait: { until: "signals.go == 'now'", every: 1h } }
  - { name: door, type: approval, approval: { summary: "{{ write }}?", on_reject: { rework: flaky, max: 2 } } }
  - { name: child, type: workflow, workflow: child, with: { what: "{{ inputs.what }}" } }
  - { name: last, type: bash, command: "exit 3" }
  - { name: tidy, type: bash, command: "echo tidy", finally: true }
`;

/** A real run with real programs, told here as it goes. */
async function real(): Promise<{ world: GrammarWorld; run: RunDetail; children: RunDetail[] }> {
  const world = await grammarWorld(
    { "parent.yaml": PARENT, "child.yaml": CHILD, "prompts/write.md": "Write it. {{ previousOutput }}" },
    { says: { write_iter_1: { output: "not yet", usd: 0.5, turns: 3 }, write_iter_2: { output: "READY", usd: 0.25 } } },
  );
  const id = await world.start("parent", { inputs: { what: "cake: yes" } });
  await world.until(id, ({ reason }) => reason === "timer");
  await world.engine.signal(id, { id: "s1", name: "go", payload: "now" });
  for (const decision of ["reject", "approve"] as const) {
    const asking = await world.until(id, ({ approvals }) => approvals.some(({ status }) => status === "pending"));
    const gate = asking.approvals.find(({ status }) => status === "pending");
    await world.engine.answer(gate?.id ?? "", { decision, by: "ana", comment: `${decision}: why` });
  }
  const run = await world.over(id);
  const { rows } = await world.store.runs({ trigger: id }, { limit: 10 });
  const children: RunDetail[] = [];
  for (const row of rows) if (row.parent_run_id === id) children.push((await world.store.run(row.id)) as RunDetail);
  return { world, run, children };
}

const went = (run: RunDetail | null | undefined) => ({
  status: run?.status,
  reason: run?.reason,
  phases: run?.node_statuses,
  tries: run?.executions.map(({ name, status, exit_code: code, output, cost_usd: usd }) => [
    name,
    status,
    code,
    output,
    usd,
  ]),
  answers: run?.approvals.map(({ status, responded_by: by, response, summary }) => [status, by, response, summary]),
});

test("a real run, recorded and played, goes as it went: tries, words, exit codes, answers, cost", async () => {
  const { world, run, children } = await real();
  const [version, child] = [world.library.get("parent"), world.library.get("child")];
  const { scenario, remarks } = recorded(run, children, version.workflow);
  const text = printScenario(scenario, { heading: remarks });
  const read = readScenario({
    file: "recorded.yaml",
    bytes: new TextEncoder().encode(text),
    workflow: version.workflow,
    children: [child.workflow],
  });
  expect(read.complaints.map(printComplaint)).toEqual([]);
  if (!read.scenario) throw new Error(text);
  const simulation = await simulateRuns({ version, children: [child], scenario: read.scenario });
  expect(judge(read.scenario, simulation).filter(({ held }) => !held)).toEqual([]);
  expect(run.status).toBe("failed");
  expect(went(simulation.runs[0])).toEqual(went(run));
  expect(went(simulation.runs[1])).toEqual(went(children[0]));
});
