import { describe, expect, test } from "vitest";
import type { Workflow } from "../../src/domain/workflow.ts";
import { type Sketch, workflow } from "../support/workflow.ts";
import { type Life, live } from "./life.ts";

function closing(more: Partial<Workflow> = {}, last: readonly Partial<Sketch>[] = [{}]): Life {
  return live(
    workflow(
      "closing",
      [
        { name: "work" },
        { name: "next", after: ["work"] },
        ...last.map((each, at) => ({ name: `tidy${at === 0 ? "" : at}`, finally: true as const, ...each })),
      ],
      more,
    ),
  );
}

/** The run up to the moment at which only what runs last is left. */
const endings: [string, string, Partial<Workflow>, (life: Life) => void][] = [
  [
    "a success",
    "succeeded",
    {},
    (life) => {
      life.start();
      life.end("work");
      life.start();
      life.end("next");
    },
  ],
  [
    "a failure",
    "failed",
    {},
    (life) => {
      life.start();
      life.end("work", "exit");
    },
  ],
  [
    "a cancel",
    "cancelled operator",
    {},
    (life) => {
      life.start();
      life.cancel();
    },
  ],
  [
    "the end of its time",
    "failed timeout",
    { timeoutMs: 1_000 },
    (life) => {
      life.start();
      life.fire();
    },
  ],
  [
    "the end of its budget",
    "failed budget",
    { budget: { usd: 1 } },
    (life) => {
      life.start();
      life.end("work", "ok", { usd: 1 });
    },
  ],
];

describe("phases that run last", () => {
  test.each(endings)("they run after %s, when everything else is over, and it ends as it would have", (...row) => {
    const [, ending, more, comesTo] = row;
    const life = closing(more);
    expect(life.owed).toEqual(["work"]);
    comesTo(life);
    expect(life.owed).toEqual(["tidy"]);
    expect(life.stands).toBe("running");
    life.start();
    life.end("tidy");
    expect(life.stands).toBe(ending);
    expect(life.run.phases.tidy?.status).toBe("succeeded");
  });

  test.each(endings)("after %s their failure changes nothing about how it ends", (...row) => {
    const [, ending, more, comesTo] = row;
    const life = closing(more);
    comesTo(life);
    life.start();
    life.end("tidy", "exit");
    expect(life.run.phases.tidy?.status).toBe("failed");
    expect(life.stands).toBe(ending);
  });

  test.each(endings)("after %s a cancel ends them, and the run is cancelled", (...row) => {
    const life = closing(row[2]);
    row[3](life);
    life.start();
    expect(life.cancel()).toEqual(expect.arrayContaining(["close tidy cancelled", "stop it", "note tidy cancelled"]));
    expect(life.stands).toBe("cancelled operator");
  });

  test.each(endings)("after %s a crash loop ends them, and not otherwise than it would have", (...row) => {
    const [, ending, more, comesTo] = row;
    const life = closing(more);
    comesTo(life);
    life.start();
    for (let crash = 0; crash < 3; crash++) life.take({ type: "run.suspected", restartLimit: 3 });
    expect(life.stands).toBe(ending);
  });

  test("a run that keeps crashing the daemon starts nothing more, not even them", () => {
    const life = closing();
    life.start();
    for (let crash = 0; crash < 3; crash++) life.take({ type: "run.suspected", restartLimit: 3 });
    expect(life.stands).toBe("failed crash_loop");
    expect(life.run.phases.tidy?.status).toBe("cancelled");
  });

  test("a second cancel ends them", () => {
    const life = closing({}, [{}, { after: ["tidy"], wait: { forMs: 60_000 } }]);
    life.start();
    life.cancel();
    life.start();
    life.cancel();
    expect(life.stands).toBe("cancelled operator");
    expect(life.phases).toBe("work cancelled, next cancelled, tidy cancelled, tidy1 cancelled");
  });

  test("one that lost its process is done again", () => {
    const life = closing();
    life.start();
    life.cancel();
    life.start();
    life.lose("tidy");
    expect(life.owed).toEqual(["tidy#2"]);
  });

  test("one that depends on another follows it, and is skipped when that one fails", () => {
    const life = closing({}, [{}, { after: ["tidy"] }]);
    life.start();
    life.cancel();
    expect(life.owed).toEqual(["tidy"]);
    life.start();
    life.end("tidy", "exit");
    expect(life.run.phases.tidy1?.status).toBe("skipped");
    expect(life.stands).toBe("cancelled operator");
  });

  test("they may ask, wait and decide as any phase may", () => {
    const life = closing({}, [{ type: "approval" }, { wait: { forMs: 1_000 } }, { if: "context.ready" }]);
    life.start();
    life.end("work", "exit");
    life.decide("tidy2", "skip");
    expect(life.stands).toBe("paused gate");
    life.answer("tidy", "reject");
    expect(life.stands).toBe("paused timer");
    life.fire();
    expect(life.stands).toBe("failed");
    expect(life.phases).toBe("work failed, next skipped, tidy failed, tidy1 succeeded, tidy2 skipped");
  });

  test("the run's time does not run out while it closes", () => {
    const life = closing({ timeoutMs: 60_000 });
    life.start();
    const timer = life.books.timers[0]!;
    life.end("work", "exit");
    expect(life.run.deadline?.since).toBeNull();
    expect(life.refused({ type: "timer.fired", ...timer })).toBe("stale");
  });

  test("a result that comes after the cancel is too late, and so is another for what was cancelled", () => {
    const life = closing();
    const [execution] = life.start();
    life.cancel();
    const late = { type: "execution.ended", execution: execution!, outcome: { type: "succeeded" } } as const;
    expect(life.refused(late)).toBe("stale");
  });

  test("people hear of a success when it is one: after what runs last", () => {
    const life = closing({ finalMessage: "done" });
    endings[0]![3](life);
    expect(life.said).toEqual([]);
    life.start();
    life.end("tidy", "exit");
    expect(life.said).toEqual(["say final_message"]);
  });

  test("cancelled before its group had room for it, a run has nothing to tidy", () => {
    const life = live(workflow("queued", [{ name: "work" }, { name: "tidy", finally: true }]), { busy: "queue" });
    life.cancel();
    expect(life.stands).toBe("cancelled operator");
  });
});
