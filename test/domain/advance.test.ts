import { describe, expect, test } from "vitest";
import type { Run, RunEvent } from "../../src/domain/run.ts";
import type { Workflow } from "../../src/domain/workflow.ts";
import {
  admitted,
  answered,
  born,
  cancelled,
  created,
  failed,
  happen,
  inWords,
  lost,
  played,
  succeeded,
  suspected,
} from "../support/play.ts";
import { workflow } from "../support/workflow.ts";

const chain = workflow("chain", [{ name: "a" }, { name: "b", after: ["a"] }]);
const gated = workflow("gated", [
  { name: "a" },
  { name: "door", type: "approval", after: ["a"] },
  { name: "b", after: ["door"] },
]);
const fork = workflow("fork", [{ name: "left" }, { name: "right" }, { name: "join", after: ["left", "right"] }]);
const forgiving = workflow("forgiving", [{ name: "a" }, { name: "b", after: ["a"], rule: "all_done" }]);
const doorBeside = workflow("door beside", [{ name: "work" }, { name: "door", type: "approval" }]);
const doorFirst = workflow("door first", [
  { name: "door", type: "approval" },
  { name: "b", after: ["door"] },
]);
const alone = workflow("alone", [{ name: "only" }]);

const put = (value: unknown, key = "k", append = false) =>
  ({ type: "scratch.written", key, value, append }) as RunEvent;

interface Row {
  promise: string;
  of: Workflow;
  before: RunEvent[];
  event: RunEvent;
  status: Run["status"];
  reason?: Run["reason"];
  phases: string;
  effects: string[];
}

const begun = [created, admitted("a")];
const atDoor = [...begun, succeeded("a#1")];

