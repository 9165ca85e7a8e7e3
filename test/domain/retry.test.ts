import { describe, expect, test } from "vitest";
import { pauseOf } from "../../src/domain/retry.ts";
import type { Retry } from "../../src/domain/workflow.ts";
import { type Sketch, workflow } from "../support/workflow.ts";
import { type Life, live } from "./life.ts";

const one = (retry: Partial<Retry>, more: Partial<Sketch> = {}): Life =>
  live(workflow("one", [{ name: "work", retry, messages: { on_failure: "f" }, ...more }]));

describe("retries", () => {
  test("a failure is tried again as often as was asked for, never more", () => {
    const life = one({ times: 2 });
    for (const next of [["work#2"], ["work#3"], []]) {
      life.start();
      life.end("work", "exit");
      expect(life.owed).toEqual(next);
    }
    expect(life.stands).toBe("failed");
    expect(life.history).toEqual(["work failed"]);
    expect(life.said).toEqual(["say on_failure work"]);
  });

  test.each([
    [["timeout"], "timeout", true],
    [["timeout"], "exit", false],
    [["exit", "agent_error"], "agent_error", true],
    [["any"], "error", true],
    [["any"], "timeout", true],
    [["lost"], "error", false],
  ] as const)("with when: %j a failure by %s is tried again: %s", (when, failure, again) => {
    const life = one({ when });
    life.start();
    life.end("work", failure);
    expect(life.owed).toEqual(again ? ["work#2"] : []);
  });

  test("between two tries the run waits, and the wait is no longer than was said", () => {
    const life = one({ times: 3, pauseMs: 10_000, factor: 2, longestMs: 15_000 });
    const pauses: number[] = [];
    for (let time = 0; time < 3; time++) {
      life.start();
      const before = Date.parse(life.now);
      life.end("work", "exit");
      expect(life.stands).toBe("paused timer");
      life.fire();
      pauses.push(Date.parse(life.now) - before);
    }
    const within: [number, number][] = [
      [5_000, 10_000],
      [7_500, 15_000],
      [7_500, 15_000],
    ];
    within.forEach(([least, most], at) => {
      expect(pauses[at]).toBeGreaterThanOrEqual(least);
      expect(pauses[at]).toBeLessThanOrEqual(most);
    });
  });

  test("the same try always pauses as long; another one does not", () => {
    const retry: Retry = { times: 9, when: ["any"], pauseMs: 60_000, factor: 1, longestMs: 60_000 };
    const seeds = Array.from({ length: 50 }, (_, at) => `run-${at}/work/0/2`);
    expect(seeds.map((seed) => pauseOf(retry, 0, seed))).toEqual(seeds.map((seed) => pauseOf(retry, 0, seed)));
    expect(new Set(seeds.map((seed) => pauseOf(retry, 0, seed))).size).toBeGreaterThan(40);
  });

  test("a lost process is not a failure: it uses up no retry", () => {
    const life = one({ times: 1 });
    life.start();
    life.lose("work");
    life.start();
    life.lose("work");
    life.start();
    life.end("work", "exit");
    expect(life.owed).toEqual(["work#4"]);
  });

  test("a failure is not a lost process: it does not bring the limit of those nearer", () => {
    const life = one({ times: 3, when: ["exit"] });
    for (let time = 0; time < 2; time++) {
      life.start();
      life.end("work", "exit");
    }
    life.start();
    life.lose("work", 3);
    expect(life.owed).toEqual(["work#4"]);
  });

  test("losing its process at every try is a failure in the end, and may be forgiven as one", () => {
    const life = one({ times: 1, when: ["lost"] });
    life.start();
    life.lose("work", 1);
    expect(life.owed).toEqual(["work#2"]);
    life.start();
    life.lose("work", 1);
    expect(life.stands).toBe("failed");
  });

  test("a pause that a cancel cuts short is over", () => {
    const life = one({ pauseMs: 10_000 });
    life.start();
    life.end("work", "exit");
    const timer = life.books.timers[0]!;
    life.cancel();
    expect(life.refused({ type: "timer.fired", ...timer })).toBe("terminal");
    expect(life.books.timers).toEqual([]);
  });
});

/** Two phases that failed and were skipped, beside one that succeeded. */
function over(): Life {
  const life = live(
    workflow("over", [
      { name: "good" },
      { name: "bad", after: ["good"] },
      { name: "after", after: ["bad"] },
      { name: "tidy", finally: true },
    ]),
  );
  life.start();
  life.end("good");
  life.start();
  life.end("bad", "exit");
  life.start();
  life.end("tidy");
  return life;
}

