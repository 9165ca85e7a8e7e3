import type { ApprovalKind, ApprovalStatus } from "../domain/approval.ts";
import type { Iso } from "../domain/clock.ts";
import type { Finding } from "../domain/decision.ts";
import type { ExecutionStatus, FailureClass } from "../domain/execution.ts";
import type { PhaseStatus } from "../domain/graph.ts";
import type { Json } from "../domain/json.ts";
import type { Ending, HistoryLine, RunReason, RunStatus } from "../domain/run.ts";

/** A line of a list: named as the columns are, since faces print it as it is. */
export interface RunLine {
  readonly id: string;
  readonly workflow_name: string;
  readonly workflow_hash: string | null;
  readonly trigger_type: string | null;
  readonly trigger_id: string;
  readonly repo: string | null;
  readonly issue_number: number | null;
  readonly current_phase: string;
  readonly status: RunStatus;
  readonly reason: RunReason | null;
  readonly restart_count: number;
  readonly rev: number;
  readonly epoch: number;
  readonly priority: number;
  readonly starred: boolean;
  readonly label: string | null;
  readonly parent_run_id: string | null;
  readonly forked_from: string | null;
  readonly cost_usd: number;
  readonly turns: number;
  readonly tokens: number;
  readonly queued_at: Iso | null;
  readonly started_at: Iso;
  readonly updated_at: Iso;
  readonly finished_at: Iso | null;
}

/** The whole row, JSON columns parsed, with what hangs on it. */
export interface RunDetail extends RunLine {
  readonly context: Json;
  readonly inputs: Json;
  readonly scratch: Json;
  readonly node_statuses: { readonly [phase: string]: PhaseStatus };
  readonly phase_history: readonly HistoryLine[];
  readonly idempotency_key: string | null;
  readonly concurrency_key: string | null;
  /** How it ends once its last phases are over. */
  readonly ending: Ending | null;
  readonly decisions: readonly DecisionLine[];
  readonly signals: readonly SignalLine[];
  readonly artefacts: readonly ArtefactLine[];
  readonly executions: readonly ExecutionLine[];
  readonly approvals: readonly ApprovalLine[];
}

/** Why a phase was skipped, or what it was given. */
export interface DecisionLine {
  readonly epoch: number;
  readonly phase: string;
  readonly iteration: number;
  readonly finding: Finding;
  readonly created_at: Iso;
}

/** Word from outside, in the order of coming. */
export interface SignalLine {
  readonly id: string;
  readonly name: string;
  readonly payload: Json;
  readonly received_at: Iso;
}

export interface ExecutionLine {
  readonly id: string;
  readonly workflow_run_id: string | null;
  readonly skill: string;
  readonly phase: string | null;
  readonly name: string | null;
  readonly iteration: number | null;
  readonly attempt: number | null;
  readonly epoch: number | null;
  readonly status: ExecutionStatus | null;
  readonly success: boolean | null;
  readonly error: string | null;
  readonly failure: FailureClass | null;
  readonly exit_code: number | null;
  readonly input: Json;
  readonly output: string | null;
  readonly output_bytes: number | null;
  readonly outputs: Json;
  readonly cost_usd: number | null;
  readonly turns: number | null;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  /** An agent went through without having said or done anything. */
  readonly idle: boolean;
  /** How often an agent's runtime asked its model again by itself; null where that is not known. */
  readonly retries: number | null;
  readonly started_at: Iso;
  readonly finished_at: Iso | null;
  readonly duration_ms: number | null;
  readonly session_id: string | null;
  /** What the agent's runtime itself calls its session. */
  readonly runtime_session_id: string | null;
}

export interface ApprovalLine {
  readonly id: string;
  readonly workflow_run_id: string;
  readonly gate: string;
  readonly phase: string | null;
  readonly iteration: number | null;
  readonly summary: string;
  readonly status: ApprovalStatus;
  readonly kind: ApprovalKind;
  readonly requested_by: string | null;
  readonly responded_by: string | null;
  readonly response: string | null;
  readonly responded_at: Iso | null;
  readonly created_at: Iso;
  readonly deadline: Iso | null;
}

/** A kept file: where it lies under STATE_DIR/artefacts, and what it is. */
export interface ArtefactLine {
  readonly execution: string;
  readonly name: string;
  readonly path: string;
  readonly filename: string;
  readonly bytes: number;
  readonly sha256: string;
}
