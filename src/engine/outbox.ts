import type { Clock } from "../domain/clock.ts";
import { asFault } from "../domain/fault.ts";
import type { EffectKind, Lease, OwedEffect, Settled, Store } from "../store/store.ts";
import type { Undone } from "./contracts/deliverer.ts";
import type { Log } from "./contracts/log.ts";

/** Does what runs owe the world: at least once each, in order of falling due, again later when it fails. */
export interface Outbox {
  /** Something may be owed. */
  wake(): void;
  /** Begins nothing more; resolves when what is under way is settled. */
  stop(): Promise<void>;
}

const AT_ONCE = 50;
/** Another side that does not answer must not hold up what stays in the house. */
const OUTWARD_AT_ONCE = 500;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 15 * 60_000;
/** What leaves the house. */
const OUTWARD: ReadonlySet<EffectKind> = new Set(["ask", "post", "report", "action"]);
/** Given up at some time, for a person to look at; whatever a run hangs on is not. */
const MORTAL: ReadonlySet<EffectKind> = new Set(["ask", "post", "report"]);
/** So that twenty tries take about two days. */
const LAST_OUTWARD_RETRY_MS = 8 * 3_600_000;

export function createOutbox(options: {
  store: Pick<Store, "due" | "settle" | "nextDue">;
  node: Lease;
  clock: Clock;
  log: Log;
  /** The longest it sleeps: the wall clock may be set while it does. */
  floorMs: number;
  deliver: (effect: OwedEffect) => Promise<Undone | undefined>;
  /** After how many tries that failed something is given up. */
  tries: number;
}): Outbox {
  const { store, node, clock, log, floorMs, deliver } = options;
  /** What is under way by its lane: one thing at a time in each, so that what a run says comes in order. */
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
        if (isFull()) {
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

  function isFull(): boolean {
    const outward = [...busy.keys()].filter((lane) => lane.includes("/")).length;
    return outward >= OUTWARD_AT_ONCE || busy.size - outward >= AT_ONCE;
  }

  function follow(effect: OwedEffect): void {
    const lane = laneOf(effect);
    const before = busy.get(lane) ?? Promise.resolve();
    const mine = before
      .then(() => attempt(effect))
      .finally(() => {
        if (busy.get(lane) === mine) busy.delete(lane);
      });
    busy.set(lane, mine);
  }

  async function attempt(effect: OwedEffect): Promise<void> {
    try {
      try {
        const undone = await deliver(effect);
        await store.settle(node, effect.id, undone ? failed(effect, undone) : { done: true });
        if (undone) wake();
      } catch (error) {
        await store.settle(
          node,
          effect.id,
          failed(effect, { done: false, error: asFault(error).message, again: "later" }, error),
        );
        wake();
      }
    } catch (error) {
      // Still held in our name: taken back when the store can be asked again, at the latest by the next daemon.
      log.error({ effect: effect.id, err: error }, "an effect could not be settled");
      retryLater(effect);
    }
  }

  function failed(effect: OwedEffect, { error, again }: Undone, err: unknown = error): Settled {
    const { id, kind, tries } = effect;
    const failures = tries - (effect.forgiven ?? 0);
    if (MORTAL.has(kind) && (again === "never" || failures >= options.tries)) {
      log.error({ effect: id, tries, err }, "an effect is given up; `lastlight outbox` lists it");
      return { dead: true, error };
    }
    const longest = OUTWARD.has(kind) ? LAST_OUTWARD_RETRY_MS : LAST_RETRY_MS;
    const wait = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), longest);
    const backoff = new Date(Date.parse(clock.now()) + wait).toISOString();
    const retryAt = again === "later" || again === "never" ? backoff : again;
    log.warn({ effect: id, tries, retry_at: retryAt, err }, "an effect failed; it is owed again");
    return { retryAt, error };
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

/** What a run says waits for no transition of it, nor the other way round; an act outside waits for nothing. */
function laneOf({ id, run, kind }: OwedEffect): string {
  if (kind === "action") return id;
  return OUTWARD.has(kind) ? `${run}/said` : run;
}
