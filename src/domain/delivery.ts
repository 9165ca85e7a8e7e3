import type { Iso } from "./clock.ts";
import type { Json } from "./json.ts";

/** What came from outside and may start runs, whichever way it came: the one form that workflows are matched against. */
export interface TriggerEvent {
  /** `github`, or the name of a configured source. */
  readonly source: string;
  /** As workflows name it under `on:`, e.g. `issues.opened`; what has no action is the event alone: `push`. */
  readonly type: string;
  /** What it is about; null where the payload names nothing. */
  readonly subject: Subject | null;
  /** Who did it, as the source knows them; null where nobody is named. */
  readonly actor: Actor | null;
  /** Unique within the source: a second event with it is the first one again. */
  readonly dedupeKey: string;
  readonly payload: Json;
  readonly receivedAt: Iso;
  /** How it came; `webhook` where nothing is said. */
  readonly via?: Via;
  /** What a webhook and a poll of the same happening agree in, so that it starts runs once; absent where only one tells it. */
  readonly echo?: string | null;
}

export const VIAS = ["webhook", "poll"] as const;
export type Via = (typeof VIAS)[number];

export interface Subject {
  /** `owner/name`. */
  readonly repo: string;
  /** Of an issue or a pull request, which share their numbers. */
  readonly issueNumber: number | null;
}

export interface Actor {
  readonly login: string;
  /** `self` is this daemon, under the name it has at the source. */
  readonly kind: "person" | "bot" | "self";
  /** What they are to the repository, in the source's word (`OWNER`, `MEMBER`, `NONE`, …); null where it does not say. */
  readonly association: string | null;
}

/** What came of a delivery. The reason beside it is a rule of the house, or the code of the first fault. */
export const OUTCOMES = ["started", "nothing_matched", "ignored", "refused"] as const;
export type DeliveryOutcome = (typeof OUTCOMES)[number];

/** The house's rules that keep an event from starting what it matches. */
export type HouseRule = "ping" | "held" | "bot" | "self" | "fork" | "maintainer";

/** One workflow that an event starts. */
export interface Matched {
  readonly workflow: string;
  /** The entry of its `on:` that fits, in words. */
  readonly why: string;
  /** What set it off, for texts and conditions to read. */
  readonly context: { readonly [name: string]: Json };
  readonly inputs: { readonly [name: string]: Json };
}

/** What became of one workflow that waits for events of a source. */
export interface Verdict {
  readonly workflow: string;
  /** Which entry of its `on:` fitted, or why none did, or what stood in the way. */
  readonly why: string;
  /** The run it started; null where it started none. */
  readonly run: string | null;
}
