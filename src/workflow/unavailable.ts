import type { z } from "zod";
import { ACTIONS } from "../domain/action.ts";
import type { Remark } from "./complaint.ts";
import { bare, step } from "./schema/shape.ts";
import { stageOf } from "./schema/stage.ts";
import type { DeclaredWorkflow } from "./schema/workflow.ts";
import type { Path, Source } from "./source.ts";

/** What a valid file asks for and this version does not do: dotted names that refuse a run, and a remark for each. */
export interface Unavailable {
  readonly names: readonly string[];
  readonly remarks: readonly Remark[];
}

export function findUnavailable(schema: z.ZodType, declared: DeclaredWorkflow, source: Source): Unavailable {
  const names = new Set<string>();
  const remarks: Remark[] = [];

  function visit(declared: z.core.$ZodType, value: unknown, path: Path, name: string): void {
    const key = path.at(-1);
    const stage = stageOf(declared);
    const warn = (message: string): void => {
      remarks.push({ ...source.keyAt(path), severity: "warning", message });
    };
    if (stage === "shown" || stage === "later") {
      if (asksNothing(value)) return;
      if (stage === "later") names.add(name);
      warn(stage === "later" ? notCarriedOut(`\`${key}\``) : `\`${key}\` is known but not acted on yet`);
      return;
    }
    const inner = bare(declared);
    if (Array.isArray(value)) {
      for (const [at, each] of value.entries()) into(inner, each, [...path, at], `${name}.${nameOf(each) ?? at}`);
    } else if (value !== null && typeof value === "object") {
      for (const [each, held] of Object.entries(value))
        into(inner, held, [...path, each], name === "" ? each : `${name}.${each}`);
    }
  }

  function into(schema: z.core.$ZodType, value: unknown, path: Path, name: string): void {
    const next = step(schema, path.at(-1)!);
    if (next) visit(next, value, path, name);
  }

  visit(schema, source.value, [], "");
  for (const { path, name, what } of byPlace(declared)) {
    names.add(name);
    remarks.push({ ...source.keyAt(path), severity: "warning", message: notCarriedOut(what) });
  }
  return { names: [...names], remarks };
}

const CARRIED_OUT: ReadonlySet<string> = new Set([
  "context",
  "bash",
  "script",
  "agent",
  "approval",
  "wait",
  "workflow",
  "action",
  "post-review",
]);

/** Known by the value and not by the key: types of phases, and acts on outside systems. */
function* byPlace({ phases }: DeclaredWorkflow): Generator<{ path: Path; name: string; what: string }> {
  for (const [at, { name, type = "agent", action }] of phases.entries()) {
    if (!CARRIED_OUT.has(type))
      yield { path: ["phases", at, "type"], name: `phases.${name}.type: ${type}`, what: `\`type: ${type}\`` };
    if (type === "action" && action !== undefined && !Object.hasOwn(ACTIONS, action))
      yield { path: ["phases", at, "action"], name: `phases.${name}.action: ${action}`, what: `\`action: ${action}\`` };
  }
}

const REFUSED = "a run of this workflow will be refused";

function notCarriedOut(what: string): string {
  return `${what} is known but not carried out yet; ${REFUSED}`;
}

/** `false`, `[]` and `{}` say what is the case anyway. */
function asksNothing(value: unknown): boolean {
  return value === false || (typeof value === "object" && value !== null && Object.keys(value).length === 0);
}

/** Phases are known by their names, whatever their place in the list. */
function nameOf(value: unknown): string | null {
  const name = value !== null && typeof value === "object" ? (value as { name?: unknown }).name : undefined;
  return typeof name === "string" ? name : null;
}
