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
  freshIds,
  list,
  message,
  moment,
  notice,
  reading,
  recent,
  spoken,
  stopReasonOf,
  text,
  textBlock,
  usageOf,
  word,
} from "./fields.ts";

/** The streams of `pi --mode json` and `pi --mode rpc`. */
export function piDecoder(): AgentDecoder {
  return { line: reading(piEvents(), GROWING), end: () => [] };
}

/** A message as it grows: agentic-pi prints all of it with each word. */
export const GROWING = '{"type":"message_update"';

/** What pi says, for the runtimes that pass it on; `stopped` is why it was made to end. */
export function piEvents(stopped: () => string | null = () => null): (line: Fields) => readonly AgentEvent[] {
  /** How the last message of the agent ended. */
  let last: Fields = {};
  const fresh = freshIds();
  const answered = recent<true>();

  function messageEnd(said: Fields, at: Iso | null): readonly AgentEvent[] {
    if (said.role === "user") return [{ type: "message.user", at, text: spoken(said.content) }];
    if (said.role === "toolResult") {
      // Calls of tools that there are none of are answered without having been made.
      const call = word(said.toolCallId) ?? "";
      return answered.take(call) ? [] : [toolEnd(call, said, said, at)];
    }
    if (said.role !== "assistant") return [];
    last = said;
    return [
      message({
        at,
        id: fresh(word(said.responseId)),
        model: word(said.model),
        content: list(said.content).flatMap(blockOf),
        stopReason: stopReasonOf(said.stopReason),
        usage: usageIn(fields(said.usage)),
        error: errorOf(said),
      }),
    ];
  }

  function agentEnd(line: Fields, at: Iso | null): readonly AgentEvent[] {
    if (line.willRetry === true) return [];
    const told = Object.keys(last).length > 0 ? last : lastAnswer(list(line.messages));
    last = {};
    const reason = stopped();
    if (reason !== null) return [ending({ at, status: "error", error: reason, stopReason: "max_steps" })];
    if (!told) return [ending({ at, status: "error", error: "The agent ended without an answer" })];
    const error = errorOf(told);
    const status = error === null ? "ok" : isAborted(told) ? "aborted" : "error";
    return [ending({ at, status, error, stopReason: stopReasonOf(told.stopReason) })];
  }

  return (line) => {
    const said = fields(line.message);
    const at = moment(line.timestamp) ?? moment(said.timestamp);
    switch (line.type) {
      case "session":
        return [{ type: "session.start", at, id: word(line.id), model: null }];
      case "turn_start":
        return [{ type: "turn.start", at }];
      case "turn_end":
        return [{ type: "turn.end", at }];
      case "message_end":
        return messageEnd(said, at);
      case "tool_execution_start":
        return [{ type: "tool.start", at, call: callIn(line), name: nameIn(line), input: line.args ?? {} }];
      case "tool_execution_update":
        return [{ type: "tool.update", at, call: callIn(line), text: spoken(fields(line.partialResult).content) }];
      case "tool_execution_end":
        answered.set(callIn(line), true);
        return [toolEnd(callIn(line), line, fields(line.result), at)];
      case "agent_end":
        return agentEnd(line, at);
      case "auto_retry_start":
        return [{ type: "retry", at, attempt: count(line.attempt) ?? 0, error: text(line.errorMessage) }];
      case "response":
        return response(line);
      case "agent_start":
      case "agent_settled":
      case "auto_retry_end":
      case "entry_appended":
      case "message_start":
      case "message_update":
        return [];
      default:
        return [notice(at, JSON.stringify([word(line.type), word(line.message)]))];
    }
  };
}

/** What a command was answered; a prompt that is refused is followed by nothing. */
function response(line: Fields): readonly AgentEvent[] {
  const command = word(line.command) ?? "?";
  const state = fields(line.data);
  const id = word(state.sessionId);
  if (line.success === true) {
    const fresh = count(state.messageCount) === 0 ? { fresh: true as const } : {};
    return command === "get_state" && id !== null
      ? [{ type: "session.start", at: null, id, model: null, ...fresh }]
      : [];
  }
  const error = helpful(text(line.error)) || `pi refused the command ${command}`;
  return command === "prompt" ? [ending({ at: null, status: "error", error })] : [notice(null, error)];
}

/** pi sends people to its own log-in, which a program that runs by itself does not have. */
function helpful(error: string): string {
  const provider = /^No API key found for ([\w-]{1,40})\./.exec(error)?.[1];
  if (provider === undefined) return error;
  const name = `${provider.toUpperCase().replaceAll("-", "_")}_API_KEY`;
  return `pi has no key for ${provider}. Set LASTLIGHT_SECRET_${name} for the daemon, and give the phase secrets: [${name}]`;
}

function callIn(line: Fields): string {
  return word(line.toolCallId) ?? "";
}

function nameIn(line: Fields): string {
  return word(line.toolName) ?? "";
}

function toolEnd(call: string, line: Fields, result: Fields, at: Iso | null): AgentEvent {
  return {
    type: "tool.end",
    at,
    call,
    name: nameIn(line),
    text: spoken(result.content),
    isError: line.isError === true,
  };
}

function blockOf(each: Json): AgentBlock[] {
  const block = fields(each);
  if (block.type === "text") return textBlock(block.text);
  if (block.type !== "toolCall") return [];
  return [{ type: "tool_use", id: word(block.id) ?? "", name: word(block.name) ?? "", input: fields(block.arguments) }];
}

function usageIn(usage: Fields): Usage {
  return usageOf({
    inputTokens: count(usage.input),
    outputTokens: count(usage.output),
    cacheReadTokens: count(usage.cacheRead),
    cacheCreationTokens: count(usage.cacheWrite),
    usd: amount(fields(usage.cost).total),
  });
}

const FAILED: ReadonlySet<Json | undefined> = new Set(["error", "aborted"]);

function errorOf({ stopReason, errorMessage }: Fields): string | null {
  return FAILED.has(stopReason) ? text(errorMessage) || String(stopReason) : null;
}

/** Where a tool was under way, pi calls its own abort an error. */
function isAborted({ stopReason, errorMessage }: Fields): boolean {
  return stopReason === "aborted" || errorMessage === "This operation was aborted";
}

function lastAnswer(messages: readonly Json[]): Fields | null {
  return messages.map(fields).findLast(({ role }) => role === "assistant") ?? null;
}
