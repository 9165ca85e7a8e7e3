import { describe, expect, test } from "vitest";
import type { GenericLoop } from "../../src/domain/workflow.ts";
import type { Sketch } from "../support/workflow.ts";
import { workflow } from "../support/workflow.ts";
import { type Life, live } from "./life.ts";

const messages = {
  on_start: "s",
  on_success: "s",
  on_failure: "f",
  on_cycle_start: "c",
  on_approved: "a",
  on_request_changes: "r",
  on_max_cycles: "m",
  on_fix_start: "f",
  on_fix_failed: "f",
  on_pause_for_approval: "p",
};

/** A review loop, and a phase that follows it. */
function review(maxCycles: number, more: Partial<Sketch> = {}): Life {
  return live(workflow("reviewed", [{ name: "review", review: maxCycles, messages, ...more }, follower]));
}

const follower: Sketch = { name: "next", after: ["review"] };

/** One try after another, as often as there is an ending. */
function goThrough(life: Life, phase: string, endings: readonly Parameters<Life["end"]>[1][]): void {
  for (const how of endings) {
    life.start(phase);
    life.end(phase, how);
  }
}

describe("a review loop", () => {
  test("review, fix, recheck: names and ordinals rise, and approval ends it", () => {
    const life = review(2);
    goThrough(life, "review", ["ok", "ok", "approved"]);
    expect(life.history).toEqual(["review succeeded", "review_fix_1 succeeded", "review_recheck_1 succeeded"]);
    expect(life.books.lines.map(({ iteration }) => iteration)).toEqual([0, 1, 2]);
    expect(life.phases).toBe("review succeeded, next pending");
    expect(life.owed).toEqual(["next"]);
    expect(life.said).toEqual([
      "say on_start review",
      "say on_cycle_start review",
      "say on_request_changes review",
      "say on_fix_start review",
      "say on_cycle_start review",
      "say on_approved review",
      "say on_success review",
    ]);
  });

  test("a first look that approves needs no fix", () => {
    const life = review(2);
    goThrough(life, "review", ["approved"]);
    expect(life.phases).toBe("review succeeded, next pending");
  });

  test("max_cycles reached ends the loop, not the run", () => {
    const life = review(1);
    goThrough(life, "review", ["ok", "ok", "ok"]);
    expect(life.phases).toBe("review succeeded, next pending");
    expect(life.said.at(-2)).toBe("say on_max_cycles review");
    goThrough(life, "next", ["ok"]);
    expect(life.stands).toBe("succeeded");
  });

  test("what a fix says about itself is no verdict", () => {
    const life = review(1);
    goThrough(life, "review", ["ok", "approved"]);
    expect(life.owed).toEqual(["review.2"]);
  });

  test("a failed fix breaks the loop, the phase stands, the run fails", () => {
    const life = review(2);
    goThrough(life, "review", ["ok", "exit"]);
    expect(life.phases).toBe("review succeeded, next pending");
    expect(life.said.at(-1)).toBe("say on_fix_failed review");
    goThrough(life, "next", ["ok"]);
    expect(life.stands).toBe("failed");
  });

  test("a failed review fails the phase", () => {
    const life = review(2);
    goThrough(life, "review", ["exit"]);
    expect(life.stands).toBe("failed");
    expect(life.phases).toBe("review failed, next skipped");
  });

  test("a fix that is forgiven is tried again under the same ordinal", () => {
    const life = review(1, { retry: { times: 1 } });
    goThrough(life, "review", ["ok", "exit"]);
    expect(life.owed).toEqual(["review.1#2"]);
    goThrough(life, "review", ["ok", "approved"]);
    expect(life.phases).toBe("review succeeded, next pending");
  });

  test("a fix that lost its process is done once more, and told once", () => {
    const life = review(1);
    goThrough(life, "review", ["ok"]);
    life.start();
    life.lose("review");
    expect(life.owed).toEqual(["review.1#2"]);
    life.start();
    expect(life.live).toEqual(["review_fix_1"]);
    expect(life.said.filter((said) => said === "say on_fix_start review")).toHaveLength(1);
  });

  test("a person may be asked before a fix, and is asked once for each", () => {
    const life = review(2);
    goThrough(life, "review", ["ask"]);
    expect(life.stands).toBe("paused gate");
    expect(life.said.at(-1)).toBe("say on_pause_for_approval review");
    life.answer("review");
    expect(life.owed).toEqual(["review.1"]);
    goThrough(life, "review", ["ok", "ask"]);
    expect(life.stands).toBe("paused gate");
    life.answer("review");
    expect(life.owed).toEqual(["review.3"]);
  });

  test("nobody is asked about a fix that would be one too many", () => {
    const life = review(1);
    goThrough(life, "review", ["ok", "ok", "ask"]);
    expect(life.phases).toBe("review succeeded, next pending");
  });

  test("a fix that is refused fails the run as rejected, and the look before it completes once", () => {
    const life = review(1);
    goThrough(life, "review", ["ask"]);
    life.answer("review", "reject");
    expect(life.stands).toBe("failed rejected");
    expect(life.history).toEqual(["review succeeded", "next skipped"]);
    expect(life.said.at(-1)).toBe("say on_failure review");
  });
});

