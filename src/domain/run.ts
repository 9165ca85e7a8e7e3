import type { ApprovalKind, Decision, PendingGate, People } from "./approval.ts";
import { NOTHING, type Spent } from "./budget.ts";
import type { Iso } from "./clock.ts";
import type { Finding } from "./decision.ts";
import type { ExecutionStatus, LiveExecution, Outcome, Usage } from "./execution.ts";
import type { PhaseStatus } from "./graph.ts";
import type { Json } from "./json.ts";
import type { MessageEvent } from "./message.ts";
import { FIRST, type PhaseState } from "./phase-state.ts";
import type { Workflow } from "./workflow.ts";

/** Run words are on disk for ever. */
export const RUN_STATUSES = ["queued", "running", "paused", "succeeded", "failed", "cancelled"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/** Why a run stopped or ended otherwise than by its phases (engine rule 10). */
export type RunReason =
  | "gate"
  | "timer"
  | "child"
  | "action"
  | "operator"
  | "concurrency"
  | "disk_full"
  | "rejected"
  | "expired"
  | "timeout"
  | "budget"
  | "crash_loop";

/** Why a run is held back: nothing of it starts until it is released. */
export type Hold = "disk_full" | "operator" | "concurrency";

export type TerminalStatus = Extract<RunStatus, "succeeded" | "failed" | "cancelled">;

/** A terminal status is final (engine rule 5). */
export function isOver(status: RunStatus): status is TerminalStatus {
  return status === "succeeded" || status === "failed" || status === "cancelled";
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
  /** How it ends once its `finally` phases are over; null until then, and when there are none. */
  readonly ending: Ending | null;
  readonly deadline: Deadline | null;
  /** By all tries, also those that are under way. */
  readonly spent: Spent;
}

export interface Ending {
  readonly status: TerminalStatus;
  readonly reason: RunReason | null;
}

/** The time a run has left, in ms, and since when it has been running out; null while it stands still. */
export interface Deadline {
  readonly left: number;
  readonly since: Iso | null;
}

/** Everything that can happen to a run. A crash is one of these; so is a person's answer. */
export type RunEvent =
  | {
      readonly type: "run.created";
      /** Phases that another run has done already (a fork), with the executions that hold their outputs. */
      readonly inherited?: { readonly [phase: string]: string | null };
      /** Others of its group are under way: it waits for them, or is turned away. */
      readonly busy?: "queue" | "skip";
    }
  | {
      readonly type: "execution.admitted";
      readonly execution: string;
      readonly phase: string;
      readonly iteration: number;
      readonly attempt: number;
    }
  /** What a try has used up so far, in all. A limit that is reached ends it, or the run, at once. */
  | {
      readonly type: "execution.used";
      readonly execution: string;
      readonly usage: Usage;
      /** What other runs of the workflow's day have cost, where the day has a limit and someone has looked. */
      readonly othersUsd?: number;
    }
  | { readonly type: "execution.ended"; readonly execution: string; readonly outcome: Outcome }
  | {
      readonly type: "execution.lost";
      readonly executions: readonly string[];
      /** How many vanished processes of an iteration are too many; null when the process never ran, which counts for none. */
      readonly vanishedLimit: number | null;
    }
  /** The run's data was looked at for a phase that needed it. */
  | {
      readonly type: "phase.decided";
      readonly phase: string;
      readonly iteration: number;
      readonly epoch: number;
      readonly finding: Finding;
    }
  /** A moment that was waited for has come: a phase's, or the run's own deadline. */
  | { readonly type: "timer.fired"; readonly phase: string | null; readonly due: Iso }
  /** Word from outside, kept whether or not the run waits for it; the first under an id stands. */
  | { readonly type: "signal.received"; readonly id: string; readonly name: string; readonly payload: Json }
  /** A child run is over. `execution` is the id under which its outcome is recorded. */
  | {
      readonly type: "child.ended";
      readonly phase: string;
      readonly iteration: number;
      readonly attempt: number;
      readonly epoch: number;
      readonly execution: string;
      readonly outcome: Outcome;
    }
  /** An act on an outside system is done, or never will be. `execution` is the id under which its outcome is recorded. */
  | {
      readonly type: "action.ended";
      readonly phase: string;
      readonly iteration: number;
      readonly attempt: number;
      readonly epoch: number;
      readonly execution: string;
      readonly outcome: Outcome;
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
  | { readonly type: "run.cancelled"; readonly by: string; readonly reason?: "concurrency" }
  /** An operator has a run that is over go on again, from a phase or from whatever failed (engine rule 5). */
  | {
      readonly type: "run.retried";
      readonly from: string | null;
      readonly by: string;
      /** Others of its group are under way. */
      readonly busy?: boolean;
    }
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
  /** What the loop calls this iteration, where it is not the phase's name. */
  readonly name?: string;
  /** Who had the run go on from here; the line then marks a beginning. */
  readonly retried_by?: string;
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
  /** What it has used up so far. */
  | { readonly type: "execution.tally"; readonly execution: LiveExecution }
  /** What it used up in all is in `execution`. */
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
  | {
      readonly type: "gate.open";
      readonly gate: string;
      readonly phase: string;
      readonly iteration: number;
      readonly kind: ApprovalKind;
      readonly summary: string;
      readonly deadline: Iso | null;
      /** When it is brought up again, should it still be open. */
      readonly remind: readonly Iso[];
      /** When others are asked too, should it still be open. */
      readonly escalate: { readonly at: Iso; readonly to: People } | null;
      /** The id it is to have; otherwise whoever writes it down gives it one. */
      readonly approval?: string;
    }
  | {
      readonly type: "gate.close";
      readonly approval: string;
      readonly status: "approved" | "rejected" | "expired" | "void";
      readonly by: string | null;
      readonly response: string | null;
    }
  | { readonly type: "history"; readonly line: HistoryLine }
  /** Owed until someone has looked at the run's data and said what was found. */
  | { readonly type: "decision.owe"; readonly phase: string; readonly iteration: number }
  /** What was found, kept for those who ask why, and for the tries that need it. */
  | { readonly type: "decision.note"; readonly phase: string; readonly iteration: number; readonly finding: Finding }
  | { readonly type: "timer.set"; readonly phase: string | null; readonly due: Iso }
  | { readonly type: "timers.void" }
  | {
      readonly type: "child.start";
      readonly phase: string;
      readonly iteration: number;
      readonly attempt: number;
    }
  | {
      readonly type: "action.start";
      readonly phase: string;
      readonly iteration: number;
      readonly attempt: number;
    }
  | { readonly type: "child.stop"; readonly phase: string; readonly iteration: number; readonly attempt: number }
  /** Owed to people. */
  | {
      readonly type: "post";
      readonly event: MessageEvent | "final_message" | "status_checklist";
      readonly phase: string | null;
      readonly iteration: number;
      readonly execution: string | null;
    }
  | { readonly type: "signal"; readonly id: string; readonly name: string; readonly payload: Json }
  | { readonly type: "scratch"; readonly key: string; readonly value: Json; readonly append: boolean };

/** Why an event changes nothing. Returned, never thrown, so that it spoils no other apply of its batch. */
export type Refusal =
  /** The run is over. */
  | "terminal"
  /** The execution no longer holds its phase, the admission came too late, or there is no such phase. */
  | "stale"
  /** The gate has its answer. */
  | "answered"
  /** The gate wants another kind of answer. */
  | "unfit"
  /** The run is still under way. */
  | "unfinished"
  /** A scratch value over the limit, or a key that is not a word. */
  | "too_large";

export type Step =
  | { readonly ok: true; readonly run: Run; readonly effects: readonly Effect[] }
  | { readonly ok: false; readonly why: Refusal };

/** A run before anything happened to it; `run.created` is its first event. */
export function newborn(id: string, workflow: Workflow, now: Iso): Run {
  return {
    id,
    status: "queued",
    reason: null,
    hold: null,
    phases: Object.fromEntries(workflow.phases.map(({ name }) => [name, { status: "pending", ...FIRST }])),
    currentPhase: workflow.phases[0]?.name ?? "",
    restartCount: 0,
    rev: 0,
    epoch: 0,
    startedAt: now,
    updatedAt: now,
    finishedAt: null,
    live: [],
    gates: [],
    ending: null,
    deadline: workflow.timeoutMs === undefined ? null : { left: workflow.timeoutMs, since: null },
    spent: NOTHING,
  };
}
