import { blocksOf, messageOf, type Of, type Protocol, textsOf } from "./protocol.ts";
import { type Body, countedIn, type Part, pieces, type Said } from "./script.ts";

/** OpenAI chat completions, `POST /v1/chat/completions`. */
export const chat: Protocol = {
  name: "chat",
  path: "/v1/chat/completions",
  read: ({ messages, tools }) => ({
    prompts: blocksOf(messages)
      .filter(({ role }) => role === "user")
      .flatMap(({ content }) => textsOf(content, "text")),
    tools: blocksOf(tools).map((each) => String((each.function as Body | undefined)?.name)),
    results: blocksOf(messages)
      .filter(({ role }) => role === "tool")
      .map(({ tool_call_id, content }) => ({ call: String(tool_call_id), text: textsOf(content, "text").join("") })),
  }),
  stream: (said, of) => {
    const chunk = (more: object): string =>
      `data: ${JSON.stringify({ ...envelope(of, "chat.completion.chunk"), ...more })}\n\n`;
    const choice = (delta: object, finish: string | null = null): string =>
      chunk({ choices: [{ index: 0, delta, finish_reason: finish }] });
    const wanted = (of.body.stream_options as Body | undefined)?.include_usage === true;
    return [
      choice({ role: "assistant", content: "" }),
      ...deltas(said, of.id).map((delta) => choice(delta)),
      choice({}, reason(said)),
      ...(wanted ? [chunk({ choices: [], usage: usage(said) })] : []),
      "data: [DONE]\n\n",
    ];
  },
  whole: (said, of) => ({
    ...envelope(of, "chat.completion"),
    choices: [{ index: 0, message: message(said, of.id), finish_reason: reason(said) }],
    usage: usage(said),
  }),
  refusal: (refused) => ({ error: { message: messageOf(refused), type: "scripted", code: String(refused.status) } }),
};

function envelope({ id, model }: Of, object: string) {
  return { id: `chatcmpl-${id}`, object, created: 0, model };
}

function usage(said: Said) {
  const { input, output, cacheRead, cacheWrite } = countedIn(said);
  const prompt = input + cacheRead + cacheWrite;
  return {
    prompt_tokens: prompt,
    completion_tokens: output,
    total_tokens: prompt + output,
    prompt_tokens_details: { cached_tokens: cacheRead },
  };
}

function reason({ parts }: Said): string {
  return parts.some((part) => "tool" in part) ? "tool_calls" : "stop";
}

function deltas({ parts }: Said, id: string): object[] {
  let call = -1;
  return parts.flatMap((part): object[] => {
    if ("text" in part) return pieces(part.text).map((content) => ({ content }));
    if ("thinking" in part) return pieces(part.thinking).map((reasoning_content) => ({ reasoning_content }));
    const index = ++call;
    return [
      { tool_calls: [{ index, ...callOf(part, id, index), function: { name: part.tool, arguments: "" } }] },
      ...pieces(JSON.stringify(part.input)).map((json) => ({ tool_calls: [{ index, function: { arguments: json } }] })),
    ];
  });
}

function message({ parts }: Said, id: string): object {
  const text = parts.flatMap((part) => ("text" in part ? [part.text] : [])).join("");
  const calls = parts.flatMap((part) => ("tool" in part ? [part] : []));
  return {
    role: "assistant",
    content: text === "" ? null : text,
    ...(calls.length === 0
      ? {}
      : {
          tool_calls: calls.map((part, index) => ({
            ...callOf(part, id, index),
            function: { name: part.tool, arguments: JSON.stringify(part.input) },
          })),
        }),
  };
}

function callOf(_part: Extract<Part, { tool: string }>, id: string, index: number) {
  return { id: `call_${id}_${index}`, type: "function" };
}
