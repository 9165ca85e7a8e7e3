import { type Clock, type Iso, uuidv7 } from "../../src/domain/clock.ts";

/** A clock that stands still until it is told to move; what is due then happens in order. */
export interface FakeClock extends Clock {
  advance(ms: number): void;
}

export function fakeClock(start: Iso = "2026-11-21T09:00:00.000Z"): FakeClock {
  let now = Date.parse(start);
  let seed = 1;
  const timers = new Set<{ at: number; wake: () => void }>();
  const id = uuidv7(
    () => now,
    (bytes) => {
      for (let at = 0; at < bytes.length; at++) {
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
        bytes[at] = seed >>> 16;
      }
    },
  );
  return {
    now: () => new Date(now).toISOString(),
    id,
    after: (ms, wake) => {
      const timer = { at: now + ms, wake };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    soon: setImmediate,
    advance: (ms) => {
      const until = now + ms;
      for (;;) {
        const due = [...timers].filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers.delete(due);
        now = Math.max(now, due.at);
        due.wake();
      }
      now = until;
    },
  };
}
