import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { AgentEvent } from "../../src/domain/agent.ts";
import { systemClock } from "../../src/domain/clock.ts";
import type { SessionLine } from "../../src/domain/session.ts";
import { agenticShim, type EventPlace, type Shimmed } from "../../src/engine/shim.ts";
import { decodeLine, encodeLine } from "../../src/store/files/session-line.ts";
import { sessions } from "../../src/store/files/sessions.ts";
import { temporaryFolder } from "../support/world.ts";
import { NOW, played, type Raw, recording, SESSION, stream } from "./streams.ts";

const START = "2026-11-21T11:00:00.000Z";
const OF: Shimmed = { session: SESSION, prompt: "do it", cwd: "/w", version: "1.2.3", startedAt: START };
const place = (start: number, at = NOW): EventPlace => ({ start, ordinal: 0, spool: [start + 1, 0], at });
const OK: AgentEvent = {
  type: "session.end",
  at: null,
  status: "ok",
  error: null,
  stopReason: null,
  turns: null,
  durationMs: null,
  apiMs: null,
};
const said = (text: string, more: Partial<Extract<AgentEvent, { type: "message.assistant" }>> = {}): AgentEvent => ({
  type: "message.assistant",
  at: null,
  id: null,
  requestId: null,
  model: null,
  content: [{ type: "text", text }],
  stopReason: null,
  usage: { inputTokens: 1, outputTokens: 1 },
  error: null,
  ...more,
});
const returned = (text: string): AgentEvent => ({
  type: "tool.end",
  at: null,
  call: "t",
  name: "bash",
  text,
  isError: false,
});

/** What each event makes, on its own. */
function lines(...events: AgentEvent[]): SessionLine[] {
  const shim = agenticShim({ ...OF, prompt: null });
  return events.flatMap((event, at) => shim.event(event, place(at * 10)));
}
const contentOf = (line: SessionLine | undefined): Raw => (line as Raw).message.content;
const back = (line: SessionLine) => decodeLine(encodeLine({ ...line, parentUuid: null, seq: 1 }).subarray(0, -1));

describe("every line is one that readers of this format take", () => {
  const { lines } = played("claude", [recording("claude/tool").bytes], { prompt: "do it", gitBranch: "main" });

  test("the prompt stands first, as text", () => {
    expect(lines[0]).toMatchObject({ type: "user", message: { role: "user", content: "do it" } });
  });

  test("with the fields that they look for", () => {
    for (const line of lines) {
      expect(line).toMatchObject({
        isSidechain: false,
        userType: "external",
        cwd: "/w",
        sessionId: SESSION,
        version: "1.2.3",
        gitBranch: "main",
        uuid: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      });
    }
    for (const line of lines.filter(({ type }) => type === "assistant")) {
      expect(line).toMatchObject({
        requestId: expect.stringMatching(/^req_/),
        message: {
          id: expect.stringMatching(/^msg_/),
          type: "message",
          role: "assistant",
          model: "claude-sonnet-4-5",
          content: expect.any(Array),
          stop_sequence: null,
          usage: {
            input_tokens: expect.any(Number),
            output_tokens: expect.any(Number),
            cache_creation_input_tokens: expect.any(Number),
            cache_read_input_tokens: expect.any(Number),
          },
        },
      });
    }
  });

  test("and a result with what it came to", () => {
    expect(lines.at(-1)).toMatchObject({
      type: "result",
      subtype: "success",
      num_turns: 3,
      total_cost_usd: 0.01755,
      total_input_tokens: 3600,
      total_output_tokens: 171,
      duration_api_ms: 541,
      stop_reason: "end_turn",
      result: "Done: wrote note.txt.",
    });
  });
});

test("in the file each line's parent is the line before, from the last one back to the prompt", async () => {
  const { lines } = played("pi", [recording("pi/rpc-abort").bytes], { prompt: "SCN:slow#rpc" });
  const file = sessions(join(temporaryFolder(), "projects"), systemClock());
  const open = file.open({ session: SESSION, cwd: "/w" });
  onTestFinished(() => open.close());
  // In three writes, as a daemon that comes back would.
  for (const at of [0, 4, 9]) open.append(lines.slice(at, at === 0 ? 4 : at === 4 ? 9 : undefined));
  const { lines: read } = await file.page(SESSION, 0, 1_048_576);
  const byId = new Map(read.map(({ line }) => [line?.uuid, line]));
  const chain: Raw[] = [];
  for (let line = read.at(-1)?.line; line; line = byId.get(line.parentUuid as string)) chain.unshift(line);
  expect(chain.map(({ uuid }) => uuid)).toEqual(lines.map(({ uuid }) => uuid));
  expect(chain[0]?.parentUuid).toBeNull();
});

