import type { Usage } from "./execution.ts";
import type { Budget } from "./workflow.ts";

/** What a run has used up so far, as far as it was told. */
export interface Spent {
  readonly usd: number;
  readonly turns: number;
  readonly tokens: number;
}

export const NOTHING: Spent = { usd: 0, turns: 0, tokens: 0 };

/** Tokens read from a cache are not counted: a budget is about what was worked through. */
export function spend(spent: Spent, usage: Usage | undefined): Spent {
  if (!usage) return spent;
  return {
    usd: spent.usd + (usage.usd ?? 0),
    turns: spent.turns + (usage.turns ?? 0),
    tokens: spent.tokens + (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0) + (usage.cacheCreationTokens ?? 0),
  };
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
