import { describe, expect, test } from "vitest";
import type { RunEvent } from "../../src/domain/run.ts";
import type { Workflow } from "../../src/domain/workflow.ts";
import {
  admitted,
  answered,
  cancelled,
  created,
  decided,
  failed,
  fired,
  happen,
  held,
  lost,
  played,
  released,
  retried,
  signalled,
  succeeded,
} from "../support/play.ts";
import { workflow } from "../support/workflow.ts";

const chain = workflow("chain", [{ name: "a" }, { name: "b", after: ["a"] }]);
const gated = workflow("gated", [
  { name: "a" },
  { name: "door", type: "approval", after: ["a"] },
  { name: "b", after: ["door"] },
]);
const begun = [created, admitted("a")];
const atDoor = [...begun, succeeded("a#1")];

const put = (value: unknown, key = "k") => ({ type: "scratch.written", key, value, append: false }) as RunEvent;

describe("what is refused, and changes nothing", () => {
  const over = [...begun, failed("a#1")];
  test.each([
    ["a success after a cancel is too late", chain, [...begun, cancelled], succeeded("a#1"), "terminal"],
    ["an admission after the end is void", chain, over, admitted("b"), "terminal"],
    ["a second cancel finds the run over", chain, [...begun, cancelled], cancelled, "terminal"],
    ["scratch of a run that is over is closed", chain, over, put(1), "terminal"],
    ["a result comes twice: the second is stale", chain, [...begun, succeeded("a#1")], succeeded("a#1"), "stale"],
    [
      "a result of an execution that was lost is stale",
      chain,
      [...begun, lost(["a#1"]), admitted("a", 2)],
      succeeded("a#1"),
      "stale",
    ],
    ["a phase that runs is not admitted twice", chain, begun, admitted("a"), "stale"],
    ["an admission of a former attempt is stale", chain, [...begun, lost(["a#1"])], admitted("a", 1), "stale"],
    ["what is not owed is not admitted", chain, begun, admitted("b"), "stale"],
    ["a phase that does not exist is not retried from", chain, over, retried("c"), "stale"],
    [
      "of a run that succeeded there is nothing that failed to go on from",
      chain,
      [...begun, succeeded("a#1"), admitted("b"), succeeded("b#1")],
      retried(),
      "terminal",
    ],
    ["a run that is under way is not retried", chain, begun, retried(), "unfinished"],
    ["a phase that nobody asked about is not decided", chain, begun, decided("b"), "stale"],
    ["a moment that nobody waits for is stale", chain, begun, fired("a", "2026-11-21T09:00:00.000Z"), "stale"],
    ["a deadline that no run has does not pass", chain, begun, fired(null, "2026-11-21T09:00:00.000Z"), "stale"],
    ["word for a run that is over is too late", chain, over, signalled("go"), "terminal"],
    ["an answer in words does not open a gate", gated, atDoor, answered("gate-door", "reply"), "unfit"],
    ["a run is held once", chain, [...begun, held("operator")], held("operator"), "stale"],
    ["what holds a run is what releases it", chain, [...begun, held("operator")], released("disk_full"), "stale"],
    ["a run is created once", chain, [created], created, "stale"],
    ["an execution is lost once", chain, [...begun, lost(["a#1"])], lost(["a#1"]), "stale"],
    ["a crash that took nothing is no event", chain, begun, lost([]), "stale"],
    [
      "a gate takes one answer",
      gated,
      [...atDoor, answered("gate-door", "approve")],
      answered("gate-door", "reject"),
      "answered",
    ],
    [
      "a gate of a run that is over takes none",
      gated,
      [...atDoor, cancelled],
      answered("gate-door", "approve"),
      "answered",
    ],
    ["a gate that never opened takes none", gated, begun, answered("gate-door", "approve"), "answered"],
    ["65,537 bytes are no scratch value", chain, begun, put("x".repeat(65_535)), "too_large"],
    ["bytes count, not characters", chain, begun, put("ü".repeat(32_768)), "too_large"],
    ["a scratch key is a word", chain, begun, put(1, 'a"].b'), "too_large"],
  ] as [string, Workflow, RunEvent[], RunEvent, string][])("%s", (_promise, of, before, event, why) => {
    expect(happen(of, played(of, before), event).step).toEqual({ ok: false, why });
  });

  test("65,536 bytes are a scratch value", () => {
    expect(happen(chain, played(chain, begun), put("x".repeat(65_534))).step.ok).toBe(true);
  });
});
