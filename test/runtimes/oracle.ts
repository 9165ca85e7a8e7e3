import { type Raw, type Recording, type Runtime, rawOf } from "./streams.ts";

/** What a recording holds, read off its JSON by hand: what was said, in order, what it used, and how it ended. */
export interface Told {
  readonly said: readonly string[];
  /** Input, output, read from the cache, written to it; undefined where the stream does not say. */
  readonly tokens: readonly (number | undefined)[];
  readonly usd: number | undefined;
  readonly status: "ok" | "error" | "aborted" | "lost";
}

export function told(recording: Recording): Told {
  return ORACLES[recording.runtime](rawOf(recording));
}

const CUT = 65_536;

/** All recorded output is ASCII: a character is a byte. */
export function shown(text: string): string {
  return text.length <= CUT ? text : `${text.slice(0, CUT)}…[truncated ${text.length - CUT} chars]`;
}

const sum = (values: readonly number[]): number => values.reduce((one, other) => one + other, 0);

function ofPi(raw: Raw[]): Told {
  const messages = raw.filter(({ type }) => type === "message_end").map(({ message }) => message);
  const said = messages.flatMap(({ role, content, toolCallId, errorMessage, stopReason }) => {
    const texts = (content || []).filter(({ type }: Raw) => type === "text").map(({ text }: Raw) => text);
    if (role === "user") return [`user: ${texts.join("")}`];
    if (role === "toolResult") return [`result ${toolCallId}: ${shown(texts.join(""))}`];
    if (role !== "assistant") return [];
    const blocks = content.map((each: Raw) => (each.type === "text" ? `says: ${each.text}` : `calls ${each.id}`));
    return ["error", "aborted"].includes(stopReason) ? [...blocks, `fails: ${errorMessage}`] : blocks;
  });
  const answers = messages.filter(({ role }) => role === "assistant");
  const fatal = raw.find(({ type }) => type === "fatal_error");
  const end = raw.filter(({ type, willRetry }) => type === "agent_end" && !willRetry).at(-1);
  const last = end?.messages.at(-1);
  const failed = last?.errorMessage?.includes("aborted") ? "aborted" : "error";
  const total = (key: string) => (answers.length > 0 ? sum(answers.map(({ usage }) => usage[key])) : undefined);
  return {
    said: fatal ? [...said, `fails: ${fatal.error.message}`] : said,
    tokens: ["input", "output", "cacheRead", "cacheWrite"].map(total),
    usd: answers.length > 0 ? sum(answers.map(({ usage }) => usage.cost.total)) : undefined,
    status: fatal ? "error" : !end ? "lost" : last.errorMessage ? failed : "ok",
  };
}

function ofClaude(raw: Raw[]): Told {
  const said = raw.flatMap(({ type, message, is_api_error_message: failed }) => {
    if (type !== "assistant" && type !== "user") return [];
    return message.content.map((block: Raw) => {
      if (block.type === "tool_result") return `result ${block.tool_use_id}: ${block.content}`;
      if (block.type === "tool_use") return `calls ${block.id}`;
      return `${failed ? "fails" : "says"}: ${block.text}`;
    });
  });
  const result = raw.find(({ type }) => type === "result");
  // Nothing but the result knows the output.
  const began = new Map(raw.filter(({ type }) => type === "assistant").map((each) => [each.message.id, each.message]));
  const input = (key: string) => sum([...began.values()].map(({ usage }) => usage[key]));
  const names = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
  const [inward, read, written] = names.map((key) => result?.usage[key] ?? input(key));
  return {
    said,
    tokens: [inward, result?.usage.output_tokens, read, written],
    usd: result?.total_cost_usd,
    status: !result ? "lost" : result.is_error ? "error" : "ok",
  };
}

