import type { AgentBlock, AgentEvent, AgentReport, Resumed } from "../domain/agent.ts";
import type { Iso } from "../domain/clock.ts";
import type { Usage } from "../domain/execution.ts";
import type { Json } from "../domain/json.ts";
import {
  envelopes,
  excerpt,
  INDEX,
  lineUuid,
  type SessionEnd,
  type SessionLine,
  type SpoolOffsets,
} from "../domain/session.ts";
import { contentOf, cut } from "./agent-content.ts";
import { resultOf, tokensOf, verdictOf } from "./agent-result.ts";
import { added, tally } from "./agent-tally.ts";

/** Turns what an agent's runtime says into the lines of a session file (seed 001, Translation rules). */
export interface AgenticShim {
  /** What stands before anything the agent says. */
  opening(): readonly SessionLine[];
  event(event: AgentEvent, place: EventPlace): readonly SessionLine[];
  /**
   * What stands behind all of it, once: the last line is the result. A time-out or a cancellation is the program's to
   * tell; whether the agent succeeded is told by its terminal event alone, whatever the program's exit code.
   */
  result(end: SessionEnd, place: Omit<EventPlace, "ordinal">): readonly SessionLine[];
  report(): AgentReport;
}

/** Where an event comes from: the byte its line begins at, which of that line's events it is, and what was read then. */
export interface EventPlace {
  readonly start: number;
  readonly ordinal: number;
  readonly spool: SpoolOffsets;
  readonly at: Iso;
}

export interface Shimmed {
  readonly session: string;
  /** Whose words they are, where one session holds those of several executions. */
  readonly execution?: string;
  /** Null where only the stream knows it. */
  readonly prompt: string | null;
  /** What was asked for; the stream knows better, where it says anything. */
  readonly model?: string;
  /** The session that this goes on with. */
  readonly resumes?: Resumed;
  /** What is to be known of it before anything is said. */
  readonly note?: string;
  readonly cwd: string;
  readonly version: string;
  readonly startedAt: Iso;
  readonly gitBranch?: string;
}

type Message = Extract<AgentEvent, { type: "message.assistant" }>;
type Start = Extract<AgentEvent, { type: "session.start" }>;
type Ending = Extract<AgentEvent, { type: "session.end" }>;
type Place = Omit<EventPlace, "ordinal"> & { readonly index: number };

