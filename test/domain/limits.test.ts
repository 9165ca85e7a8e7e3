import { describe, expect, test } from "vitest";
import { workflow } from "../support/workflow.ts";
import { live } from "./life.ts";

describe("a run's deadline", () => {
  test("its time is up: what runs is interrupted, and the run says timeout", () => {
    const life = live(workflow("timed", [{ name: "a" }, { name: "b", after: ["a"] }], { timeoutMs: 60_000 }));
    life.start();
    expect(life.fire()).toEqual(["close a interrupted", "stop it", "note a failed", "void starts", "void timers"]);
    expect(life.stands).toBe("failed timeout");
    expect(life.phases).toBe("a failed, b cancelled");
  });

  test("time at a gate is not counted", () => {
    const life = live(
      workflow(
        "timed",
        [{ name: "a" }, { name: "door", type: "approval", after: ["a"] }, { name: "b", after: ["door"] }],
        { timeoutMs: 10_000 },
      ),
    );
    life.start();
    const before = life.books.timers[0]!;
    life.pass(4_000);
    life.end("a");
    expect(life.run.deadline).toEqual({ left: 6_000, since: null });
    life.pass(86_400_000);
    expect(life.refused({ type: "timer.fired", ...before })).toBe("stale");
    life.answer("door");
    life.start();
    life.fire();
    expect(life.stands).toBe("failed timeout");
    expect(life.now).toBe("2026-11-22T09:00:10.000Z");
  });

  test("time that a wait or a child takes is counted", () => {
    const life = live(workflow("timed", [{ name: "nap", wait: { forMs: 60_000 } }], { timeoutMs: 10_000 }));
    expect(life.fire()).toEqual(["note nap cancelled", "void starts", "void timers"]);
    expect(life.stands).toBe("failed timeout");
  });

  test("a run that ends in time leaves no timer behind", () => {
    const life = live(workflow("timed", [{ name: "a" }], { timeoutMs: 10_000 }));
    life.start();
    life.end("a");
    expect(life.books.timers).toEqual([]);
  });
});

describe("a budget", () => {
  test.each([
    [{ usd: 1 }, { usd: 1 }],
    [{ turns: 3 }, { turns: 4 }],
    [{ tokens: 100 }, { inputTokens: 40, outputTokens: 40, cacheCreationTokens: 20 }],
  ])("%j used up by %j: nothing more starts", (budget, usage) => {
    const life = live(workflow("dear", [{ name: "a" }, { name: "b", after: ["a"] }], { budget }));
    life.start();
    life.end("a", "ok", usage);
    expect(life.stands).toBe("failed budget");
    expect(life.phases).toBe("a succeeded, b cancelled");
    expect(life.owed).toEqual([]);
  });

  test("what came from a cache is not counted", () => {
    const life = live(workflow("dear", [{ name: "a" }, { name: "b", after: ["a"] }], { budget: { tokens: 100 } }));
    life.start();
    life.end("a", "ok", { inputTokens: 99, cacheReadTokens: 1_000_000 });
    expect(life.owed).toEqual(["b"]);
  });

  test("tries that failed cost as well", () => {
    const life = live(workflow("dear", [{ name: "a", retry: { times: 5 } }], { budget: { usd: 2 } }));
    life.start();
    life.end("a", "exit", { usd: 1 });
    life.start();
    life.end("a", "exit", { usd: 1 });
    expect(life.stands).toBe("failed budget");
  });

  test("a run that needs nothing more has kept within it", () => {
    const life = live(workflow("dear", [{ name: "a" }], { budget: { usd: 1 } }));
    life.start();
    life.end("a", "ok", { usd: 5 });
    expect(life.stands).toBe("succeeded");
  });

  test("a run that failed of itself says so, not that it was too dear", () => {
    const life = live(workflow("dear", [{ name: "a" }, { name: "b", after: ["a"] }], { budget: { usd: 1 } }));
    life.start();
    life.end("a", "exit", { usd: 5 });
    expect(life.stands).toBe("failed");
    expect(life.phases).toBe("a failed, b skipped");
  });

  test("what runs beside is stopped", () => {
    const life = live(workflow("dear", [{ name: "a" }, { name: "b" }], { budget: { usd: 1 } }));
    life.start();
    life.end("a", "ok", { usd: 1 });
    expect(life.live).toEqual([]);
    expect(life.phases).toBe("a succeeded, b failed");
  });

  test("what a child cost is counted", () => {
    const life = live(
      workflow(
        "dear",
        [
          { name: "child", child: "other" },
          { name: "b", after: ["child"] },
        ],
        { budget: { usd: 1 } },
      ),
    );
    life.decide("child");
    life.childEnds("child", { type: "succeeded", usage: { usd: 1 } });
    expect(life.stands).toBe("failed budget");
  });
});

describe("what people are told", () => {
  test("the checklist is shown whenever a phase has moved, and only then", () => {
    const life = live(workflow("list", [{ name: "a" }], { statusChecklist: true }));
    expect(life.said).toEqual([]);
    life.start();
    life.signal();
    life.end("a");
    expect(life.said).toEqual(["say status_checklist", "say status_checklist"]);
  });

  test("a final message comes with success only", () => {
    const of = workflow("final", [{ name: "a" }], { finalMessage: "done" });
    const good = live(of);
    good.start();
    good.end("a");
    expect(good.said).toEqual(["say final_message"]);
    const bad = live(of);
    bad.start();
    bad.end("a", "exit");
    expect(bad.said).toEqual([]);
  });

  test("a phase that is cut off says nothing", () => {
    const messages = { on_success: "s", on_failure: "f" };
    const life = live(workflow("cut", [{ name: "a", messages }]));
    life.start();
    life.cancel();
    expect(life.said).toEqual([]);
  });

  test("what a try has to say is said, where the author wrote what", () => {
    const life = live(workflow("blocked", [{ name: "a", type: "agent", messages: { on_blocked: "b" } }]));
    life.start();
    life.end("a", { type: "failed", failure: "agent_error", error: "blocked", says: ["on_blocked"] });
    expect(life.said).toEqual(["say on_blocked a"]);
  });
});
