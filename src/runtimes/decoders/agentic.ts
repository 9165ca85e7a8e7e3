import type { AgentDecoder, AgentEvent } from "../../domain/agent.ts";
import { amount, count, ending, type Fields, fields, moment, notice, reading, text, usageOf, word } from "./fields.ts";
import { GROWING, piEvents } from "./pi.ts";

/** The stream of `agentic-pi run`: pi's own events, and what agentic-pi adds. */
export function agenticDecoder(): AgentDecoder {
  let stopped: string | null = null;
  const pi = piEvents(() => stopped);

  function read(line: Fields): readonly AgentEvent[] {
    const at = moment(line.timestamp);
    switch (line.type) {
      case "sandbox_status":
      case "extension_status":
      case "skills_status": {
        const words = [line.type, line.extension, line.backend, line.status, line.reason, line.message];
        return [notice(at, words.flatMap((each) => word(each) ?? []).join(" "))];
      }
      case "max_steps_reached":
        stopped = `The agent was stopped after ${count(line.steps) ?? "too many"} steps`;
        return [notice(at, stopped)];
      case "fatal_error":
        return [ending({ at, status: "error", error: text(fields(line.error).message) || "A fatal error" })];
      case "usage_snapshot": {
        const stats = fields(line.stats);
        const tokens = fields(stats.tokens);
        const usage = usageOf({
          usd: amount(stats.cost),
          inputTokens: count(tokens.input),
          outputTokens: count(tokens.output),
          cacheReadTokens: count(tokens.cacheRead),
          cacheCreationTokens: count(tokens.cacheWrite),
        });
        return [{ type: "usage", at, usage, turns: count(stats.assistantMessages) ?? null, cumulative: false }];
      }
      default:
        return pi(line);
    }
  }

  return { line: reading(read, GROWING), end: () => [] };
}
