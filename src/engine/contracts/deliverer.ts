import type { People } from "../../domain/approval.ts";
import type { ApprovalLine, EffectKind, OwedEffect, RunLine } from "../../store/store.ts";

/** Does one kind of outward effect; it may be asked again for the same effect, whose id tells. */
export interface Deliverer {
  readonly kind: Extract<EffectKind, "ask" | "post">;
  /** Resolves when it is done; a rejection is tried again later, with backoff. */
  deliver(effect: OwedEffect, about: About): Promise<void>;
}

/** The run it is about; the gate that waits for an answer, or the text that people are told. */
export interface About {
  readonly run: RunLine | null;
  readonly approval: ApprovalLine | null;
  readonly text: string | null;
  /** Null when the gate is brought up for the first time. */
  readonly reminder: Reminder | null;
}

/** A gate that still waits: whoever was asked is reminded, for the first time or a later one, or others are asked too. */
export type Reminder = { readonly ordinal: number } | { readonly to: People };
