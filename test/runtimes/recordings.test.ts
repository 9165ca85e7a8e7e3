import { describe, expect, test } from "vitest";
import type { SessionLine } from "../../src/domain/session.ts";
import { encodeLine } from "../../src/store/files/session-line.ts";
import { told } from "./oracle.ts";
import { played, type Raw, RECORDINGS, type Recording, RUNTIMES, rawOf, stream } from "./streams.ts";

const play = ({ runtime, bytes }: Recording) => played(runtime, [bytes]);
const assistants = (lines: readonly SessionLine[]): Raw[] => lines.filter(({ type }) => type === "assistant");

/** What the lines say, block by block. */
function saidIn(lines: readonly SessionLine[]): string[] {
  return lines.flatMap(({ type, message, isApiErrorMessage }: Raw) => {
    if (type === "result" || type === "system") return [];
    if (typeof message.content === "string") return [`user: ${message.content}`];
    return message.content.map((block: Raw, at: number) => {
      if (block.type === "tool_result") return `result ${block.tool_use_id}: ${block.content}`;
      if (block.type === "tool_use") return `calls ${block.id}`;
      return `${isApiErrorMessage && at === message.content.length - 1 ? "fails" : "says"}: ${block.text}`;
    });
  });
}

test("there are recordings of every runtime, and of models that were asked again", () => {
  expect(RECORDINGS.length).toBeGreaterThan(40);
  const asked = RECORDINGS.filter((each) => play(each).report.retries > 0).map(({ runtime }) => runtime);
  expect(asked).toEqual(expect.arrayContaining(["pi", "agentic-pi", "claude"]));
  expect(new Set(RECORDINGS.map(({ runtime }) => runtime))).toEqual(new Set(RUNTIMES));
});

