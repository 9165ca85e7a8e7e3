import type { People } from "../../domain/approval.ts";
import type { Iso } from "../../domain/clock.ts";
import type { Json } from "../../domain/json.ts";
import type { ApprovalLine, RunLine } from "../../store/lines.ts";
import type { EffectKind, OwedEffect } from "../../store/store.ts";

/** Does one kind of outward effect; it may be asked again for the same effect, whose id tells. */
export interface Deliverer {
  readonly kind: Extract<EffectKind, "ask" | "post" | "report">;
  /** Whether this run is one of whose news it is the bearer; without it, every run is. */
  serves?(about: About): boolean;
  /** Resolves when it is done, or with why it is not; a rejection is tried again later, with backoff. */
  deliver(effect: OwedEffect, about: About): Promise<Undone | undefined>;
}

/** An act that a phase asks for (`type: action`); it may be asked again for the same one, whose key tells. */
export interface Actor {
  does(action: string): boolean;
  act(deed: Deed): Promise<Done | Undone>;
}

export interface Deed {
  /** The same for every try of one iteration of a phase: done once, it is done. */
  readonly key: string;
  readonly action: string;
  readonly with: { readonly [name: string]: Json };
  readonly about: About;
  readonly place: {
    readonly phase: string;
    readonly name: string;
    readonly iteration: number;
    readonly attempt: number;
  };
  /** What the phase before it had to say last. */
  readonly before: string | null;
}

export interface Done {
  readonly done: true;
  readonly outputs: { readonly [name: string]: Json };
  readonly text: string;
}

/** Why it is not done, in the other side's words; and whether it is to be tried again: no sooner than then, or never. */
export interface Undone {
  readonly done: false;
  readonly error: string;
  readonly again: Iso | "later" | "never";
}

/** The run it is about; the gate that waits for an answer, or the text that people are told. */
export interface About {
  readonly run: RunLine | null;
  /** What set the run off. */
  readonly context: Json;
  readonly approval: ApprovalLine | null;
  readonly text: string | null;
  /** Null when the gate is brought up for the first time. */
  readonly reminder: Reminder | null;
}

/** A gate that still waits: whoever was asked is reminded, for the first time or a later one, or others are asked too. */
export type Reminder = { readonly ordinal: number } | { readonly to: People };
