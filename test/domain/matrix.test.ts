import { describe, expect, test } from "vitest";
import type { Matrix } from "../../src/domain/workflow.ts";
import { type Sketch, workflow } from "../support/workflow.ts";
import { type Life, live } from "./life.ts";

const messages = { on_start: "s", on_success: "s", on_failure: "f" };

function matrix(items: number, more: Partial<Matrix> = {}, sketch: Partial<Sketch> = {}): Life {
  return live(workflow("many", [{ name: "build", matrix: { items, ...more }, messages, ...sketch }]));
}

describe("a matrix", () => {
  test("as many items as may go side by side are owed, the next when one is done", () => {
    const life = matrix(3, { maxParallel: 2 });
    expect(life.owed).toEqual(["build", "build.1"]);
    life.start();
    expect(life.live).toEqual(["build[0]", "build[1]"]);
    expect(life.end("build")).toEqual(["close build[0] ok", "owe build.2#1"]);
  });

  test("it ends with its last item, in one line", () => {
    const life = matrix(2);
    life.start();
    life.end("build");
    expect(life.stands).toBe("running");
    life.end("build");
    expect(life.stands).toBe("succeeded");
    expect(life.history).toEqual(["build succeeded"]);
    expect(life.said).toEqual(["say on_start build", "say on_success build"]);
  });

  test("0 items are a success at once", () => {
    const life = matrix(0);
    expect(life.stands).toBe("succeeded");
    expect(life.history).toEqual(["build succeeded"]);
  });

  test("more items than there may be are a failure", () => {
    expect(matrix(10_001).stands).toBe("failed");
  });

  test("values may be found in the run's data", () => {
    const life = live(
      workflow("found", [{ name: "build", matrix: { axes: { os: ["a", "b"], version: "inputs.versions" } } }]),
    );
    life.decide("build", { type: "run", axes: { os: ["a", "b"], version: [1, 2, 3] } });
    expect(life.run.phases.build?.items?.total).toBe(6);
  });

  test("a failed item does not stop the others, and fails the phase when all are done", () => {
    const life = matrix(3, { maxParallel: 1 });
    life.start();
    life.end("build", "exit");
    life.start();
    life.end("build");
    life.start();
    life.end("build");
    expect(life.stands).toBe("failed");
    expect(life.run.phases.build?.items).toMatchObject({ done: 3, failed: 1 });
  });

  test("fail_fast stops what runs and what is owed", () => {
    const life = matrix(5, { maxParallel: 3, failFast: true });
    life.start();
    life.end("build");
    expect(life.end("build", "exit")).toEqual([
      "close build[1] error",
      "close build[2] cancelled",
      "stop it",
      "note build failed",
      "say on_failure build",
    ]);
    expect(life.owed).toEqual([]);
    expect(life.stands).toBe("failed");
  });

  test("fail_fast does not wait for an item that pauses, nor does its timer bring the phase back", () => {
    const of = workflow("many", [
      { name: "build", matrix: { items: 2, failFast: true }, retry: { when: ["exit"], pauseMs: 10_000 } },
      { name: "beside" },
    ]);
    const life = live(of);
    life.start();
    life.end("build", "exit");
    const timer = life.books.timers[0]!;
    life.end("build", "timeout");
    expect(life.phases).toBe("build failed, beside running");
    expect(life.refused({ type: "timer.fired", ...timer })).toBe("stale");
  });

  test("an item that fails is tried again for itself alone", () => {
    const life = matrix(2, {}, { retry: { times: 1 } });
    life.start();
    expect(life.end("build", "exit")).toEqual(["close build[0] error", "owe build#2"]);
    life.start();
    life.end("build");
    expect(life.end("build", "exit")).toContain("note build failed");
    expect(life.stands).toBe("failed");
  });

  test("an item that pauses keeps its place, and the phase waits when all of them pause", () => {
    const life = matrix(4, { maxParallel: 2 }, { retry: { times: 1, pauseMs: 10_000 } });
    life.start();
    expect(life.end("build", "exit")).toEqual(["close build[0] error", expect.stringMatching(/^wake build/)]);
    expect(life.owed).toEqual([]);
    life.end("build", "exit");
    expect(life.stands).toBe("paused timer");
    life.fire();
    expect(life.owed).toHaveLength(1);
    expect(life.stands).toBe("running");
  });

  test("a timer that comes late wakes every item whose pause is over; the others' timers then change nothing", () => {
    const life = matrix(2, {}, { retry: { times: 1, pauseMs: 10_000 } });
    life.start();
    life.end("build", "exit");
    life.end("build", "exit");
    life.pass(60_000);
    life.fire();
    expect(life.owed).toEqual(["build#2", "build.1#2"]);
    for (const timer of life.books.timers) expect(life.refused({ type: "timer.fired", ...timer })).toBe("stale");
  });

  test("a wall clock that stepped back does not keep an item waiting for ever", () => {
    const life = matrix(1, {}, { retry: { times: 1, pauseMs: 10_000 } });
    life.start();
    life.end("build", "exit");
    const timer = life.books.timers[0]!;
    life.pass(-60_000);
    life.take({ type: "timer.fired", ...timer });
    expect(life.owed).toEqual(["build#2"]);
  });

  test("an item that lost its process is owed again, and that is no failure of it", () => {
    const life = matrix(1, {}, { retry: { times: 1 } });
    life.start();
    expect(life.lose("build")).toEqual(["close build[0] interrupted", "owe build#2"]);
    life.start();
    expect(life.end("build", "exit")).toEqual(["close build[0] error", "owe build#3"]);
  });

  test("an item that loses its process at every try fails at the limit", () => {
    const life = matrix(1);
    life.start();
    life.lose("build", 2);
    life.start();
    life.lose("build", 2);
    expect(life.stands).toBe("failed");
  });

  test("an item whose tries a dying daemon never began is tried again, however often", () => {
    const life = matrix(1);
    for (let crash = 0; crash < 4; crash++) {
      const executions = life.start();
      life.take({ type: "execution.lost", executions, vanishedLimit: null });
    }
    life.start();
    life.lose("build", 2);
    expect(life.owed).toEqual(["build#6"]);
    life.start();
    life.lose("build", 2);
    expect(life.stands).toBe("failed");
  });

  test("one crash takes items together, also where the first ends the others", () => {
    const life = matrix(3, { failFast: true });
    const executions = life.start();
    life.take({ type: "execution.lost", executions, vanishedLimit: 1 });
    expect(life.stands).toBe("failed");
    expect([...life.books.closed.values()].map(({ status }) => status).sort()).toEqual([
      "cancelled",
      "cancelled",
      "interrupted",
    ]);
  });

  test("held in the middle it owes nothing; released it owes exactly what is missing", () => {
    const life = matrix(5, { maxParallel: 3 });
    const [first] = life.start("build");
    expect(first).toBeDefined();
    life.end("build");
    expect(life.owed).toEqual(["build.3"]);
    life.hold();
    expect(life.owed).toEqual([]);
    life.end("build");
    expect(life.owed).toEqual([]);
    expect(life.stands).toBe("running");
    life.release();
    expect(life.owed).toEqual(["build.3", "build.4"]);
    life.start();
    for (let item = 0; item < 3; item++) life.end("build");
    expect(life.stands).toBe("succeeded");
  });

  test("held with nothing under way it is paused, and goes on when released", () => {
    const life = matrix(2);
    life.hold("disk_full");
    expect(life.stands).toBe("paused disk_full");
    life.release("disk_full");
    expect(life.owed).toEqual(["build", "build.1"]);
  });

  test("a cancelled matrix takes no item any more, while what runs last still does", () => {
    const life = live(
      workflow("many", [
        { name: "build", matrix: { items: 3, maxParallel: 2 }, retry: { times: 1, pauseMs: 10_000 } },
        { name: "tidy", finally: true },
      ]),
    );
    life.start("build");
    life.end("build", "exit");
    const timer = life.books.timers[0]!;
    life.cancel();
    expect(life.phases).toBe("build cancelled, tidy pending");
    expect(life.refused({ type: "timer.fired", ...timer })).toBe("stale");
    const item = { type: "execution.admitted", execution: "late", phase: "build", iteration: 2, attempt: 1 } as const;
    expect(life.refused(item)).toBe("stale");
  });
});
