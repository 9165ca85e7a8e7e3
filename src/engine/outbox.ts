import type { Clock } from "../domain/clock.ts";
import { asFault } from "../domain/fault.ts";
import type { Lease, OwedEffect, Store } from "../store/store.ts";
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

export function createOutbox(options: {
  store: Pick<Store, "due" | "settle" | "nextDue">;
  node: Lease;
  clock: Clock;
  log: Log;
  /** The longest it sleeps: the wall clock may be set while it does. */
  floorMs: number;
  deliver: (effect: OwedEffect) => Promise<void>;
}): Outbox {
  const { store, node, clock, log, floorMs, deliver } = options;
  /** Runs in whose name something is being done: one thing at a time for each, so that what is said comes in order. */
  const busy = new Map<string, Promise<void>>();
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
    current = new Promise((resolve) => clock.soon(() => void turn().finally(resolve)));
  }

  async function turn(): Promise<void> {
    cancelTimer();
    let pause = floorMs;
    try {
      while (!stopped) {
        again = false;
        const next = await store.nextDue();
        const wait = next === null ? floorMs : Date.parse(next) - Date.parse(clock.now());
        if (wait > 0) {
          pause = Math.min(wait, floorMs);
          if (again) continue;
          break;
        }
        if (busy.size >= AT_ONCE) {
          await Promise.race(busy.values());
          continue;
        }
        for (const effect of await store.due(node, AT_ONCE)) follow(effect);
      }
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

  function follow(effect: OwedEffect): void {
    const before = busy.get(effect.run) ?? Promise.resolve();
    const mine = before
      .then(() => attempt(effect))
      .finally(() => {
        if (busy.get(effect.run) === mine) busy.delete(effect.run);
      });
    busy.set(effect.run, mine);
  }

  async function attempt(effect: OwedEffect): Promise<void> {
    try {
      try {
        await deliver(effect);
        await store.settle(node, effect.id, { done: true });
      } catch (error) {
        const wait = Math.min(FIRST_RETRY_MS * 2 ** (effect.tries - 1), LAST_RETRY_MS);
        const retryAt = new Date(Date.parse(clock.now()) + wait).toISOString();
        log.warn(
          { effect: effect.id, tries: effect.tries, retry_at: retryAt, err: error },
          "an effect failed; it is owed again",
        );
        await store.settle(node, effect.id, { retryAt, error: asFault(error).message });
        wake();
      }
    } catch (error) {
      // Still held in our name: taken back when the store can be asked again, at the latest by the next daemon.
      log.error({ effect: effect.id, err: error }, "an effect could not be settled");
      retryLater(effect);
    }
  }

  /** The store could not be told: the same thing is done again later, which whoever does it must be ready for. */
  function retryLater(effect: OwedEffect): void {
    if (!stopped) clock.after(FIRST_RETRY_MS, () => follow(effect));
  }

  return {
    wake,
    stop: async () => {
      stopped = true;
      cancelTimer();
      await current;
      await Promise.all(busy.values());
    },
  };
}