const rows: Row[] = [
  {
    promise: "a new run owes its first phase and is queued until that is admitted",
    of: chain,
    before: [],
    event: created,
    status: "queued",
    phases: "a pending, b pending",
    effects: ["owe a#1"],
  },
  {
    promise: "phases that wait for nothing are owed together",
    of: fork,
    before: [],
    event: created,
    status: "queued",
    phases: "left pending, right pending, join pending",
    effects: ["owe left#1", "owe right#1"],
  },
  {
    promise: "a run whose first phase is a gate asks at once and is paused",
    of: doorFirst,
    before: [],
    event: created,
    status: "paused",
    reason: "gate",
    phases: "door waiting, b pending",
    effects: ["ask door"],
  },
  {
    promise: "a gate beside work that can start does not pause the run",
    of: doorBeside,
    before: [],
    event: created,
    status: "running",
    phases: "work pending, door waiting",
    effects: ["owe work#1", "ask door"],
  },
  {
    promise: "an admitted phase is running, and so is its run",
    of: chain,
    before: [created],
    event: admitted("a"),
    status: "running",
    phases: "a running, b pending",
    effects: ["open a#1"],
  },
  {
    promise: "admitting one of two owed phases leaves the other owed, not owed again",
    of: fork,
    before: [created],
    event: admitted("left"),
    status: "running",
    phases: "left running, right pending, join pending",
    effects: ["open left#1"],
  },
  {
    promise: "a success opens the next phase",
    of: chain,
    before: begun,
    event: succeeded("a#1"),
    status: "running",
    phases: "a succeeded, b pending",
    effects: ["close a#1 ok", "note a succeeded", "owe b#1"],
  },
  {
    promise: "the last success ends the run",
    of: chain,
    before: [...begun, succeeded("a#1"), admitted("b")],
    event: succeeded("b#1"),
    status: "succeeded",
    phases: "a succeeded, b succeeded",
    effects: ["close b#1 ok", "note b succeeded"],
  },
  {
    promise: "a join waits for both sides",
    of: fork,
    before: [created, admitted("left"), admitted("right")],
    event: succeeded("left#1"),
    status: "running",
    phases: "left succeeded, right running, join pending",
    effects: ["close left#1 ok", "note left succeeded"],
  },
  {
    promise: "a failure skips what needed success, and fails the run",
    of: chain,
    before: begun,
    event: failed("a#1"),
    status: "failed",
    phases: "a failed, b skipped",
    effects: ["close a#1 error", "note a failed", "note b skipped"],
  },
  {
    promise: "a failure lets independent branches finish first",
    of: fork,
    before: [created, admitted("left"), admitted("right")],
    event: failed("left#1"),
    status: "running",
    phases: "left failed, right running, join pending",
    effects: ["close left#1 error", "note left failed"],
  },
  {
    promise: "the run is judged when the last branch is done",
    of: fork,
    before: [created, admitted("left"), admitted("right"), failed("left#1")],
    event: succeeded("right#1"),
    status: "failed",
    phases: "left failed, right succeeded, join skipped",
    effects: ["close right#1 ok", "note right succeeded", "note join skipped"],
  },
  {
    promise: "a failure that every dependant accepts does not fail the run",
    of: forgiving,
    before: [...begun, failed("a#1"), admitted("b")],
    event: succeeded("b#1"),
    status: "succeeded",
    phases: "a failed, b succeeded",
    effects: ["close b#1 ok", "note b succeeded"],
  },
  {
    promise: "work before a gate done, the gate asks and the run is paused with its reason",
    of: gated,
    before: begun,
    event: succeeded("a#1"),
    status: "paused",
    reason: "gate",
    phases: "a succeeded, door waiting, b pending",
    effects: ["close a#1 ok", "note a succeeded", "ask door"],
  },
  {
    promise: "approval opens the gate and the run goes on",
    of: gated,
    before: atDoor,
    event: answered("gate-door", "approve"),
    status: "running",
    phases: "a succeeded, door succeeded, b pending",
    effects: ["answer gate-door approved", "note door succeeded", "owe b#1"],
  },
  {
    promise: "rejection fails the run, says why, and starts nothing",
    of: gated,
    before: atDoor,
    event: answered("gate-door", "reject"),
    status: "failed",
    reason: "rejected",
    phases: "a succeeded, door failed, b skipped",
    effects: ["answer gate-door rejected", "note door failed", "note b skipped"],
  },
  {
    promise: "a rejection beside running work waits for that work, and is remembered",
    of: doorBeside,
    before: [created, admitted("work"), answered("gate-door", "reject")],
    event: succeeded("work#1"),
    status: "failed",
    reason: "rejected",
    phases: "work succeeded, door failed",
    effects: ["close work#1 ok", "note work succeeded"],
  },
  {
    promise: "work beside an open gate done, the run is paused",
    of: doorBeside,
    before: [created, admitted("work")],
    event: succeeded("work#1"),
    status: "paused",
    reason: "gate",
    phases: "work succeeded, door waiting",
    effects: ["close work#1 ok", "note work succeeded"],
  },
  {
    promise: "a lost execution is owed again, as the next attempt",
    of: chain,
    before: begun,
    event: lost(["a#1"]),
    status: "running",
    phases: "a pending, b pending",
    effects: ["close a#1 interrupted", "owe a#2"],
  },
  {
    promise: "everything one crash took is owed again",
    of: fork,
    before: [created, admitted("left"), admitted("right")],
    event: lost(["left#1", "right#1"]),
    status: "running",
    phases: "left pending, right pending, join pending",
    effects: ["close left#1 interrupted", "close right#1 interrupted", "owe left#2", "owe right#2"],
  },
  {
    promise: "a phase that keeps losing its process fails at the limit",
    of: chain,
    before: [...begun, lost(["a#1"]), admitted("a", 2)],
    event: lost(["a#2"], 2),
    status: "failed",
    phases: "a failed, b skipped",
    effects: ["close a#2 interrupted", "note a failed", "note b skipped"],
  },
  {
    promise: "what never ran is owed again, however often",
    of: chain,
    before: [...begun, lost(["a#1"]), admitted("a", 2)],
    event: lost(["a#2"], null),
    status: "running",
    phases: "a pending, b pending",
    effects: ["close a#2 interrupted", "owe a#3"],
  },
  {
    promise: "tries that a dying daemon never began do not count for processes that vanished",
    of: chain,
    before: [...begun, lost(["a#1"], null), admitted("a", 2), lost(["a#2"], null), admitted("a", 3)],
    event: lost(["a#3"], 2),
    status: "running",
    phases: "a pending, b pending",
    effects: ["close a#3 interrupted", "owe a#4"],
  },
  {
    promise: "a suspicion is remembered and changes nothing else",
    of: chain,
    before: begun,
    event: suspected(),
    status: "running",
    phases: "a running, b pending",
    effects: [],
  },
  {
    promise: "the third suspicion without progress ends the run",
    of: chain,
    before: [...begun, suspected(), suspected()],
    event: suspected(),
    status: "failed",
    reason: "crash_loop",
    phases: "a failed, b cancelled",
    effects: ["close a#1 interrupted", "stop a#1", "note a failed", "void starts"],
  },
  {
    promise: "a suspect that waits at a gate is ended there, its gate void",
    of: gated,
    before: atDoor,
    event: suspected(1),
    status: "failed",
    reason: "crash_loop",
    phases: "a succeeded, door cancelled, b cancelled",
    effects: ["answer gate-door void", "note door cancelled", "void starts"],
  },
  {
    promise: "cancelling stops what runs and voids what waits",
    of: doorBeside,
    before: [created, admitted("work")],
    event: cancelled,
    status: "cancelled",
    reason: "operator",
    phases: "work cancelled, door cancelled",
    effects: [
      "close work#1 cancelled",
      "stop work#1",
      "note work cancelled",
      "answer gate-door void",
      "note door cancelled",
      "void starts",
    ],
  },
  {
    promise: "cancelling a queued run leaves nothing owed",
    of: chain,
    before: [created],
    event: cancelled,
    status: "cancelled",
    reason: "operator",
    phases: "a cancelled, b cancelled",
    effects: ["void starts"],
  },
  {
    promise: "a cancel during the last phase ends cancelled",
    of: alone,
    before: [created, admitted("only")],
    event: cancelled,
    status: "cancelled",
    reason: "operator",
    phases: "only cancelled",
    effects: ["close only#1 cancelled", "stop only#1", "note only cancelled", "void starts"],
  },
  {
    promise: "scratch is written without moving the run",
    of: chain,
    before: begun,
    event: put({ seen: 1 }),
    status: "running",
    phases: "a running, b pending",
    effects: ["put k"],
  },
  {
    promise: "scratch can be appended to",
    of: chain,
    before: begun,
    event: put("x", "k", true),
    status: "running",
    phases: "a running, b pending",
    effects: ["append k"],
  },
];