/** A generic loop alone. */
function loop(more: Partial<GenericLoop> = {}, sketch: Partial<Sketch> = {}): Life {
  return live(workflow("loop", [{ name: "work", messages, iterate: more, ...sketch }]));
}

describe("a generic loop", () => {
  test("it ends when until holds, and leaves word of each iteration in scratch", () => {
    const life = loop();
    life.start();
    expect(life.end("work")).toEqual([
      "close work_iter_1 ok",
      "put work",
      "note work_iter_1 succeeded",
      "owe work.1#1",
    ]);
    goThrough(life, "work", ["until"]);
    expect(life.history).toEqual(["work_iter_1 succeeded", "work_iter_2 succeeded"]);
    expect(life.stands).toBe("succeeded");
  });

  test("max_iterations reached is no failure, but people hear that it was not enough", () => {
    const life = loop({ maxIterations: 2 });
    goThrough(life, "work", ["ok", "ok"]);
    expect(life.stands).toBe("succeeded");
    expect(life.said).toEqual(["say on_start work", "say on_failure work"]);
  });

  test("the most iterations may come from the run's data", () => {
    const life = loop({ maxIterations: 3, maxFrom: "context.times" });
    life.decide("work", { type: "run", maxIterations: 1 });
    goThrough(life, "work", ["ok"]);
    expect(life.stands).toBe("succeeded");
  });

  test("until_bash is asked only when until does not hold", () => {
    const life = loop({ untilBash: "npm test" });
    goThrough(life, "work", ["ok"]);
    expect(life.owed).toEqual(["work.1"]);
    life.start();
    expect(life.live).toEqual(["work_iter_1_check"]);
    life.end("work");
    goThrough(life, "work", ["until"]);
    expect(life.history).toEqual(["work_iter_1 succeeded", "work_iter_1_check succeeded", "work_iter_2 succeeded"]);
    expect(life.stands).toBe("succeeded");
  });

  test("the check after the last iteration decides nothing but how it ends", () => {
    const life = loop({ maxIterations: 1, untilBash: "npm test" });
    goThrough(life, "work", ["ok", "ok"]);
    expect(life.stands).toBe("succeeded");
    expect(life.said.at(-1)).toBe("say on_failure work");
  });

  test("a check that could not be made fails the loop", () => {
    const life = loop({ untilBash: "npm test", softRetries: 2, thenComplete: true });
    goThrough(life, "work", ["ok", "timeout"]);
    expect(life.stands).toBe("failed");
  });

  test("the marker is asked of the last iteration only", () => {
    const early = loop({ maxIterations: 2 }, { marker: "DONE" });
    goThrough(early, "work", ["ok", "marker"]);
    expect(early.stands).toBe("succeeded");
    const late = loop({ maxIterations: 2 }, { marker: "DONE" });
    goThrough(late, "work", ["marker", "ok"]);
    expect(late.stands).toBe("failed");
    expect(late.history).toEqual(["work_iter_1 succeeded", "work_iter_2 failed"]);
    const enough = loop({ maxIterations: 2 }, { marker: "DONE" });
    goThrough(enough, "work", ["until"]);
    expect(enough.stands).toBe("failed");
  });

  test("a check remembers whether the iteration before it held the marker", () => {
    const held = loop({ maxIterations: 1, untilBash: "npm test" }, { marker: "DONE" });
    goThrough(held, "work", ["marker", "until"]);
    expect(held.stands).toBe("succeeded");
    const missed = loop({ maxIterations: 1, untilBash: "npm test" }, { marker: "DONE" });
    goThrough(missed, "work", ["ok", "until"]);
    expect(missed.stands).toBe("failed");
  });

  test("a failed iteration fails the loop where nothing else is said", () => {
    const life = loop();
    goThrough(life, "work", ["agent_error"]);
    expect(life.stands).toBe("failed");
  });

  test("a soft failure is tried again, then completes without its marker", () => {
    const life = loop({ softRetries: 1, thenComplete: true }, { marker: "DONE" });
    goThrough(life, "work", ["agent_error"]);
    life.start();
    expect(life.live).toEqual(["work_iter_1_retry"]);
    life.end("work", "agent_error");
    expect(life.history).toEqual(["work_iter_1 failed", "work_iter_1_retry failed"]);
    expect(life.stands).toBe("succeeded");
  });

  test("a soft failure is tried again, then fails", () => {
    const life = loop({ softRetries: 2 });
    goThrough(life, "work", ["exit", "exit", "exit"]);
    expect(life.stands).toBe("failed");
  });

  test("each iteration has its own soft retries", () => {
    const life = loop({ softRetries: 1 });
    goThrough(life, "work", ["exit", "ok", "exit", "until"]);
    expect(life.stands).toBe("succeeded");
  });

  test("the loop's beginning is told once, retries included", () => {
    const life = loop({ softRetries: 1 });
    goThrough(life, "work", ["exit", "ok", "until"]);
    expect(life.said).toEqual(["say on_start work", "say on_success work"]);
  });

  test("an interactive loop asks between iterations, never after the last", () => {
    const life = loop({ maxIterations: 2, gate: { kind: "approve" } });
    goThrough(life, "work", ["ok"]);
    expect(life.stands).toBe("paused gate");
    life.answer("work");
    goThrough(life, "work", ["ok"]);
    expect(life.stands).toBe("succeeded");
    expect(life.run.gates).toEqual([]);
  });

  test("a reply goes on with the next iteration; an approval takes no reply", () => {
    const life = loop({ gate: { kind: "reply" } });
    goThrough(life, "work", ["ok"]);
    expect(life.run.gates[0]?.kind).toBe("reply");
    life.answer("work", "reply");
    expect(life.owed).toEqual(["work.1"]);
  });

  test("refusing to go on fails the run as rejected, and no iteration completes twice", () => {
    const life = loop({ gate: { kind: "reply" } });
    goThrough(life, "work", ["ok"]);
    life.answer("work", "reject");
    expect(life.stands).toBe("failed rejected");
    expect(life.history).toEqual(["work_iter_1 succeeded"]);
  });

  test("a cancel at such a gate adds no second line for the iteration before it", () => {
    const life = loop({ gate: { kind: "approve" } });
    goThrough(life, "work", ["ok"]);
    life.cancel();
    expect(life.stands).toBe("cancelled operator");
    expect(life.history).toEqual(["work_iter_1 succeeded"]);
  });
});
