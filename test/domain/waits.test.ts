import { describe, expect, test } from "vitest";
import { workflow } from "../support/workflow.ts";
import { type Life, live } from "./life.ts";

describe("a wait", () => {
  test("for a while: the run is paused, and goes on when the time is over", () => {
    const life = live(
      workflow("w", [
        { name: "nap", wait: { forMs: 60_000 } },
        { name: "next", after: ["nap"] },
      ]),
    );
    expect(life.stands).toBe("paused timer");
    expect(life.fire()).toEqual(["note nap succeeded", "owe next#1"]);
    expect(life.now).toBe("2026-11-21T09:01:00.000Z");
  });

  test("until a moment that the run's data names", () => {
    const life = live(workflow("w", [{ name: "nap", wait: { at: "{{context.moment}}" } }]));
    life.decide("nap", { type: "run", at: "2026-11-22T09:00:00.000Z" });
    expect(life.stands).toBe("paused timer");
    life.fire();
    expect(life.now).toBe("2026-11-22T09:00:00.000Z");
    expect(life.stands).toBe("succeeded");
  });

  test("a moment that is past is not waited for", () => {
    const life = live(workflow("w", [{ name: "nap", wait: { at: "{{context.moment}}" } }]));
    life.decide("nap", { type: "run", at: "2026-11-20T09:00:00.000Z" });
    expect(life.stands).toBe("succeeded");
  });

  test("a timer that fires late or twice is taken once", () => {
    const life = live(
      workflow("w", [
        { name: "nap", wait: { forMs: 1_000 } },
        { name: "next", after: ["nap"] },
      ]),
    );
    const timer = life.books.timers[0]!;
    life.pass(60_000);
    life.take({ type: "timer.fired", ...timer });
    expect(life.refused({ type: "timer.fired", ...timer })).toBe("stale");
  });
});

function until(more: { timeoutMs?: number } = {}): Life {
  return live(
    workflow("w", [
      { name: "watch", wait: { until: "signals.exists(s, s.name == 'go')", everyMs: 30_000 }, ...more },
      { name: "next", after: ["watch"] },
    ]),
  );
}

describe("a wait for a condition", () => {
  test("it is looked at at once, then every so often, until it holds", () => {
    const life = until();
    expect(life.stands).toBe("queued");
    expect(life.decide("watch", "wait")).toEqual(["wake watch 09:00:30"]);
    expect(life.stands).toBe("paused timer");
    expect(life.fire()).toEqual(["decide watch"]);
    expect(life.decide("watch", "wait")).toEqual(["wake watch 09:01:00"]);
    life.fire();
    expect(life.decide("watch")).toEqual(["found watch run", "note watch succeeded", "owe next#1"]);
    expect(life.books.lines[0]?.started_at).toBe("2026-11-21T09:00:00.000Z");
  });

  test("a signal has it looked at without waiting for the timer", () => {
    const life = until();
    life.decide("watch", "wait");
    expect(life.signal()).toEqual(["signal go", "decide watch"]);
    const timer = life.books.timers[0]!;
    expect(life.refused({ type: "timer.fired", ...timer })).toBe("stale");
    life.decide("watch");
    expect(life.owed).toEqual(["next"]);
  });

  test.each([
    ["for the first time", 0],
    ["for the second time", 1],
  ])("a signal that comes while it is being looked at %s is not lost", (_, looks) => {
    const life = until();
    for (let look = 0; look < looks; look++) {
      life.decide("watch", "wait");
      life.fire();
    }
    expect(life.signal()).toEqual(["signal go"]);
    expect(life.decide("watch", "wait")).toEqual(["decide watch"]);
    expect(life.decide("watch", "wait")).toEqual([expect.stringMatching(/^wake watch/)]);
  });

  test("a signal before the phase is reached is kept, and disturbs nobody", () => {
    const life = live(
      workflow("w", [{ name: "work" }, { name: "watch", wait: { until: "x", everyMs: 1 }, after: ["work"] }]),
    );
    expect(life.signal()).toEqual(["signal go"]);
    expect(life.run.phases.watch?.waits).toBeUndefined();
  });

  test("its deadline fails it, also while it is being looked at", () => {
    const life = until({ timeoutMs: 40_000 });
    life.decide("watch", "wait");
    life.fire();
    life.fire();
    expect(life.stands).toBe("failed");
    expect(life.now).toBe("2026-11-21T09:00:40.000Z");
    const late = { type: "phase.decided", phase: "watch", iteration: 0, epoch: 0, finding: { type: "run" } } as const;
    expect(life.refused(late)).toBe("terminal");
  });

  test("a condition that cannot be looked at fails the phase", () => {
    const life = until();
    life.decide("watch", "fail");
    expect(life.stands).toBe("failed");
  });
});

