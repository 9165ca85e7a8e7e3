import { createHash } from "node:crypto";
import { orderRule } from "../domain/graph.ts";
import type { Json } from "../domain/json.ts";
import type { Phase, Workflow, WorkflowVersion } from "../domain/workflow.ts";
import { type Complaint, complaintsOf, isError, type Remark } from "./complaint.ts";
import { decode } from "./decode.ts";
import { flaws } from "./flaws.ts";
import { mistakes } from "./mistakes.ts";
import { parse } from "./parse.ts";
import { milliseconds } from "./schema/text.ts";
import { type DeclaredPhase, type DeclaredWorkflow, schemaOf } from "./schema.ts";
import type { Path, Source } from "./source.ts";
import { findUnavailable, REFUSED } from "./unavailable.ts";

/** What one file comes to. `version` is null when an error stops it, and for schedules, which nothing runs. */
export interface Checked {
  readonly name: string | null;
  readonly kind: string;
  readonly version: WorkflowVersion | null;
  readonly complaints: readonly Complaint[];
}

/** Reads one workflow file and says everything a person should know about it; never throws. */
export function check(file: string, bytes: Uint8Array): Checked {
  const text = decode(bytes);
  if (typeof text !== "string")
    return { name: null, kind: "agent", version: null, complaints: complaintsOf(file, [text]) };
  const { source, remarks } = parse(text);
  if (!source) return { name: null, kind: "agent", version: null, complaints: complaintsOf(file, remarks) };

  const { name, kind } = heading(source.value);
  const schema = schemaOf(kind);
  const wrong = [...foreignTemplates(source), ...mistakes(schema, source)];
  if (wrong.length > 0) return { name, kind, version: null, complaints: complaintsOf(file, [...remarks, ...wrong]) };
  if (kind === "cron") {
    const schedule: Remark = {
      ...source.keyAt(["kind"]),
      severity: "warning",
      message: "schedules are not acted on yet",
    };
    return { name, kind, version: null, complaints: complaintsOf(file, [...remarks, schedule]) };
  }

  const declared = source.value as DeclaredWorkflow;
  const unavailable = findUnavailable(schema, source);
  const types = unavailableTypes(declared, source);
  const all = [...remarks, ...flaws(declared, source), ...unavailable.remarks, ...types.remarks];
  const names = [...unavailable.names, ...types.names];
  return {
    name,
    kind,
    version: all.some(isError) ? null : versionOf(bytes, text, workflowOf(declared, kind, names)),
    complaints: complaintsOf(file, all),
  };
}

/** Readable even where the rest is not, so that a bad file is still listed under its name. */
function heading(value: unknown): { name: string | null; kind: string } {
  const { name, kind } = (value ?? {}) as { name?: unknown; kind?: unknown };
  return {
    name: typeof name === "string" ? name : null,
    kind: typeof kind === "string" && kind !== "" ? kind : "agent",
  };
}

/** `${{ … }}` belongs to other systems, and Liquid would quietly leave its `$` in the text. Prose may say it. */
function foreignTemplates(source: Source): Remark[] {
  const found: Remark[] = [];
  const visit = (value: unknown, path: Path): void => {
    if (typeof value === "string" && value.includes("${{") && path.at(-1) !== "description") {
      const message = '"${{" is not a template here. Write {{ … }}';
      found.push({ ...source.textAt(path, "${{"), severity: "error", message });
    } else if (value !== null && typeof value === "object") {
      const list = Array.isArray(value);
      for (const [key, each] of Object.entries(value)) visit(each, [...path, list ? Number(key) : key]);
    }
  };
  visit(source.value, []);
  return found;
}

const CARRIED_OUT: ReadonlySet<string> = new Set(["context", "bash", "approval"]);

/** Types, and timeouts outside of commands: known by their place and not by their key alone. */
function unavailableTypes(declared: DeclaredWorkflow, source: Source): { names: string[]; remarks: Remark[] } {
  const names: string[] = [];
  const remarks: Remark[] = [];
  const add = (path: Path, name: string, what: string): void => {
    names.push(name);
    const message = `${what} is known but not carried out yet; ${REFUSED}`;
    remarks.push({ ...source.keyAt(path), severity: "warning", message });
  };
  for (const [at, phase] of declared.phases.entries()) {
    const type = phase.type ?? "agent";
    const here = `phases.${phase.name}`;
    const shown = phase.type ? "type" : "name";
    if (!CARRIED_OUT.has(type)) add(["phases", at, shown], `${here}.type: ${type}`, `\`type: ${type}\``);
    for (const key of ["timeout", "timeout_seconds"] as const) {
      const value = phase[key];
      if (value === undefined || (type === "bash" && typeof value !== "object")) continue;
      const form = typeof value === "object" ? `\`${key}\` with from and default` : `\`${key}\` of a ${type} phase`;
      add(["phases", at, key], `${here}.${key}`, form);
    }
  }
  return { names, remarks };
}

function workflowOf(declared: DeclaredWorkflow, kind: string, unavailable: readonly string[]): Workflow {
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

function versionOf(bytes: Uint8Array, yaml: string, workflow: Workflow): WorkflowVersion {
  return { hash: createHash("sha256").update(bytes).digest("hex"), name: workflow.name, yaml, workflow };
}
