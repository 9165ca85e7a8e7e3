import type { ApprovalLine, EffectKind, OwedEffect, RunLine } from "../../store/store.ts";

/** Does one kind of outward effect; it may be asked again for the same effect, whose id tells. */
export interface Deliverer {
  readonly kind: EffectKind;
  /** Resolves when it is done; a rejection is tried again later, with backoff. */
  deliver(effect: OwedEffect, about: { run: RunLine | null; approval: ApprovalLine | null }): Promise<void>;
}
