import type { Usage } from "./execution.ts";
import type { Budget } from "./workflow.ts";

/** What a run has used up so far, as far as it was told. */
export interface Spent {
  readonly usd: number;
  readonly turns: number;
  readonly tokens: number;
}

export const NOTHING: Spent = { usd: 0, turns: 0, tokens: 0 };

const FIGURES = ["usd", "turns", "inputTokens", "outputTokens", "cacheReadTokens", "cacheCreationTokens"] as const;

/** The sum with one try's part in it brought up to date; `before` is what it holds of that try. */
export function spend(spent: Spent, usage: Usage | undefined, before?: Usage): Spent {
  if (usage === before) return spent;
  const now = spentBy(usage);
  const was = spentBy(before);
  return {
    usd: wholeNanos(spent.usd - was.usd + now.usd),
    turns: spent.turns - was.turns + now.turns,
    tokens: spent.tokens - was.tokens + now.tokens,
  };
}

/** Tokens read from a cache are not counted: a budget is about what was worked through. */
export function spentBy(usage: Usage = {}): Spent {
  return {
    usd: usage.usd ?? 0,
    turns: usage.turns ?? 0,
    tokens: (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0) + (usage.cacheCreationTokens ?? 0),
  };
}

/** What a try has used up by now. No figure falls: a stream that is read again begins anew. */
export function risen(before: Usage | undefined, told: Usage): Usage {
  return figures((name) => {
    const [was, is] = [before?.[name], sound(told[name])];
    return was === undefined || is === undefined ? (is ?? was) : Math.max(was, is);
  });
}

/** What a try used up in all: what it says at its end, figure by figure; where it says nothing, what was told before. */
export function settled(before: Usage | undefined, last: Usage | undefined): Usage | undefined {
  return last === undefined ? before : figures((name) => sound(last[name]) ?? before?.[name]);
}

/** Whether nothing more may start. */
export function isUsedUp(budget: Budget | undefined, spent: Spent): boolean {
  if (!budget) return false;
  return (
    (budget.usd !== undefined && spent.usd >= budget.usd) ||
    (budget.turns !== undefined && spent.turns >= budget.turns) ||
    (budget.tokens !== undefined && spent.tokens >= budget.tokens)
  );
}

/** Whether the runs of a day have used up what they may; `others` is what those beside this one have cost. */
export function isDayUsedUp(budget: Budget | undefined, { usd }: Spent, others: number): boolean {
  return budget?.perDayUsd !== undefined && usd + others >= budget.perDayUsd;
}

/** Always in one order, so that a run that is saved and read again is the same to the letter. */
function figures(of: (name: (typeof FIGURES)[number]) => number | undefined): Usage {
  const known = FIGURES.map((name) => [name, of(name)] as const).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known);
}

/** A figure that a column can hold and a sum survives; anything else that a stream says is as good as unknown. */
function sound(figure: number | undefined): number | undefined {
  if (figure === undefined || !Number.isFinite(figure) || figure < 0) return undefined;
  return Math.min(figure, Number.MAX_SAFE_INTEGER);
}

/** Sums that are taken apart again would gather a rest: 0.1 + 0.2 - 0.1. */
function wholeNanos(usd: number): number {
  return Math.round(usd * 1e9) / 1e9;
}
