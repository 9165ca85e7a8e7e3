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
}
