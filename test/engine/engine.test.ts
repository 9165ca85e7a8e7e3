import { describe, expect, test } from "vitest";
import { Fault } from "../../src/domain/fault.ts";
import type { RunDetail } from "../../src/store/lines.ts";
import type { Store } from "../../src/store/store.ts";
import { engineWorld, heldPhases } from "../support/engine.ts";
import { calm } from "../support/keeper.ts";
import { version, workflow } from "../support/workflow.ts";

const chain = version(workflow("chain", [{ name: "a" }, { name: "b", after: ["a"] }]));
const fork = version(
  workflow("fork", [{ name: "left" }, { name: "right" }, { name: "join", after: ["left", "right"] }]),
);
const gated = version(
  workflow("gated", [
    { name: "door", type: "approval" },
    { name: "b", after: ["door"] },
  ]),
);
const over = (run: RunDetail): boolean => run.finished_at !== null;
const instant = { type: "context" as const, execute: async () => ({ type: "succeeded" as const }) };

/** Lets everything that can happen without time passing happen. */
const quiet = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
};

test("a run goes from its first phase to its end by itself", async () => {
  const { engine, request, until } = engineWorld();
  const daemon = engine({ phases: [instant] });
  await daemon.begin();
  const { run } = await daemon.create(request(chain));
  expect(await until(run.id, over)).toMatchObject({
    status: "succeeded",
    node_statuses: { a: "succeeded", b: "succeeded" },
  });
  await daemon.stop();
});

test("phases that depend on nothing run side by side", async () => {
  const { engine, request, until } = engineWorld();
  const { kind, held } = heldPhases();
  const daemon = engine({ phases: [kind] });
  await daemon.begin();
  const { run } = await daemon.create(request(fork));
  await quiet();
  expect(held.map(({ name }) => name)).toEqual(["left", "right"]);
  held[0]?.end();
  await quiet();
  expect(held.map(({ name }) => name)).toEqual(["right"]);
  held[0]?.end();
  await until(run.id, (now) => now.current_phase === "join");
  await quiet();
  held[0]?.end();
  expect((await until(run.id, over)).status).toBe("succeeded");
  await daemon.stop();
});

test("a phase that surprises the worker fails with a code, and the daemon goes on", async () => {
  const { engine, request, until } = engineWorld();
  const daemon = engine({
    phases: [{ type: "context", execute: () => Promise.reject(new TypeError("undefined is not a function")) }],
  });
  await daemon.begin();
  const { run } = await daemon.create(request(chain));
  const ended = await until(run.id, over);
  expect(ended).toMatchObject({
    status: "failed",
    executions: [
      { status: "error", failure: "error", error: "internal.error: Something unexpected happened inside lastlight" },
    ],
  });
  await daemon.stop();
});

test("a phase type that nothing carries out fails by name", async () => {
  const { engine, request, until } = engineWorld();
  const daemon = engine({ phases: [] });
  await daemon.begin();
  const { run } = await daemon.create(request(chain));
  expect((await until(run.id, over)).executions[0]?.error).toContain('phase.unsupported: Phases of type "context"');
  await daemon.stop();
});

describe("when the store has trouble", () => {
  test("a result is kept and offered again until it is taken", async () => {
    const { engine, request, until, store, clock } = engineWorld();
    let refusals = 3;
    const troubled: Store = {
      ...store,
      apply: (run, event, take) => {
        if (event.type === "execution.ended" && refusals-- > 0) return Promise.reject(new Fault("disk.full", "full"));
        return store.apply(run, event, take);
      },
    };
    const daemon = engine({ phases: [instant], store: troubled });
    await daemon.begin();
    const { run } = await daemon.create(request(chain));
    for (let at = 0; at < 10; at++) {
      await quiet();
      clock.advance(5_000);
    }
    const ended = await until(run.id, over);
    expect([ended.status, ended.executions.length, refusals < 0]).toEqual(["succeeded", 2, true]);
    await daemon.stop();
  });

  test("a run is not acknowledged that is not there", async () => {
    const { engine, request, store } = engineWorld();
    const daemon = engine({ store: { ...store, create: () => Promise.reject(new Fault("disk.full", "full")) } });
    await expect(daemon.create(request(chain))).rejects.toMatchObject({ code: "disk.full" });
    expect((await store.runs({}, { limit: 1 })).rows).toEqual([]);
    await daemon.stop();
  });
});

