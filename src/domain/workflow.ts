import type { Json } from "./json.ts";

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
export const PROGRAM_TYPES: ReadonlySet<PhaseType> = new Set(["bash", "script"]);

interface PhaseBase {
  readonly name: string;
  /** Shown to people; the name when the author gave none. */
  readonly label: string;
  /** Resolved: the order rule has been applied, so an empty list means "starts at once". */
  readonly dependsOn: readonly string[];
  readonly triggerRule: TriggerRule;
}

/** A marker the run passes through; what it hands on is the run's own context. */
export interface ContextPhase extends PhaseBase {
  readonly type: "context";
}

/** A command of the shell. Nothing is spliced into it: values arrive as environment variables and files. */
export interface BashPhase extends PhaseBase {
  readonly type: "bash";
  readonly command: string;
  readonly timeoutMs: number;
}

/** A program's text in one of three languages. It takes no templates; it reads its inputs as JSON from a file. */
export interface ScriptPhase extends PhaseBase {
  readonly type: "script";
  readonly script: string;
  readonly runtime: "js" | "ts" | "python";
  readonly timeoutMs: number;
}

/** A door where a person answers. */
export interface ApprovalPhase extends PhaseBase {
  readonly type: "approval";
  readonly summary: string;
}

/** A phase that the grammar knows and this version does not carry out; its workflow lists it in `unavailable`. */
export interface OtherPhase extends PhaseBase {
  readonly type: Exclude<PhaseType, "context" | "bash" | "script" | "approval">;
}

export type Phase = ContextPhase | BashPhase | ScriptPhase | ApprovalPhase | OtherPhase;

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
  /** Keys that would change how the run goes and are not carried out yet, e.g. `phases.fix.if`: it loads, it does not start. */
  readonly unavailable: readonly string[];
}

/** One version of one workflow: what a run pins. `hash` is the sha256 of the YAML's bytes, in hex. */
export interface WorkflowVersion {
  readonly hash: string;
  readonly name: string;
  readonly yaml: string;
  readonly workflow: Workflow;
}
