import type { ApprovalKind, ApprovalStatus } from "../domain/approval.ts";
import type { Iso } from "../domain/clock.ts";
import type { Finding } from "../domain/decision.ts";
import type { ExecutionStatus, Usage } from "../domain/execution.ts";
import type { Json } from "../domain/json.ts";
import type { PhaseState } from "../domain/phase-state.ts";
import type { Hold, Refusal, Run, RunEvent, RunStatus } from "../domain/run.ts";
import type { PhaseType, WorkflowVersion } from "../domain/workflow.ts";
import type { Crons } from "./crons.ts";
import type { Deliveries } from "./deliveries.ts";
import type { ApprovalLine, ArtefactLine, RunDetail, RunLine, SignalLine } from "./lines.ts";
import type { People } from "./people.ts";
import type { Replies } from "./replies.ts";

/**
 * What outlives the process, in domain words; `test/store/suite.ts` is the same contract as promises. Every promise
 * resolves after the write is durable. No method takes a callback into a transaction; no call holds one across an await.
 */
export interface Store {
  /** Who may ask, and what was asked. */
  readonly people: People;
  readonly crons: Crons;
  /** What is said outside. */
  readonly replies: Replies;

  /**
   * Inserts the run, its version, its first effects and its idempotency key in one transaction. A known `once` key
   * returns the run that exists, whatever else the request says.
   */
  create(run: NewRun, take?: Take): Promise<Created>;
  /**
   * Load, advance, save, owe: one transaction, or nothing happened. With `take`, phases that may start now are handed
   * back already held, born running in the same commit. Refusals are values; only trouble with the store is thrown.
   */
  apply(runId: string, event: RunEvent, take?: Take): Promise<Applied>;
  /** Owed phases → executions held by the caller: what `take` does, when no event brings the occasion. */
  claim(take: Take): Promise<readonly Grant[]>;

  run(id: string): Promise<RunDetail | null>;
  /** Newest first, by keyset; the columns that grow (context, inputs, scratch, states) are not read. */
  runs(filter: RunFilter, page: PageRequest): Promise<Page<RunLine>>;
  /** What a phase needs to carry out its try: the run's own words and the outputs of the phases before it. */
  brief(executionId: string): Promise<Brief | null>;
  /**
   * What templates and conditions may read of a run: for one phase what stands still while it runs, its own earlier
   * iterations included; for the run as a whole everything.
   */
  data(runId: string, phase: string | null): Promise<RunData | null>;
  /** What a try is given, word for word, before it starts: a later try of the same iteration gets the same. */
  keepInput(executionId: string, input: Json): Promise<void>;
  /** The runtime's own name for the session of an agent's try, as soon as it is known. */
  keepSession(executionId: string, session: string): Promise<void>;
  /** Runs that are the work of a phase of this one and not over. */
  children(runId: string): Promise<readonly Child[]>;
  /**
   * What runs of this workflow that started at this moment or later have cost, in USD, as far as is known: also those
   * that are under way.
   */
  costSince(workflow: string, since: Iso): Promise<number>;
  /** The same of all other runs of a run's workflow that started on the same day, UTC. */
  costBeside(runId: string): Promise<number>;
  /** A version that some run has pinned. */
  version(hash: string): Promise<WorkflowVersion | null>;

  approval(id: string): Promise<ApprovalLine | null>;
  approvals(filter: { status?: ApprovalStatus }, page: PageRequest): Promise<Page<ApprovalLine>>;

  /** Executions that say they run, of another incarnation than `node`'s: what the last daemon left, by run. */
  orphans(node: Lease): Promise<readonly Grant[]>;

  /** Runs that are held back for this reason. */
  held(hold: Hold): Promise<readonly string[]>;

