import { blocksOf, frame, messageOf, type Of, type Protocol, textsOf } from "./protocol.ts";
import { countedIn, type Part, pieces, type Refused, type Said } from "./script.ts";

/** Anthropic Messages, `POST /v1/messages`. */
export const anthropic: Protocol = {
  name: "anthropic",
  path: "/v1/messages",
  read: ({ messages, tools }) => {
    const blocks = blocksOf(messages)
      .filter(({ role }) => role === "user")
      .map(({ content }) => content);
    return {
      prompts: blocks.flatMap((content) => textsOf(content, "text")),
      tools: blocksOf(tools).map(({ name }) => String(name)),
      results: blocks
        .flatMap(blocksOf)
        .filter(({ type }) => type === "tool_result")
        .map(({ tool_use_id, content }) => ({ call: String(tool_use_id), text: textsOf(content, "text").join("") })),
    };
  },
  stream: (said, of) => [
    frame("message_start", {
      message: { ...envelope(of), content: [], stop_reason: null, usage: { ...usage(said), output_tokens: 1 } },
    }),
    frame("ping", {}),
    ...said.parts.flatMap((part, index) => block(part, index, of.id)),
    frame("message_delta", {
      delta: { stop_reason: reason(said), stop_sequence: null },
      usage: { output_tokens: countedIn(said).output },
    }),
    frame("message_stop", {}),
  ],
  whole: (said, of) => ({
    ...envelope(of),
    content: said.parts.map((part, index) => ({ ...opened(part, index, of.id), ...closed(part) })),
    stop_reason: reason(said),
    usage: usage(said),
  }),
  refusal: (refused) => ({ type: "error", error: { type: KINDS[refused.status], message: messageOf(refused) } }),
};

const KINDS: Record<Refused["status"], string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  429: "rate_limit_error",
  500: "api_error",
  529: "overloaded_error",
};

function envelope({ id, model }: Of) {
  return { id: `msg_${id}`, type: "message", role: "assistant", model, stop_sequence: null };
}

function usage(said: Said) {
  const { input, output, cacheRead, cacheWrite } = countedIn(said);
  return {
    input_tokens: input,
    output_tokens: output,
    cache_read_input_tokens: cacheRead,
    cache_creation_input_tokens: cacheWrite,
  };
}

function reason({ parts }: Said): string {
  return parts.some((part) => "tool" in part) ? "tool_use" : "end_turn";
}

function opened(part: Part, index: number, id: string): object {
  if ("text" in part) return { type: "text", text: "" };
  if ("thinking" in part) return { type: "thinking", thinking: "", signature: "" };
  return { type: "tool_use", id: `toolu_${id}_${index}`, name: part.tool, input: {} };
}

function closed(part: Part): object {
  if ("text" in part) return { text: part.text };
  if ("thinking" in part) return { thinking: part.thinking, signature: SIGNATURE };
  return { input: part.input };
}

const SIGNATURE = "c2NyaXB0ZWQ=";

function block(part: Part, index: number, id: string): string[] {
  const delta = (delta: object): string => frame("content_block_delta", { index, delta });
  const deltas =
    "text" in part
      ? pieces(part.text).map((text) => delta({ type: "text_delta", text }))
      : "thinking" in part
        ? [
            ...pieces(part.thinking).map((thinking) => delta({ type: "thinking_delta", thinking })),
            delta({ type: "signature_delta", signature: SIGNATURE }),
          ]
        : pieces(JSON.stringify(part.input)).map((json) => delta({ type: "input_json_delta", partial_json: json }));
  return [
    frame("content_block_start", { index, content_block: opened(part, index, id) }),
    ...deltas,
    frame("content_block_stop", { index }),
  ];
}
