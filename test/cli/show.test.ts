import { expect, test } from "vitest";
import { printRun } from "../../src/cli/commands/show.ts";
import type { Desk } from "../../src/cli/desk.ts";
import type { RunBody } from "../../src/http/api.ts";

const NOW = "2026-11-21T09:01:00.000Z";

type Tried = RunBody["executions"][number];

const tried = (phase: string, more: Partial<Tried>): Tried =>
  ({ id: phase, phase, name: phase, status: "ok", error: null, output: null, cost_usd: null, ...more }) as Tried;

function printed(more: Partial<RunBody>): string[] {
  const lines: string[] = [];
  const terminal = {
    columns: 100,
    line: (text = "") => void lines.push(text),
    paint: (_: string, text: string) => text,
  };
  printRun(
    { terminal, clock: { now: () => NOW } } as unknown as Desk,
    {
      id: "run",
      workflow_name: "w",
      workflow_hash: null,
      status: "running",
      reason: null,
      inputs: {},
      label: null,
      current_phase: "think",
      node_statuses: { think: "succeeded" },
      phase_history: [],
      executions: [],
      approvals: [],
      decisions: [],
      cost_usd: 0,
      turns: 0,
      tokens: 0,
      started_at: "2026-11-21T09:00:00.000Z",
      finished_at: null,
      ...more,
    } as RunBody,
  );
  return lines;
}

const used = (more: Partial<RunBody>): string | undefined => printed(more).find((line) => line.startsWith("used"));

test("what a run has used up is shown, and a price that nobody knows is not shown as none", () => {
  const priced = tried("a", { cost_usd: 0.5, input_tokens: 10 });
  const unpriced = tried("b", { output_tokens: 20 });
  const sums = { cost_usd: 0.5, turns: 3, tokens: 30 };
  expect(used({ executions: [tried("sh", {})] })).toBeUndefined();
  expect(used({ ...sums, executions: [priced] })).toBe("used      0.5000 USD; 3 turns, 30 tokens");
  expect(used({ ...sums, executions: [priced, unpriced] })).toBe(
    "used      0.5000 USD, without the cost of 1 try that is unknown; 3 turns, 30 tokens",
  );
  expect(used({ ...sums, cost_usd: 0, executions: [unpriced] })).toBe("used      cost unknown; 3 turns, 30 tokens");
});

test("which tries were of one session of an agent's is shown, and how often its model was asked again", () => {
  const of = (phase: string, runtime_session_id: string | null, more: Partial<Tried> = {}) =>
    tried(phase, { runtime_session_id, attempt: 1, retries: 0, ...more });
  const lines = printed({
    executions: [
      of("fix_iter_1", "ses-1", { retries: 2 }),
      of("fix_iter_2", "ses-1", { retries: 1 }),
      of("fix_iter_3", "ses-2", { attempt: 2 }),
      of("sh", null),
    ],
  });
  expect(lines.join("\n")).toMatch(/ses-1 .*fix_iter_1, fix_iter_2 .*3\s*\n.*ses-2 .*fix_iter_3 \(try 2\)/);
  expect(printed({ executions: [of("sh", null)] }).join("\n")).not.toContain("SESSION");
});

test("an agent that went through without doing anything is shown as that", () => {
  const lines = printed({ executions: [tried("think", { idle: true, output: "" })] });
  expect(lines.join("\n")).toContain("did nothing");
});