  /** What a dead incarnation held is owed again; asked once, before anything is due: until then nobody would be reminded of it. */
  reclaim(node: Lease): Promise<void>;
  /** Due outward effects, held by the caller so that no second deliverer takes them. */
  due(node: Lease, limit: number): Promise<readonly OwedEffect[]>;
  /** Done, owed again later, or given up for a person to look at. False when the caller no longer holds it. */
  settle(node: Lease, effectId: string, outcome: Settled): Promise<boolean>;
  /** When the next owed effect falls due; null when nothing is owed. */
  nextDue(): Promise<Iso | null>;

  /** The kill switch: stops new runs only; null deletes the row, which reverts to the YAML. */
  override(name: string, enabled: boolean | null, by: string): Promise<void>;
  overrides(): Promise<readonly WorkflowOverride[]>;
  /** A person's marks on a run; they change nothing about how it goes. False when there is no such run. */
  mark(runId: string, marks: { starred?: boolean; label?: string | null }): Promise<boolean>;

  /** What came from outside, and what it started. */
  readonly deliveries: Deliveries;

  /** Called after each commit that changed runs. A hint: may be late, merged or lost; the rows are the truth. */
  onChange(listen: (changes: readonly RunChange[]) => void): () => void;
  /** Writes one row durably, so that a health check speaks of the disk and not of the process. */
  pulse(): Promise<void>;
  counts(): Promise<Counts>;
  /**
   * Writes a consistent copy of everything to a file that is not there yet, a little at a time; resolves with its bytes
   * once they are on disk. What is written meanwhile may be in it or not. Rejects when `signal` aborts it.
   */
  copyTo(file: string, signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

/** A node's fencing token: which machine, and which life of its daemon. */
export interface Lease {
  readonly node: string;
  readonly incarnation: string;
}

/** Leave to start work: who holds it, and how many may execute at once in all. */
export interface Take {
  readonly node: Lease;
  readonly cap: number;
}

export interface NewRun {
  readonly id: string;
  readonly version: WorkflowVersion;
  readonly trigger: { readonly type: TriggerType; readonly id: string };
  readonly repo: string | null;
  readonly issueNumber: number | null;
  /** Immutable; at most 65,536 bytes of JSON (engine rule 5). */
  readonly context: Json;
  readonly inputs: Json;
  readonly priority: number;
  /** The caller's idempotency key, unique among all runs. */
  readonly once: string | null;
  /** The group it belongs to, and what becomes of it when the group is full. */
  readonly group?: { readonly key: string; readonly max: number; readonly onConflict: "queue" | "skip" | "replace" };
  /** The phase of another run whose work this run is. */
  readonly parent?: Parent;
  /** The run it is a fork of, and the phases it has from there with the executions that hold their outputs. */
  readonly origin?: {
    readonly run: string;
    readonly inherited: { readonly [phase: string]: string | null };
    /** What phases noted there that do not run anew. */
    readonly scratch?: Json;
  };
}
export interface Parent {
  readonly run: string;
  readonly phase: string;
  readonly iteration: number;
  readonly attempt: number;
  readonly epoch: number;
}
/** A run that is the work of a phase, and the try of that phase it is the work of. */
export interface Child extends Parent {
  readonly id: string;
}
export type TriggerType = "webhook" | "cron" | "chat" | "api";

export interface Created {
  readonly created: boolean;
  readonly run: RunLine;
  readonly granted: readonly Grant[];
  /** Executions of runs that it replaced: end their process trees. */
  readonly stopped: readonly string[];
}
export type Applied =
  | {
      readonly ok: true;
      readonly run: Run;
      readonly granted: readonly Grant[];
      /** Executions that are no longer wanted: end their process trees. */
      readonly stopped: readonly string[];
    }
  | { readonly ok: false; readonly why: Refusal | "unknown" };

/** An execution handed to a worker: held, recorded as running, to be carried out now. */
export interface Grant {
  readonly execution: string;
  readonly run: string;
  readonly workflow: string;
  readonly phase: string;
  /** The phase's name, with what its loop or matrix adds. */
  readonly name: string;
  readonly phaseType: PhaseType;
  readonly iteration: number;
  readonly attempt: number;
  readonly epoch: number;
}

/** Everything that templates and conditions may read of a run. */
export interface RunData {
  readonly run: RunLine;
  readonly version: WorkflowVersion;
  readonly inputs: Json;
  readonly context: Json;
  readonly scratch: Json;
  readonly phases: { readonly [name: string]: PhaseState };
  /** The newest ended try of each phase and iteration, oldest first; checks of a loop are not among them. */
  readonly outputs: readonly PhaseOutput[];
  readonly signals: readonly SignalLine[];
  readonly answers: readonly {
    readonly phase: string;
    readonly iteration: number;
    readonly status: ApprovalStatus;
    readonly kind: ApprovalKind;
    readonly by: string | null;
    readonly response: string | null;
    readonly at: Iso | null;
  }[];
}

export interface Brief extends RunData {
  readonly grant: Grant;
  readonly startedAt: Iso;
  /** What was found before the phase started. */
  readonly finding: Finding | null;
  /** What an earlier try of this iteration was given; null for the first. */
  readonly input: Json;
  /** The newest earlier try in this epoch that had a session, where the phase may go on with it. */
  readonly earlier: SessionBefore | null;
}
/** The session of a try that is over. */
export interface SessionBefore {
  readonly execution: string;
  /** The runtime's own name for it. */
  readonly session: string;
  readonly status: Exclude<ExecutionStatus, "running">;
  /** What that try was given. */
  readonly input: Json;
  /** What all tries that had this session used in it. */
  readonly used: Usage;
}
export interface PhaseOutput {
  readonly phase: string;
  readonly name: string;
  readonly iteration: number;
  readonly execution: string;
  readonly status: Exclude<ExecutionStatus, "running">;
  readonly exitCode: number | null;
  /** At most INLINE_LIMIT bytes; empty where many items printed more than all of them may hold together. */
  readonly text: string;
  readonly bytes: number;
  /** A loop's condition held, or its command said so. */
  readonly enough: boolean;
  readonly outputs: { readonly [name: string]: Json } | null;
  readonly artefacts: readonly ArtefactLine[];
}
export interface OwedEffect {
  readonly id: string;
  readonly run: string;
  readonly kind: EffectKind;
  readonly payload: Json;
  readonly due: Iso;
  readonly tries: number;
  /** Of them those before an operator had it tried anew. */
  readonly forgiven?: number;
}
export type Settled =
  | { readonly done: true }
  | { readonly retryAt: Iso; readonly error: string }
  | { readonly dead: true; readonly error: string };
/**
 * `ask`: tell people that a gate waits. `decide`: look at the run's data for a phase. `timer`: wake the run. `post`: tell
 * people what the author wrote. `child`, `child_stop`: begin or end a run for a phase; `child_ended`: tell its parent. `action`: act
 * outside for a phase. `report`: show where it came from how a run stands.
 */
export type EffectKind =
  | "ask"
  | "decide"
  | "timer"
  | "post"
  | "child"
  | "child_stop"
  | "child_ended"
  | "action"
  | "report";

export interface RunFilter {
  readonly status?: readonly RunStatus[];
  readonly workflow?: string;
  readonly trigger?: string;
  readonly label?: string;
  readonly starred?: boolean;
  /** Started at this moment or later. */
  readonly since?: Iso;
}
export interface PageRequest {
  readonly limit: number;
  readonly after?: string;
}
/** `next` is a keyset cursor for the page after, or null at the end. */
export interface Page<T> {
  readonly rows: readonly T[];
  readonly next: string | null;
}

export interface WorkflowOverride {
  readonly name: string;
  readonly enabled: boolean;
  readonly updated_at: Iso;
  readonly updated_by: string | null;
}

export interface RunChange {
  readonly run: string;
  readonly rev: number;
  readonly status: RunStatus;
}

export interface Counts {
  readonly executing: number;
  readonly owed: number;
  readonly pending_approvals: number;
}
