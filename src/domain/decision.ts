import type { Json } from "./json.ts";
import type { Axes } from "./matrix.ts";
import type { Phase } from "./workflow.ts";

/** What the run's data says about a phase before it starts: found by evaluating, told to the run as an event. */
export type Finding =
  | {
      readonly type: "run";
      /** A gate's question, its templates filled in. */
      readonly summary?: string;
      /** The question's id, which its words may name. */
      readonly approval?: string;
      /** The most iterations a loop may take. */
      readonly maxIterations?: number;
      /** A matrix's values, where an expression gives them. */
      readonly axes?: Axes;
      /** The moment that a `wait` waits for. */
      readonly at?: string;
      /** What a child run, or an act on an outside system, is given. */
      readonly inputs?: { readonly [name: string]: Json };
      /** Conditions that could not be evaluated, and therefore count as false. */
      readonly warnings?: readonly string[];
    }
  /** `why` names the condition. */
  | { readonly type: "skip"; readonly why: string; readonly warnings?: readonly string[] }
  /** A condition that is waited for does not hold yet. */
  | { readonly type: "wait"; readonly warnings?: readonly string[] }
  | { readonly type: "fail"; readonly error: string };

/** Whether a phase can only start after someone has looked at the run's data: a transition sees none of it. */
export function needsDecision(phase: Phase): boolean {
  if (phase.if !== undefined || phase.skipIf !== undefined || phase.requiresSandbox !== undefined) return true;
  if (phase.matrix && Object.values(phase.matrix.axes).some((values) => typeof values === "string")) return true;
  switch (phase.type) {
    case "approval":
      return /\{\{|\{%|\$\{/.test(phase.summary);
    case "agent":
      return phase.genericLoop?.maxFrom !== undefined;
    case "wait":
      return !("forMs" in phase.wait);
    case "workflow":
    case "action":
      return true;
    default:
      return false;
  }
}