describe("what follows from an event", () => {
  test.each(rows)("$promise", ({ of, before, event, status, reason = null, phases, effects }) => {
    const run = played(of, before);
    const { step } = happen(of, run, event, "2026-11-21T10:00:00.000Z");
    if (!step.ok) throw new Error(`refused: ${step.why}`);
    expect({
      status: step.run.status,
      reason: step.run.reason,
      phases: Object.entries(step.run.phases)
        .map(([name, state]) => `${name} ${state.status}`)
        .join(", "),
      effects: step.effects.map(inWords),
    }).toEqual({ status, reason, phases, effects });
    expect(step.run.rev).toBe(run.rev + 1);
    expect(step.run.finishedAt).toBe(
      ["succeeded", "failed", "cancelled"].includes(status) ? "2026-11-21T10:00:00.000Z" : null,
    );
  });
});

test("progress clears the blame of earlier restarts", () => {
  const run = played(chain, [...begun, suspected(), suspected()]);
  expect(run.restartCount).toBe(2);
  expect(happen(chain, run, succeeded("a#1")).run.restartCount).toBe(0);
});

test("a run that waited in the queue starts when it leaves it", () => {
  const queued = played(chain, [created]);
  const { run } = happen(chain, queued, admitted("a"), "2026-11-21T12:00:00.000Z");
  expect(run.startedAt).toBe("2026-11-21T12:00:00.000Z");
});

test("the current phase is the newest started, else the first", () => {
  expect(born(chain).currentPhase).toBe("a");
  expect(played(gated, atDoor).currentPhase).toBe("door");
  expect(played(gated, [...atDoor, answered("gate-door", "approve"), admitted("b")]).currentPhase).toBe("b");
});
