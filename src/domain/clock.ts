/** A moment as fixed-width UTC text (`2026-11-21T09:00:00.000Z`): text order is time order (engine rule 9). */
export type Iso = string;

/** The one seam for time and chance; a test or a simulation hands in its own and nothing sleeps. */
export interface Clock {
  now(): Iso;
  /** A UUIDv7: ids made later sort later, which keeps index pages warm and makes "oldest first" an id order. */
  id(): string;
  /** Calls `wake` once, `ms` milliseconds from now; the returned function calls it off. */
  after(ms: number, wake: () => void): () => void;
  /** Calls `work` once, when what is being done now is done: the order among such calls is the clock's. */
  soon(work: () => void): void;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Makes UUIDv7s (RFC 9562 §5.7) that rise within a millisecond too, and never fall when the wall clock steps back. */
export function uuidv7(millisecond: () => number, random: (bytes: Uint8Array<ArrayBuffer>) => void): () => string {
  const pool = new Uint8Array(4096);
  let used = pool.length;
  let last = 0;
  let count = 0;
  return () => {
    const now = millisecond();
    if (now > last) {
      last = now;
      count = 0;
    } else {
      count++;
      // Twelve bits of counter: the 4,097th id of one millisecond borrows from the next.
      if (count > 0xfff) {
        last++;
        count = 0;
      }
    }
    if (used + 8 > pool.length) {
      random(pool);
      used = 0;
    }
    const time = last.toString(16).padStart(12, "0");
    const tail = pool.subarray(used, used + 8);
    used += 8;
    const hex = (at: number): string => HEX[tail[at] as number] as string;
    const variant = HEX[((tail[0] as number) & 0x3f) | 0x80] as string;
    return `${time.slice(0, 8)}-${time.slice(8)}-7${count.toString(16).padStart(3, "0")}-${variant}${hex(1)}-${hex(2)}${hex(3)}${hex(4)}${hex(5)}${hex(6)}${hex(7)}`;
  };
}

/** The machine's own time and chance. */
export function systemClock(): Clock {
  let last = 0;
  let text = "";
  return {
    now: () => {
      const now = Date.now();
      // Thousands of rows are stamped within one millisecond, and writing it out is what costs.
      if (now !== last) {
        last = now;
        text = new Date(now).toISOString();
      }
      return text;
    },
    id: uuidv7(Date.now, (bytes) => crypto.getRandomValues(bytes)),
    after: (ms, wake) => {
      const timer = setTimeout(wake, ms);
      return () => clearTimeout(timer);
    },
    soon: setImmediate,
  };
}
