import type { Usage } from "../../domain/execution.ts";

/** What a row of `executions` says was used up; NULL is unknown, which is not zero. */
export interface UsageRow {
  cost_usd: number | null;
  turns: number | null;
  input_tokens: number | null;
  output_tokens: number | null;
  cache_read_input_tokens: number | null;
  cache_creation_input_tokens: number | null;
}

/** Null where nothing is known. */
export function usageOf(row: UsageRow): Usage | null {
  const figures = Object.entries({
    usd: row.cost_usd,
    turns: row.turns,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    cacheReadTokens: row.cache_read_input_tokens,
    cacheCreationTokens: row.cache_creation_input_tokens,
  }).filter(([, value]) => value !== null);
  return figures.length > 0 ? Object.fromEntries(figures) : null;
}
