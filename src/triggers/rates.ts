import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { Fault } from "../domain/fault.ts";

/** How much may come in a minute; 0 is without end. */
export interface Rates {
  readonly perSource: number;
  readonly perActor: number;
}

/** What is let in, by who sends it. Each throws `rate.exceeded` with when to come again. */
export interface Limits {
  source(source: string): Promise<void>;
  actor(source: string, login: string): Promise<void>;
  /** Whether one who was refused that often is listened to at all: asked before anything is read. */
  stranger(address: string): Promise<void>;
  /** A signature did not hold. */
  refused(address: string): Promise<void>;
}

const MINUTE_S = 60;
/** Wrong signatures of one address in a minute, after which no more are looked at. Behind a proxy all come from one. */
const STRANGERS = 10_000;

export function limits({ perSource, perActor }: Rates): Limits {
  const sources = limiter(perSource);
  const actors = limiter(perActor);
  const strangers = new RateLimiterMemory({ points: STRANGERS, duration: MINUTE_S });
  return {
    source: (source) => sources(source, `${source} delivers more than ${perSource} times a minute`),
    actor: (source, login) => actors(`${source} ${login}`, `${login} started more than ${perActor} times a minute`),
    stranger: async (address) => {
      const found = await strangers.get(address);
      if (found && found.consumedPoints >= STRANGERS)
        throw exceeded("Too many signatures from there were wrong", found);
    },
    refused: async (address) => {
      await strangers.penalty(address);
    },
  };
}

function limiter(points: number): (key: string, message: string) => Promise<void> {
  if (points === 0) return async () => {};
  const memory = new RateLimiterMemory({ points, duration: MINUTE_S });
  return async (key, message) => {
    try {
      await memory.consume(key);
    } catch (thrown) {
      if (thrown instanceof RateLimiterRes) throw exceeded(message, thrown);
      throw thrown;
    }
  };
}

function exceeded(message: string, { msBeforeNext }: RateLimiterRes): Fault {
  const seconds = Math.max(1, Math.ceil(msBeforeNext / 1000));
  return new Fault("rate.exceeded", `${message}; come again in ${seconds} s`, {
    details: [{ path: "retry_after", message: String(seconds) }],
  });
}
