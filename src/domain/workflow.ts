import type { ApprovalKind, People } from "./approval.ts";
import type { FailureClass } from "./execution.ts";
import type { Json } from "./json.ts";
import type { Messages } from "./message.ts";

/** When a phase may start, judged once all its dependencies are final (grammar: Order). */
export type TriggerRule = "all_success" | "one_success" | "none_failed_min_one_success" | "all_done";

/** Every phase type of grammar 1; which of them this version carries out is `plugins.ts`'s to say. */
export const PHASE_TYPES = [
  "context",
  "agent",
  "bash",
  "script",
  "post-review",
  "tool",
  "action",
  "approval",
  "wait",
  "workflow",
] as const;
export type PhaseType = (typeof PHASE_TYPES)[number];

/** Phase types whose tries are programs: they outlive the daemon and have a session file under the execution's id. */
export const PROGRAM_TYPES: ReadonlySet<PhaseType> = new Set(["bash", "script", "agent"]);

/** Which failures are tried again, how often, and after how long (grammar: retry). */
export interface Retry {
  /** Tries beyond the first. */
  readonly times: number;
  readonly when: readonly (FailureClass | "any")[];
  /** The first pause; each further one is `factor` times longer, up to `longestMs`. 0 tries again at once. */
  readonly pauseMs: number;
  readonly factor: number;
  readonly longestMs: number;
}

/** One phase, many items: every combination of the axes, tried side by side. */
export interface Matrix {
  /** Axis → its values, or an expression that gives them when the phase starts. */
  readonly axes: { readonly [name: string]: readonly Json[] | string };
  readonly maxParallel: number;
  /** The first item that fails stops the others. */
  readonly failFast: boolean;
}

/** Where a named output comes from: all of stdout, a file of the workspace, or a file (or stdout) read as JSON. */
export interface OutputSource {
  readonly from: "stdout" | "file" | "json";
  readonly path?: string;
}

/** What every phase may say besides its type. A property that is absent asks for nothing. */
interface PhaseBase {
  readonly name: string;
  /** Shown to people; the name when the author gave none. */
  readonly label: string;
  /** Resolved: the order rule has been applied, so an empty list means "starts at once". */
  readonly dependsOn: readonly string[];
  readonly triggerRule: TriggerRule;
  /** Runs after everything else, on every ending, and never changes it. */
  readonly finally?: true;
  /** Conditions; any that is true skips the phase. */
  readonly skipIf?: readonly string[];
  /** A condition; false skips the phase. */
  readonly if?: string;
  readonly requiresSandbox?: string;
  /** The image of its container, where programs run in containers. */
  readonly sandboxImage?: string;
  /** Hosts that its sandboxed programs may reach; `*` is any public name. */
  readonly egress?: readonly string[];
  readonly retry?: Retry;
  /** Templates; what they give stands in the environment of the phase's programs. */
  readonly env?: { readonly [variable: string]: string };
  readonly secrets?: readonly string[];
  /** Another name for the phase's output. */
  readonly outputVar?: string;
  readonly outputs?: { readonly [name: string]: OutputSource };
  readonly artefacts?: readonly { readonly path: string; readonly name: string }[];
  readonly matrix?: Matrix;
  /** Asks after the phase when the daemon's configuration enables the gate of this name. */
  readonly approvalGate?: { readonly name: string; readonly artefact?: string; readonly message?: string };
  readonly messages?: Messages;
  /** A marker that the run shows when it has succeeded (`on_success.set_phase`); never a jump. */
  readonly endMarker?: string;
}

/** A marker the run passes through; what it hands on is the run's own context. */
export interface ContextPhase extends PhaseBase {
  readonly type: "context";
}

/** How long a program may take: a number, or a number found in the context, `timeoutMs` when there is none. */
interface Timed {
  readonly timeoutMs: number;
  readonly timeoutFrom?: string;
}

/** A command of the shell. Nothing is spliced into it: values arrive as environment variables and files. */
export interface BashPhase extends PhaseBase, Timed {
  readonly type: "bash";
  readonly command: string;
  /** What the references that stand in the templates' places hold. */
  readonly values?: readonly { readonly variable: string; readonly template: string }[];
}

/** A program's text in one of three languages. It takes no templates; it reads its inputs as JSON from a file. */
export interface ScriptPhase extends PhaseBase, Timed {
  readonly type: "script";
  readonly script: string;
  readonly runtime: "js" | "ts" | "python";
}

/** Review, fix, review again: until the review says APPROVED or the cycles are used up. */
export interface ReviewLoop {
  readonly maxCycles: number;
  readonly fixPrompt: string;
  readonly recheckPrompt: string;
  readonly fixModel?: string;
  readonly fixVariant?: string;
}

/** The same prompt again, until a condition or a command says that it is enough. */
export interface GenericLoop {
  /** A number, or one found in the context; then this is what holds when there is none. */
  readonly maxIterations: number;
  readonly maxFrom?: string;
  readonly until?: string;
  readonly untilBash?: string;
  readonly untilBashTimeoutMs: number;
  /** Asks a person between two iterations. */
  readonly gate?: { readonly kind: ApprovalKind; readonly message?: string };
  readonly scratchKey: string;
  readonly freshContext: boolean;
  readonly softRetries: number;
  readonly thenComplete: boolean;
}

/** What a word in an agent's output brings about. */
export interface OutputRule {
  readonly action: "fail" | "continue" | "pause";
  readonly message?: string;
  readonly unlessLabel?: string;
  readonly unlessTitleMatches?: string;
  readonly bypassMessage?: string;
}

