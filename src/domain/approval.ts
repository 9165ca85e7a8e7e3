import type { Iso } from "./clock.ts";

/** Approval words are on disk for ever; `expired` and `void` are ours, the others the seed's. */
export const APPROVAL_STATUSES = ["pending", "approved", "rejected", "expired", "void"] as const;
export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];

/** `approve` is answered with one of two words; `reply` takes any text (seed: the Socratic loop). */
export type ApprovalKind = "approve" | "reply";

/** The words a person may answer with; `reply` hands over a text. Anything else is refused, never read as a yes. */
export const DECISIONS = ["approve", "reject", "reply"] as const;
export type Decision = (typeof DECISIONS)[number];

/** Whom a question goes to, by the names that the configuration knows. */
export interface People {
  readonly users?: readonly string[];
  readonly groups?: readonly string[];
}

/** A gate that waits: the part of the row on which transitions turn. */
export interface PendingGate {
  readonly id: string;
  readonly phase: string;
  readonly iteration: number;
  readonly kind: ApprovalKind;
  readonly createdAt: Iso;
}