function ofCodex(raw: Raw[]): Told {
  const said = raw.flatMap(({ type, item, error }) => {
    if (type === "turn.failed") return [`fails: ${error.message}`];
    if (item?.type === "agent_message") return [`says: ${item.text}`];
    if (item?.type !== "command_execution") return [];
    return type === "item.started" ? [`calls ${item.id}`] : [`result ${item.id}: ${shown(item.aggregated_output)}`];
  });
  const usage = raw.findLast(({ type }) => type === "turn.completed")?.usage;
  const cached = usage?.cached_input_tokens;
  return {
    said,
    tokens: [usage && usage.input_tokens - cached, usage?.output_tokens, cached, usage?.cache_write_input_tokens],
    usd: undefined,
    status: usage ? "ok" : raw.some(({ type }) => type === "turn.failed") ? "error" : "lost",
  };
}

function ofAcp(raw: Raw[]): Told {
  const asked = raw.find(({ method }) => method === "session/prompt");
  const said = [`user: ${asked.params.prompt[0].text}`];
  let words = "";
  const piped = new Map<string, string>();
  for (const { params, dir, id, result } of raw.slice(raw.indexOf(asked) + 1)) {
    const update = params?.update ?? {};
    const call = update.toolCallId;
    if (update.sessionUpdate === "agent_message_chunk") words += update.content.text;
    const over = dir === "<" && id === asked.id && result;
    if ((update.sessionUpdate === "tool_call" || over) && words !== "") {
      said.push(`says: ${words}`);
      words = "";
    }
    if (update.sessionUpdate === "tool_call") said.push(`calls ${call}`);
    const piece = update._meta?.terminal_output?.data;
    if (piece) piped.set(call, (piped.get(call) ?? "") + piece);
    if (update.status !== "completed") continue;
    const out = update.rawOutput;
    const text = typeof out === "string" ? out : (out?.output ?? out?.content[0].text ?? piped.get(call));
    said.push(`result ${call}: ${text}`);
  }
  const { usage, stopReason } = raw.at(-1).result;
  const cost = raw.findLast(({ params }) => params?.update?.cost)?.params.update.cost;
  return {
    said,
    tokens: ["inputTokens", "outputTokens", "cachedReadTokens", "cachedWriteTokens"].map((key) => usage?.[key]),
    usd: cost?.amount,
    status: stopReason === "end_turn" ? "ok" : "error",
  };
}

function ofOpencode(raw: Raw[]): Told {
  const said = raw.flatMap(({ type, part, error }) => {
    if (type === "text") return [`says: ${part.text}`];
    if (type === "tool_use") return [`calls ${part.callID}`, `result ${part.callID}: ${shown(part.state.output)}`];
    return type === "error" ? [`fails: ${error.data.message}`] : [];
  });
  const steps = raw.filter(({ type }) => type === "step_finish").map(({ part }) => part);
  const total = (of: (part: Raw) => number) => (steps.length > 0 ? sum(steps.map(of)) : undefined);
  const failed = raw.some(({ type }) => type === "error");
  return {
    said,
    tokens: [
      total(({ tokens }) => tokens.input),
      total(({ tokens }) => tokens.output),
      total(({ tokens }) => tokens.cache.read),
      total(({ tokens }) => tokens.cache.write),
    ],
    usd: total(({ cost }) => cost),
    status: failed ? "error" : steps.at(-1)?.reason === "stop" ? "ok" : "lost",
  };
}

function ofGemini(raw: Raw[]): Told {
  const result = raw.find(({ type }) => type === "result");
  const said = raw.flatMap(({ type, role, content, tool_id: call, output }) => {
    if (type === "message") return [`${role === "user" ? "user" : "says"}: ${content}`];
    if (type === "tool_use") return [`calls ${call}`];
    return type === "tool_result" ? [`result ${call}: ${shown(output ?? "")}`] : [];
  });
  const ok = result.status === "success";
  return {
    said: ok ? said : [...said, `fails: ${result.error.message}`],
    tokens: [result.stats.input, result.stats.output_tokens, result.stats.cached, undefined],
    usd: undefined,
    status: ok ? "ok" : "error",
  };
}

const ORACLES: Record<Runtime, (raw: Raw[]) => Told> = {
  pi: ofPi,
  "agentic-pi": ofPi,
  claude: ofClaude,
  codex: ofCodex,
  acp: ofAcp,
  opencode: ofOpencode,
  gemini: ofGemini,
};
