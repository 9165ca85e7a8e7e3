import type { AgentBlock, AgentEvent } from "../../domain/agent.ts";
import type { Iso } from "../../domain/clock.ts";
import type { Usage } from "../../domain/execution.ts";
import type { Json } from "../../domain/json.ts";

/** A JSON object of someone else's: nothing is known of it but what is asked for and found. */
export interface Fields {
  readonly [name: string]: Json | undefined;
}

/** A line as a JSON object, or null. */
export function parsed(line: string): Fields | null {
  try {
    const value: Json = JSON.parse(line);
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

function isFields(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Empty where it is no object. */
export function fields(value: Json | undefined): { readonly [name: string]: Json } {
  return isFields(value) ? value : {};
}

/** Empty where it is no list. */
export function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

/** Empty where it is no text. */
export function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

const LONGEST_WORD = 256;

/** A name or an id; null where there is none. */
export function word(value: Json | undefined): string | null {
  return typeof value === "string" && value !== "" ? value.slice(0, LONGEST_WORD) : null;
}

/** A number of things; undefined where it is none. */
export function count(value: Json | undefined): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** An amount of money; undefined where it is none. */
export function amount(value: Json | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** Only what is known. */
export function usageOf(told: { readonly [Key in keyof Usage]: number | undefined }): Usage {
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
}

/** Tokens of the input that neither came from the cache nor went into it, where the runtime counts them all as one. */
export function beyondCache(input: number | undefined, ...cached: (number | undefined)[]): number | undefined {
  return input === undefined ? undefined : cached.reduce((rest: number, each = 0) => Math.max(0, rest - each), input);
}

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;
const YEAR_10000 = 253_402_300_800_000;

/** A moment in UTC as text, or in milliseconds since 1970; null where it is neither. */
export function moment(value: Json | undefined): Iso | null {
  const ms = typeof value === "string" && MOMENT.test(value) ? Date.parse(value) : value;
  return typeof ms === "number" && ms >= 0 && ms < YEAR_10000 ? new Date(ms).toISOString() : null;
}

/** What is said in a text, or in blocks of text; other blocks are named. */
export function spoken(content: Json | undefined): string {
  if (typeof content === "string") return content;
  return list(content)
    .map((each) => {
      const block = fields(each);
      return typeof block.text === "string" ? block.text : `[${word(block.type) ?? "?"}]`;
    })
    .join("");
}

/** A block of text, unless there is none in it. */
export function textBlock(value: Json | undefined): AgentBlock[] {
  const said = text(value);
  return said === "" ? [] : [{ type: "text", text: said }];
}

type Message = Extract<AgentEvent, { type: "message.assistant" }>;

/** A message of the agent; what is not given is not known. */
export function message(told: Partial<Message> & Pick<Message, "at" | "content">): Message {
  return {
    type: "message.assistant",
    id: null,
    requestId: null,
    model: null,
    stopReason: null,
    usage: null,
    error: null,
    ...told,
  };
}

type Ending = Extract<AgentEvent, { type: "session.end" }>;

/** The terminal event; what is not given is not known. */
export function ending(told: Partial<Ending> & Pick<Ending, "at" | "status">): Ending {
  return { type: "session.end", error: null, stopReason: null, turns: null, durationMs: null, apiMs: null, ...told };
}

const LONGEST_NOTICE = 200;

/** What a runtime says of itself, and what is none of its words. */
export function notice(at: Iso | null, said: string): AgentEvent {
  return { type: "notice", at, text: said.slice(0, LONGEST_NOTICE) };
}

/**
 * Reads lines that are JSON objects; what else is printed is a notice, and an empty line nothing. Lines that begin with
 * `passed` are passed over unread: there are many of them, and long ones.
 */
export function reading(
  read: (line: Fields) => readonly AgentEvent[],
  passed?: string,
): (line: string) => readonly AgentEvent[] {
  return (line) => {
    if (passed !== undefined && line.startsWith(passed)) return [];
    const object = parsed(line);
    if (object) return read(object);
    return line.trim() === "" ? [] : [notice(null, line)];
  };
}

/** Stop reasons in the words of the envelopes. */
export function stopReasonOf(value: Json | undefined): string | null {
  const told = word(value);
  return told === null ? null : (STOPS.get(told) ?? told);
}

const STOPS: ReadonlyMap<string, string> = new Map([
  ["stop", "end_turn"],
  ["toolUse", "tool_use"],
  ["tool-calls", "tool_use"],
  ["length", "max_tokens"],
]);

const REMEMBERED = 1_000;

/** What was last known of so many things: who never ends a call fills no memory. */
export interface Recent<T> {
  get(key: string): T | undefined;
  set(key: string, value: T): void;
  take(key: string): T | undefined;
  entries(): [string, T][];
}

export function recent<T>(): Recent<T> {
  const known = new Map<string, T>();
  return {
    get: (key) => known.get(key),
    set: (key, value) => {
      const [oldest] = known.size >= REMEMBERED && !known.has(key) ? known.keys() : [];
      if (oldest !== undefined) known.delete(oldest);
      known.set(key, value);
    },
    take: (key) => {
      const value = known.get(key);
      known.delete(key);
      return value;
    },
    entries: () => [...known],
  };
}

/** Ids for messages that are whole: one that comes again is another message, and some servers give all of them one. */
export function freshIds(): (id: string | null) => string | null {
  const seen = recent<true>();
  return (id) => {
    if (id === null || seen.get(id)) return null;
    seen.set(id, true);
    return id;
  };
}
