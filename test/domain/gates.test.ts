import { describe, expect, test } from "vitest";
import type { Effect } from "../../src/domain/run.ts";
import { born, created, decided, happen, played } from "../support/play.ts";
import { type Sketch, workflow } from "../support/workflow.ts";
import { type Life, live } from "./life.ts";

/** Work, a door after it, and what the door lets through. */
function door(more: Partial<Sketch> = {}, beside: readonly Sketch[] = []): Life {
  const life = live(
    workflow("door", [
      { name: "work" },
      { name: "door", type: "approval", after: ["work"], ...more },
      { name: "ship", after: ["door"] },
      ...beside,
    ]),
  );
  life.start("work");
  life.end("work");
  return life;
}

describe("a gate's deadline", () => {
  test("nobody answered: by default that is a no, and the run says expired", () => {
    const life = door({ timeoutMs: 3_600_000 });
    expect(life.fire()).toEqual(["answer gate-door expired", "note door failed", "note ship skipped", "void timers"]);
    expect(life.stands).toBe("failed expired");
  });

  test("fail: the run fails, for no reason of its own", () => {
    const life = door({ timeoutMs: 1_000, onTimeout: "fail" });
    life.fire();
    expect(life.stands).toBe("failed");
  });

  test("continue: the run goes on as if it had been approved", () => {
    const life = door({ timeoutMs: 1_000, onTimeout: "continue" });
    life.fire();
    expect(life.phases).toBe("work succeeded, door succeeded, ship pending");
    expect(life.owed).toEqual(["ship"]);
  });

  test("an answered gate's timer changes nothing", () => {
    const life = door({ timeoutMs: 1_000 });
    const timer = life.books.timers[0]!;
    life.answer("door");
    expect(life.refused({ type: "timer.fired", ...timer })).toBe("stale");
  });

  test("silence is no refusal: nothing goes round again", () => {
    const life = door({ timeoutMs: 1_000, rework: { phase: "work", max: 3 } });
    life.fire();
    expect(life.stands).toBe("failed expired");
  });
});

describe("reminders", () => {
  const HOUR = 3_600_000;
  const leads = { groups: ["leads"] };
  const reminding = { remindMs: [4 * HOUR, 12 * HOUR], escalate: { afterMs: 20 * HOUR, to: leads } };
  const opened = (effects: readonly Effect[]) => effects.find((effect) => effect.type === "gate.open");

  test("are due at the moments that the author named, counted from the gate's opening", () => {
    const door = workflow("door", [{ name: "door", type: "approval", summary: "Ship {{it}}?", ...reminding }]);
    const { step } = happen(door, played(door, [created]), decided("door"), "2026-11-21T10:30:00.000Z");
    expect(step.ok && opened(step.effects)).toMatchObject({
      remind: ["2026-11-21T14:30:00.000Z", "2026-11-21T22:30:00.000Z"],
      escalate: { at: "2026-11-22T06:30:00.000Z", to: leads },
    });
  });

  test("a gate whose author named none owes none", () => {
    const door = workflow("door", [{ name: "door", type: "approval" }]);
    const { step } = happen(door, born(door), created);
    expect(step.ok && opened(step.effects)).toMatchObject({ remind: [], escalate: null });
  });

  test("move no run: only the gate's own deadline is waited for", () => {
    const life = door({ ...reminding, timeoutMs: 24 * HOUR });
    expect(life.books.timers).toEqual([{ phase: "door", due: "2026-11-22T09:00:00.000Z" }]);
    expect(life.refused({ type: "timer.fired", phase: "door", due: "2026-11-21T13:00:00.000Z" })).toBe("stale");
  });
});