describe.each(RECORDINGS)("$name", (recording) => {
  test("everything that was said stands in the session once, in order, and nothing else", () => {
    const { said, status } = told(recording);
    const lines = saidIn(play(recording).lines);
    if (status !== "lost") return expect(lines).toEqual(said);
    expect(lines.slice(0, -1)).toEqual(said);
    expect(lines.at(-1)).toMatch(/^fails: /);
  });

  test("a message is one line; only runtimes that print blocks have more, of one id", () => {
    const { runtime } = recording;
    const raw = rawOf(recording);
    const lines = assistants(play(recording).lines);
    const ids = lines.map(({ message }) => message.id);
    if (runtime === "claude") {
      const spoken = raw.filter(({ type }) => type === "assistant").map(({ message }) => message.id);
      expect(new Set(ids).size).toBe(new Set(spoken).size + (told(recording).status === "lost" ? 1 : 0));
    } else expect(new Set(ids).size).toBe(ids.length);
    if (runtime !== "pi" && runtime !== "agentic-pi") return;
    const answers = raw.filter(({ type, message }) => type === "message_end" && message.role === "assistant");
    const own = raw.some(({ type }) => type === "fatal_error") || told(recording).status === "lost" ? 1 : 0;
    expect(lines).toHaveLength(answers.length + own);
  });

  test("tokens and cost are the stream's own, and what it does not say is not said", () => {
    const { tokens, usd } = told(recording);
    const { report, result } = play(recording);
    const { inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens } = report.usage;
    expect([inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens]).toEqual(tokens);
    expect([result.total_input_tokens, result.total_output_tokens]).toEqual(tokens.slice(0, 2));
    if (usd === undefined) expect([report.usage.usd, "total_cost_usd" in result]).toEqual([undefined, false]);
    else expect([report.usage.usd, result.total_cost_usd]).toEqual([expect.closeTo(usd, 12), expect.closeTo(usd, 12)]);
  });

  test("whoever adds up the lines finds the same tokens, whether or not he counts an id once", () => {
    const { tokens } = told(recording);
    const lines = assistants(play(recording).lines);
    const names = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
    const added = (of: Raw[]) => names.map((name) => of.reduce((sum, { message }) => sum + message.usage[name], 0));
    const wanted = tokens.map((each) => each ?? 0);
    expect(added(lines)).toEqual(wanted);
    // Readers keep the line of an id that says most.
    const weight = ({ message }: Raw) => names.reduce((sum, name) => sum + message.usage[name], 0);
    const most = new Map<string, Raw>();
    for (const line of lines) {
      const key = `${line.message.id} ${line.requestId}`;
      if (!most.has(key) || weight(line) > weight(most.get(key))) most.set(key, line);
    }
    expect(added([...most.values()])).toEqual(wanted);
  });

  test("a failure is a failure, and success comes from the terminal event alone", () => {
    const { status } = told(recording);
    for (const code of ["ok", "error", "lost"] as const) {
      const end = { status: code, stopReason: "exit", durationMs: 7 };
      const { report, result, lines } = played(recording.runtime, [recording.bytes], { end });
      expect(report.status).toBe(status);
      expect(result).toMatchObject({
        is_error: status !== "ok",
        subtype: status === "ok" ? "success" : "error_during_execution",
        duration_ms: 7,
      });
      if (status !== "ok") expect(assistants(lines).at(-1)).toMatchObject({ isApiErrorMessage: true });
      else expect(assistants(lines).at(-1)).not.toHaveProperty("isApiErrorMessage");
    }
  });

  test("each time its model is asked again by itself is a line, and is counted", () => {
    const again = rawOf(recording).filter(
      ({ type, subtype, message }) =>
        type === "auto_retry_start" || subtype === "api_retry" || /^Reconnecting/.test(message ?? ""),
    );
    const { report, lines } = play(recording);
    expect(report.retries).toBe(again.length);
    const seen = lines.filter(({ type }) => type === "system");
    expect(seen).toHaveLength(again.length);
    for (const line of seen) expect(line).toMatchObject({ subtype: "api_error", retryAttempt: expect.any(Number) });
  });

  test("there is one result, behind all else", () => {
    const results = play(recording).lines.map(({ type }) => type === "result");
    expect(results.filter(Boolean)).toHaveLength(1);
    expect(results.at(-1)).toBe(true);
  });

  test("each line has its own id and a time not before the line before, and decoding twice gives the same bytes", () => {
    const { lines } = play(recording);
    expect(new Set(lines.map(({ uuid }) => uuid)).size).toBe(lines.length);
    const times = lines.map(({ timestamp }) => timestamp as string);
    expect(times.toSorted()).toEqual(times);
    for (const time of times) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const bytes = (of: readonly SessionLine[]) => Buffer.concat(of.map(encodeLine));
    expect(bytes(play(recording).lines).equals(bytes(lines))).toBe(true);
  });

  test("cut anywhere before its terminal event it has not succeeded, and nothing of it is lost", () => {
    const { runtime } = recording;
    const raw = rawOf(recording);
    const said = (lines: readonly SessionLine[]) => saidIn(lines).filter((each) => !each.startsWith("fails: "));
    const whole = said(play(recording).lines);
    for (let at = 0; at < raw.length; at++) {
      const { result, lines } = played(runtime, stream(...raw.slice(0, at)));
      const ended = raw.slice(0, at).some((line) => ENDS[runtime](line));
      if (!ended) expect(result.is_error).toBe(true);
      // The last words may be cut in their middle.
      for (const [index, words] of said(lines).entries()) expect(whole[index]?.startsWith(words)).toBe(true);
    }
  });
});

const ENDS: Record<Recording["runtime"], (line: Raw) => boolean> = {
  pi: ({ type, willRetry }) => type === "agent_end" && willRetry === false,
  "agentic-pi": ({ type, willRetry }) => type === "agent_end" && willRetry === false,
  claude: ({ type, is_error }) => type === "result" && is_error === false,
  codex: ({ type }) => type === "turn.completed",
  acp: ({ dir, result }) => dir === "<" && result?.stopReason === "end_turn",
  opencode: ({ type, part }) => type === "step_finish" && part.reason === "stop",
  gemini: ({ type, status }) => type === "result" && status === "success",
};
