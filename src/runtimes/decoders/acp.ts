import type { AgentDecoder, AgentEvent } from "../../domain/agent.ts";
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
  notice,
  reading,
  recent,
  spoken,
  text,
  usageOf,
  word,
} from "./fields.ts";
import { speech } from "./speech.ts";

interface Call {
  readonly name: string;
  readonly input: { readonly [name: string]: Json };
  /** Part of the conversation already. */
  readonly told: boolean;
  readonly output: string;
}

/**
 * The traffic between an agent and its client in the Agent Client Protocol: each JSON-RPC message on a line, with `dir`
 * `>` when the client sent it and `<` when the agent did.
 */
export function acpDecoder(): AgentDecoder {
  /** The methods that the client asked for, by the ids of the requests. */
  const asked = recent<string>();
  const calls = recent<Call>();
  const said = speech();
  let speaking: string | null = null;
  let prompted = false;
  let resuming: string | null = null;
  let used: Usage = {};

  function flush(): AgentEvent[] {
    const content = said.take();
    return content.length > 0 ? [message({ at: null, id: speaking, content })] : [];
  }

  function tell(id: string, call: Call): AgentEvent[] {
    if (call.told) return [];
    const { name, input } = call;
    calls.set(id, { ...call, told: true });
    const content = [...said.take(), { type: "tool_use", id, name, input } as const];
    const of = speaking;
    // Whether the next call is of the same message is nowhere said.
    speaking = null;
    return [
      message({ at: null, id: of, content, stopReason: "tool_use" }),
      { type: "tool.start", at: null, call: id, name, input },
    ];
  }

  function begin(update: Fields): readonly AgentEvent[] {
    const id = word(update.toolCallId) ?? "";
    const call = { ...heardOf(update, null), told: false };
    calls.set(id, call);
    return update.status === "pending" || update.status === undefined ? [] : [...tell(id, call), ...over(id, update)];
  }

  function goOn(update: Fields): readonly AgentEvent[] {
    const id = word(update.toolCallId) ?? "";
    const before = calls.get(id) ?? null;
    const call = { ...heardOf(update, before), told: before?.told ?? false };
    calls.set(id, call);
    return [...tell(id, call), ...over(id, update)];
  }

  function over(id: string, { status }: Fields): AgentEvent[] {
    if (status !== "completed" && status !== "failed") return [];
    const { name, output } = calls.take(id) as Call;
    return [{ type: "tool.end", at: null, call: id, name, text: output, isError: status === "failed" }];
  }

  function chunk(update: Fields): readonly AgentEvent[] {
    const words = text(fields(update.content).text);
    const id = word(update.messageId);
    const before = id === speaking ? [] : flush();
    speaking = id;
    said.add(words);
    return before;
  }

  function updated(update: Fields): readonly AgentEvent[] {
    // What comes before the prompt is an earlier conversation told again, or the agent speaking for itself.
    if (!prompted && update.sessionUpdate !== "config_option_update")
      return [notice(null, text(fields(update.content).text) || `acp: ${word(update.sessionUpdate)}`)];
    switch (update.sessionUpdate) {
      case "agent_message_chunk":
        return chunk(update);
      case "tool_call":
        return begin(update);
      case "tool_call_update":
        return goOn(update);
      case "usage_update":
        return usageUpdate(update);
      case "config_option_update":
        return modelNews(modelIn(update));
      default:
        return [];
    }
  }

  function request(line: Fields): readonly AgentEvent[] {
    const method = word(line.method);
    if (method === null) return [];
    asked.set(String(line.id), method);
    const params = fields(line.params);
    if (RESUMES.has(method)) resuming = word(params.sessionId);
    if (method !== "session/prompt") return [];
    prompted = true;
    const words = spoken(params.prompt);
    return [...flush(), { type: "turn.start", at: null }, { type: "message.user", at: null, text: words }];
  }

  function answer(line: Fields): readonly AgentEvent[] {
    const method = asked.take(String(line.id));
    const result = fields(line.result);
    if (line.error !== undefined) return refused(method, reasonOf(fields(line.error)));
    if (method === "session/new" || (method !== undefined && RESUMES.has(method))) {
      const id = method === "session/new" ? word(result.sessionId) : resuming;
      return [{ type: "session.start", at: null, id, model: modelIn(result) }];
    }
    return method === "session/prompt" ? turnEnd(result) : [];
  }

  function refused(method: string | undefined, error: string): readonly AgentEvent[] {
    if (method === undefined || !NEEDED.has(method)) return [notice(null, `${method}: ${error}`)];
    return [...rest(), ending({ at: null, status: "error", error })];
  }

  /** What was begun and is not going on. */
  function rest(): AgentEvent[] {
    const open = calls.entries().flatMap(([id, call]) => tell(id, call));
    for (const [id] of calls.entries()) calls.take(id);
    return [...open, ...flush()];
  }

  function turnEnd(result: Fields): readonly AgentEvent[] {
    used = summed(used, usageIn(result));
    const reason = word(result.stopReason) ?? "none";
    const status = reason === "end_turn" ? "ok" : reason === "cancelled" ? "aborted" : "error";
    const error = status === "ok" ? null : `The agent stopped: ${reason}`;
    return [
      ...rest(),
      { type: "usage", at: null, usage: used, turns: null, cumulative: false },
      { type: "turn.end", at: null },
      ending({ at: null, status, error, stopReason: reason }),
    ];
  }

  function heard(line: Fields): readonly AgentEvent[] {
    if (line.method === "session/update") return updated(fields(fields(line.params).update));
    return line.method === undefined ? answer(line) : [];
  }

  const sent = reading(request);
  const received = reading(heard);
  return {
    // What the agent sends may name a direction, too: only what stands before all of it is the client's word.
    line: (line) => {
      if (line.startsWith('{"dir":">"')) return sent(line);
      return line.startsWith('{"dir":"<"') ? received(line) : line.trim() === "" ? [] : [notice(null, line)];
    },
    end: rest,
  };
}

