import type { Decision, PendingGate } from "./approval.ts";
import type { Iso } from "./clock.ts";
import type { ExecutionStatus, LiveExecution, Outcome } from "./execution.ts";
import type { PhaseStatus } from "./graph.ts";
import type { Json } from "./json.ts";

/** Run words are on disk for ever. */
export const RUN_STATUSES = ["queued", "running", "paused", "succeeded", "failed", "cancelled"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/** Why a run stopped or ended otherwise than by its phases (engine rule 10). */
export type RunReason = "gate" | "operator" | "rejected" | "crash_loop" | "disk_full";

/** Why a run is held back: nothing of it starts until it is released. */
export type Hold = "disk_full";

export type TerminalStatus = Extract<RunStatus, "succeeded" | "failed" | "cancelled">;

/** A terminal status is final (engine rule 5). */
export function isOver(status: RunStatus): status is TerminalStatus {
  return status === "succeeded" || status === "failed" || status === "cancelled";
}

/** Where one phase stands. `cause` is kept only where the reason of a whole run may hang on it. */
export interface PhaseState {
  readonly status: PhaseStatus;
  readonly iteration: number;
  readonly attempt: number;
  readonly cause?: "rejected";
}

/**
 * One life of one workflow version: everything a transition may look at, and no more. What is large (context, inputs,
 * scratch, history) stays in its row; what is under way comes with it.
 */
export interface Run {
  readonly id: string;
  readonly status: RunStatus;
  readonly reason: RunReason | null;
  readonly hold: Hold | null;
  readonly phases: { readonly [name: string]: PhaseState };
  readonly currentPhase: string;
  readonly restartCount: number;
  /** +1 on every saved transition: compare-and-set, SSE id. */
  readonly rev: number;
  /** +1 when what is in flight is disowned. */
  readonly epoch: number;
  readonly startedAt: Iso;
  readonly updatedAt: Iso;
  readonly finishedAt: Iso | null;
  readonly live: readonly LiveExecution[];
  readonly gates: readonly PendingGate[];
}

/** Everything that can happen to a run. A crash is one of these; so is a person's answer. */
export type RunEvent =
  | { readonly type: "run.created" }
  | {
      readonly type: "execution.admitted";
      readonly execution: string;
      readonly phase: string;
      readonly attempt: number;
    }
  | { readonly type: "execution.ended"; readonly execution: string; readonly outcome: Outcome }
  | {
      readonly type: "execution.lost";
      readonly executions: readonly string[];
      /** The attempt after which a phase that keeps losing its process fails; null when the process never ran. */
      readonly attemptLimit: number | null;
    }
  /** The daemon died while it handled this run's data. At the limit the run ends, reason `crash_loop` (engine rule 21). */
  | { readonly type: "run.suspected"; readonly restartLimit: number }
  | {
      readonly type: "gate.answered";
      readonly approval: string;
      readonly decision: Decision;
      readonly by: string;
      readonly comment: string | null;
    }
  | { readonly type: "run.held"; readonly hold: Hold }
  | { readonly type: "run.released"; readonly hold: Hold }
  | { readonly type: "run.cancelled"; readonly by: string }
  | { readonly type: "scratch.written"; readonly key: string; readonly value: Json; readonly append: boolean };

/** A line of `phase_history` (engine rule 10): one phase, over. */
export interface HistoryLine {
  readonly phase: string;
  readonly iteration: number;
  readonly epoch: number;
  readonly status: PhaseStatus;
  readonly execution_id: string | null;
  readonly started_at: Iso;
  readonly finished_at: Iso;
}

/**
 * What follows from an event. Every effect is written in the transaction that saves the run; those that are owed
 * outward (`phase.start`, `gate.open`'s question, `execution.stop`) are done after its commit, at least once.
 */
export type Effect =
  /** Owed until an execution is admitted for it. */
  | { readonly type: "phase.start"; readonly phase: string; readonly iteration: number; readonly attempt: number }
  /** The admitted execution's row, born running. */
  | { readonly type: "execution.open"; readonly execution: LiveExecution }
  | {
      readonly type: "execution.close";
      readonly execution: LiveExecution;
      readonly status: Exclude<ExecutionStatus, "running">;
      readonly error: string | null;
      readonly outcome: Outcome | null;
    }
  /** End the process tree of an execution that is no longer wanted. */
  | { readonly type: "execution.stop"; readonly execution: string }
  /** What was owed to start is no longer owed. */
  | { readonly type: "starts.void" }
  | { readonly type: "gate.open"; readonly phase: string; readonly iteration: number; readonly summary: string }
  | {
      readonly type: "gate.close";
      readonly approval: string;
      readonly status: "approved" | "rejected" | "void";
      readonly by: string | null;
      readonly response: string | null;
    }
  | { readonly type: "history"; readonly line: HistoryLine }
  | { readonly type: "scratch"; readonly key: string; readonly value: Json; readonly append: boolean };

/** Why an event changes nothing. Returned, never thrown, so that it spoils no other apply of its batch. */
export type Refusal =
  /** The run is over. */
  | "terminal"
  /** The execution no longer holds its phase, or the admission came too late. */
  | "stale"
  /** The gate has its answer. */
  | "answered"
  /** A scratch value over the limit, or a key that is not a word. */
  | "too_large";

export type Step =
  | { readonly ok: true; readonly run: Run; readonly effects: readonly Effect[] }
  | { readonly ok: false; readonly why: Refusal };

/** A run before anything happened to it; `run.created` is its first event. */
export function newborn(id: string, phases: readonly string[], now: Iso): Run {
  return {
    id,
    status: "queued",
    reason: null,
    hold: null,
    phases: Object.fromEntries(phases.map((name) => [name, { status: "pending", iteration: 0, attempt: 1 }])),
    currentPhase: phases[0] ?? "",
    restartCount: 0,
    rev: 0,
    epoch: 0,
    startedAt: now,
    updatedAt: now,
    finishedAt: null,
    live: [],
    gates: [],
  };
}