describe("gates", () => {
  test("an answer sets the run going; the second to answer is told who was first", async () => {
    const { engine, request, until, store, clock } = engineWorld();
    const daemon = engine({ phases: [instant] });
    await daemon.begin();
    const { run } = await daemon.create(request(gated));
    const [gate] = (await store.approvals({ status: "pending" }, { limit: 1 })).rows;
    const answer = (by: string, decision: "approve" | "reject") =>
      daemon.answer(gate!.id, { decision, by, comment: null });
    expect(await answer("ana", "approve")).toMatchObject({ status: "approved", responded_by: "ana" });
    await expect(answer("ben", "reject")).rejects.toMatchObject({
      code: "approval.answered",
      message: `Approval ${gate?.id} was approved by ana at ${clock.now()}`,
    });
    await expect(daemon.answer("nothing", { decision: "approve", by: "ana", comment: null })).rejects.toMatchObject({
      code: "approval.unknown",
    });
    expect((await until(run.id, over)).status).toBe("succeeded");
    await daemon.stop();
  });

  test("of twenty people who answer at once one is heard, and nothing runs twice", async () => {
    const { engine, request, until, store } = engineWorld();
    const daemon = engine({ phases: [instant] });
    await daemon.begin();
    const { run } = await daemon.create(request(gated));
    const [gate] = (await store.approvals({ status: "pending" }, { limit: 1 })).rows;
    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) =>
        daemon.answer(gate!.id, { decision: at % 2 ? "approve" : "reject", by: `p${at}`, comment: null }),
      ),
    );
    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await until(run.id, over)).toMatchObject({ status: "failed", reason: "rejected", executions: [] });
    await daemon.stop();
  });
});

describe("cancelling", () => {
  test("ends what runs, and a late success changes nothing", async () => {
    const { engine, request, store } = engineWorld();
    const { kind, held } = heldPhases();
    const daemon = engine({ phases: [kind] });
    await daemon.begin();
    const { run } = await daemon.create(request(chain));
    await quiet();
    const { signal } = held[0]!.execution;
    expect((await daemon.cancel(run.id, "ana")).status).toBe("cancelled");
    expect(signal.aborted).toBe(true);
    await quiet();
    expect(await store.run(run.id)).toMatchObject({
      status: "cancelled",
      node_statuses: { a: "cancelled", b: "cancelled" },
    });
    await expect(daemon.cancel(run.id, "ana")).rejects.toMatchObject({ code: "run.terminal" });
    await expect(daemon.cancel("nothing", "ana")).rejects.toMatchObject({ code: "run.unknown" });
    await daemon.stop();
  });

  test("frees room for who waits", async () => {
    const { engine, request } = engineWorld();
    const { kind, held } = heldPhases();
    const daemon = engine({ phases: [kind], cap: 1 });
    await daemon.begin();
    const first = await daemon.create(request(chain));
    const second = await daemon.create(request(chain));
    expect([first.run.status, second.run.status]).toEqual(["running", "queued"]);
    await daemon.cancel(first.run.id, "ana");
    await quiet();
    expect(held.map(({ execution }) => execution.grant.run)).toEqual([second.run.id]);
    await daemon.stop();
  });
});

