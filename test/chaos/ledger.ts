import type { Decision } from "../../src/domain/approval.ts";

/** What was asked of the daemons and what they acknowledged: the promises that the audit holds them to. */
export interface Ledger {
  /** Idempotency key → the run that was acknowledged. */
  readonly created: Map<string, string>;
  /** Approval → what was asked for, acknowledged or not. */
  readonly asked: Map<string, Decision>;
  readonly answered: Map<string, Decision>;
  readonly cancelAsked: Set<string>;
  readonly cancelled: Set<string>;
  /** Executions whose keeper or command the suite itself killed: what may have ended otherwise than by itself. */
  readonly casualties: Set<string>;
  /** When a daemon was killed or stopped, as the rows tell time. */
  readonly strikes: string[];
  /** What was wrong the moment it was seen. */
  readonly violations: string[];
}

export function createLedger(): Ledger {
  return {
    created: new Map(),
    asked: new Map(),
    answered: new Map(),
    cancelAsked: new Set(),
    cancelled: new Set(),
    casualties: new Set(),
    strikes: [],
    violations: [],
  };
}
