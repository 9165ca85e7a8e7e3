import { findCycle, orderRule } from "../domain/graph.ts";
import type { Json } from "../domain/json.ts";
import type { Remark } from "./complaint.ts";
import { flawsOfInputs } from "./inputs.ts";
import { KEYS_OF_TYPE, NEEDED_BY_TYPE } from "./schema/kinds.ts";
import type { DeclaredPhase } from "./schema/phase.ts";
import { milliseconds } from "./schema/text.ts";
import type { DeclaredWorkflow } from "./schema/workflow.ts";
import type { Path, Place, Source } from "./source.ts";
import { didYouMean } from "./suggest.ts";
import { isTemplate } from "./unavailable.ts";

/** What is wrong with a workflow whose every key is well formed: the rules between keys. */
export function flaws(declared: DeclaredWorkflow, source: Source): Remark[] {
  const remarks: Remark[] = [];
  const error: Refuse = (place, message) => remarks.push({ ...place, severity: "error", message });
  for (const [at, phase] of declared.phases.entries()) {
    const here: Path = ["phases", at];
    typeFits(phase, here, source, error);
    notBoth(phase, here, source, error);
    commandIsLiteral(phase, here, source, error);
    timeoutFits(phase, here, source, error);
  }
  edgesFit(declared, source, error);
  for (const { path, message } of flawsOfInputs((declared.inputs ?? {}) as Record<string, Json>))
    error(source.keyAt(["inputs", ...path]), message);
  return remarks;
}

type Refuse = (place: Place, message: string) => void;

function typeFits(phase: DeclaredPhase, here: Path, source: Source, error: Refuse): void {
  const type = phase.type ?? "agent";
  let misplaced = false;
  for (const [key, types] of Object.entries(KEYS_OF_TYPE)) {
    if (phase[key as keyof DeclaredPhase] === undefined || types.includes(type)) continue;
    misplaced = true;
    const remedy = phase.type
      ? `this phase is type: ${type}`
      : `this phase has no type, which means agent. Add type: ${types[0]}`;
    error(source.keyAt([...here, key]), `${key} belongs to type: ${types.join(", ")}; ${remedy}`);
  }
  const needed = NEEDED_BY_TYPE[type] ?? [];
  if (misplaced || needed.length === 0) return;
  if (needed.every((key) => phase[key as keyof DeclaredPhase] === undefined))
    error(
      source.keyAt([...here, phase.type ? "type" : "name"]),
      `a phase of type ${type} needs ${needed.join(" or ")}`,
    );
}

const EITHER_OR = [
  ["timeout", "timeout_seconds"],
  ["loop", "generic_loop"],
  ["skill", "skills"],
] as const;

function notBoth(phase: DeclaredPhase, here: Path, source: Source, error: Refuse): void {
  for (const [one, other] of EITHER_OR) {
    if (phase[one] === undefined || phase[other] === undefined) continue;
    error(later(source.keyAt([...here, one]), source.keyAt([...here, other])), `set ${one} or ${other}, not both`);
  }
}

function later(a: Place, b: Place): Place {
  return a.line > b.line || (a.line === b.line && a.column > b.column) ? a : b;
}

/** Nothing is ever spliced into a command; until templates become variables, they are refused. */
function commandIsLiteral({ command }: DeclaredPhase, here: Path, source: Source, error: Refuse): void {
  if (command === undefined || !isTemplate(command)) return;
  const message =
    "templates in commands are not carried out yet. Every input is in the environment as LASTLIGHT_INPUT_<NAME>";
  error(source.textAt([...here, "command"], command.includes("{{") ? "{{" : "{%"), message);
}

/** A timer of Node counts in 31 bits of milliseconds; beyond that it fires at once. */
const LONGEST_DAYS = 24;

function timeoutFits(phase: DeclaredPhase, here: Path, source: Source, error: Refuse): void {
  if (phase.type !== "bash" && phase.type !== "script") return;
  const { timeout, timeout_seconds: seconds } = phase;
  const key = timeout === undefined ? "timeout_seconds" : "timeout";
  const ms = timeout === undefined ? (typeof seconds === "number" ? seconds * 1000 : 0) : milliseconds(timeout);
  if (ms > LONGEST_DAYS * 86_400_000)
    error(source.valueAt([...here, key]), `${key} of a command may be ${LONGEST_DAYS} days at most`);
}

function edgesFit({ phases }: DeclaredWorkflow, source: Source, error: Refuse): void {
  const places = new Map<string, number>();
  for (const [at, { name }] of phases.entries()) {
    const first = places.get(name);
    if (first === undefined) places.set(name, at);
    else {
      const { line } = source.valueAt(["phases", first, "name"]);
      error(source.valueAt(["phases", at, "name"]), `the name "${name}" is taken by the phase at line ${line}`);
    }
  }
  let known = places.size === phases.length;
  for (const [at, phase] of phases.entries()) {
    for (const [entry, name] of (phase.depends_on ?? []).entries()) {
      if (places.has(name)) continue;
      known = false;
      const place = source.valueAt(["phases", at, "depends_on", entry]);
      error(place, `depends_on names no phase: "${name}"${didYouMean(name, places.keys())}`);
    }
  }
  if (!known) return;
  const order = orderRule(phases.map(({ name, depends_on }) => ({ name, dependsOn: depends_on ?? null })));
  const cycle = findCycle(new Map(phases.map(({ name }, at) => [name, order[at] ?? []])));
  if (!cycle) return;
  const first = cycle[0]!;
  const message =
    cycle.length === 2
      ? `phase "${first}" depends on itself`
      : `these phases wait for each other: ${cycle.join(" → ")}`;
  error(source.keyAt(["phases", places.get(first)!, "depends_on"]), message);
}
