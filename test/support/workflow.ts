import { createHash } from "node:crypto";
import type { Phase, TriggerRule, Workflow, WorkflowVersion } from "../../src/domain/workflow.ts";

interface Sketch {
  name: string;
  type?: "context" | "bash" | "approval";
  after?: readonly string[];
  rule?: TriggerRule;
  command?: string;
  timeoutMs?: number;
}

/** A checked workflow from a few words; a phase without `after` starts at once. */
export function workflow(name: string, sketches: readonly Sketch[]): Workflow {
  return {
    grammar: 1,
    name,
    kind: "agent",
    description: null,
    priority: 0,
    inputs: {},
    phases: sketches.map(phase),
    unavailable: [],
  };
}

function phase({
  name,
  type = "context",
  after = [],
  rule = "all_success",
  command = "true",
  timeoutMs = 60_000,
}: Sketch): Phase {
  const base = { name, label: name, dependsOn: after, triggerRule: rule };
  if (type === "bash") return { ...base, type, command, timeoutMs };
  if (type === "approval") return { ...base, type, summary: `May ${name} go on?` };
  return { ...base, type };
}

export function version(of: Workflow): WorkflowVersion {
  const yaml = JSON.stringify(of);
  return { hash: createHash("sha256").update(yaml).digest("hex"), name: of.name, yaml, workflow: of };
}
