import { describe, expect, test } from "vitest";
import { isUsedUp, NOTHING, risen, settled, spend } from "../../src/domain/budget.ts";
import { workflow } from "../support/workflow.ts";
import { live } from "./life.ts";

const two = [{ name: "a" }, { name: "b", after: ["a"] }];

describe("while a try works", () => {
  test("what it has used up so far counts in the run, each time in the place of what it said before", () => {
    const life = live(workflow("dear", two));
    life.start();
    expect(life.use("a", { usd: 0.1, turns: 1, inputTokens: 10 })).toEqual(["count a"]);
    life.use("a", { usd: 0.3, turns: 2, inputTokens: 30, outputTokens: 5 });
    expect(life.run.spent).toEqual({ usd: 0.3, turns: 2, tokens: 35 });
    expect(life.run.live[0]?.used).toEqual({ usd: 0.3, turns: 2, inputTokens: 30, outputTokens: 5 });
    expect(life.stands).toBe("running");
  });

  test.each([
    [{ usd: 1 }, { usd: 1 }],
    [{ turns: 3 }, { turns: 4 }],
    [{ tokens: 100 }, { inputTokens: 40, outputTokens: 40, cacheCreationTokens: 20 }],
  ])("a budget of %j that it reaches with %j ends the run at once", (budget, usage) => {
    const life = live(workflow("dear", two, { budget }));
    life.start();
    expect(life.use("a", usage)).toEqual(["count a", "close a interrupted", "stop it", "note a failed", "void starts"]);
    expect(life.stands).toBe("failed budget");
    expect(life.phases).toBe("a failed, b cancelled");
  });

  test("a budget that it does not reach lets it go on", () => {
    const life = live(workflow("dear", two, { budget: { usd: 1, turns: 4, tokens: 100 } }));
    life.start();
    life.use("a", { usd: 0.99, turns: 3, inputTokens: 99, cacheReadTokens: 5_000 });
    expect([life.stands, life.live]).toEqual(["running", ["a"]]);
  });

  test("what works beside it counts too, and is stopped with it", () => {
    const life = live(workflow("dear", [{ name: "a" }, { name: "b" }], { budget: { usd: 1 } }));
    life.start();
    life.use("a", { usd: 0.6 });
    life.use("b", { usd: 0.4 });
    expect([life.stands, life.live]).toEqual(["failed budget", []]);
  });

  test("what runs last still runs, and is not held to the run's budget", () => {
    const life = live(workflow("dear", [...two, { name: "tidy", finally: true }], { budget: { usd: 1 } }));
    life.start();
    life.use("a", { usd: 1 });
    life.start();
    life.use("tidy", { usd: 5 });
    life.end("tidy");
    expect(life.stands).toBe("failed budget");
    expect(life.phases).toBe("a failed, b cancelled, tidy succeeded");
    expect(life.run.spent.usd).toBe(6);
  });

  test("a run that an operator holds back is ended as well", () => {
    const life = live(workflow("dear", two, { budget: { usd: 1 } }));
    life.start();
    life.hold();
    life.use("a", { usd: 1 });
    expect(life.stands).toBe("failed budget");
  });

  test("what nobody knows the price of counts by its tokens only", () => {
    const life = live(workflow("dear", two, { budget: { usd: 1, tokens: 100 } }));
    life.start();
    life.use("a", { inputTokens: 99 });
    expect([life.stands, life.run.live[0]?.used]).toEqual(["running", { inputTokens: 99 }]);
    life.use("a", { inputTokens: 100 });
    expect(life.stands).toBe("failed budget");
  });

  test("a try that is not under way any more tells nothing", () => {
    const life = live(workflow("dear", two));
    const [first] = life.start();
    life.lose("a");
    expect(life.refused({ type: "execution.used", execution: first as string, usage: { usd: 1 } })).toBe("stale");
    life.cancel();
    expect(life.refused({ type: "execution.used", execution: first as string, usage: { usd: 1 } })).toBe("terminal");
  });

  test("a stream that is read again from its beginning takes nothing back", () => {
    const life = live(workflow("dear", two));
    life.start();
    life.use("a", { usd: 0.5, turns: 5 });
    life.use("a", { usd: 0.1, turns: 1, inputTokens: 7 });
    expect(life.run.spent).toEqual({ usd: 0.5, turns: 5, tokens: 7 });
  });
});