test("a prompt that the stream repeats stands there once, and a later one as often as it is given", () => {
  const user = (text: string): AgentEvent => ({ type: "message.user", at: null, text });
  const shim = agenticShim(OF);
  const told = [
    ...shim.opening(),
    ...["do it\n", "do it", "go on"].flatMap((each, at) => shim.event(user(each), place(at))),
  ];
  expect(told.map(contentOf)).toEqual(["do it", "do it", "go on"]);
});

test("words of two executions in one session have different ids", () => {
  const other = { execution: "01930000-0000-7abc-9123-ba9876543210" };
  const [one] = agenticShim(OF).opening();
  const [two] = agenticShim({ ...OF, ...other }).opening();
  expect([one?.sessionId, two?.sessionId]).toEqual([SESSION, SESSION]);
  expect(one?.uuid).not.toBe(two?.uuid);
});

test("lines that one line of the stream makes have different ids, however many", () => {
  const content = Array.from({ length: 5_000 }, (_, at) => ({
    type: "tool_result",
    tool_use_id: `t${at}`,
    content: "",
  }));
  const line = { type: "user", message: { role: "user", content } };
  const { lines } = played("claude", stream(line, line));
  expect(lines.length).toBeGreaterThan(10_000);
  expect(new Set(lines.map(({ uuid }) => uuid)).size).toBe(lines.length);
});

describe("what a tool returned", () => {
  test("is kept whole up to 65,536 bytes", () => {
    const text = "é".repeat(32_768);
    expect(contentOf(lines(returned(text))[0])[0].content).toBe(text);
  });

  test("is cut at a code point behind them, and says how many are missing", () => {
    const [line] = lines(returned(`${"x".repeat(65_535)}😀${"é".repeat(9)}`));
    expect(contentOf(line)[0].content).toBe(`${"x".repeat(65_535)}…[truncated 10 chars]`);
  });

  test("may be 50 MB on one line", () => {
    const line = {
      type: "message_end",
      message: { role: "toolResult", toolCallId: "t", content: [{ type: "text", text: "é".repeat(25_000_000) }] },
    };
    const { lines } = played("pi", stream(line));
    expect(contentOf(lines[0])[0].content).toBe(`${"é".repeat(32_768)}…[truncated ${25_000_000 - 32_768} chars]`);
  });
});

