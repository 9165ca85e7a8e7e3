import { expect, test } from "vitest";
import { Fault } from "../../src/domain/fault.ts";
import type { Deliverer } from "../../src/engine/contracts/deliverer.ts";
import type { Store } from "../../src/store/store.ts";
import { engineWorld } from "../support/engine.ts";
import { version, workflow } from "../support/workflow.ts";

const gated = version(workflow("gated", [{ name: "door", type: "approval" }]));

const quiet = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
};

/** A deliverer that fails as often as told, and remembers what it was asked. */
function asks(failures = 0): { deliverer: Deliverer; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    deliverer: {
      kind: "ask",
      deliver: async (effect, { run, approval }) => {
        asked.push(`${effect.tries} ${run?.workflow_name} ${approval?.gate} ${approval?.status}`);
        if (asked.length <= failures) throw new Error("nobody answers");
      },
    },
  };
}

test("a person is asked once the gate's commit is durable, and not again", async () => {
  const { engine, request, clock } = engineWorld();
  const { deliverer, asked } = asks();
  const daemon = engine({ deliverers: [deliverer] });
  await daemon.begin();
  await daemon.create(request(gated));
  for (let at = 0; at < 5; at++) {
    await quiet();
    clock.advance(60_000);
  }
  expect(asked).toEqual(["1 gated door pending"]);
  await daemon.stop();
});

test("a failed question is asked again, each time later", async () => {
  const { engine, request, clock } = engineWorld();
  const { deliverer, asked } = asks(3);
  const daemon = engine({ deliverers: [deliverer] });
  await daemon.begin();
  await daemon.create(request(gated));
  const after: number[] = [];
  for (let second = 0; second < 20; second++) {
    await quiet();
    after.push(asked.length);
    clock.advance(1_000);
  }
  expect(asked).toHaveLength(4);
  // One second, two, four: the waits double.
  expect([0, 1, 3, 7].map((second) => after[second])).toEqual([1, 2, 3, 4]);
  await daemon.stop();
});

test("what a daemon owed when it died, the next one does", async () => {
  const { engine, request, clock } = engineWorld();
  const first = engine({ deliverers: [{ kind: "ask", deliver: () => new Promise(() => {}) }] });
  await first.begin();
  await first.create(request(gated));
  await quiet();
  const { deliverer, asked } = asks();
  const second = engine({ deliverers: [deliverer] });
  await second.begin();
  await quiet();
  // Nothing else falls due that could remind it.
  expect(asked).toEqual(["2 gated door pending"]);
  const stopping = first.stop();
  await quiet();
  clock.advance(5_000);
  await stopping;
  await second.stop();
});

test("a question that finds no room is asked as soon as there is some, and the daemon says what it waits for", async () => {
  const { engine, request, clock, store } = engineWorld();
  const { deliverer, asked } = asks();
  let full = true;
  const small: Store = {
    ...store,
    due: (node, limit) =>
      full ? Promise.reject(new Fault("disk.full", "The database could not grow")) : store.due(node, limit),
  };
  const daemon = engine({
    deliverers: [deliverer],
    store: small,
    ballast: { drop: () => {}, restore: async () => !full },
  });
  await daemon.begin();
  await daemon.create(request(gated));
  await quiet();
  expect(daemon.disk.state()?.what).toMatch(/disk.full/);
  full = false;
  clock.advance(2_000);
  await quiet();
  expect(asked).toEqual(["1 gated door pending"]);
  expect(daemon.disk.state()).toBeNull();
  await daemon.stop();
});
