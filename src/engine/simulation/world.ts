import { type Clock, type Iso, uuidv7 } from "../../domain/clock.ts";

/** Time, chance and order of a world that is simulated: nothing happens in it but by `step`. */
export interface World {
  now(): Iso;
  /** Milliseconds since it began, whatever its wall clock says. */
  elapsed(): number;
  /** A clock for someone in it. Whatever was left to be called when that someone ends is called no more. */
  clock(): MortalClock;
  /**
   * Does one thing that is due, passing time where none is; false when nothing is left that falls due within `untilMs`.
   * Resolves once all that follows from it without time passing has happened or waits for its turn.
   */
  step(untilMs: number): Promise<boolean>;
  /** Whether something waits for its turn now. */
  busy(): boolean;
  /** The wall clock is set forward or back; what was to happen after a while happens after that while. */
  jump(ms: number): void;
}

export interface MortalClock extends Clock {
  end(): void;
}

interface Errand {
  readonly at: number;
  readonly order: number;
  readonly work: () => void;
}

/**
 * The same `start`, `seed` and choices make the same world, to the last id. `choose` says which of so many errands that
 * wait for their turn is next, the oldest being 0.
 */
export function openWorld(options: { start: Iso; seed: number; choose?: (waiting: number) => number }): World {
  const { choose = () => 0 } = options;
  let wall = Date.parse(options.start);
  let elapsed = 0;
  let errands = 0;
  let text = options.start;
  let written = Number.NaN;
  /** Due now, in the order of coming due; due later, in the order of falling due. */
  const waiting: Errand[] = [];
  const later: Errand[] = [];

  const random = xorshift(options.seed);
  const id = uuidv7(
    () => wall,
    (bytes) => {
      for (let at = 0; at < bytes.length; at++) bytes[at] = random() >>> 24;
    },
  );

  const now = (): Iso => {
    if (written !== wall) {
      written = wall;
      text = new Date(wall).toISOString();
    }
    return text;
  };

  function put(after: number, work: () => void): Errand {
    const errand: Errand = { at: elapsed + after, order: errands++, work };
    if (after <= 0) {
      waiting.push(errand);
      return errand;
    }
    let place = later.length;
    while (place > 0 && (later[place - 1] as Errand).at > errand.at) place--;
    later.splice(place, 0, errand);
    return errand;
  }

  function drop(errand: Errand): void {
    for (const list of [waiting, later]) {
      const place = list.indexOf(errand);
      if (place >= 0) list.splice(place, 1);
    }
  }

  function pass(): void {
    const { at } = later[0] as Errand;
    wall += at - elapsed;
    elapsed = at;
    while (later[0]?.at === at) waiting.push(later.shift() as Errand);
  }

  return {
    now,
    elapsed: () => elapsed,
    busy: () => waiting.length > 0,
    jump: (ms) => {
      wall += ms;
    },
    step: async (untilMs) => {
      if (waiting.length === 0) {
        if (later.length === 0 || (later[0] as Errand).at > untilMs) return false;
        pass();
      }
      const [next] = waiting.splice(waiting.length === 1 ? 0 : choose(waiting.length), 1);
      next?.work();
      // Not before the queue of promises is empty: that no other work is under way is what makes a step repeatable.
      await new Promise<void>((resolve) => void setImmediate(resolve));
      return true;
    },
    clock: () => {
      const mine = new Set<Errand>();
      let over = false;
      const plan = (ms: number, work: () => void): (() => void) => {
        if (over) return () => {};
        const errand = put(ms, () => {
          mine.delete(errand);
          work();
        });
        mine.add(errand);
        return () => {
          mine.delete(errand);
          drop(errand);
        };
      };
      return {
        now,
        id,
        after: plan,
        soon: (work) => void plan(0, work),
        end: () => {
          over = true;
          for (const errand of mine) drop(errand);
          mine.clear();
        },
      };
    },
  };
}

/** Numbers of 32 bits, the same ones from the same seed (Marsaglia's xorshift). */
function xorshift(seed: number): () => number {
  let state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ 0x1b873593) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
