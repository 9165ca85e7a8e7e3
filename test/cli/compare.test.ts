import { expect, test } from "vitest";
import { compared, printCompared } from "../../src/cli/compare.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import type { RunBody } from "../../src/http/api.ts";

type Tried = RunBody["executions"][number];

const tried = (name: string, more: Partial<Tried>): Tried =>
  ({ name, status: "ok", input: null, output: null, duration_ms: null, cost_usd: null, ...more }) as Tried;

const run = (id: string, more: Partial<RunBody>): RunBody =>
  ({
    id,
    workflow_name: "w",
    workflow_hash: "a".repeat(64),
    status: "succeeded",
    reason: null,
    inputs: {},
    executions: [],
    cost_usd: 0,
    started_at: "2026-11-21T09:00:00.000Z",
    finished_at: "2026-11-21T09:01:00.000Z",
    ...more,
  }) as RunBody;

const left = run("left-run-aaaaaaaaaaaa", {
  inputs: { level: "low", only: [1] },
  executions: [
    tried("fix", { status: "error", output: "first try" }),
    tried("fix", { input: { prompt: "Fix it" }, output: "a\nb", duration_ms: 1_500, cost_usd: 0.5 }),
    tried("check", { input: { command: 'test "$A"', values: { A: "x" } } }),
  ],
  cost_usd: 0.5,
});
const right = run("right-run-bbbbbbbbbbbb", {
  workflow_hash: "b".repeat(64),
  status: "failed",
  reason: "budget",
  inputs: { level: "low" },
  executions: [tried("fix", { input: { prompt: "Fix it!" }, output: "a\nb", duration_ms: 1_500, cost_usd: 0.75 })],
  cost_usd: 0.75,
  finished_at: null,
});

test("inputs, what each phase was given and printed, time and cost stand side by side; the last try counts", () => {
  expect(compared(left, right).map(({ what, left, right, same }) => [what, left, right, same])).toEqual([
    ["workflow", "w aaaaaaaaaaaa", "w bbbbbbbbbbbb", false],
    ["status", "succeeded", "failed (budget)", false],
    ["input level", "low", "low", true],
    ["input only", "[1]", "", false],
    ["fix status", "ok", "ok", true],
    ["fix given", "Fix it", "Fix it!", false],
    ["fix output", "a\nb", "a\nb", true],
    ["fix took", "1.5 s", "1.5 s", true],
    ["fix cost", "0.5000 USD", "0.7500 USD", false],
    ["check status", "ok", "", false],
    ["check given", 'test "$A"\n{"A":"x"}', "", false],
    ["took", "1 min 0 s", "", false],
    ["cost", "0.5000 USD", "0.7500 USD", false],
  ]);
});

test("texts are compared whole, however little of them is shown", () => {
  const long = "line\n".repeat(50);
  const of = (output: string): RunBody => run("r", { executions: [tried("p", { output })] });
  const outputs = (a: string, b: string) => compared(of(a), of(b)).find(({ what }) => what === "p output");
  expect(outputs(long, `${long}!`)?.same).toBe(false);
  expect(outputs(long, long)?.same).toBe(true);
});

test("on a terminal what is the same is a sign, and what a phase printed moves no cursor", () => {
  const lines: string[] = [];
  const terminal = {
    columns: 100,
    line: (text = "") => void lines.push(text),
    paint: (_style: unknown, text: string) => text,
  } as unknown as Terminal;
  const evil = run("right-run-bbbbbbbbbbbb", { executions: [tried("p", { output: "\u001b[2Jgone\u202e" })] });
  printCompared(terminal, run("left-run-aaaaaaaaaaaa", {}), evil);
  const text = lines.join("\n");
  expect(text).toMatch(/aaaaaaaaaaaa +bbbbbbbbbbbb/);
  expect(text).toMatch(/^workflow +w aaaaaaaaaaaa +=$/m);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is the promise
  expect(text).not.toMatch(/[\u001b\u202e]/);
});