describe("the next daemon", () => {
  test("owes again what the last one lost, under the cap like fresh work", async () => {
    const { engine, request, store, until } = engineWorld();
    const first = engine({ phases: [heldPhases().kind], cap: 50 });
    await first.begin();
    for (let at = 0; at < 20; at++) await first.create(request(chain));
    await quiet();
    expect((await store.counts()).executing).toBe(20);
    // The first daemon is gone without a word: nothing of it is called again.
    const { kind, held } = heldPhases();
    const second = engine({ phases: [kind], cap: 4 });
    expect(await second.begin()).toEqual({ attached: 0, lost: 20, strays: 0 });
    let most = 0;
    const runs = (await store.runs({}, { limit: 50 })).rows;
    while (held.length > 0) {
      most = Math.max(most, held.length);
      held[0]?.end();
      await quiet();
    }
    expect(most).toBe(4);
    for (const { id } of runs) expect((await until(id, over)).status).toBe("succeeded");
    await second.stop();
  });

  test("takes up what outlived the last one, as the same attempt", async () => {
    const { engine, request, until } = engineWorld();
    const keeper = { ...calm.keeper, claimed: () => true };
    const first = engine({ phases: [{ ...heldPhases().kind, outlives: true }], keeper });
    await first.begin();
    const { run } = await first.create(request(chain));
    await first.stop();
    const { kind, held } = heldPhases();
    const second = engine({ phases: [{ ...kind, outlives: true }], keeper });
    expect(await second.begin()).toEqual({ attached: 1, lost: 0, strays: 0 });
    await quiet();
    held[0]?.end();
    const now = await until(run.id, (detail) => detail.node_statuses.a === "succeeded");
    expect(now.executions[0]).toMatchObject({ phase: "a", attempt: 1, status: "ok" });
    await second.stop();
  });

  test("ends what nobody wants any more: processes whose execution has no running row", async () => {
    const { engine } = engineWorld();
    const cleared: string[] = [];
    const keeper = {
      ...calm.keeper,
      strays: () => ["stray"],
      clear: async (execution: string) => void cleared.push(execution),
    };
    const daemon = engine({ keeper });
    expect(await daemon.begin()).toMatchObject({ strays: 1 });
    expect(cleared).toEqual(["stray"]);
    await daemon.stop();
  });

  test("ends a run whose data killed it three times without progress, and only that one", async () => {
    const { engine, request, store } = engineWorld();
    const first = engine({ phases: [heldPhases().kind] });
    await first.begin();
    const poison = (await first.create(request(chain))).run;
    const innocent = (await first.create(request(chain))).run;
    for (const [count, status] of [
      [1, "running"],
      [2, "running"],
      [3, "failed"],
    ] as const) {
      await engine({ phases: [heldPhases().kind] }).begin([poison.id]);
      expect(await store.run(poison.id)).toMatchObject({ status, restart_count: count });
    }
    expect(await store.run(poison.id)).toMatchObject({ reason: "crash_loop" });
    expect(await store.run(innocent.id)).toMatchObject({ status: "running", restart_count: 0 });
  });

  test("begins again where its first attempt found no room, and blames nobody twice for one crash", async () => {
    const { engine, request, store, until, clock } = engineWorld();
    const first = engine({ phases: [heldPhases().kind] });
    await first.begin();
    const { run } = await first.create(request(chain));
    await quiet();
    await first.stop();
    let full = true;
    const troubled: Store = {
      ...store,
      apply: (id, event, take) =>
        full && event.type === "execution.lost"
          ? Promise.reject(new Fault("disk.full", "full"))
          : store.apply(id, event, take),
    };
    const { kind, held } = heldPhases();
    const second = engine({ phases: [kind], store: troubled });
    await expect(second.begin([run.id])).rejects.toMatchObject({ code: "disk.full" });
    full = false;
    expect(await second.begin([run.id])).toEqual({ attached: 0, lost: 1, strays: 0 });
    expect(await store.run(run.id)).toMatchObject({ restart_count: 1 });
    for (let turn = 0; turn < 3; turn++) {
      clock.advance(5_000);
      await quiet();
      held[0]?.end();
    }
    expect((await until(run.id, over)).status).toBe("succeeded");
    await second.stop();
  });

  test("blames nobody for crashes that were nobody's, however often", async () => {
    const { engine, request, store } = engineWorld();
    const first = engine({ phases: [heldPhases().kind] });
    await first.begin();
    const { run } = await first.create(request(chain));
    for (let at = 0; at < 20; at++) await engine({ phases: [heldPhases().kind] }).begin();
    expect(await store.run(run.id)).toMatchObject({ status: "running", restart_count: 0 });
  });

  test("a program that vanishes again and again is not tried for ever", async () => {
    const { engine, request, until } = engineWorld();
    const vanishing = {
      type: "context" as const,
      execute: async () => ({ type: "failed" as const, failure: "lost" as const, error: "lost" }),
    };
    const daemon = engine({ phases: [vanishing] });
    await daemon.begin();
    const { run } = await daemon.create(request(chain));
    const ended = await until(run.id, over);
    expect([ended.status, ended.executions.map(({ status }) => status)]).toEqual([
      "failed",
      Array(5).fill("interrupted"),
    ]);
    await daemon.stop();
  });
});

