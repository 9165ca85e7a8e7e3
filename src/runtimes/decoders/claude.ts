import type { AgentBlock, AgentDecoder, AgentEvent } from "../../domain/agent.ts";
import type { Iso } from "../../domain/clock.ts";
import type { Usage } from "../../domain/execution.ts";
import type { Json } from "../../domain/json.ts";
import {
  amount,
  count,
  ending,
  type Fields,
  fields,
  list,
  message,
  moment,
  notice,
  reading,
  recent,
  spoken,
  text,
  textBlock,
  usageOf,
  word,
} from "./fields.ts";

/** The stream of `claude -p --output-format stream-json --verbose`, and of the Agent SDK. */
export function claudeDecoder(): AgentDecoder {
  /** The names of calls: their results do not tell them. */
  const names = recent<string>();

  function assistant(line: Fields, at: Iso | null): readonly AgentEvent[] {
    const said = fields(line.message);
    const content = list(said.content).flatMap(blockOf);
    const error = errorOf(line, content);
    // A line of thinking alone: the next one of the same message tells what it used.
    if (content.length === 0 && error === null) return [];
    const calls = content.filter((each) => each.type === "tool_use");
    for (const { id, name } of calls) names.set(id, name);
    return [
      message({
        at,
        id: word(said.id),
        requestId: word(line.request_id),
        model: word(said.model),
        content: error === null ? content : calls,
        stopReason: word(said.stop_reason),
        // Until the message is whole, the output is what it was when it began.
        usage: usageIn(fields(said.usage), said.stop_reason !== null),
        error,
        ...(word(line.parent_tool_use_id) === null ? {} : { aside: true }),
      }),
      ...calls.map(({ id, name, input }): AgentEvent => ({ type: "tool.start", at, call: id, name, input })),
    ];
  }

  function user({ content }: Fields, at: Iso | null): readonly AgentEvent[] {
    if (typeof content === "string") return content === "" ? [] : [{ type: "message.user", at, text: content }];
    return list(content).flatMap((each): AgentEvent[] => {
      const block = fields(each);
      if (block.type !== "tool_result") {
        const said = spoken([block]);
        return said === "" ? [] : [{ type: "message.user", at, text: said }];
      }
      const call = word(block.tool_use_id) ?? "";
      const told = { text: spoken(block.content), isError: block.is_error === true };
      return [{ type: "tool.end", at, call, name: names.take(call) ?? "", ...told }];
    });
  }

  function read(line: Fields): readonly AgentEvent[] {
    const at = moment(line.timestamp);
    switch (line.type) {
      case "system":
        return system(line);
      case "assistant":
        return assistant(line, at);
      case "user":
        return user(fields(line.message), at);
      case "result":
        return result(line);
      case "stream_event":
        return [];
      default:
        return [notice(at, `claude: ${word(line.type)}`)];
    }
  }

  return { line: reading(read), end: () => [] };
}

function system(line: Fields): readonly AgentEvent[] {
  if (line.subtype === "init")
    return [{ type: "session.start", at: null, id: word(line.session_id), model: word(line.model) }];
  if (line.subtype === "api_retry") {
    const error = [count(line.error_status), word(line.error)].filter((each) => each !== undefined && each !== null);
    return [{ type: "retry", at: null, attempt: count(line.attempt) ?? 0, error: error.join(" ") }];
  }
  return [notice(null, `claude: ${word(line.subtype)}`)];
}

/** Only `is_error` tells success: a subtype of that name also stands beside errors. */
function result(line: Fields): readonly AgentEvent[] {
  const ok = line.is_error === false && line.subtype === "success";
  const turns = count(line.num_turns) ?? null;
  const aborted = text(line.terminal_reason).startsWith("aborted");
  const subtype = word(line.subtype) ?? "no subtype";
  const errors = list(line.errors).map(text).filter(Boolean).join("; ");
  return [
    { type: "usage", at: null, usage: usageIn(fields(line.usage), true), turns, cumulative: false },
    {
      type: "usage",
      at: null,
      usage: usageOf({ usd: amount(line.total_cost_usd) }),
      turns,
      // What the turns before a resume cost is in it; what they used is not.
      cumulative: true,
    },
    ending({
      at: null,
      status: ok ? "ok" : aborted ? "aborted" : "error",
      error: ok ? null : text(line.result) || errors || `Claude ended with ${subtype}`,
      stopReason: ok || subtype === "success" ? word(line.stop_reason) : subtype,
      turns,
      durationMs: count(line.duration_ms) ?? null,
      apiMs: count(line.duration_api_ms) ?? null,
    }),
  ];
}

function blockOf(each: Json): AgentBlock[] {
  const block = fields(each);
  if (block.type === "text") return textBlock(block.text);
  if (block.type !== "tool_use") return [];
  return [{ type: "tool_use", id: word(block.id) ?? "", name: word(block.name) ?? "", input: fields(block.input) }];
}

function errorOf(line: Fields, content: readonly AgentBlock[]): string | null {
  if (line.is_api_error_message !== true && line.isApiErrorMessage !== true && word(line.error) === null) return null;
  const words = content.flatMap((each) => (each.type === "text" ? each.text : []));
  return words.join("\n") || (word(line.error) ?? "API error");
}

function usageIn(usage: Fields, whole: boolean): Usage {
  return usageOf({
    inputTokens: count(usage.input_tokens),
    ...(whole ? { outputTokens: count(usage.output_tokens) } : {}),
    cacheReadTokens: count(usage.cache_read_input_tokens),
    cacheCreationTokens: count(usage.cache_creation_input_tokens),
  });
}