describe("when a try has ended", () => {
  test("its own last word takes the place of what it said before, and nothing counts twice", () => {
    const life = live(workflow("dear", two));
    life.start();
    life.use("a", { usd: 0.5, turns: 3, inputTokens: 50 });
    life.end("a", "ok", { usd: 0.4, inputTokens: 60 });
    expect(life.run.spent).toEqual({ usd: 0.4, turns: 3, tokens: 60 });
  });

  test.each([
    ["without a word about it", (life: ReturnType<typeof live>) => life.end("a")],
    ["by a time-out", (life: ReturnType<typeof live>) => life.end("a", "timeout")],
    ["lost", (life: ReturnType<typeof live>) => life.lose("a")],
    ["cancelled", (life: ReturnType<typeof live>) => life.cancel()],
    ["cut off by the run's deadline", (life: ReturnType<typeof live>) => life.fire()],
  ])("%s, what it had used up stays counted", (_, end) => {
    const life = live(workflow("dear", two, { timeoutMs: 60_000 }));
    life.start();
    life.use("a", { usd: 0.5, turns: 3 });
    end(life);
    expect(life.run.spent).toEqual({ usd: 0.5, turns: 3, tokens: 0 });
  });

  test("the tries of a loop and the items of a matrix count one by one", () => {
    const life = live(
      workflow("dear", [
        { name: "each", matrix: 2 },
        { name: "fix", iterate: 2, after: ["each"] },
      ]),
    );
    for (let item = 0; item < 2; item++) {
      life.start();
      life.use("each", { usd: 1 });
      life.end("each", "ok", { usd: 2 });
    }
    for (let round = 0; round < 2; round++) {
      life.start();
      life.use("fix", { usd: 1 });
      life.end("fix");
    }
    expect([life.stands, life.run.spent.usd]).toEqual(["succeeded", 6]);
  });

  test("a life after an operator's retry goes on counting", () => {
    const life = live(workflow("dear", two, { budget: { usd: 3 } }));
    life.start();
    life.use("a", { usd: 1 });
    life.end("a", "exit");
    life.retry();
    life.start();
    life.use("a", { usd: 2 });
    expect(life.stands).toBe("failed budget");
  });
});

describe("what a workflow may cost in a day", () => {
  const budget = { perDayUsd: 10 };

  test("is used up by this run and those beside it: the run ends while it works", () => {
    const life = live(workflow("daily", two, { budget }));
    life.start();
    life.use("a", { usd: 2 }, 7.5);
    expect(life.stands).toBe("running");
    life.use("a", { usd: 2.5 }, 7.5);
    expect(life.stands).toBe("failed budget");
    expect([...life.books.closed.values()][0]?.error).toBe("What the workflow may cost in a day was used up");
  });

  test("is not looked at where nobody knows what the others cost", () => {
    const life = live(workflow("daily", two, { budget }));
    life.start();
    life.use("a", { usd: 50 });
    expect(life.stands).toBe("running");
  });
});

describe("a phase's own budget", () => {
  test.each([{ usd: 1 }, { turns: 3 }, { tokens: 100 }])(
    "of %j ends a try that reaches it, and not the run",
    (budget) => {
      const life = live(
        workflow("dear", [
          { name: "a", budget },
          { name: "b", after: ["a"], rule: "all_done" },
        ]),
      );
      life.start();
      expect(life.use("a", { usd: 1, turns: 3, inputTokens: 100 })).toEqual([
        "count a",
        "stop it",
        "close a error",
        "note a failed",
        "owe b#1",
      ]);
      const [closed] = life.books.closed.values();
      expect(closed?.outcome).toMatchObject({ type: "failed", failure: "budget" });
      expect(life.phases).toBe("a failed, b pending");
    },
  );

  test("is that of one try: the next has its own", () => {
    const life = live(workflow("dear", [{ name: "a", budget: { usd: 1 }, retry: { times: 1, when: ["budget"] } }]));
    life.start();
    life.use("a", { usd: 1 });
    expect(life.owed).toEqual(["a#2"]);
    life.start();
    life.use("a", { usd: 0.9 });
    life.end("a");
    expect([life.stands, life.run.spent.usd]).toEqual(["succeeded", 1.9]);
  });

  test.each([
    ["any", ["a#2"]],
    ["budget", ["a#2"]],
    ["agent_error", []],
  ] as const)("tried again when: [%s] or not", (when, owed) => {
    const life = live(workflow("dear", [{ name: "a", budget: { usd: 1 }, retry: { times: 1, when: [when] } }]));
    life.start();
    life.use("a", { usd: 1 });
    expect(life.owed).toEqual(owed);
  });

  test("reached as it ends takes nothing from it", () => {
    const life = live(workflow("dear", [{ name: "a", budget: { usd: 1 } }]));
    life.start();
    life.end("a", "ok", { usd: 2 });
    expect(life.stands).toBe("succeeded");
  });

  test("reached together with the run's is the run's end", () => {
    const of = workflow("dear", [{ name: "a", budget: { usd: 1 }, retry: { times: 3 } }], { budget: { usd: 1 } });
    const life = live(of);
    life.start();
    life.use("a", { usd: 1 });
    expect([life.stands, life.owed]).toEqual(["failed budget", []]);
  });
});

describe("sums", () => {
  test("what is no amount is unknown: it spoils no sum, and no row", () => {
    const odd = { usd: Number.NaN, turns: -1, inputTokens: Number.POSITIVE_INFINITY, outputTokens: 1e300 };
    const most = { outputTokens: Number.MAX_SAFE_INTEGER };
    expect([risen(undefined, odd), settled(undefined, odd)]).toEqual([most, most]);
    expect(settled({ usd: 1, turns: 2 }, odd)).toEqual({ usd: 1, turns: 2, ...most });
  });

  test("many small steps leave no rest", () => {
    let spent = NOTHING;
    for (let step = 1; step <= 1_000; step++) spent = spend(spent, { usd: step / 10 }, { usd: (step - 1) / 10 });
    expect(spent.usd).toBe(100);
  });

  test("no budget is never used up", () => {
    expect(isUsedUp(undefined, { usd: 1e9, turns: 1e9, tokens: 1e9 })).toBe(false);
  });
});
