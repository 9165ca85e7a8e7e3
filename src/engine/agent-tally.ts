import type { Usage } from "../domain/execution.ts";

/** What a stream's messages used, each counted once, and what the runtime says they came to. */
export interface Tally {
  /** How many messages there were. */
  messages(): number;
  /** What a line of this message may say was used: nothing where an earlier line of the same message has said it. */
  count(id: string | null, usage: Usage): Usage;
  /** The runtime's total; `cumulative` with what earlier runs of the session used. */
  told(total: Usage, cumulative: boolean): void;
  /** What the runtime's total has over the messages so far, which is thereby counted. */
  remainder(): Usage;
  /** Per property the higher of both: totals leave out what was compacted away, messages what was not yet known. */
  sum(): Usage;
}

export const TOKENS = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheCreationTokens"] as const;
const MONEY = ["usd", ...TOKENS] as const;
/** Blocks of one message come within few lines of each other. */
const REMEMBERED = 1_000;

/** `before` is what earlier runs of a resumed session had come to. */
export function tally(before: Usage): Tally {
  const seen = new Set<string>();
  let messages = 0;
  let counted: Usage = {};
  let total: Usage = {};
  return {
    messages: () => messages,
    count: (id, usage) => {
      if (id !== null && seen.has(id)) return {};
      messages++;
      if (id !== null) remember(seen, id);
      counted = added(counted, usage);
      return usage;
    },
    told: (usage, cumulative) => {
      const earlier = cumulative && !isLower(usage, before) ? before : {};
      const own = MONEY.flatMap((key) => {
        const value = usage[key];
        return value === undefined ? [] : [[key, Math.max(0, value - (earlier[key] ?? 0))]];
      });
      total = { ...total, ...Object.fromEntries(own) };
    },
    remainder: () => {
      const over = TOKENS.map((key) => [key, (total[key] ?? 0) - (counted[key] ?? 0)] as const);
      const rest: Usage = Object.fromEntries(over.filter(([, value]) => value > 0));
      counted = added(counted, rest);
      return rest;
    },
    sum: () => combined(counted, total, Math.max),
  };
}

/** Both together; what neither knows stays unknown. */
export function added(one: Usage, other: Usage): Usage {
  return combined(one, other, (each, more) => each + more);
}

function combined(one: Usage, other: Usage, how: (one: number, other: number) => number): Usage {
  const known = MONEY.filter((key) => one[key] !== undefined || other[key] !== undefined);
  return Object.fromEntries(known.map((key) => [key, how(one[key] ?? 0, other[key] ?? 0)]));
}

/** Lower than it was, a count has begun anew: nothing of what was used is to go uncounted. */
function isLower(now: Usage, was: Usage): boolean {
  return MONEY.some((key) => (now[key] ?? Number.POSITIVE_INFINITY) < (was[key] ?? 0) - NANO);
}

/** Sums of parts of a dollar are not to the last digit what they are sums of. */
const NANO = 1e-9;

function remember(seen: Set<string>, id: string): void {
  const [oldest] = seen.size >= REMEMBERED ? seen : [];
  if (oldest !== undefined) seen.delete(oldest);
  seen.add(id);
}