export interface AgentPhase extends PhaseBase, Timed {
  readonly type: "agent";
  /**
   * What one try may use up, as `timeoutMs` is the time of one try. Reached while it works, it ends the try as failed,
   * class `budget`; a try that has ended by itself stands, whatever it used.
   */
  readonly budget?: PhaseBudget;
  /** Paths of prompt files among the version's `files`. */
  readonly prompt?: string;
  readonly skills?: readonly string[];
  readonly model?: string;
  readonly variant?: string;
  readonly agent?: string;
  /** Later rounds, reworks and replies go on with the conversation of the try before; without it each try begins one. */
  readonly session?: "continue";
  readonly requiresMarker?: string;
  readonly blocked?: OutputRule;
  readonly loop?: ReviewLoop;
  readonly genericLoop?: GenericLoop;
}

/** A door where a person answers. */
export interface ApprovalPhase extends PhaseBase {
  readonly type: "approval";
  readonly summary: string;
  readonly timeoutMs?: number;
  readonly onTimeout?: "reject" | "fail" | "continue";
  /** After how long it is brought up again, counted from its opening; each later than the one before. */
  readonly remindMs?: readonly number[];
  /** After how long others are asked too. */
  readonly escalate?: { readonly afterMs: number; readonly to: People };
  /** A rejection sends this phase, and everything downstream of it, round again. */
  readonly rework?: { readonly phase: string; readonly max: number };
}

/** Waits for a while, for a moment, or until a condition holds. */
export interface WaitPhase extends PhaseBase {
  readonly type: "wait";
  readonly wait:
    | { readonly forMs: number }
    | { readonly at: string }
    | { readonly until: string; readonly everyMs: number };
  readonly timeoutMs?: number;
}

/** A run of another workflow, whose end is this phase's end. */
export interface ChildPhase extends PhaseBase {
  readonly type: "workflow";
  readonly workflow: string;
  readonly with: { readonly [name: string]: Json };
  readonly timeoutMs?: number;
}

/** An act on an outside system, done once as far as that system lets us; its end is this phase's end. */
export interface ActionPhase extends PhaseBase {
  readonly type: "action";
  /** One of `ACTIONS` (`domain/action.ts`). */
  readonly action: string;
  readonly with: { readonly [name: string]: Json };
  readonly timeoutMs?: number;
}

/** A phase that the grammar knows and this version does not carry out; its workflow lists it in `unavailable`. */
export interface OtherPhase extends PhaseBase {
  readonly type: "tool";
}

export type Phase =
  | ContextPhase
  | BashPhase
  | ScriptPhase
  | AgentPhase
  | ApprovalPhase
  | WaitPhase
  | ChildPhase
  | ActionPhase
  | OtherPhase;

/** How many runs of one group may be under way at once, and what becomes of one too many. */
export interface Concurrency {
  /** A template; the workflow's name when the author gave none. */
  readonly group?: string;
  readonly max: number;
  readonly onConflict: "queue" | "skip" | "replace";
}

/** Limits of what is used up; a cost that nobody knows reaches no limit in USD. */
export interface PhaseBudget {
  readonly usd?: number;
  readonly turns?: number;
  readonly tokens?: number;
}

/**
 * What a run may use up; reaching a limit ends it. `perDayUsd` counts the runs of the workflow that began on the same
 * day, UTC.
 */
export interface Budget extends PhaseBudget {
  readonly perDayUsd?: number;
}

/** What starts runs of a workflow by itself. */
export interface Triggers {
  /** Events as `issues.opened`, or `issues` for all its actions; a condition that must hold besides. */
  readonly github?: readonly { readonly events: readonly string[]; readonly if?: string }[];
  readonly webhook?: readonly { readonly source: string; readonly if?: string }[];
}

/**
 * A declaration, immutable per content hash: plain JSON, checked before it is made, so that what is stored beside the
 * YAML can be executed by a daemon that never parses again.
 */
export interface Workflow {
  readonly grammar: 1;
  readonly name: string;
  /** A free label shown in lists (`agent` by default). */
  readonly kind: string;
  readonly description: string | null;
  readonly priority: number;
  /** JSON Schema properties as the author wrote them, allow-listed keywords only. */
  readonly inputs: { readonly [name: string]: Json };
  readonly phases: readonly Phase[];
  readonly on?: Triggers;
  readonly variables?: { readonly [name: string]: string };
  readonly env?: { readonly [variable: string]: string };
  readonly secrets?: readonly string[];
  /** The run's deadline; time spent at gates is not counted. */
  readonly timeoutMs?: number;
  readonly concurrency?: Concurrency;
  readonly budget?: Budget;
  readonly statusChecklist?: true;
  /** Told once when the run has succeeded; nothing when it renders to nothing. */
  readonly finalMessage?: string;
  /** Texts beside the YAML that its phases name, by path: pinned with it. */
  readonly files?: { readonly [path: string]: string };
  /** Keys that would change how the run goes and are not carried out yet, e.g. `phases.fix.if`: it loads, it does not start. */
  readonly unavailable: readonly string[];
}

/** One version of one workflow: what a run pins. `hash` is the sha256 of the YAML's bytes and of the files it names, in hex. */
export interface WorkflowVersion {
  readonly hash: string;
  readonly name: string;
  readonly yaml: string;
  readonly workflow: Workflow;
}