describe("rework", () => {
  test("a refusal sends a phase and everything downstream of it round again, under new ordinals", () => {
    const life = door({ rework: { phase: "work", max: 2 } });
    expect(life.answer("door", "reject")).toEqual(["answer gate-door rejected", "note door failed", "owe work.1#1"]);
    expect(life.phases).toBe("work pending, door pending, ship pending");
    life.start();
    life.end("work");
    expect(life.stands).toBe("paused gate");
    life.answer("door");
    life.start();
    life.end("ship");
    expect(life.stands).toBe("succeeded");
    expect(life.history).toEqual([
      "work succeeded",
      "door failed",
      "work succeeded",
      "door succeeded",
      "ship succeeded",
    ]);
  });

  test("beyond its max a refusal is final", () => {
    const life = door({ rework: { phase: "work", max: 1 } });
    life.answer("door", "reject");
    life.start();
    life.end("work");
    life.answer("door", "reject");
    expect(life.stands).toBe("failed rejected");
  });

  test("what is under way downstream is stopped, and its question is void", () => {
    const life = live(
      workflow("wide", [
        { name: "work" },
        { name: "door", type: "approval", after: ["work"], rework: { phase: "work", max: 1 } },
        { name: "side", after: ["work"] },
        { name: "other", type: "approval", after: ["work"] },
        { name: "child", child: "other", after: ["work"] },
        { name: "apart" },
      ]),
    );
    life.start();
    life.end("work");
    life.decide("child");
    life.start();
    expect(life.answer("door", "reject")).toEqual([
      "answer gate-door rejected",
      "note door failed",
      "close side cancelled",
      "stop it",
      "note side cancelled",
      "answer gate-other void",
      "note other cancelled",
      "stop child child",
      "note child cancelled",
      "owe work.1#1",
    ]);
    expect(life.live).toEqual(["apart"]);
  });

  test("a start that was owed before is not taken any more", () => {
    const life = live(
      workflow("owed", [
        { name: "work" },
        { name: "door", type: "approval", after: ["work"], rework: { phase: "work", max: 1 } },
        { name: "side", after: ["work"] },
      ]),
    );
    life.start();
    life.end("work");
    expect(life.owed).toEqual(["side"]);
    life.answer("door", "reject");
    expect(life.owed).toEqual(["work.1"]);
  });

  test("two gates that send each other's work back each keep their own count", () => {
    const life = live(
      workflow("two doors", [
        { name: "work" },
        { name: "first", type: "approval", after: ["work"], rework: { phase: "work", max: 1 } },
        { name: "second", type: "approval", after: ["first"], rework: { phase: "work", max: 1 } },
      ]),
    );
    const work = (): void => {
      life.start();
      life.end("work");
    };
    work();
    life.answer("first", "reject");
    work();
    life.answer("first");
    life.answer("second", "reject");
    work();
    life.answer("first", "reject");
    expect(life.stands).toBe("failed rejected");
  });

  test("conditions are looked at again", () => {
    const life = live(
      workflow("asked", [
        { name: "work", if: "context.ready" },
        { name: "door", type: "approval", after: ["work"], rework: { phase: "work", max: 1 } },
      ]),
    );
    life.decide("work");
    life.start();
    life.end("work");
    expect(life.answer("door", "reject").at(-1)).toBe("decide work");
  });
});

describe("questions", () => {
  test("a gate whose question has templates asks in the words that were found", () => {
    const life = door({ summary: "Ship {{issueTitle}}?" });
    expect(life.stands).toBe("running");
    const words = life.decide("door", { type: "run", summary: "Ship it?" });
    expect(words).toEqual(["found door run", "ask door"]);
  });

  test("an approval after a phase counts its work only when it is approved", () => {
    const life = live(workflow("after", [{ name: "plan", type: "agent", approvalGate: { name: "plans" } }]));
    life.start();
    expect(life.end("plan", "ask")).toEqual(["close plan ok", "ask plan"]);
    expect(life.history).toEqual([]);
    life.answer("plan");
    expect(life.books.lines[0]).toMatchObject({ phase: "plan", status: "succeeded", execution_id: "e1" });
    expect(life.stands).toBe("succeeded");
  });

  test("such a phase that is refused has failed", () => {
    const life = live(workflow("after", [{ name: "plan", type: "agent", approvalGate: { name: "plans" } }]));
    life.start();
    life.end("plan", "ask");
    life.answer("plan", "reject");
    expect(life.stands).toBe("failed rejected");
    expect(life.history).toEqual(["plan failed"]);
  });

  test("a refusal that every dependant accepts does not fail the run", () => {
    const life = live(
      workflow("accepted", [
        { name: "door", type: "approval" },
        { name: "tell", after: ["door"], rule: "all_done" },
      ]),
    );
    life.answer("door", "reject");
    life.start();
    life.end("tell");
    expect(life.stands).toBe("succeeded");
  });

  test("a phase that runs last accepts no failure on behalf of the run", () => {
    const life = live(
      workflow("not accepted", [
        { name: "door", type: "approval" },
        { name: "tidy", after: ["door"], rule: "all_done", finally: true },
      ]),
    );
    life.answer("door", "reject");
    life.start();
    life.end("tidy");
    expect(life.stands).toBe("failed rejected");
  });

  test("a question that comes with the end of the budget is never asked", () => {
    const life = live(
      workflow("after", [{ name: "plan", type: "agent", approvalGate: { name: "plans" } }], { budget: { turns: 1 } }),
    );
    life.start();
    expect(life.end("plan", "ask", { turns: 1 })).toEqual(["close plan ok", "note plan cancelled", "void starts"]);
    expect(life.stands).toBe("failed budget");
    expect(life.run.gates).toEqual([]);
  });
});
