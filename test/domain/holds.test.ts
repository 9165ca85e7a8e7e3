import { describe, expect, test } from "vitest";
import type { Hold } from "../../src/domain/run.ts";
import { workflow } from "../support/workflow.ts";
import { live } from "./life.ts";

const chain = workflow("chain", [{ name: "a" }, { name: "b", after: ["a"] }]);

describe("an operator's pause", () => {
  test("what runs comes to its end; then the run is paused and owes nothing until it is resumed", () => {
    const life = live(chain);
    life.start();
    life.hold();
    expect(life.stands).toBe("running");
    life.end("a");
    expect(life.stands).toBe("paused operator");
    expect(life.owed).toEqual([]);
    expect(life.release()).toEqual(["owe b#1"]);
    expect(life.stands).toBe("running");
  });

  test("what was owed is owed again, once", () => {
    const life = live(chain);
    expect(life.hold()).toEqual(["void starts"]);
    expect(life.release()).toEqual(["owe a#1"]);
  });

  test("a start that was offered while it was paused is refused", () => {
    const life = live(chain);
    life.hold();
    const start = { type: "execution.admitted", execution: "x", phase: "a", iteration: 0, attempt: 1 } as const;
    expect(life.refused(start)).toBe("stale");
  });

  test("nobody is asked, nothing begins to wait, no child starts and no condition is looked at meanwhile", () => {
    const life = live(
      workflow("all", [
        { name: "a" },
        { name: "door", type: "approval", after: ["a"] },
        { name: "nap", wait: { forMs: 1 }, after: ["a"] },
        { name: "child", child: "other", after: ["a"] },
        { name: "if", if: "x", after: ["a"] },
        { name: "many", matrix: 2, after: ["a"] },
        { name: "loop", iterate: 2, after: ["a"] },
      ]),
    );
    life.start();
    life.hold();
    expect(life.end("a")).toEqual(["close a ok", "note a succeeded"]);
    expect(life.stands).toBe("paused operator");
    expect(life.release()).toEqual([
      "ask door",
      "wake nap 09:00:00",
      "decide child",
      "decide if",
      "owe many#1",
      "owe many.1#1",
      "owe loop#1",
    ]);
  });

  test("a condition that was being looked at is looked at again on release", () => {
    const life = live(workflow("if", [{ name: "a", if: "x" }]));
    const asked = life.books.decisions[0]!;
    life.hold();
    expect(life.refused({ type: "phase.decided", ...asked, finding: { type: "run" } })).toBe("stale");
    expect(life.release()).toEqual(["decide a"]);
    life.decide("a");
    expect(life.owed).toEqual(["a"]);
  });

  test("a condition that was looked at before is not looked at again on release", () => {
    const life = live(workflow("if", [{ name: "a", if: "x" }]));
    life.decide("a");
    life.hold();
    expect(life.release()).toEqual(["owe a#1"]);
  });

  test("a gate that is open stays open; its answer opens nothing before the release", () => {
    const life = live(
      workflow("door", [
        { name: "door", type: "approval" },
        { name: "b", after: ["door"] },
      ]),
    );
    life.hold();
    expect(life.stands).toBe("paused gate");
    life.answer("door");
    expect(life.stands).toBe("paused operator");
    life.release();
    expect(life.owed).toEqual(["b"]);
  });

  test("a time that is over while it is paused is over; the next phase waits for the release", () => {
    const life = live(
      workflow("nap", [
        { name: "nap", wait: { forMs: 1_000 } },
        { name: "b", after: ["nap"] },
      ]),
    );
    life.hold();
    life.fire();
    expect(life.stands).toBe("paused operator");
    life.release();
    expect(life.owed).toEqual(["b"]);
  });

  test("a loop goes on where it was", () => {
    const life = live(workflow("loop", [{ name: "loop", iterate: 3 }]));
    life.start();
    life.hold();
    life.end("loop");
    expect(life.owed).toEqual([]);
    life.release();
    expect(life.owed).toEqual(["loop.1"]);
    life.start();
    expect(life.live).toEqual(["loop_iter_2"]);
  });

  test("a try after a failure waits for the release as well", () => {
    const life = live(workflow("again", [{ name: "a", retry: { times: 1, pauseMs: 1_000 } }]));
    life.start();
    life.hold();
    life.end("a", "exit");
    life.fire();
    expect(life.stands).toBe("paused operator");
    expect(life.release()).toEqual(["owe a#2"]);
  });

  test("what lost its process meanwhile is owed on release, as the next try", () => {
    const life = live(chain);
    life.start();
    life.hold();
    life.lose("a");
    expect(life.release()).toEqual(["owe a#2"]);
  });

  test("a skip needs no release: a run of which nothing can start ends", () => {
    const life = live(chain);
    life.start();
    life.hold();
    life.end("a", "exit");
    expect(life.stands).toBe("failed");
    expect(life.run.hold).toBeNull();
  });

  test("a cancel needs no release: what runs last does so at once", () => {
    const life = live(workflow("tidy", [{ name: "a" }, { name: "tidy", finally: true }]));
    life.hold();
    life.cancel();
    expect(life.owed).toEqual(["tidy"]);
    life.start();
    life.end("tidy");
    expect(life.stands).toBe("cancelled operator");
  });

  test("its time stands still while it is paused", () => {
    const life = live(workflow("timed", [{ name: "a" }, { name: "b", after: ["a"] }], { timeoutMs: 10_000 }));
    life.start();
    life.hold();
    life.pass(4_000);
    life.end("a");
    life.pass(3_600_000);
    life.release();
    expect(life.run.deadline).toEqual({ left: 6_000, since: life.now });
  });
});

