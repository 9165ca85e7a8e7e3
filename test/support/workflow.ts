import { createHash } from "node:crypto";
import type {
  ActionPhase,
  AgentPhase,
  ApprovalPhase,
  GenericLoop,
  Matrix,
  Phase,
  Retry,
  ReviewLoop,
  TriggerRule,
  WaitPhase,
  Workflow,
  WorkflowVersion,
} from "../../src/domain/workflow.ts";

/** What every phase may ask for besides its type, in the words of the workflow itself. */
type Common = Pick<Phase, "finally" | "if" | "skipIf" | "requiresSandbox" | "approvalGate" | "messages">;

export interface Sketch extends Common {
  name: string;
  /** Told by the other keys where it can be: `wait`, `child`, `review`, `iterate`. */
  type?: "context" | "bash" | "agent" | "approval" | "wait" | "workflow" | "action";
  after?: readonly string[];
  rule?: TriggerRule;
  command?: string;
  timeoutMs?: number;
  /** Once more by default, for any failure, at once. */
  retry?: Partial<Retry>;
  /** A number of items, or the matrix; all side by side by default. */
  matrix?: number | (Partial<Matrix> & { items?: number });
  /** A review loop of so many cycles. */
  review?: number | Partial<ReviewLoop>;
  /** A generic loop of so many iterations. */
  iterate?: number | Partial<GenericLoop>;
  marker?: string;
  session?: AgentPhase["session"];
  /** Of one try of an agent. */
  budget?: AgentPhase["budget"];
  summary?: string;
  onTimeout?: ApprovalPhase["onTimeout"];
  rework?: ApprovalPhase["rework"];
  remindMs?: ApprovalPhase["remindMs"];
  escalate?: ApprovalPhase["escalate"];
  wait?: WaitPhase["wait"];
  /** The workflow that a child run is a run of. */
  child?: string;
  /** What is done outside, and with what. */
  action?: string;
  with?: ActionPhase["with"];
}

/** A checked workflow from a few words; a phase without `after` starts at once. */
export function workflow(name: string, sketches: readonly Sketch[], more: Partial<Workflow> = {}): Workflow {
  return {
    grammar: 1,
    name,
    kind: "agent",
    description: null,
    priority: 0,
    inputs: {},
    phases: sketches.map(phase),
    unavailable: [],
    ...more,
  };
}

function phase(sketch: Sketch): Phase {
  const {
    name,
    after = [],
    rule = "all_success",
    command = "true",
    timeoutMs,
    retry,
    matrix,
    review,
    iterate,
  } = sketch;
  const base = {
    name,
    label: name,
    dependsOn: after,
    triggerRule: rule,
    ...(sketch.finally && { finally: sketch.finally }),
    ...(sketch.if !== undefined && { if: sketch.if }),
    ...(sketch.skipIf && { skipIf: sketch.skipIf }),
    ...(sketch.requiresSandbox !== undefined && { requiresSandbox: sketch.requiresSandbox }),
    ...(sketch.approvalGate && { approvalGate: sketch.approvalGate }),
    ...(sketch.messages && { messages: sketch.messages }),
    ...(retry && { retry: { times: 1, when: ["any" as const], pauseMs: 0, factor: 2, longestMs: 60_000, ...retry } }),
    ...(matrix !== undefined && { matrix: matrixOf(matrix) }),
  };
  const timed = timeoutMs === undefined ? {} : { timeoutMs };
  switch (typeOf(sketch)) {
    case "bash":
      return { ...base, type: "bash", command, timeoutMs: timeoutMs ?? 60_000 };
    case "approval":
      return {
        ...base,
        type: "approval",
        summary: sketch.summary ?? `May ${name} go on?`,
        ...timed,
        ...(sketch.onTimeout && { onTimeout: sketch.onTimeout }),
        ...(sketch.rework && { rework: sketch.rework }),
        ...(sketch.remindMs && { remindMs: sketch.remindMs }),
        ...(sketch.escalate && { escalate: sketch.escalate }),
      };
    case "wait":
      return { ...base, type: "wait", wait: sketch.wait ?? { forMs: 60_000 }, ...timed };
    case "workflow":
      return { ...base, type: "workflow", workflow: sketch.child ?? "other", with: {}, ...timed };
    case "action":
      return { ...base, type: "action", action: sketch.action ?? "github.comment", with: sketch.with ?? {}, ...timed };
    case "agent":
      return {
        ...base,
        type: "agent",
        timeoutMs: timeoutMs ?? 60_000,
        prompt: `prompts/${name}.md`,
        ...(sketch.marker !== undefined && { requiresMarker: sketch.marker }),
        ...(sketch.budget && { budget: sketch.budget }),
        ...(sketch.session && { session: sketch.session }),
        ...(review !== undefined && { loop: reviewOf(review) }),
        ...(iterate !== undefined && { genericLoop: loopOf(name, iterate) }),
      };
    case "context":
      return { ...base, type: "context" };
  }
}

function typeOf({ type, wait, child, action, review, iterate, marker, budget }: Sketch): NonNullable<Sketch["type"]> {
  if (type) return type;
  if (wait) return "wait";
  if (child !== undefined) return "workflow";
  if (action !== undefined) return "action";
  const agent = review !== undefined || iterate !== undefined || marker !== undefined || budget !== undefined;
  return agent ? "agent" : "context";
}

function matrixOf(matrix: NonNullable<Sketch["matrix"]>): Matrix {
  const { items = 3, ...more } = typeof matrix === "number" ? { items: matrix } : matrix;
  const axes = { item: Array.from({ length: items }, (_, at) => at) };
  return { axes, maxParallel: Math.max(items, 1), failFast: false, ...more };
}

function reviewOf(review: NonNullable<Sketch["review"]>): ReviewLoop {
  const more = typeof review === "number" ? { maxCycles: review } : review;
  return { maxCycles: 2, fixPrompt: "prompts/fix.md", recheckPrompt: "prompts/recheck.md", ...more };
}

function loopOf(name: string, iterate: NonNullable<Sketch["iterate"]>): GenericLoop {
  return {
    maxIterations: 3,
    until: "output.contains('READY')",
    untilBashTimeoutMs: 30_000,
    scratchKey: name,
    freshContext: false,
    softRetries: 0,
    thenComplete: false,
    ...(typeof iterate === "number" ? { maxIterations: iterate } : iterate),
  };
}

export function version(of: Workflow): WorkflowVersion {
  const yaml = JSON.stringify(of);
  return { hash: createHash("sha256").update(yaml).digest("hex"), name: of.name, yaml, workflow: of };
}