describe("conditions", () => {
  const conditional = () =>
    live(
      workflow("c", [
        { name: "a", if: "context.ready" },
        { name: "b", after: ["a"] },
        { name: "c", after: ["a"], rule: "all_done" },
      ]),
    );

  test("a phase with a condition starts after someone has looked", () => {
    const life = conditional();
    expect(life.owed).toEqual([]);
    expect(life.decide("a")).toEqual(["found a run", "owe a#1"]);
  });

  test("a skipped phase is not success: what needs success is skipped too, and the run stays green", () => {
    const life = conditional();
    expect(life.decide("a", "skip")).toEqual(["found a skip", "note a skipped", "note b skipped", "owe c#1"]);
    life.start();
    life.end("c");
    expect(life.stands).toBe("succeeded");
  });

  test.each([
    ["all_success", "skipped"],
    ["one_success", "pending"],
    ["none_failed_min_one_success", "pending"],
    ["all_done", "pending"],
  ] as const)("after one skip and one success, %s is %s", (rule, status) => {
    const life = live(
      workflow("c", [{ name: "a", skipIf: ["x"] }, { name: "b" }, { name: "c", after: ["a", "b"], rule }]),
    );
    life.decide("a", "skip");
    life.start("b");
    life.end("b");
    expect(life.run.phases.c?.status).toBe(status);
  });

  test.each(["all_success", "one_success", "none_failed_min_one_success"] as const)(
    "after nothing but skips, %s skips",
    (rule) => {
      const life = live(
        workflow("c", [
          { name: "a", skipIf: ["x"] },
          { name: "b", after: ["a"], rule },
        ]),
      );
      life.decide("a", "skip");
      expect(life.stands).toBe("succeeded");
      expect(life.phases).toBe("a skipped, b skipped");
    },
  );

  test("people hear of a skip, where the author wrote what to say", () => {
    const life = live(
      workflow("c", [{ name: "a", if: "x", messages: { on_skipped_done: "not today", on_success: "done" } }]),
    );
    life.decide("a", "skip");
    expect(life.said).toEqual(["say on_skipped_done a"]);
  });

  test("a condition is not looked at again for another try", () => {
    const life = live(workflow("c", [{ name: "a", if: "x", retry: { times: 1 } }]));
    life.decide("a");
    life.start();
    expect(life.end("a", "exit")).toEqual(["close a error", "owe a#2"]);
    life.start();
    expect(life.lose("a")).toEqual(["close a interrupted", "owe a#3"]);
  });

  test("what was decided twice counts once", () => {
    const life = conditional();
    life.decide("a");
    const again = { type: "phase.decided", phase: "a", iteration: 0, epoch: 0, finding: { type: "run" } } as const;
    expect(life.refused(again)).toBe("stale");
  });
});

function parent(more: { timeoutMs?: number; retry?: { times?: number; pauseMs?: number } } = {}): Life {
  const life = live(
    workflow("p", [
      { name: "child", child: "other", ...more },
      { name: "next", after: ["child"] },
    ]),
  );
  life.decide("child", { type: "run", inputs: { severity: "low" } });
  return life;
}