function usageUpdate(update: Fields): readonly AgentEvent[] {
  const { amount: paid, currency } = fields(update.cost);
  const usd = currency === "USD" ? amount(paid) : undefined;
  const news = modelNews(word(fields(update._meta)["_claude/model"]));
  return usd === undefined
    ? news
    : [...news, { type: "usage", at: null, usage: { usd }, turns: null, cumulative: true }];
}

function modelNews(model: string | null): readonly AgentEvent[] {
  return model === null ? [] : [{ type: "session.start", at: null, id: null, model }];
}

/** Agents tell it as a choice that was made, of their own list or of the options. */
function modelIn(told: Fields): string | null {
  const option = list(told.configOptions)
    .map(fields)
    .find(({ category }) => category === "model");
  return word(fields(told.models).currentModelId) ?? word(option?.currentValue);
}

const RESUMES: ReadonlySet<string> = new Set(["session/load", "session/resume"]);
/** Without these nothing follows; without a session of before a new one does. */
const NEEDED: ReadonlySet<string> = new Set(["initialize", "authenticate", "session/new", "session/prompt"]);

function heardOf(update: Fields, before: Call | null): Omit<Call, "told"> {
  const input = fields(update.rawInput);
  const title = word(update.title);
  const given = before?.input ?? (title === null ? {} : { title });
  const tool = word(fields(fields(update._meta).claudeCode).toolName) ?? word(update.name);
  return {
    name: before?.name ?? tool ?? word(update.kind) ?? title ?? "tool",
    input: Object.keys(input).length > 0 ? input : given,
    output: outputOf(update, before?.output ?? ""),
  };
}

const LONGEST_OUTPUT = 1_048_576;

/** What a call put out, as the runtimes tell it: raw, as blocks, or piece by piece into a terminal. */
function outputOf(update: Fields, before: string): string {
  const { rawOutput } = update;
  if (typeof rawOutput === "string") return rawOutput;
  const { output, content } = fields(rawOutput);
  if (typeof output === "string") return output;
  if (content !== undefined) return spoken(content);
  const piece = text(fields(fields(update._meta).terminal_output).data);
  if (piece !== "") return before.length < LONGEST_OUTPUT ? before + piece : before;
  const blocks = list(update.content).filter((each) => fields(each).type === "content");
  return update.status === undefined || blocks.length === 0
    ? before
    : blocks.map((each) => spoken([fields(each).content ?? null])).join("");
}

function usageIn(result: Fields): Usage {
  const usage = fields(result.usage);
  const quota = fields(fields(fields(result._meta).quota).token_count);
  return usageOf({
    inputTokens: count(usage.inputTokens) ?? count(quota.inputTokens) ?? count(quota.input_tokens),
    outputTokens: count(usage.outputTokens) ?? count(quota.outputTokens) ?? count(quota.output_tokens),
    cacheReadTokens: count(usage.cachedReadTokens) ?? count(quota.cachedInputTokens),
    cacheCreationTokens: count(usage.cachedWriteTokens) ?? count(quota.cachedWriteTokens),
  });
}

function summed(one: Usage, other: Usage): Usage {
  const keys = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheCreationTokens"] as const;
  return usageOf(
    Object.fromEntries(
      keys.map((key) => {
        const known = one[key] !== undefined || other[key] !== undefined;
        return [key, known ? (one[key] ?? 0) + (other[key] ?? 0) : undefined];
      }),
    ),
  );
}

const LONGEST_REASON = 500;

/** "Internal error" says little; what went wrong stands in its data, in whatever form. */
function reasonOf({ message: told, data }: Fields): string {
  const words = text(told) || "The agent gave an error";
  if (data === undefined || data === null) return words;
  return `${words}: ${(typeof data === "string" ? data : JSON.stringify(data)).slice(0, LONGEST_REASON)}`;
}