describe("when the disk is full", () => {
  const full = (): Error => Object.assign(new Error("no space left on device"), { code: "ENOSPC" });

  test("what cannot start is paused with its reason, nothing else starts, and all goes on unaided when there is room", async () => {
    const { engine, request, store, clock, until } = engineWorld();
    let room = true;
    const dropped: string[] = [];
    const ballast = { drop: () => void dropped.push("dropped"), restore: async () => room };
    const daemon = engine({
      ballast,
      phases: [
        {
          type: "context",
          execute: () => (room ? Promise.resolve({ type: "succeeded" as const }) : Promise.reject(full())),
        },
      ],
    });
    await daemon.begin();
    room = false;
    const { run } = await daemon.create(request(chain));
    await until(run.id, ({ status }) => status === "paused");
    expect(await store.run(run.id)).toMatchObject({
      status: "paused",
      reason: "disk_full",
      node_statuses: { a: "pending" },
    });
    expect([daemon.disk.state()?.what, dropped]).toEqual(["ENOSPC: no space left on device", ["dropped"]]);
    const later = await daemon.create(request(chain));
    expect(later.run.status).toBe("queued");
    for (let second = 0; second < 30; second += 5) {
      clock.advance(5_000);
      await quiet();
    }
    expect((await store.run(run.id))?.status).toBe("paused");
    room = true;
    for (let second = 0; second < 30; second += 5) {
      clock.advance(5_000);
      await quiet();
    }
    expect([(await store.run(run.id))?.status, (await store.run(later.run.id))?.status]).toEqual([
      "succeeded",
      "succeeded",
    ]);
    expect(daemon.disk.state()).toBeNull();
    await daemon.stop();
  });

  test("what was held when the daemon ended goes on with the next one", async () => {
    const { engine, request, until } = engineWorld();
    let room = true;
    const first = engine({
      ballast: { drop: () => {}, restore: async () => room },
      phases: [{ type: "context", execute: () => Promise.reject(full()) }],
    });
    await first.begin();
    room = false;
    const { run } = await first.create(request(chain));
    await until(run.id, ({ status }) => status === "paused");
    await first.stop();
    room = true;
    const second = engine({ phases: [instant] });
    await second.begin();
    expect((await until(run.id, over)).status).toBe("succeeded");
    await second.stop();
  });
});

test("owed work that nobody woke is found by polling", async () => {
  const { engine, request, store, clock } = engineWorld();
  const { kind, held } = heldPhases();
  const daemon = engine({ phases: [kind] });
  await daemon.begin();
  await store.create(request(chain));
  await quiet();
  expect(held).toHaveLength(0);
  clock.advance(5_000);
  await quiet();
  expect(held).toHaveLength(1);
  await daemon.stop();
});