describe("a child run", () => {
  test("its success is the phase's, with an execution that holds its output", () => {
    const life = parent();
    expect(life.stands).toBe("paused child");
    expect(life.childEnds("child")).toEqual(["open child", "close child ok", "note child succeeded", "owe next#1"]);
  });

  test("its failure is the phase's", () => {
    const life = parent();
    life.childEnds("child", "error");
    expect(life.stands).toBe("failed");
  });

  test("a failure that is forgiven starts another child, and only that one's end counts", () => {
    const life = parent({ retry: { times: 1 } });
    const first = { phase: "child", iteration: 0, attempt: 1, epoch: 0 };
    expect(life.childEnds("child", "error")).toEqual(["open child", "close child error", "child child#2"]);
    const twice = { type: "child.ended", ...first, execution: "x", outcome: { type: "succeeded" } } as const;
    expect(life.refused(twice)).toBe("stale");
    life.childEnds("child");
    expect(life.owed).toEqual(["next"]);
  });

  test("a pause between two children is a timer like any other", () => {
    const life = parent({ retry: { times: 1, pauseMs: 1_000 } });
    life.childEnds("child", "error");
    expect(life.stands).toBe("paused timer");
    expect(life.fire()).toEqual(["child child#2"]);
  });

  test("beyond its deadline it is stopped, and the phase fails", () => {
    const life = parent({ timeoutMs: 1_000 });
    expect(life.fire()).toEqual(["stop child child", "note child failed", "note next skipped", "void timers"]);
  });

  test("a deadline is a failure that may be forgiven: the next child has its time to itself", () => {
    const life = parent({ timeoutMs: 1_000, retry: { times: 1 } });
    expect(life.fire()).toEqual(["stop child child", "child child#2", "wake child 09:00:02"]);
    life.childEnds("child");
    expect(life.owed).toEqual(["next"]);
  });

  test("a cancel stops it", () => {
    const life = parent();
    expect(life.cancel()).toEqual(["stop child child", "note child cancelled", "void starts"]);
  });
});

function outward(more: { timeoutMs?: number; retry?: { times?: number; pauseMs?: number } } = {}): Life {
  const life = live(
    workflow("p", [
      { name: "tell", action: "github.comment", ...more },
      { name: "next", after: ["tell"] },
    ]),
  );
  life.decide("tell", { type: "run", inputs: { body: "x" } });
  return life;
}

describe("an act outside", () => {
  test("is owed as soon as it is known what is to be done; nothing of the run executes meanwhile", () => {
    const life = outward();
    expect([life.stands, life.phases, life.owed]).toEqual(["paused action", "tell waiting, next pending", []]);
  });

  test("done, it ends its phase, with an execution that holds what came of it", () => {
    const life = outward();
    expect(life.acted("tell")).toEqual(["open tell", "close tell ok", "note tell succeeded", "owe next#1"]);
  });

  test("what will never be done fails its phase", () => {
    const life = outward();
    life.acted("tell", "error");
    expect(life.stands).toBe("failed");
  });

  test("a failure that is forgiven has it done anew, and only that end counts", () => {
    const life = outward({ retry: { times: 1 } });
    const first = { phase: "tell", iteration: 0, attempt: 1, epoch: 0 };
    expect(life.acted("tell", "error")).toEqual(["open tell", "close tell error", "act tell#2"]);
    const late = { type: "action.ended", ...first, execution: "x", outcome: { type: "succeeded" } } as const;
    expect(life.refused(late)).toBe("stale");
    life.acted("tell");
    expect(life.owed).toEqual(["next"]);
  });

  test("beyond its deadline the phase fails, whatever comes later", () => {
    const life = outward({ timeoutMs: 1_000 });
    expect(life.fire()).toEqual(["note tell failed", "note next skipped", "void timers"]);
  });

  test("an end that comes after a cancel changes nothing", () => {
    const life = outward();
    expect(life.cancel()).toEqual(["note tell cancelled", "void starts"]);
    const late = { phase: "tell", iteration: 0, attempt: 1, epoch: 0, execution: "x" };
    expect(life.refused({ type: "action.ended", ...late, outcome: { type: "succeeded" } })).toBe("terminal");
  });

  test("an end of a child is not taken for it", () => {
    const life = outward();
    const place = { phase: "tell", iteration: 0, attempt: 1, epoch: 0, execution: "x" };
    expect(life.refused({ type: "child.ended", ...place, outcome: { type: "succeeded" } })).toBe("stale");
  });

  test("the run's time goes on while it is waited for", () => {
    const life = live(workflow("p", [{ name: "tell", action: "github.comment" }], { timeoutMs: 60_000 }));
    life.decide("tell");
    life.fire();
    expect(life.stands).toBe("failed timeout");
  });

  test("what runs last may act too, and changes nothing about the run's end", () => {
    const life = live(workflow("p", [{ name: "work" }, { name: "tell", action: "github.comment", finally: true }]));
    life.start();
    life.end("work");
    life.decide("tell");
    expect(life.stands).toBe("paused action");
    life.acted("tell", "error");
    expect(life.stands).toBe("succeeded");
  });
});
