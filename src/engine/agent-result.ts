import type { AgentReport } from "../domain/agent.ts";
import type { Usage } from "../domain/execution.ts";
import { excerpt, type SessionEnd } from "../domain/session.ts";

/** What is said of a session that is over, from how its program ended and what the agent itself told. */
export interface Verdict {
  readonly ok: boolean;
  /** Neither succeeded nor stopped by someone. */
  readonly failed: boolean;
  readonly stopReason: string;
  readonly words: string;
}

export function verdictOf({ status, stopReason }: SessionEnd, { status: told, ...report }: AgentReport): Verdict {
  if (status === "timeout" || status === "cancelled")
    return { ok: false, failed: status === "timeout", stopReason, words: stopReason };
  if (told === "lost")
    return { ok: false, failed: true, stopReason, words: `The agent's words end without an ending (${stopReason})` };
  const ok = told === "ok";
  return {
    ok,
    failed: told === "error",
    stopReason: report.stopReason ?? (ok ? "end_turn" : told),
    words: ok ? report.text : (report.error ?? told),
  };
}

/** What stands in the result line; what nobody knows does not. */
export function resultOf({ durationMs }: SessionEnd, verdict: Verdict, { usage, turns, apiMs }: AgentReport) {
  const shown = excerpt();
  shown.add(verdict.words);
  return {
    subtype: verdict.ok ? "success" : "error_during_execution",
    is_error: !verdict.ok,
    duration_ms: durationMs,
    ...known({ duration_api_ms: apiMs }),
    num_turns: turns,
    result: shown.text(),
    stop_reason: verdict.stopReason,
    ...known({
      total_cost_usd: usage.usd,
      total_input_tokens: usage.inputTokens,
      total_output_tokens: usage.outputTokens,
    }),
    usage: tokensOf(usage),
  };
}

/** Tokens by the names of the envelopes. */
export function tokensOf(usage: Usage): { [name: string]: number } {
  const named = {
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    cache_creation_input_tokens: usage.cacheCreationTokens,
    cache_read_input_tokens: usage.cacheReadTokens,
  };
  return known(named);
}

function known<T>(fields: { readonly [name: string]: T | null | undefined }): { [name: string]: T } {
  return Object.fromEntries(
    Object.entries(fields).filter((each): each is [string, T] => each[1] !== undefined && each[1] !== null),
  );
}
