import type { Decision } from "../../src/domain/approval.ts";

/** What people were told had happened: it must be there, however the daemon ends. */
export interface Ledger {
  /** Idempotency key → run. */
  readonly created: Map<string, string>;
  /** Approval → the decision that was taken. */
  readonly answered: Map<string, { readonly decision: Decision; readonly by: string }>;
  /** Run → the epoch in which it was cancelled, as its row said. */
  readonly cancelled: Map<string, number>;
  /** Runs for which somebody asked for a cancel, heard or not. */
  readonly cancelAsked: Set<string>;
  /** Runs paused by an operator, nobody having asked for anything else since. */
  readonly paused: Set<string>;
  /** Run → its epoch after the last retry that was acknowledged. */
  readonly retried: Map<string, number>;
  /** `run/id` of signals. */
  readonly signals: Set<string>;
  /** Effects that were settled as done. */
  readonly settled: Set<string>;
  /** Executions whose input was kept. */
  readonly inputs: Set<string>;
}

export function openLedger(): Ledger {
  return {
    created: new Map(),
    answered: new Map(),
    cancelled: new Map(),
    cancelAsked: new Set(),
    paused: new Set(),
    retried: new Map(),
    signals: new Set(),
    settled: new Set(),
    inputs: new Set(),
  };
}
