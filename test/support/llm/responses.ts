import { blocksOf, messageOf, type Of, type Protocol, textsOf } from "./protocol.ts";
import { countedIn, type Part, pieces, type Said } from "./script.ts";

/** OpenAI responses, `POST /v1/responses`. */
export const responses: Protocol = {
  name: "responses",
  path: "/v1/responses",
  read: ({ input, tools }) => ({
    prompts:
      typeof input === "string"
        ? [input]
        : blocksOf(input)
            .filter(({ role }) => role === "user")
            .flatMap(({ content }) => textsOf(content, "input_text")),
    tools: blocksOf(tools).map(({ name, type }) => String(name ?? type)),
    results: blocksOf(input)
      .filter(({ type }) => type === "function_call_output")
      .map(({ call_id, output }) => ({ call: String(call_id), text: textsOf(output, "input_text").join("") })),
  }),
  stream: (said, of) => {
    const events: [string, object][] = [
      ["response.created", { response: { ...envelope(of), status: "in_progress", output: [] } }],
      ...said.parts.flatMap((part, at) => item(part, at, of.id)),
      ["response.completed", { response: responses.whole(said, of) }],
    ];
    return events.map(
      ([type, data], at) => `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: at, ...data })}\n\n`,
    );
  },
  whole: (said, of) => ({
    ...envelope(of),
    status: "completed",
    output: said.parts.map((part, at) => done(part, at, of.id)),
    usage: usage(said),
  }),
  refusal: (refused) => ({ error: { message: messageOf(refused), type: "scripted", code: String(refused.status) } }),
};

function envelope({ id, model }: Of) {
  return { id: `resp_${id}`, object: "response", created_at: 0, model, error: null };
}

function usage(said: Said) {
  const { input, output, cacheRead, cacheWrite } = countedIn(said);
  const all = input + cacheRead + cacheWrite;
  return {
    input_tokens: all,
    input_tokens_details: { cached_tokens: cacheRead },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: all + output,
  };
}

function done(part: Part, at: number, id: string): object {
  if ("text" in part) {
    const content = [{ type: "output_text", text: part.text, annotations: [] }];
    return { type: "message", id: `item_${id}_${at}`, role: "assistant", status: "completed", content };
  }
  if ("thinking" in part) {
    return { type: "reasoning", id: `item_${id}_${at}`, summary: [{ type: "summary_text", text: part.thinking }] };
  }
  const call = { id: `item_${id}_${at}`, call_id: `call_${id}_${at}`, name: part.tool };
  return { type: "function_call", ...call, arguments: JSON.stringify(part.input), status: "completed" };
}

function item(part: Part, at: number, id: string): [string, object][] {
  const place = { item_id: `item_${id}_${at}`, output_index: at };
  const whole = done(part, at, id);
  const added = (empty: object): [string, object] => [
    "response.output_item.added",
    { output_index: at, item: { ...whole, ...empty } },
  ];
  const end: [string, object] = ["response.output_item.done", { output_index: at, item: whole }];
  if ("text" in part) {
    const where = { ...place, content_index: 0 };
    const full = { type: "output_text", text: part.text, annotations: [] };
    return [
      added({ status: "in_progress", content: [] }),
      ["response.content_part.added", { ...where, part: { ...full, text: "" } }],
      ...pieces(part.text).map((delta): [string, object] => ["response.output_text.delta", { ...where, delta }]),
      ["response.output_text.done", { ...where, text: part.text }],
      ["response.content_part.done", { ...where, part: full }],
      end,
    ];
  }
  if ("thinking" in part) {
    const where = { ...place, summary_index: 0 };
    const full = { type: "summary_text", text: part.thinking };
    return [
      added({ summary: [] }),
      ["response.reasoning_summary_part.added", { ...where, part: { ...full, text: "" } }],
      ...pieces(part.thinking).map((delta): [string, object] => [
        "response.reasoning_summary_text.delta",
        { ...where, delta },
      ]),
      ["response.reasoning_summary_text.done", { ...where, text: part.thinking }],
      ["response.reasoning_summary_part.done", { ...where, part: full }],
      end,
    ];
  }
  const json = JSON.stringify(part.input);
  return [
    added({ status: "in_progress", arguments: "" }),
    ...pieces(json).map((delta): [string, object] => ["response.function_call_arguments.delta", { ...place, delta }]),
    ["response.function_call_arguments.done", { ...place, arguments: json }],
    end,
  ];
}
