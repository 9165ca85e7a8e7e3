import type { Usage } from "./execution.ts";
import type { Json } from "./json.ts";

/**
 * What an agent's runtime says happened, whichever runtime it is, in nested pairs: a session holds turns, a turn holds
 * messages and calls of tools. Each runtime has a decoder from its own stream to this; one shim makes session lines of it.
 */
export type AgentEvent = {
  readonly at: string | null;
} /** First of all; `id` is the runtime's own, by which it can be resumed. */ & (
  | {
      readonly type: "session.start";
      readonly id: string | null;
      readonly model: string | null;
      /** Nothing has been said in it yet, whatever its id. */
      readonly fresh?: true;
    }
  | { readonly type: "turn.start" }
  | { readonly type: "turn.end" }
  /** What someone other than the agent said: the prompt, or a word in between. */
  | { readonly type: "message.user"; readonly text: string }
  /**
   * One message of the agent, or those of its blocks that came together: what follows with the same id, which is never
   * null then, belongs to the same message, and repeats its usage. Text as it grows, and thinking, are no events.
   */
  | {
      readonly type: "message.assistant";
      readonly id: string | null;
      readonly requestId: string | null;
      readonly model: string | null;
      readonly content: readonly AgentBlock[];
      readonly stopReason: string | null;
      /** Null where the stream does not say; without `outputTokens` where it says so before the message is whole. */
      readonly usage: Usage | null;
      /** Set when the message is the notice of a failure. */
      readonly error: string | null;
      /** Said to another agent, not to whoever asked. */
      readonly aside?: true;
    }
  | { readonly type: "tool.start"; readonly call: string; readonly name: string; readonly input: Json }
  | { readonly type: "tool.update"; readonly call: string; readonly text: string }
  | {
      readonly type: "tool.end";
      readonly call: string;
      readonly name: string;
      readonly text: string;
      readonly isError: boolean;
    }
  /**
   * What the stream came to so far, where the runtime says so; each takes the place of the one before, property by
   * property. `cumulative` when it counts what earlier runs of a resumed session used.
   */
  | { readonly type: "usage"; readonly usage: Usage; readonly turns: number | null; readonly cumulative: boolean }
  /** The runtime asks its model again by itself. */
  | { readonly type: "retry"; readonly attempt: number; readonly error: string }
  /** Something the runtime says of itself: a warning, the state of an extension. */
  | { readonly type: "notice"; readonly text: string }
  /**
   * The terminal event: only this says whether the agent succeeded, never its exit code. Taken back by a retry, a turn
   * or a message that follows it; the last one stands.
   */
  | {
      readonly type: "session.end";
      readonly status: "ok" | "error" | "aborted";
      readonly error: string | null;
      readonly stopReason: string | null;
      readonly turns: number | null;
      readonly durationMs: number | null;
      readonly apiMs: number | null;
    }
);

export type AgentBlock =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "tool_use"; readonly id: string; readonly name: string; readonly input: Json };

/**
 * Reads one runtime's stream, a line of its stdout at a time, in order and from the beginning: what it returns depends on
 * the lines before. Never throws: a line that is none of the runtime's is a `notice`.
 */
export interface AgentDecoder {
  line(text: string): readonly AgentEvent[];
  /** The stream is over: what it had begun to say. Never that it succeeded, which only a terminal event can. */
  end(): readonly AgentEvent[];
}

/** What a whole stream came to. */
export interface AgentReport {
  /** The last thing the agent said; empty when it said nothing. */
  readonly text: string;
  readonly status: "ok" | "error" | "aborted" | "lost";
  readonly error: string | null;
  readonly stopReason: string | null;
  readonly sessionId: string | null;
  readonly usage: Usage;
  readonly turns: number;
  readonly apiMs: number | null;
  /** Whether it did anything: said something, or called a tool. */
  readonly produced: boolean;
  /** How often the runtime asked its model again by itself, as far as it says so. */
  readonly retries: number;
}

/** A runtime's session that a try goes on with. */
export interface Resumed {
  /** The runtime's own name for it. */
  readonly id: string;
  /** The execution that had it last. */
  readonly of: string;
  /** What it had come to by then: there are runtimes that count on from there. */
  readonly before: Usage;
}

/**
 * Whether this may be what a runtime calls a session. It comes from an agent's stream: it must be no path, and no option
 * of a command.
 */
export function isSessionId(id: string): boolean {
  return /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/.test(id) && !id.includes("..");
}
