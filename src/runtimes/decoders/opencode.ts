import type { AgentBlock, AgentDecoder, AgentEvent } from "../../domain/agent.ts";
import type { Iso } from "../../domain/clock.ts";
import type { Usage } from "../../domain/execution.ts";
import {
  amount,
  count,
  ending,
  type Fields,
  fields,
  freshIds,
  message,
  moment,
  notice,
  reading,
  stopReasonOf,
  text,
  textBlock,
  usageOf,
  word,
} from "./fields.ts";

const MOST_PARTS = 100;

/** The stream of `opencode run --format json`: the parts of a message come before what it used, and are one with it. */
export function opencodeDecoder(): AgentDecoder {
  const fresh = freshIds();
  let session: string | null = null;
  let id: string | null = null;
  let content: AgentBlock[] = [];
  let results: AgentEvent[] = [];

  function flush(
    at: Iso | null,
    used: Pick<Extract<AgentEvent, { type: "message.assistant" }>, "usage" | "stopReason">,
  ) {
    const events =
      content.length > 0 || used.usage !== null ? [message({ at, id: fresh(id), content, ...used }), ...results] : [];
    id = null;
    content = [];
    results = [];
    return events;
  }

  function add(part: Fields, at: Iso | null): readonly AgentEvent[] {
    const next = word(part.messageID);
    const before = next !== id || content.length >= MOST_PARTS ? flush(at, UNKNOWN) : [];
    id = next;
    if (part.type !== "tool") {
      content.push(...textBlock(part.text));
      return before;
    }
    const call = word(part.callID) ?? "";
    const name = word(part.tool) ?? "";
    const { input, output, error, status } = fields(part.state);
    content.push({ type: "tool_use", id: call, name, input: fields(input) });
    const isError = status !== "completed";
    results.push({ type: "tool.end", at, call, name, text: text(output) || text(error), isError });
    return [...before, { type: "tool.start", at, call, name, input: fields(input) }];
  }

  function finish(part: Fields, at: Iso | null): readonly AgentEvent[] {
    const next = word(part.messageID);
    const before = next !== id ? flush(at, UNKNOWN) : [];
    id = next;
    const stopReason = stopReasonOf(part.reason);
    const events = [...before, ...flush(at, { usage: usageIn(part), stopReason }), { type: "turn.end", at } as const];
    // It goes on by itself after calls, and where it is not told why it stopped.
    if (part.reason === "tool-calls" || part.reason === "unknown") return events;
    if (part.reason === "stop") return [...events, ending({ at, status: "ok", stopReason })];
    const error = `opencode stopped: ${word(part.reason) ?? "no reason given"}`;
    return [...events, ending({ at, status: "error", error, stopReason })];
  }

  function read(line: Fields): readonly AgentEvent[] {
    const at = moment(line.timestamp);
    const part = fields(line.part);
    const given = word(line.sessionID);
    const opening: AgentEvent[] =
      session === null && given !== null ? [{ type: "session.start", at, id: given, model: null }] : [];
    session ??= given;
    switch (line.type) {
      case "step_start":
        return [...opening, ...flush(at, UNKNOWN), { type: "turn.start", at }];
      case "text":
      case "tool_use":
        return [...opening, ...add(part, at)];
      case "step_finish":
        return [...opening, ...finish(part, at)];
      case "error": {
        const { name, data } = fields(line.error);
        const error = text(fields(data).message) || text(name) || "opencode failed";
        return [...opening, ...flush(at, UNKNOWN), ending({ at, status: "error", error })];
      }
      case "reasoning":
        return opening;
      default:
        return [...opening, notice(at, `opencode: ${word(line.type)}`)];
    }
  }

  return { line: reading(read), end: () => flush(null, UNKNOWN) };
}

const UNKNOWN = { usage: null, stopReason: null };

function usageIn(part: Fields): Usage {
  const { total, input, output, cache } = fields(part.tokens);
  const { read, write } = fields(cache);
  const said = count(output);
  const other = [input, read, write].reduce((sum: number, each) => sum + (count(each) ?? 0), 0);
  return usageOf({
    inputTokens: count(input),
    // The total says whether what was thought is in the output already.
    outputTokens: said === undefined ? undefined : Math.max(said, (count(total) ?? 0) - other),
    cacheReadTokens: count(read),
    cacheCreationTokens: count(write),
    usd: amount(part.cost),
  });
}