export function agenticShim(of: Shimmed): AgenticShim {
  const { session, execution = session, cwd, version, gitBranch = "" } = of;
  const line = envelopes({ session, execution, cwd, version, gitBranch });
  const used = tally(of.resumes?.before ?? {});
  let newest: Iso = "";
  let model = of.model ?? null;
  let runtimeId: string | null = null;
  let turns: number | null = null;
  /** Kept until it is known what it used: whoever adds up the lines is to find what the runtime says they came to. */
  let held: { readonly message: Message; readonly place: Place } | null = null;
  let end: Ending | null = null;
  /** The last line of the turn says that it failed. */
  let failed = false;
  let prompted = of.prompt === null;
  let said = "";
  let produced = false;
  let retries = 0;
  /** What was to be gone on with could not be found. */
  let anew = false;

  /** Readers sort by time as text; nobody's clock but ours can move a line into the future, or before another. */
  function placed({ start, ordinal, spool, at }: EventPlace, told: string | null): Place {
    if (told !== null && told >= newest && told <= at) newest = told;
    else if (at > newest) newest = at;
    // A source line is longer than it has events: what runs over is still an offset of its own.
    const over = Math.floor(ordinal / SAID);
    return { start: start + over, index: INDEX.said + (ordinal % SAID), spool, at: newest };
  }

  function userLine(content: Json, place: Place): SessionLine {
    return line("user", { message: { role: "user", content } }, place);
  }

  function assistantLine(message: Message, usage: Usage, place: Place): SessionLine {
    const key = lineUuid(place.start, place.index, execution).replaceAll("-", "");
    const { id, requestId, error } = message;
    return line(
      "assistant",
      {
        message: {
          id: id ?? `msg_${key}`,
          type: "message",
          role: "assistant",
          model: message.model ?? model ?? "unknown",
          content: contentOf(error === null ? message.content : [...message.content, { type: "text", text: error }]),
          stop_reason: message.stopReason,
          stop_sequence: null,
          usage: { ...NOTHING_USED, ...tokensOf(usage) },
        },
        // Readers count a message once by both ids, and a server may give the same message id in two sessions.
        requestId: requestId ?? `req_${id === null ? key : `${id}_${execution.slice(-12)}`}`,
        ...(error === null ? {} : { isApiErrorMessage: true }),
      },
      place,
    );
  }

  function systemLine(subtype: string, content: string, more: { readonly [field: string]: Json }, place: Place) {
    return line("system", { subtype, content: cut(content, LONGEST_NOTE), isMeta: false, ...more }, place);
  }

  function note(place: Place): SessionLine[] {
    const { resumes } = of;
    if (!resumes) return of.note === undefined ? [] : [systemLine("informational", of.note, { level: "info" }, place)];
    const told = { level: "info", resumes: { session: resumes.of, runtimeSession: resumes.id } };
    return [systemLine("informational", `Goes on with session ${resumes.id}, of ${resumes.of}`, told, place)];
  }

  function begin({ id, model: named, fresh }: Start, place: () => Place): SessionLine[] {
    runtimeId = id ?? runtimeId;
    model = named ?? model;
    const { resumes } = of;
    if (!resumes || anew || id === null || (id === resumes.id && !fresh)) return [];
    anew = true;
    const words = `Session ${resumes.id} could not be taken up again: a new one begins, ${id}`;
    return [systemLine("informational", words, { level: "warning" }, place())];
  }

  function failureLine(error: string, place: Place): SessionLine {
    failed = true;
    return assistantLine({ ...NOTICE, error }, {}, place);
  }

  /** `last`: nothing more is said, so that what the total has over the lines is this message's. */
  function release(last: boolean): SessionLine[] {
    if (!held) return [];
    const { message, place } = held;
    held = null;
    const usage = used.count(message.id, message.usage ?? {});
    return [assistantLine(message, last ? added(usage, used.remainder()) : usage, place)];
  }

  function hear(message: Message, place: Place): SessionLine[] {
    end = null;
    prompted = true;
    failed = message.error !== null;
    const text = textOf(message.content);
    if (text !== "" && !message.aside) said = text;
    if (message.content.length > 0) produced = true;
    const same = held && message.id !== null && held.message.id === message.id ? held : null;
    const before = same ? [] : release(false);
    const whole = same ? { ...message, content: [...same.message.content, ...message.content] } : message;
    const from = same?.place ?? place;
    held = null;
    if (isOpen(whole)) {
      held = { message: whole, place: from };
      return before;
    }
    const usage = used.count(whole.id, whole.usage ?? {});
    const empty = whole.content.length === 0 && whole.error === null && Object.keys(usage).length === 0;
    return empty ? before : [...before, assistantLine(whole, usage, from)];
  }

  function report(): AgentReport {
    return {
      text: said,
      status: end?.status ?? "lost",
      error: end?.error ?? null,
      stopReason: end?.stopReason ?? null,
      sessionId: runtimeId,
      usage: used.sum(),
      turns: end?.turns ?? turns ?? used.messages(),
      apiMs: end?.apiMs ?? null,
      produced,
      retries,
    };
  }

  return {
    opening: () => {
      if (of.prompt === null) return [];
      newest = of.startedAt;
      const first = { start: 0, spool: [0, 0], at: newest } as const;
      return [userLine(of.prompt, { ...first, index: INDEX.prompt }), ...note({ ...first, index: INDEX.note })];
    },
    event: (event, where) => {
      switch (event.type) {
        case "session.start":
          return begin(event, () => placed(where, event.at));
        case "turn.start":
          failed = false;
          end = null;
          return [];
        case "retry": {
          end = null;
          retries++;
          const words = `The model is asked again (${event.attempt}): ${event.error}`;
          const told = { level: "error", retryAttempt: event.attempt };
          return [...release(false), systemLine("api_error", words, told, placed(where, event.at))];
        }
        case "message.user": {
          end = null;
          const repeated = !prompted && event.text.trim() === of.prompt?.trim();
          prompted = true;
          return repeated ? [] : [...release(false), userLine(cut(event.text), placed(where, event.at))];
        }
        case "message.assistant":
          return hear(event, placed(where, event.at));
        case "tool.start":
          produced = true;
          return [];
        case "tool.end":
          return [...release(false), userLine([resultBlock(event)], placed(where, event.at))];
        case "usage":
          used.told(event.usage, event.cumulative && !anew);
          turns = event.turns ?? turns;
          return [];
        case "session.end": {
          end = event;
          const lines = release(true);
          if (event.status !== "error" || failed) return lines;
          return [...lines, failureLine(event.error ?? "The agent failed", placed(where, event.at))];
        }
        default:
          return [];
      }
    },
    result: (program, { start, spool, at }) => {
      const lines = release(true);
      const place = (index: number): Place => ({ ...placed({ start, ordinal: 0, spool, at }, null), index });
      const verdict = verdictOf(program, report());
      if (verdict.failed && !failed) lines.push(failureLine(verdict.words, place(INDEX.failure)));
      return [...lines, line("result", resultOf(program, verdict, report()), place(INDEX.result))];
    },
    report,
  };
}

const SAID = INDEX.stderr - INDEX.said;
const LONGEST_NOTE = 4_096;

const NOTICE: Message = {
  type: "message.assistant",
  at: null,
  id: null,
  requestId: null,
  // What readers of this format skip when they add up what models cost.
  model: "<synthetic>",
  content: [],
  stopReason: null,
  usage: null,
  error: null,
};

const NOTHING_USED = {
  input_tokens: 0,
  output_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
};

/** What it used is not known yet, and nothing that people wait to see hangs on it: a call is shown while it is made. */
function isOpen({ content, usage, error }: Message): boolean {
  return error === null && usage?.outputTokens === undefined && content.length > 0 && content.every(isText);
}

function isText(block: AgentBlock): block is Extract<AgentBlock, { type: "text" }> {
  return block.type === "text";
}

function textOf(content: readonly AgentBlock[]): string {
  return content
    .filter(isText)
    .map(({ text }) => text)
    .join("");
}

function resultBlock({ call, text, isError }: Extract<AgentEvent, { type: "tool.end" }>): Json {
  const shown = excerpt();
  shown.add(text);
  const block = { type: "tool_result", tool_use_id: call, content: shown.text() };
  return isError ? { ...block, is_error: true } : block;
}