describe("a full disk", () => {
  test("the run says why it stands, and goes on when there is room", () => {
    const life = live(chain);
    life.start();
    life.hold("disk_full");
    life.end("a");
    expect(life.stands).toBe("paused disk_full");
    life.release("disk_full");
    expect(life.owed).toEqual(["b"]);
  });

  test("an operator's pause outlasts it", () => {
    const life = live(chain);
    life.hold("disk_full");
    life.hold("operator");
    expect(life.stands).toBe("paused operator");
    expect(life.refused({ type: "run.released", hold: "disk_full" })).toBe("stale");
    life.release();
    expect(life.owed).toEqual(["a"]);
  });

  test.each<[Hold, Hold]>([
    ["operator", "disk_full"],
    ["operator", "concurrency"],
    ["concurrency", "operator"],
    ["concurrency", "disk_full"],
  ])("a run held by %s is not held by %s as well", (first, second) => {
    const life = live(chain, first === "concurrency" ? { busy: "queue" } : {});
    if (first !== "concurrency") life.hold(first);
    expect(life.refused({ type: "run.held", hold: second })).toBe("stale");
  });

  test("a cancelled run tidies up when there is room to", () => {
    const life = live(workflow("tidy", [{ name: "a" }, { name: "tidy", finally: true }]));
    life.hold("disk_full");
    life.cancel();
    expect(life.stands).toBe("paused disk_full");
    life.release("disk_full");
    life.start();
    life.end("tidy");
    expect(life.stands).toBe("cancelled operator");
  });
});

describe("a group that is full", () => {
  test("the run is queued until there is room, then starts like any other", () => {
    const life = live(chain, { busy: "queue" });
    expect(life.stands).toBe("queued concurrency");
    expect(life.owed).toEqual([]);
    life.pass(60_000);
    life.release("concurrency");
    expect(life.stands).toBe("queued");
    life.start();
    expect(life.run.startedAt).toBe("2026-11-21T09:01:00.000Z");
  });

  test("a run that begins with a question asks it when its turn has come, not before", () => {
    const life = live(workflow("door", [{ name: "door", type: "approval" }]), { busy: "queue" });
    expect(life.stands).toBe("queued concurrency");
    expect(life.release("concurrency")).toEqual(["ask door"]);
    expect(life.stands).toBe("paused gate");
  });

  test("its time does not run out in the queue", () => {
    const life = live(workflow("timed", [{ name: "a" }], { timeoutMs: 1_000 }), { busy: "queue" });
    life.pass(60_000);
    life.release("concurrency");
    life.pass(60_000);
    expect(life.books.timers).toEqual([]);
    life.start();
    expect(life.run.deadline).toEqual({ left: 1_000, since: life.now });
  });

  test("a run that is turned away is cancelled, and says why", () => {
    const life = live(workflow("skip", [{ name: "a" }, { name: "tidy", finally: true }]), { busy: "skip" });
    expect(life.stands).toBe("cancelled concurrency");
  });

  test("a run that another replaces is cancelled, and says why", () => {
    const life = live(chain);
    life.start();
    life.take({ type: "run.cancelled", by: "the next run", reason: "concurrency" });
    expect(life.stands).toBe("cancelled concurrency");
  });
});
