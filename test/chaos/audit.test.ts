import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/world.ts";
import { finalAudit } from "./audit.ts";
import type { Evidence, ExecutionRow, RunRow } from "./evidence.ts";
import { createLedger } from "./ledger.ts";
import { auditSessions } from "./sessions.ts";

const NOW = "2026-11-21T09:00:00.000Z";

function execution(change: Partial<ExecutionRow> = {}): ExecutionRow {
  return {
    id: "execution-1",
    run: "run-1",
    phase: "first",
    iteration: 0,
    epoch: 0,
    attempt: 1,
    status: "ok",
    error: null,
    exit_code: 0,
    output: "first\n",
    started_at: NOW,
    finished_at: NOW,
    ...change,
  };
}

function run(change: Partial<RunRow> = {}): RunRow {
  return {
    id: "run-1",
    workflow: "blink",
    status: "succeeded",
    reason: null,
    ending: null,
    parent: null,
    inputs: {},
    history: [{ phase: "first", iteration: 0, epoch: 0, status: "succeeded" }],
    statuses: { first: "succeeded" },
    ...change,
  };
}

const EFFECTS = "start run-1 first execution-1 1\nend run-1 first execution-1 1\n";

function evidence(change: Partial<Omit<Evidence, "effects">> & { effects?: string } = {}): Evidence {
  const { effects = EFFECTS, ...rest } = change;
  const ledger = createLedger();
  ledger.created.set("run-0", "run-1");
  return {
    runs: [run()],
    executions: [execution()],
    approvals: [],
    ledger,
    ...rest,
    effects: { before: effects, after: effects },
  };
}

function ledger(change: (ledger: ReturnType<typeof createLedger>) => void): ReturnType<typeof createLedger> {
  const made = createLedger();
  made.created.set("run-0", "run-1");
  change(made);
  return made;
}

test("what went well is not blamed", () => {
  expect(finalAudit(evidence())).toEqual([]);
});

test.each<[string, Evidence, RegExp]>([
  ["a run that was acknowledged and is gone", evidence({ runs: [], executions: [], effects: "" }), /^lost: run-0/],
  [
    "an answer that does not stand",
    evidence({ ledger: ledger((its) => its.answered.set("gate", "approve")) }),
    /^lost: approval gate/,
  ],
  [
    "a cancel that does not stand",
    evidence({ ledger: ledger((its) => its.cancelled.add("run-1")) }),
    /^lost: run run-1/,
  ],
  [
    "a phase in the history twice",
    evidence({ runs: [run({ history: [...run().history, ...run().history] })] }),
    /^twice: history/,
  ],
  [
    "a phase that two executions completed",
    evidence({
      executions: [execution(), execution({ id: "execution-2", attempt: 2 })],
      effects: EFFECTS + EFFECTS.replaceAll("execution-1", "execution-2"),
    }),
    /^twice: ok execution/,
  ],
  ["a completed execution that left nothing", evidence({ effects: "" }), /is ok, began 0 times/],
  ["a completed execution that ran twice", evidence({ effects: EFFECTS + EFFECTS }), /began 2 times/],
  [
    "a program without a row",
    evidence({ effects: `${EFFECTS}start run-1 first execution-9 1\n` }),
    /ran without a row/,
  ],
  [
    "a program that ran though it was judged gone",
    evidence({
      executions: [execution({ status: "interrupted" }), execution({ id: "execution-2", attempt: 2 })],
      effects: EFFECTS + EFFECTS.replaceAll("execution-1", "execution-2"),
    }),
    /ran to its end though recovery judged it gone/,
  ],
  ["half a line of effects", evidence({ effects: `${EFFECTS}start run` }), /ends within a line/],
  ["a run that nobody was told of", evidence({ ledger: createLedger() }), /nobody was ever told/],
  ["a run that never ends", evidence({ runs: [run({ status: "running" })] }), /is running/],
  ["a run that was blamed", evidence({ runs: [run({ status: "failed", reason: "crash_loop" })] }), /crash_loop/],
  [
    "a phase that failed for no reason of the suite's",
    evidence({
      runs: [run({ status: "failed", statuses: { first: "failed" } })],
      executions: [execution({ status: "error", exit_code: 137 })],
    }),
    /phase first of run run-1 failed/,
  ],
  [
    "an execution that says it runs",
    evidence({ executions: [execution({ status: "running" })] }),
    /still says it runs/,
  ],
  ["output with a line missing", evidence({ executions: [execution({ output: "" })] }), /^output:/],
])("%s is found", (_what, seen, wanted) => {
  expect(finalAudit(seen)).toContainEqual(expect.stringMatching(wanted));
});

/** A session file as it is written: each line numbered, its checksum last. */
function session(texts: readonly string[], end = true): string[] {
  const bodies: object[] = texts.map((content) => ({
    type: "user",
    message: { role: "user", content: [{ type: "tool_result", content }] },
  }));
  if (end) bodies.push({ type: "result", subtype: "success" });
  return bodies.map((body, at) => {
    const json = JSON.stringify({ ...body, seq: at + 1 });
    return `${json.slice(0, -1)},"crc":"${crc32(json).toString(16).padStart(8, "0")}"}`;
  });
}

function violationsOf(lines: readonly string[], ending = "\n"): readonly string[] {
  const stateDir = temporaryFolder();
  const folder = join(stateDir, "agent-sessions", "projects", "-work");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "execution-1.jsonl"), lines.join("\n") + ending);
  return auditSessions(stateDir, evidence()).violations;
}

test("a session that tells what was printed is not blamed", () => {
  expect(violationsOf(session(["first\n"]))).toEqual([]);
});

const [first, result] = session(["first\n"]) as [string, string];

test.each<[string, readonly string[], string, RegExp]>([
  ["a line twice", [first, first, result], "\n", /seq 1/],
  ["a gap", [result], "\n", /seq 2/],
  ["another byte", [first.replace("first", "thirst"), result], "\n", /checksum/],
  ["half a line", [first, result.slice(0, 20)], "", /ends within a line/],
  ["no JSON", [first, "{", result], "\n", /no JSON/],
  ["no result", session(["first\n"], false), "\n", /0 results/],
  ["a line missing", session([]), "\n", /tells 0 lines/],
])("a session with %s is found", (_what, lines, ending, wanted) => {
  expect(violationsOf(lines, ending)).toContainEqual(expect.stringMatching(wanted));
});
