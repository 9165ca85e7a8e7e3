import type { Decision } from "./approval.ts";
import type { Iso } from "./clock.ts";
import type { PhaseStatus } from "./graph.ts";
import type { Json } from "./json.ts";
import type { RunReason, RunStatus } from "./run.ts";

/** Where a scenario's file says a thing; lines and columns count from 1. Null for what no file says. */
export type Said = { readonly line: number; readonly column: number } | null;

/**
 * A world for a workflow to be tried in: what sets it off, what its programs and agents do, what people say and when, and
 * what must hold in the end. Times are milliseconds of simulated time.
 */
export interface Scenario {
  readonly name: string | null;
  readonly description: string | null;
  readonly seed: number;
  /** The moment at which it begins. */
  readonly start: Iso;
  /** It is looked at no longer than this, whatever is still going on. */
  readonly limitMs: number;
  readonly settings: ScenarioSettings;
  /** At least one; the first belongs to the workflow that is tried, as do the others. */
  readonly triggers: readonly ScenarioTrigger[];
  readonly cast: Cast;
  /** The same for runs of other workflows, by their names: what phases start as child runs. */
  readonly children: { readonly [workflow: string]: Cast };
  readonly signals: readonly ScenarioSignal[];
  readonly operator: readonly Deed[];
  /** Whether whatever it says nothing about goes well: programs succeed, and people say yes. */
  readonly easy: boolean;
}

/** What a daemon's configuration would say. */
export interface ScenarioSettings {
  /** Names of gates behind phases that are enabled (`approval_gate`). */
  readonly approvals: readonly string[];
  readonly models: { readonly [name: string]: string };
  readonly variants: { readonly [name: string]: string };
  /** Secrets that are there; what they hold is made up. */
  readonly secrets: readonly string[];
  readonly publicUrl: string;
  readonly sandbox: string;
  readonly maxExecutions: number;
}

/** Who plays what in runs of one workflow. */
export interface Cast {
  /** By the name of an iteration (`fix_iter_2`, `build[0]`), else of the phase: one act per start, the last for all after it. */
  readonly phases: { readonly [name: string]: readonly Act[] };
  /** By the phase that asks, or by the gate's own name: one answer per question, the last for all after it. */
  readonly answers: { readonly [gate: string]: readonly Answer[] };
}

/** What one try does: a program, an agent, or what a phase type that is not carried out yet would have come to. */
export interface Act {
  /** How long it takes; null never ends by itself. */
  readonly takesMs: number | null;
  readonly end: { readonly type: "exit"; readonly code: number } | { readonly type: "lost" };
  readonly output: string;
  readonly stderr: string;
  /** Set when an agent says itself that it failed. */
  readonly error: string | null;
  /** Files that it leaves in the workspace, by path. */
  readonly files: { readonly [path: string]: string };
  readonly usage: {
    readonly usd?: number;
    readonly turns?: number;
    readonly inputTokens?: number;
    readonly outputTokens?: number;
  };
  readonly said: Said;
}

/** What people say when they are asked; `nobody` leaves the question open. */
export type Answer =
  | { readonly type: "nobody"; readonly said: Said }
  | {
      readonly type: "answer";
      readonly decision: Decision;
      readonly by: string;
      /** After the question. */
      readonly afterMs: number;
      /** What is said with it; of a reply, the reply. */
      readonly comment: string | null;
      readonly said: Said;
    };

export interface ScenarioTrigger {
  readonly atMs: number;
  readonly type: "api" | "webhook" | "cron" | "chat";
  readonly id: string | null;
  readonly by: string;
  /** Two triggers with one key make one run. */
  readonly once: string | null;
  readonly inputs: { readonly [name: string]: Json };
  readonly context: { readonly [name: string]: Json };
  readonly expect: readonly Expectation[];
  readonly said: Said;
}

/** For the run of a trigger, counted from 0. */
export interface ScenarioSignal {
  readonly atMs: number;
  readonly trigger: number;
  readonly id: string;
  readonly name: string;
  readonly payload: Json;
  readonly said: Said;
}

/** What an operator does to the run of a trigger. */
export interface Deed {
  readonly atMs: number;
  readonly trigger: number;
  readonly what: "pause" | "resume" | "cancel" | "retry";
  /** The phase that a retry goes on from. */
  readonly from: string | null;
  readonly by: string;
  readonly said: Said;
}

/** A promise about the run of a trigger. */
export type Expectation = { readonly said: Said } & (
  | { readonly type: "status"; readonly is: RunStatus }
  | { readonly type: "reason"; readonly is: RunReason | null }
  | { readonly type: "refused"; readonly code: string }
  | { readonly type: "phase.status"; readonly phase: string; readonly is: PhaseStatus }
  /** Tries of a phase, its iterations and items included. */
  | { readonly type: "phase.tries"; readonly phase: string; readonly is: number }
  /** How often people are asked by a phase, reminders not counted. */
  | { readonly type: "phase.asks"; readonly phase: string; readonly is: number }
  /** Its last output. */
  | { readonly type: "phase.output"; readonly phase: string; readonly is?: string; readonly contains?: string }
  /** Its prompt or the values of its command, as the last try was given them. */
  | { readonly type: "phase.given"; readonly phase: string; readonly contains: string }
  /** These start in this order, with or without others between them. */
  | { readonly type: "order"; readonly phases: readonly string[] }
  | { readonly type: "never"; readonly phase: string }
  /** Something that people are told or asked holds these words. */
  | { readonly type: "said"; readonly words: string }
  | { readonly type: "takes"; readonly atLeastMs?: number; readonly atMostMs?: number }
  | {
      readonly type: "costs";
      readonly usdAtMost?: number;
      readonly turnsAtMost?: number;
      readonly tokensAtMost?: number;
    }
);
