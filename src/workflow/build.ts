import { orderRule } from "../domain/graph.ts";
import type { Json } from "../domain/json.ts";
import type { Phase, Workflow } from "../domain/workflow.ts";
import type { DeclaredPhase } from "./schema/phase.ts";
import { milliseconds } from "./schema/text.ts";
import type { DeclaredWorkflow } from "./schema/workflow.ts";

/** A declaration without faults as the engine wants it: defaults written out, the order rule applied. */
export function workflowOf(declared: DeclaredWorkflow, kind: string, unavailable: readonly string[]): Workflow {
  const order = orderRule(declared.phases.map(({ name, depends_on }) => ({ name, dependsOn: depends_on ?? null })));
  return {
    grammar: 1,
    name: declared.name,
    kind,
    description: declared.description ?? null,
    priority: declared.priority ?? 0,
    inputs: (declared.inputs ?? {}) as Record<string, Json>,
    phases: declared.phases.map((phase, at) => phaseOf(phase, [...new Set(order[at])])),
    unavailable,
  };
}

const COMMAND_TIMEOUT_MS = 300_000;

function phaseOf(declared: DeclaredPhase, dependsOn: readonly string[]): Phase {
  const { name, label = name, trigger_rule: triggerRule = "all_success", type = "agent" } = declared;
  const base = { name, label, dependsOn, triggerRule };
  switch (type) {
    case "context":
      return { ...base, type };
    case "bash":
      return { ...base, type, command: declared.command ?? "", timeoutMs: timeoutOf(declared) };
    case "script": {
      const { script = "", runtime = "js" } = declared;
      return { ...base, type, script, runtime, timeoutMs: timeoutOf(declared) };
    }
    case "approval":
      return { ...base, type, summary: declared.approval?.summary ?? label };
    default:
      return { ...base, type };
  }
}

function timeoutOf({ timeout, timeout_seconds: seconds }: DeclaredPhase): number {
  if (timeout !== undefined) return milliseconds(timeout);
  return typeof seconds === "number" ? seconds * 1000 : COMMAND_TIMEOUT_MS;
}
