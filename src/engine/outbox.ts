import type { Clock } from "../domain/clock.ts";
import { asFault } from "../domain/fault.ts";
import type { Json } from "../domain/json.ts";
import type { Lease, OwedEffect, Store } from "../store/store.ts";
import type { Deliverer } from "./contracts/deliverer.ts";
import type { Log } from "./contracts/log.ts";

/** Does what runs owe the world: at least once each, in order of falling due, again later when it fails. */
export interface Outbox {
  /** Something may be owed. */
  wake(): void;
  /** Begins nothing more; resolves when what is under way is settled. */
  stop(): Promise<void>;
}

const AT_ONCE = 50;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 15 * 60_000;
const FLOOR_MS = 10_000;

export function createOutbox(options: {
  store: Store;
  node: Lease;
  clock: Clock;
  log: Log;
  deliverers: readonly Deliverer[];
}): Outbox {
  const { store, node, clock, log } = options;
  const deliverers = new Map(options.deliverers.map((each) => [each.kind, each]));
  let stopped = false;
  let turning = false;
  let again = false;
  let cancelTimer = (): void => {};
  let current: Promise<void> = Promise.resolve();

  function wake(): void {
    if (stopped) return;
    if (turning) {
      again = true;
      return;
    }
    turning = true;
    current = new Promise((resolve) => void setImmediate(() => void turn().finally(resolve)));
  }

  async function turn(): Promise<void> {
    cancelTimer();
    let pause = FLOOR_MS;
    try {
      do {
        again = false;
        const next = await store.nextDue();
        if (next === null || stopped) break;
        const wait = Date.parse(next) - Date.parse(clock.now());
        if (wait > 0) {
          pause = Math.min(wait, FLOOR_MS);
          break;
        }
        for (const effect of await store.due(node, AT_ONCE)) await deliver(effect);
        again = true;
      } while (again && !stopped);
    } catch (error) {
      log.error({ code: asFault(error).code, err: error }, "the outbox could not be read; it is tried again");
    } finally {
      turning = false;
      if (!stopped) {
        cancelTimer = clock.after(pause, wake);
        if (again) wake();
      }
    }
  }

  async function deliver(effect: OwedEffect): Promise<void> {
    try {
      const deliverer = deliverers.get(effect.kind);
      if (!deliverer) throw new Error(`nothing delivers effects of kind "${effect.kind}"`);
      const { run, approval } = await about(effect);
      await deliverer.deliver(effect, { run, approval });
      await store.settle(node, effect.id, { done: true });
    } catch (error) {
      const wait = Math.min(FIRST_RETRY_MS * 2 ** (effect.tries - 1), LAST_RETRY_MS);
      const retryAt = new Date(Date.parse(clock.now()) + wait).toISOString();
      log.warn(
        { effect: effect.id, tries: effect.tries, retry_at: retryAt, err: error },
        "an effect failed; it is owed again",
      );
      await store.settle(node, effect.id, { retryAt, error: asFault(error).message });
    }
  }

  async function about(effect: OwedEffect) {
    const approval = (effect.payload as { readonly [key: string]: Json }).approval;
    return {
      run: await store.run(effect.run),
      approval: typeof approval === "string" ? await store.approval(approval) : null,
    };
  }

  return {
    wake,
    stop: () => {
      stopped = true;
      cancelTimer();
      return current;
    },
  };
}
