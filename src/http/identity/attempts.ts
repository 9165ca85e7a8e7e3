import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { Fault } from "../../domain/fault.ts";

/** Who may try a password once more. */
export interface Attempts {
  /** Counts a try before its outcome is known, so that many at once gain nothing. Throws `identity.busy`. */
  admit(name: string, address: string): Promise<void>;
  /** The try was right: it counts as none, and from this address the name is known by now. */
  succeeded(name: string, address: string): Promise<void>;
  /** Whether a refusal of this address, or of this execution, is still worth a row: nobody is to fill the disk with them. */
  noted(whose: string): Promise<boolean>;
}

const QUARTER_S = 15 * 60;
const HOUR_S = 3_600;
const REMEMBERED = 10_000;

/**
 * Three limits, none of which grows by being hit: a name at one address, an address, and a name wherever tried from. The
 * last is passed by addresses that the name has logged in from, so that a stranger with many addresses locks nobody out
 * of their own; and tokens and the daemon's own machine are never asked.
 */
export function attempts(): Attempts {
  const pair = new RateLimiterMemory({ points: 5, duration: QUARTER_S });
  const place = new RateLimiterMemory({ points: 30, duration: QUARTER_S });
  const whole = new RateLimiterMemory({ points: 60, duration: HOUR_S });
  const refusals = new RateLimiterMemory({ points: 20, duration: HOUR_S });
  const trusted = new Set<string>();

  return {
    admit: async (name, address) => {
      const here = placeOf(address);
      const both = `${name} ${here}`;
      // The address first: whoever invents names makes no room of it.
      if (!trusted.has(both)) await consume(place, here);
      await consume(pair, both);
      if (!trusted.has(both)) await consume(whole, name);
    },
    succeeded: async (name, address) => {
      const here = placeOf(address);
      const both = `${name} ${here}`;
      await pair.delete(both);
      if (trusted.has(both)) return;
      await place.reward(here);
      await whole.reward(name);
      trusted.add(both);
      if (trusted.size > REMEMBERED) trusted.delete(trusted.values().next().value as string);
    },
    noted: (whose) =>
      refusals.consume(placeOf(whose)).then(
        () => true,
        () => false,
      ),
  };
}

async function consume(limiter: RateLimiterAbstract, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (thrown) {
    if (!(thrown instanceof RateLimiterRes)) throw thrown;
    throw new Fault(
      "identity.busy",
      `Too many tries; the next is looked at in ${Math.ceil(thrown.msBeforeNext / 1_000)} s`,
    );
  }
}

/** One who has an IPv6 network has 2^64 addresses: they count as one. */
function placeOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("%")[0]?.split("::") ?? [];
  const groups = head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(":").length;
  return [...groups, ...Array<string>(Math.max(0, missing)).fill("0")].slice(0, 4).join(":");
}
