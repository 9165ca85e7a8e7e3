import type { AgentDecoder, AgentEvent } from "../../domain/agent.ts";
import type { Json } from "../../domain/json.ts";
import {
  beyondCache,
  count,
  ending,
  type Fields,
  fields,
  message,
  notice,
  reading,
  recent,
  spoken,
  text,
  textBlock,
  usageOf,
  word,
} from "./fields.ts";

/** The stream of `codex exec --json`, and of the Codex SDK. */
export function codexDecoder(): AgentDecoder {
  const open = recent<true>();

  function started(item: Fields, tool: Tool): readonly AgentEvent[] {
    const id = word(item.id) ?? "";
    if (open.get(id)) return [];
    open.set(id, true);
    const { name, input } = tool;
    return [
      message({ at: null, content: [{ type: "tool_use", id, name, input }], stopReason: "tool_use" }),
      { type: "tool.start", at: null, call: id, name, input },
    ];
  }

  function completed(item: Fields): readonly AgentEvent[] {
    if (item.type === "agent_message") return [message({ at: null, content: textBlock(item.text) })];
    const tool = toolOf(item);
    if (!tool)
      return item.type === "reasoning" ? [] : [notice(null, text(item.message) || `codex: ${word(item.type)}`)];
    const begun = started(item, tool);
    const call = word(item.id) ?? "";
    open.take(call);
    return [
      ...begun,
      { type: "tool.end", at: null, call, name: tool.name, text: tool.output, isError: isFailed(item) },
    ];
  }

  function read(line: Fields): readonly AgentEvent[] {
    const item = fields(line.item);
    switch (line.type) {
      case "thread.started":
        return [{ type: "session.start", at: null, id: word(line.thread_id), model: null }];
      case "turn.started":
        return [{ type: "turn.start", at: null }];
      case "item.started": {
        const tool = toolOf(item);
        return tool ? started(item, tool) : [];
      }
      case "item.updated":
        return [];
      case "item.completed":
        return completed(item);
      case "turn.completed":
        return turnCompleted(fields(line.usage));
      case "turn.failed": {
        const error = text(fields(line.error).message) || "The turn failed";
        return [{ type: "turn.end", at: null }, ending({ at: null, status: "error", error })];
      }
      case "error":
        return [troubled(text(line.message))];
      default:
        return [notice(null, `codex: ${word(line.type)}`)];
    }
  }

  return { line: reading(read), end: () => [] };
}

function turnCompleted(usage: Fields): readonly AgentEvent[] {
  const cacheReadTokens = count(usage.cached_input_tokens);
  const cacheCreationTokens = count(usage.cache_write_input_tokens);
  const used = usageOf({
    inputTokens: beyondCache(count(usage.input_tokens), cacheReadTokens, cacheCreationTokens),
    outputTokens: count(usage.output_tokens),
    cacheReadTokens,
    cacheCreationTokens,
  });
  return [
    { type: "usage", at: null, usage: used, turns: null, cumulative: true },
    { type: "turn.end", at: null },
    ending({ at: null, status: "ok", stopReason: "end_turn" }),
  ];
}

const RECONNECTING = /^Reconnecting\D{0,20}(\d{1,6})/;

/** An error that is not the end: the turn says when it is. */
function troubled(error: string): AgentEvent {
  const [, attempt] = RECONNECTING.exec(error) ?? [];
  return attempt === undefined
    ? notice(null, error)
    : { type: "retry", at: null, attempt: Number(attempt), error: error.slice(0, LONGEST_ERROR) };
}

const LONGEST_ERROR = 1_000;

interface Tool {
  readonly name: string;
  readonly input: { readonly [name: string]: Json };
  readonly output: string;
}

/** The items that are work of a tool. */
function toolOf(item: Fields): Tool | null {
  switch (item.type) {
    case "command_execution":
      return { name: "bash", input: picked(item, "command"), output: text(item.aggregated_output) };
    case "file_change":
      return { name: "edit", input: picked(item, "changes"), output: "" };
    case "web_search":
      return { name: "web_search", input: picked(item, "query"), output: "" };
    case "todo_list":
      return { name: "todo", input: picked(item, "items"), output: "" };
    case "mcp_tool_call": {
      const name = [word(item.server), word(item.tool)].filter((each) => each !== null).join(".");
      const output = text(fields(item.error).message) || spoken(fields(item.result).content);
      return { name, input: fields(item.arguments), output };
    }
    default:
      return null;
  }
}

function picked(item: Fields, name: string): Tool["input"] {
  const value = item[name];
  return value === undefined ? {} : { [name]: value };
}

const FAILED: ReadonlySet<Json | undefined> = new Set(["failed", "declined"]);

function isFailed({ status, exit_code: code }: Fields): boolean {
  return FAILED.has(status) || (typeof code === "number" && code !== 0);
}
