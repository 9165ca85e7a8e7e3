import { expect, test } from "vitest";
import { Fault } from "../../src/domain/fault.ts";
import type { Store } from "../../src/store/store.ts";
import { engineWorld, heldPhases } from "../support/engine.ts";
import { version, workflow } from "../support/workflow.ts";

const chain = version(workflow("chain", [{ name: "a" }, { name: "b", after: ["a"] }]));
const gated = version(
  workflow("gated", [
    { name: "door", type: "approval" },
    { name: "b", after: ["door"] },
  ]),
);
const full = (): Error => Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
const STEP_MS = 500;

/** Lets everything that can happen without time passing happen. */
const quiet = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
};

function diskWorld() {
  const world = engineWorld();
  const disk = { room: true };
  const later = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      world.clock.advance(STEP_MS);
      await quiet();
    }
  };
  return { ...world, disk, later, ballast: { drop: () => {}, restore: async () => disk.room } };
}

test("a run whose next phase finds no room is paused and says why, though the phase before it ended well", async () => {
  const { engine, request, store, disk, later, ballast } = diskWorld();
  const { kind, held } = heldPhases();
  const daemon = engine({ ballast, phases: [kind] });
  await daemon.begin();
  const { run } = await daemon.create(request(chain));
  await quiet();
  disk.room = false;
  daemon.disk.trouble(full());
  held[0]?.end();
  await quiet();
  expect(await store.run(run.id)).toMatchObject({
    status: "paused",
    reason: "disk_full",
    node_statuses: { a: "succeeded", b: "pending" },
  });
  disk.room = true;
  await later(30_000);
  expect(held.map(({ name }) => name)).toEqual(["b"]);
  held[0]?.end();
  await quiet();
  expect((await store.run(run.id))?.status).toBe("succeeded");
  await daemon.stop();
});

test("a run whose gate is opened while the disk is full is paused for want of room, no longer for the gate", async () => {
  const { engine, request, store, disk, later, ballast } = diskWorld();
  const { kind, held } = heldPhases();
  const daemon = engine({ ballast, phases: [kind] });
  await daemon.begin();
  const { run } = await daemon.create(request(gated));
  const gate = (await store.run(run.id))?.approvals[0]?.id as string;
  disk.room = false;
  daemon.disk.trouble(full());
  expect(await daemon.answer(gate, { decision: "approve", by: "ann", comment: null })).toMatchObject({
    status: "approved",
  });
  expect(await store.run(run.id)).toMatchObject({ status: "paused", reason: "disk_full" });
  disk.room = true;
  await later(30_000);
  expect(held).toHaveLength(1);
  held[0]?.end();
  await daemon.stop();
});

test("a pause that could be recorded only when there was room again does not last", async () => {
  const { engine, request, store, disk, later, ballast } = diskWorld();
  let pauses = 0;
  const crowded: Store = {
    ...store,
    apply: (id, event, take) => {
      if (event.type !== "run.held") return store.apply(id, event, take);
      pauses++;
      return daemon.disk.state() === null
        ? store.apply(id, event, take)
        : Promise.reject(new Fault("disk.full", "not even for this", { cause: full() }));
    },
  };
  const daemon = engine({
    ballast,
    store: crowded,
    phases: [
      {
        type: "context",
        execute: () => (disk.room ? Promise.resolve({ type: "succeeded" as const }) : Promise.reject(full())),
      },
    ],
  });
  await daemon.begin();
  disk.room = false;
  const { run } = await daemon.create(request(chain));
  await later(6_000);
  expect(pauses).toBeGreaterThan(1);
  disk.room = true;
  await later(30_000);
  expect(daemon.disk.state()).toBeNull();
  expect(await store.run(run.id)).toMatchObject({ status: "succeeded", reason: null });
  await daemon.stop();
});

test("a program that fails while the disk was full is tried again, though there is room by the time it has ended", async () => {
  const { engine, request, store, disk, later, ballast } = diskWorld();
  const { kind, held } = heldPhases();
  const daemon = engine({ ballast, phases: [kind] });
  await daemon.begin();
  const { run } = await daemon.create(request(chain));
  await quiet();
  disk.room = false;
  daemon.disk.trouble(full());
  disk.room = true;
  await later(30_000);
  expect(daemon.disk.state()).toBeNull();
  held[0]?.end({ type: "failed", failure: "exit", error: "exit 1" });
  await quiet();
  expect(await store.run(run.id)).toMatchObject({ status: "running", reason: null });
  expect(held.map(({ name, execution }) => `${name} ${execution.grant.attempt}`)).toEqual(["a 2"]);
  held[0]?.end({ type: "failed", failure: "exit", error: "exit 1" });
  await quiet();
  expect((await store.run(run.id))?.status).toBe("failed");
  await daemon.stop();
});
