import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Resumed } from "../../src/domain/agent.ts";
import type { Usage } from "../../src/domain/execution.ts";
import { added } from "../../src/engine/agent-tally.ts";
import { played, type Raw, rawOf, SESSION, stream } from "./streams.ts";

const RUNTIMES = ["pi", "claude", "codex"] as const;
type Runtime = (typeof RUNTIMES)[number];

/** Three tries of a real agent, each but the first going on with the session of the one before. */
function recorded(runtime: Runtime): Buffer[] {
  return [1, 2, 3].map((turn) =>
    readFileSync(fileURLToPath(new URL(`../fixtures/agent-resumes/${runtime}/${turn}.jsonl`, import.meta.url))),
  );
}

/** Each as the engine would take it: with what those before it came to. */
function taken(runtime: Runtime) {
  let before: Usage = {};
  let resumes: Resumed | null = null;
  return recorded(runtime).map((bytes) => {
    const told = played(runtime, [bytes], { prompt: "go on", ...(resumes ? { resumes } : {}) });
    before = added(before, told.report.usage);
    resumes = { id: told.report.sessionId ?? "", of: SESSION, before };
    return told;
  });
}

const rawIn = (runtime: Runtime): Raw[] => recorded(runtime).flatMap((bytes) => rawOf({ bytes }));
const sum = (values: readonly number[]): number => values.reduce((one, other) => one + other, 0);

/** What the streams say all of it came to, read off their JSON by hand: input, output, from the cache, into it, and USD. */
const TOTALS: Record<Runtime, (raw: Raw[]) => (number | undefined)[]> = {
  pi: (raw) => {
    const of = raw.filter(({ type, message }) => type === "message_end" && message.role === "assistant");
    const total = (name: string) => sum(of.map(({ message }) => message.usage[name]));
    const usd = sum(of.map(({ message }) => message.usage.cost.total));
    return [...["input", "output", "cacheRead", "cacheWrite"].map(total), usd];
  },
  // Tokens are each try's own; what it cost is all that the session did.
  claude: (raw) => {
    const results = raw.filter(({ type }) => type === "result");
    const names = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
    return [...names.map((name) => sum(results.map(({ usage }) => usage[name]))), results.at(-1).total_cost_usd];
  },
  // All of the thread each time.
  codex: (raw) => {
    const { usage } = raw.findLast(({ type }) => type === "turn.completed");
    const [cached, written] = [usage.cached_input_tokens, usage.cache_write_input_tokens];
    return [usage.input_tokens - cached - written, usage.output_tokens, cached, written, undefined];
  },
};

describe.each(RUNTIMES)("sessions of %s that are gone on with", (runtime) => {
  test("come to what the streams say in all, and no try to what another one used", () => {
    const tries = taken(runtime).map(({ report }) => report.usage);
    const [first, ...more] = tries;
    const { inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens, usd } = tries.reduce(added);
    const close = (each: number | undefined) => (each === undefined ? undefined : expect.closeTo(each, 12));
    expect([inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens, usd]).toEqual(
      TOTALS[runtime](rawIn(runtime)).map(close),
    );
    // The model answers each time with the same figures.
    for (const each of more)
      expect(each).toEqual(Object.fromEntries(Object.entries(first!).map(([name, value]) => [name, close(value)])));
  });

  test("keep their name, and each file says first whose session it goes on with", () => {
    const tries = taken(runtime);
    const names = new Set(tries.map(({ report }) => report.sessionId));
    expect(names.size).toBe(1);
    const [id] = names;
    const notes = tries.map(({ lines }) => lines.filter(({ type }) => type === "system"));
    const note = { subtype: "informational", level: "info", resumes: { session: SESSION, runtimeSession: id } };
    expect(notes).toMatchObject([[], [note], [note]]);
    for (const { lines } of tries.slice(1)) expect(lines[1]).toMatchObject({ type: "system" });
  });

  test("that could not be found are begun anew: aloud, and with nothing taken off what was used", () => {
    const [first] = recorded(runtime);
    const resumes = { id: "01930000-0000-7abc-8123-ffffffffffff", of: SESSION, before: { usd: 0.001, inputTokens: 7 } };
    const { report, lines } = played(runtime, [first!], { resumes });
    expect(report.usage).toEqual(played(runtime, [first!]).report.usage);
    const warnings = lines.filter(({ type, level }) => type === "system" && level === "warning");
    expect(warnings).toMatchObject([{ content: expect.stringContaining(`a new one begins, ${report.sessionId}`) }]);
  });
});

test("a session of pi's that bears the old name and holds nothing has begun anew", () => {
  const state = (messageCount: number) => ({
    type: "response",
    command: "get_state",
    success: true,
    data: { sessionId: "s", messageCount },
  });
  const resumes = { id: "s", of: SESSION, before: {} };
  const levels = (count: number) =>
    played("pi", stream(state(count)), { resumes }).lines.flatMap(({ level }) => (level === undefined ? [] : [level]));
  expect([levels(0), levels(2)]).toEqual([["warning"], []]);
});

test("a count that is lower than it was before has begun anew, and is counted whole", () => {
  const turn = { type: "turn.completed", usage: { input_tokens: 100, cached_input_tokens: 0, output_tokens: 10 } };
  const resumes = { id: "s", of: SESSION, before: { inputTokens: 101, outputTokens: 10 } };
  const { usage } = played("codex", stream(turn), { resumes }).report;
  expect(usage).toMatchObject({ inputTokens: 100, outputTokens: 10 });
});

test("a try that cost nothing is not charged with all that was before it", () => {
  const result = { type: "result", subtype: "success", is_error: false, total_cost_usd: 0.3, usage: {} };
  const resumes = { id: "s", of: SESSION, before: { usd: 0.1 + 0.2 } };
  expect(played("claude", stream(result), { resumes }).report.usage.usd).toBe(0);
});
