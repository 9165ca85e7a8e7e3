import type { Finding } from "../domain/decision.ts";
import { asFault, Fault } from "../domain/fault.ts";
import type { Json } from "../domain/json.ts";
import { type Axes, combinations, MATRIX_LIMIT } from "../domain/matrix.ts";
import type { Matrix, Phase } from "../domain/workflow.ts";
import type { RunData } from "../store/store.ts";
import { evaluate, evaluateList } from "../workflow/expression.ts";
import { render, type Scope } from "../workflow/template.ts";
import { filled, numberAt, scopeOf } from "./scope.ts";
import { isSandbox, type Settings } from "./settings.ts";

type Go = Extract<Finding, { type: "run" }>;

const MOST_ROUNDS = 1_000;

/**
 * Looks at a run's data for a phase that is about to start: whether it may, and what it starts with. `approval` is the id
 * of the question, should it ask one. Never throws.
 */
export function findingOf(data: RunData, phase: Phase, settings: Settings, approval: string): Finding {
  const warnings: string[] = [];
  const warned = (): { warnings?: readonly string[] } => (warnings.length > 0 ? { warnings } : {});
  try {
    const scope = { ...scopeOf(data, settings), approvalId: approval };
    const holds = (condition: string, more: Scope = {}): boolean => {
      const { value, warning } = evaluate(condition, { ...scope, ...more });
      if (warning !== null) warnings.push(`${condition}: ${warning}`);
      return value;
    };
    const why = reasonToSkip(phase, settings, holds);
    if (why !== null) return { type: "skip", why, ...warned() };
    if (phase.type === "wait" && "until" in phase.wait && !holds(phase.wait.until))
      return { type: "wait", ...warned() };
    return { type: "run", ...startWith(data, phase, scope, warnings), ...warned() };
  } catch (error) {
    const { code, message } = asFault(error);
    return { type: "fail", error: `${code}: ${message}` };
  }
}

/** In this order, and the first that says no is named (grammar: Order). */
function reasonToSkip(
  phase: Phase,
  settings: Settings,
  holds: (condition: string, more?: Scope) => boolean,
): string | null {
  const { requiresSandbox: wanted } = phase;
  if (wanted !== undefined && !isSandbox(wanted, settings))
    return `requires_sandbox: ${wanted}, and programs run in "${settings.sandbox}"`;
  // Nothing has been said yet, so that a condition about the output is false and not unknown.
  for (const condition of phase.skipIf ?? []) if (holds(condition, { output: "" })) return `skip_if: ${condition}`;
  return phase.if !== undefined && !holds(phase.if) ? `if: ${phase.if}` : null;
}

function startWith(data: RunData, phase: Phase, scope: Scope, warnings: string[]): Omit<Go, "type" | "warnings"> {
  if (phase.matrix) return { axes: axesOf(phase.matrix, scope) };
  switch (phase.type) {
    case "approval":
      return { summary: render(phase.summary, scope), approval: String(scope.approvalId) };
    case "agent":
      return phase.genericLoop?.maxFrom === undefined
        ? {}
        : {
            maxIterations: roundsOf(data.context, phase.genericLoop.maxFrom, phase.genericLoop.maxIterations, warnings),
          };
    case "wait":
      return "at" in phase.wait ? { at: momentOf(render(phase.wait.at, scope)) } : {};
    case "workflow":
    case "action":
      return { inputs: filled(phase.with, scope, render) as { [name: string]: Json } };
    default:
      return {};
  }
}

function axesOf({ axes }: Matrix, scope: Scope): Axes {
  const found = Object.fromEntries(
    Object.entries(axes).map(([name, values]) => [
      name,
      typeof values === "string" ? evaluateList(values, scope) : values,
    ]),
  );
  const total = combinations(found);
  if (total > MATRIX_LIMIT)
    throw new Fault("template.failed", `the matrix makes ${total} items; ${MATRIX_LIMIT} are the most`);
  return found;
}

function roundsOf(context: Json, from: string, otherwise: number, warnings: string[]): number {
  const found = numberAt(context, from);
  if (found !== null) return Math.min(found, MOST_ROUNDS);
  warnings.push(`max_iterations: context.${from} holds no number above 0; ${otherwise} is taken`);
  return otherwise;
}

/** ISO 8601 with its zone: a moment must be the same wherever the daemon runs. */
function momentOf(text: string): string {
  const zoned = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/.test(text.trim());
  const moment = zoned ? Date.parse(text.trim()) : Number.NaN;
  if (Number.isNaN(moment))
    throw new Fault("template.failed", `"${text.slice(0, 80)}" is no moment; write 2026-12-24T09:00:00Z`);
  return new Date(moment).toISOString();
}