describe("an operator's retry", () => {
  test("from what failed: what succeeded stays, what runs last runs again, the history says who", () => {
    const life = over();
    expect(life.retry()).toEqual(["note bad pending", "owe bad#1"]);
    expect(life.books.lines.at(-1)).toMatchObject({ phase: "bad", epoch: 1, retried_by: "ana" });
    expect(life.run).toMatchObject({ status: "running", epoch: 1, finishedAt: null, currentPhase: "bad" });
    for (const phase of ["bad", "after", "tidy"]) {
      life.start();
      life.end(phase);
    }
    expect(life.stands).toBe("succeeded");
    expect(life.history.slice(-3)).toEqual(["bad succeeded", "after succeeded", "tidy succeeded"]);
  });

  test("from a phase: that phase and everything downstream of it", () => {
    const life = over();
    life.retry("good");
    expect(life.stands).toBe("queued");
    expect(life.phases).toBe("good pending, bad pending, after pending, tidy pending");
  });

  test("from a phase that runs last: only what runs last", () => {
    const life = over();
    life.retry("tidy");
    expect(life.owed).toEqual(["tidy"]);
    life.start();
    life.end("tidy");
    expect(life.stands).toBe("failed");
  });

  test("a run that was cut off goes on with all that was cut off", () => {
    const life = live(workflow("cut", [{ name: "a" }, { name: "b" }, { name: "c", after: ["a", "b"] }]));
    life.start();
    life.end("a");
    life.cancel();
    life.retry();
    expect(life.owed).toEqual(["b"]);
    life.start();
    life.end("b");
    expect(life.owed).toEqual(["c"]);
  });

  test("a loop whose fix failed is among what failed", () => {
    const life = live(workflow("fix", [{ name: "review", review: 1 }]));
    life.start();
    life.end("review");
    life.start();
    life.end("review", "exit");
    expect(life.stands).toBe("failed");
    life.retry();
    expect(life.owed).toEqual(["review"]);
    life.start();
    life.end("review", "approved");
    expect(life.stands).toBe("succeeded");
  });

  test("it wipes the blame of earlier restarts and gives the run its whole time again", () => {
    const life = live(workflow("blamed", [{ name: "work" }], { timeoutMs: 10_000 }));
    life.start();
    life.pass(4_000);
    for (let crash = 0; crash < 3; crash++) life.take({ type: "run.suspected", restartLimit: 3 });
    expect(life.stands).toBe("failed crash_loop");
    life.retry();
    expect(life.run.restartCount).toBe(0);
    life.start();
    expect(life.run.deadline).toEqual({ left: 10_000, since: life.now });
  });

  test("a result of the life before is stale", () => {
    const life = live(workflow("late", [{ name: "work" }]));
    const [execution] = life.start();
    life.cancel();
    life.retry();
    life.start();
    const late = { type: "execution.ended", execution: execution!, outcome: { type: "succeeded" } } as const;
    expect(life.refused(late)).toBe("stale");
  });

  test("a decision of the life before is stale", () => {
    const life = live(workflow("late", [{ name: "work", if: "x" }]));
    const asked = life.books.decisions[0]!;
    life.cancel();
    life.retry();
    expect(life.refused({ type: "phase.decided", ...asked, finding: { type: "run" } })).toBe("stale");
    life.decide("work");
    expect(life.owed).toEqual(["work"]);
  });

  test("a start that was owed before is not owed in the next life", () => {
    const life = live(
      workflow("left", [
        { name: "work" },
        { name: "build", matrix: { items: 3, maxParallel: 2, failFast: true }, after: ["work"] },
      ]),
    );
    life.start();
    life.end("work");
    const [first] = life.start("build");
    life.take({
      type: "execution.ended",
      execution: first!,
      outcome: { type: "failed", failure: "exit", error: "exit 1" },
    });
    life.retry("work");
    const former = { type: "execution.admitted", execution: "x", phase: "build", iteration: 0, attempt: 1 } as const;
    expect(life.refused(former)).toBe("stale");
  });

  test("it waits for its group like a new run", () => {
    const life = over();
    life.retry(null, true);
    expect(life.stands).toBe("paused concurrency");
    expect(life.owed).toEqual([]);
    life.release("concurrency");
    expect(life.owed).toEqual(["bad"]);
  });
});

describe("a fork", () => {
  const of = workflow("fork", [{ name: "a" }, { name: "b", after: ["a"] }, { name: "c", after: ["b"] }]);

  test("what it inherits is done, with the executions that hold the outputs; it begins after that", () => {
    const life = live(of, { inherited: { a: "e-of-another-run" } });
    expect(life.owed).toEqual(["b"]);
    expect(life.books.lines[0]).toMatchObject({ phase: "a", status: "succeeded", execution_id: "e-of-another-run" });
    expect(life.phases).toBe("a succeeded, b pending, c pending");
  });

  test("a phase that its author took out is not inherited", () => {
    const life = live(of, { inherited: { a: null, gone: "e" } });
    expect(Object.keys(life.run.phases)).toEqual(["a", "b", "c"]);
  });
});