describe("what no line can hold", () => {
  const LONGEST = 8 * 1024 * 1024;

  test.each([
    ["a text of 50 MB", said("x".repeat(50_000_000))],
    ["a text of control characters", said("\u0000".repeat(3_000_000))],
    ["a million blocks", said("", { content: Array.from({ length: 1_000_000 }, () => ({ type: "text", text: "y" })) })],
    [
      "a call with 50 MB of input",
      said("", { content: [{ type: "tool_use", id: "t", name: "write", input: { text: "z".repeat(50_000_000) } }] }),
    ],
    [
      "a call nested without end",
      said("", {
        content: [
          {
            type: "tool_use",
            id: "t",
            name: "x",
            input: JSON.parse(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`),
          },
        ],
      }),
    ],
    ["an error of 50 MB", said("", { error: "e".repeat(50_000_000) })],
    ["a word of a person of 50 MB", { type: "message.user", at: null, text: "u".repeat(50_000_000) } as AgentEvent],
  ])("%s is cut, and says so", (_, event) => {
    const [line] = lines(event);
    const bytes = encodeLine(line!);
    expect(bytes.length).toBeLessThan(LONGEST);
    expect(JSON.stringify(contentOf(line))).toMatch(/truncated/);
    expect(back(line!)).not.toBeNull();
  });
});

test("separators of lines, emoji and half of one survive the file", async () => {
  const text = "a\u2028b\u2029c\u0085d😀e\ud83df\ude00g\u0000h\r\n";
  const raw = {
    type: "message_end",
    message: { role: "assistant", content: [{ type: "text", text }], stopReason: "stop" },
  };
  const { lines } = played("pi", stream(raw));
  const files = sessions(join(temporaryFolder(), "projects"), systemClock());
  const file = files.open({ session: SESSION, cwd: "/w" });
  onTestFinished(() => file.close());
  file.append(lines);
  const { lines: read } = await files.page(SESSION, 0, 1_048_576);
  expect(read).toHaveLength(lines.length);
  expect(contentOf(read[0]!.line as SessionLine)[0].text).toBe(text);
  for await (const { line } of files.follow(SESSION, 0, new AbortController().signal)) {
    expect(contentOf(line as SessionLine)[0].text).toBe(text);
    break;
  }
});

describe("times", () => {
  test("are the stream's, unless they would lie in the future or before another line", () => {
    const at = (when: string | null): AgentEvent => said("x", { at: when });
    const told = [START, "9999-01-01T00:00:00.000Z", "2000-01-01T00:00:00.000Z", null].map(at);
    expect(lines(...told).map(({ timestamp }) => timestamp)).toEqual([START, NOW, NOW, NOW]);
  });
});

describe("whoever waits sees what is going on", () => {
  test("a call is a line as soon as it is made, whatever is not known of what it used", () => {
    const call = said("", { usage: null, content: [{ type: "tool_use", id: "t", name: "bash", input: {} }] });
    expect(lines(call)).toHaveLength(1);
  });

  test("words that may be the last are a line once anything follows", () => {
    const shim = agenticShim({ ...OF, prompt: null });
    expect(shim.event(said("one", { usage: null }), place(0))).toEqual([]);
    const [first, second] = shim.event(returned("out"), place(10));
    expect([contentOf(first), contentOf(second)]).toMatchObject([[{ text: "one" }], [{ type: "tool_result" }]]);
  });

  test("words at the end of a stream that was cut are not lost", () => {
    const shim = agenticShim({ ...OF, prompt: null });
    shim.event(said("half", { usage: null }), place(0));
    const told = shim.result({ status: "lost", stopReason: "signal SIGKILL", durationMs: 1 }, place(10));
    expect(told.map(({ type }) => type)).toEqual(["assistant", "assistant", "result"]);
    expect(contentOf(told[0])[0].text).toBe("half");
  });
});

describe("how the program ended", () => {
  const ended = (status: "ok" | "error" | "timeout" | "cancelled" | "lost", ...events: AgentEvent[]) => {
    const shim = agenticShim({ ...OF, prompt: null });
    const before = events.flatMap((event, at) => shim.event(event, place(at)));
    return [...before, ...shim.result({ status, stopReason: `was ${status}`, durationMs: 5 }, place(100))];
  };

  test.each(["timeout", "cancelled"] as const)("a %s is told by the program, not by the agent", (status) => {
    const result = ended(status, said("x"), OK).at(-1);
    expect(result).toMatchObject({ is_error: true, stop_reason: `was ${status}` });
  });

  test.each(["ok", "error", "lost"] as const)("%s says nothing of success", (status) => {
    expect(ended(status, said("x"), OK).at(-1)).toMatchObject({ is_error: false, stop_reason: "end_turn" });
    expect(ended(status, said("x")).at(-1)).toMatchObject({ is_error: true, stop_reason: `was ${status}` });
  });

  test("whoever was cancelled did not fail", () => {
    expect(ended("cancelled", said("x")).filter((line) => line.isApiErrorMessage)).toEqual([]);
  });

  test("a failure is told once: by the message that was it, or by a line of its own", () => {
    const failure: AgentEvent = { ...OK, status: "error", error: "no credit" };
    const byMessage = ended("error", said("", { content: [], error: "no credit" }), failure);
    const byEnd = ended("error", said("x"), failure);
    for (const told of [byMessage, byEnd]) {
      const notices = told.filter((line) => line.isApiErrorMessage);
      expect(notices.map(contentOf)).toEqual([[{ type: "text", text: "no credit" }]]);
    }
  });

  test("an agent that did nothing is seen to have done nothing", () => {
    const shim = agenticShim(OF);
    shim.event(OK, place(0));
    expect(shim.report()).toMatchObject({ status: "ok", produced: false, text: "", turns: 0, usage: {} });
  });
});

test("what nobody knows is not there", () => {
  const { result } = played("codex", [recording("codex/abort-sigterm-tool").bytes]);
  for (const field of ["total_cost_usd", "total_input_tokens", "duration_api_ms"])
    expect(result).not.toHaveProperty(field);
  expect(result.usage).toEqual({});
});
