import type { Iso } from "./clock.ts";
import { INLINE_LIMIT } from "./execution.ts";
import { type Json, utf8Length } from "./json.ts";

/**
 * One line of a session file: the Claude SDK's envelope (seed 001, Line format), told by its source. `seq`, `parentUuid`
 * and `crc` are the file's to add.
 */
export interface SessionLine {
  readonly type: "user" | "assistant" | "system" | "result";
  readonly uuid: string;
  /** How much of stdout and stderr had been read once this line was made: the file's last line is the checkpoint. */
  readonly spool: SpoolOffsets;
  readonly [field: string]: Json;
}
export type SpoolOffsets = readonly [stdout: number, stderr: number];

/** How the program behind a session ended. */
export interface SessionEnd {
  readonly status: "ok" | "error" | "timeout" | "cancelled" | "lost";
  /** `end_turn`, `exit 3`, `timeout`, `signal SIGKILL`, `cancelled`. */
  readonly stopReason: string;
  readonly durationMs: number;
}

/** Which project folder a session lies in: its working directory as the agent sees it, each `/` as `-`. */
export function projectSlugForCwd(cwd: string): string {
  const dashed = cwd.replaceAll("/", "-");
  const slug = dashed.startsWith("-") ? dashed : `-${dashed}`;
  // No name of a file may be longer; folders that end alike are then shared, and ids keep their sessions apart.
  return utf8Length(slug) <= NAME_LIMIT ? slug : `-${[...slug].slice(1 - NAME_LIMIT / 4).join("")}`;
}

const NAME_LIMIT = 240;

/** What stands between a session's lines and its command: each line is a function of what it tells, and of no state. */
export interface Conversation {
  prompt(): SessionLine;
  call(): SessionLine;
  /** A chunk of output that began at byte `start` of its file. */
  output(from: "stdout" | "stderr", start: number, text: string, spool: SpoolOffsets, at: Iso): SessionLine;
  result(end: SessionEnd, spool: SpoolOffsets, at: Iso): SessionLine;
}

/** A command as a conversation: the prompt is the command, its output the results of one tool. */
export function conversation(of: {
  session: string;
  tool: "bash" | "script";
  command: string;
  cwd: string;
  version: string;
  startedAt: Iso;
}): Conversation {
  const { session, tool, command, cwd, version, startedAt } = of;
  const hex = session.replaceAll("-", "");
  const call = `toolu_${hex}`;
  const line = envelopes({ session, execution: session, cwd, version, gitBranch: "" });
  const opening = (index: number) => ({ start: 0, index, spool: [0, 0], at: startedAt }) as const;

  return {
    prompt: () => line("user", { message: { role: "user", content: command } }, opening(INDEX.prompt)),
    call: () =>
      line(
        "assistant",
        {
          message: {
            id: `msg_${hex}`,
            type: "message",
            role: "assistant",
            // What readers of this format skip when they add up what models cost.
            model: "<synthetic>",
            content: [{ type: "tool_use", id: call, name: tool, input: { command } }],
            stop_reason: "tool_use",
            usage: NOTHING_USED,
          },
        },
        opening(INDEX.call),
      ),
    output: (from, start, text, spool, at) => {
      const block = { type: "tool_result", tool_use_id: call, content: text };
      const content = [from === "stderr" ? { ...block, is_error: true } : block];
      return line("user", { message: { role: "user", content } }, { start, index: INDEX[from], spool, at });
    },
    result: ({ status, stopReason, durationMs }, spool, at) =>
      line(
        "result",
        {
          subtype: status === "ok" ? "success" : "error_during_execution",
          is_error: status !== "ok",
          duration_ms: durationMs,
          num_turns: 1,
          result: status === "ok" ? "exit 0" : stopReason,
          stop_reason: stopReason,
          total_cost_usd: 0,
          total_input_tokens: 0,
          total_output_tokens: 0,
          usage: NOTHING_USED,
        },
        { start: spool[0], index: INDEX.result, spool, at },
      ),
  };
}

const NOTHING_USED = {
  input_tokens: 0,
  output_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
};

/** Where a line comes from: the byte of the spool its source begins at, and which of the lines from there it is. */
export interface LinePlace {
  readonly start: number;
  readonly index: number;
  readonly spool: SpoolOffsets;
  readonly at: Iso;
}

/** Makes the lines of one session: each is what it says, in the envelope that readers of this format look for. */
export function envelopes(of: {
  session: string;
  /** What the lines' ids end in: a session may hold what several executions said. */
  execution: string;
  cwd: string;
  version: string;
  gitBranch: string;
}): (type: SessionLine["type"], body: { readonly [field: string]: Json }, place: LinePlace) => SessionLine {
  const { session, execution, cwd, version, gitBranch } = of;
  return (type, body, place) => ({
    type,
    ...body,
    timestamp: place.at,
    sessionId: session,
    uuid: lineUuid(place.start, place.index, execution),
    isSidechain: false,
    userType: "external",
    cwd,
    version,
    gitBranch,
    spool: place.spool,
  });
}

/**
 * Twelve bits that keep lines apart which begin at one offset; the top one says that it is an offset of stderr. What an
 * agent said counts up from `said`; where a command has its call, an agent's session has what is to be known of it.
 */
export const INDEX = {
  stdout: 0,
  prompt: 1,
  call: 2,
  note: 2,
  result: 3,
  failure: 4,
  said: 16,
  stderr: 0x800,
} as const;

/**
 * A UUID of version 8: 48 bits of where the line's source began, 12 bits of index, and the 62 random bits that the
 * execution's own id ends in. Made again, a line has the id it had.
 */
export function lineUuid(start: number, index: number, execution: string): string {
  const offset = start.toString(16).padStart(12, "0");
  return `${offset.slice(0, 8)}-${offset.slice(8)}-8${index.toString(16).padStart(3, "0")}-${execution.slice(19)}`;
}

/** A text that arrives in pieces, as much of it as is shown: so many bytes, cut at a code point. */
export interface Excerpt {
  add(text: string): void;
  /** With a mark of how many code points were left out, where any were. */
  text(): string;
}

export function excerpt(limit = INLINE_LIMIT): Excerpt {
  let kept = "";
  let bytes = 0;
  let removed = 0;
  return {
    add: (text) => {
      const length = removed === 0 ? utf8Length(text) : 0;
      if (removed === 0 && bytes + length <= limit) {
        kept += text;
        bytes += length;
      } else {
        const at = removed === 0 ? fitting(text, limit - bytes) : 0;
        kept += text.slice(0, at);
        removed += codePoints(text, at);
      }
    },
    text: () => (removed === 0 ? kept : `${kept}…[truncated ${removed} chars]`),
  };
}

/** How many units of a text fit into so many bytes, no character cut in two. */
function fitting(text: string, room: number): number {
  let at = 0;
  let left = room;
  for (const character of text) {
    left -= utf8Length(character);
    if (left < 0) break;
    at += character.length;
  }
  return at;
}

function codePoints(text: string, from: number): number {
  let count = 0;
  for (let at = from; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    // The second half of a pair was counted with the first.
    if (unit < 0xdc00 || unit > 0xdfff) count++;
  }
  return count;
}
