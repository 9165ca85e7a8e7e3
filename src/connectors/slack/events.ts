import type { View } from "./blocks.ts";

/** What people do at Slack that is meant for us, by whichever door it comes. */
export type SlackEvent = CommandGiven | Mentioned | MessageSaid | ButtonPressed | FormSubmitted;

/** Who did it and where. */
interface Deed {
  /** The same however often, and by whichever door, Slack delivers it: what comes twice is known by it. */
  readonly id: string;
  readonly team: string;
  readonly user: string;
}

/** A slash command; it is given in a channel, never in a thread. */
export interface CommandGiven extends Deed {
  readonly type: "command";
  readonly channel: string;
  readonly thread: null;
  readonly trigger: string;
  /** With its slash. */
  readonly command: string;
  readonly text: string;
}

/** Somebody spoke to us by name. */
export interface Mentioned extends Deed {
  readonly type: "mention";
  readonly channel: string;
  /** Null outside any thread; an answer then begins one at `ts`. */
  readonly thread: string | null;
  /** With the channel, what the message is known by: a burst is put in order by it. */
  readonly ts: string;
  readonly trigger: null;
  readonly text: string;
}

/** Somebody said something in a thread, or to us alone. */
export interface MessageSaid extends Deed {
  readonly type: "message";
  readonly channel: string;
  readonly thread: string | null;
  readonly ts: string;
  readonly trigger: null;
  readonly text: string;
  /** To us alone. */
  readonly direct: boolean;
}

export interface ButtonPressed extends Deed {
  readonly type: "button";
  readonly channel: string;
  readonly thread: string | null;
  /** The message that the button belongs to. */
  readonly message: string;
  readonly trigger: string;
  readonly action: string;
  readonly value: string;
}

/** A modal, handed in; the channel and thread are those its opener wrote into it. */
export interface FormSubmitted extends Deed {
  readonly type: "form";
  readonly channel: null;
  readonly thread: null;
  readonly trigger: string | null;
  /** What the opener called it. */
  readonly form: string;
  /** What the opener put into it, unseen. */
  readonly carried: string;
  /** By the id of its block. */
  readonly fields: { readonly [block: string]: FieldGiven };
}

/** What was entered: a text (or a number as a text), a choice by its value, several choices; null where nothing was. */
export type FieldGiven = string | readonly string[] | null;

/** How often Slack has tried; 0 for the first time. */
export interface Attempt {
  readonly retry: number;
}

/** What Slack is answered at once, once the event is durable; null is a plain yes. */
export type SlackAnswer =
  | null
  /** To a command: shown to whoever gave it alone. */
  | { readonly say: string }
  /** To a form: what is wrong, by block. It stays open. */
  | { readonly errors: { readonly [block: string]: string } }
  | { readonly show: View }
  | { readonly close: true };

/**
 * Makes an event durable, and says what Slack is answered; until it resolves, Slack is told nothing, and delivers again.
 * The same id may come again at any time.
 */
export type Handle = (event: SlackEvent, attempt: Attempt) => Promise<SlackAnswer>;

/** Why something was not taken: a code for counting, and words for the log that quote nobody. */
export interface Unfit {
  readonly code: "malformed" | "unsupported" | "not_for_us" | "too_large" | "unsigned" | "busy";
  readonly reason: string;
}
export type Refused = (unfit: Unfit) => void;
