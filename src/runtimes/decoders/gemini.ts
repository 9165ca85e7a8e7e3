import type { AgentDecoder, AgentEvent } from "../../domain/agent.ts";
import type { Iso } from "../../domain/clock.ts";
import {
  beyondCache,
  count,
  ending,
  type Fields,
  fields,
  message,
  moment,
  notice,
  reading,
  recent,
  spoken,
  text,
  usageOf,
  word,
} from "./fields.ts";
import { speech } from "./speech.ts";

/** The stream of `gemini --output-format stream-json`. */
export function geminiDecoder(): AgentDecoder {
  const names = recent<string>();
  const said = speech();

  function called(line: Fields, at: Iso | null): readonly AgentEvent[] {
    const call = word(line.tool_id) ?? "";
    const name = word(line.tool_name) ?? "";
    const input = fields(line.parameters);
    names.set(call, name);
    return [
      message({ at, content: [...said.take(), { type: "tool_use", id: call, name, input }], stopReason: "tool_use" }),
      { type: "tool.start", at, call, name, input },
    ];
  }

  function flush(at: Iso | null): AgentEvent[] {
    const content = said.take();
    return content.length > 0 ? [message({ at, content })] : [];
  }

  function read(line: Fields): readonly AgentEvent[] {
    const at = moment(line.timestamp);
    switch (line.type) {
      case "init":
        return [{ type: "session.start", at, id: word(line.session_id), model: word(line.model) }];
      case "message":
        if (line.role === "user") return [...flush(at), { type: "message.user", at, text: spoken(line.content) }];
        said.add(spoken(line.content));
        return [];
      case "tool_use":
        return called(line, at);
      case "tool_result": {
        const call = word(line.tool_id) ?? "";
        const output = text(line.output) || text(fields(line.error).message);
        const told = { text: output, isError: line.status !== "success" };
        return [...flush(at), { type: "tool.end", at, call, name: names.take(call) ?? "", ...told }];
      }
      case "result":
        return [...flush(at), ...result(line, at)];
      default:
        return [notice(at, `gemini: ${word(line.type)} ${word(line.message) ?? ""}`)];
    }
  }

  return { line: reading(read), end: () => flush(null) };
}

function result(line: Fields, at: Iso | null): AgentEvent[] {
  const stats = fields(line.stats);
  const cacheReadTokens = count(stats.cached);
  const usage = usageOf({
    inputTokens: count(stats.input) ?? beyondCache(count(stats.input_tokens), cacheReadTokens),
    outputTokens: count(stats.output_tokens),
    cacheReadTokens,
  });
  const ok = line.status === "success";
  const error = ok ? null : text(fields(line.error).message) || "Gemini ended with an error";
  const durationMs = count(stats.duration_ms) ?? null;
  return [
    { type: "usage", at, usage, turns: null, cumulative: false },
    ending({ at, status: ok ? "ok" : "error", error, stopReason: ok ? "end_turn" : null, durationMs }),
  ];
}
