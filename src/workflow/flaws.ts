import { findCycle, orderRule } from "../domain/graph.ts";
import type { Json } from "../domain/json.ts";
import { MATRIX_LIMIT } from "../domain/matrix.ts";
import { orderOf } from "./build.ts";
import type { Remark } from "./complaint.ts";
import { flawsOfInputs } from "./inputs.ts";
import { namesOf } from "./names.ts";
import { KEYS_OF_TYPE, NEEDED_BY_TYPE } from "./schema/kinds.ts";
import type { DeclaredPhase } from "./schema/phase.ts";
import { milliseconds } from "./schema/text.ts";
import type { DeclaredWorkflow } from "./schema/workflow.ts";
import type { Path, Place, Source } from "./source.ts";
import { didYouMean } from "./suggest.ts";

/** What is wrong with a workflow whose every key is well formed: the rules between keys. */
export function flaws(declared: DeclaredWorkflow, source: Source): Remark[] {
  const remarks: Remark[] = [];
  const error: Refuse = (place, message) => remarks.push({ ...place, severity: "error", message });
  for (const [at, phase] of declared.phases.entries()) {
    const here: Path = ["phases", at];
    typeFits(phase, here, source, error);
    notBoth(phase, here, source, error);
    timeoutFits(phase, here, source, error);
    placeFits(phase, here, declared, source, error);
    remindersFit(phase, [...here, "approval"], source, error);
  }
  remarks.push(...clashes(declared, source), ...idleGates(declared, source), ...idleBudgets(declared, source));
  edgesFit(declared, source, error);
  for (const { path, message } of flawsOfInputs((declared.inputs ?? {}) as Record<string, Json>))
    error(source.keyAt(["inputs", ...path]), message);
  return remarks;
}

/** Names of an author's own that are read as something else: the context's names win. */
function clashes(declared: DeclaredWorkflow, source: Source): Remark[] {
  const context = namesOf({ ...declared, phases: [] });
  return declared.phases.flatMap(({ name, output_var: output }, at) => {
    const found: (readonly [string, string])[] = [["name", name]];
    if (output !== undefined) found.push(["output_var", output]);
    return found
      .filter(([, word]) => context.has(word))
      .map(([key, word]) => ({
        ...source.valueAt(["phases", at, key]),
        severity: "warning" as const,
        message: `"${word}" is a name of the context too, which wins. Read the phase as phases.${name}`,
      }));
  });
}

const ASKING: ReadonlySet<string> = new Set(["agent", "bash", "script"]);

/** Gates behind phases that never ask, whatever the configuration says: older engines pass over them in silence. */
function idleGates({ phases }: DeclaredWorkflow, source: Source): Remark[] {
  return phases.flatMap(({ type = "agent", approval_gate: gate, generic_loop: loop }, at) => {
    if (gate === undefined || (ASKING.has(type) && !loop)) return [];
    const instead = loop ? "Set generic_loop.interactive" : "Put an approval phase after it";
    const message = `approval_gate asks nobody on ${loop ? "a loop" : `a phase of type ${type}`}. ${instead}`;
    return [{ ...source.keyAt(["phases", at, "approval_gate"]), severity: "warning" as const, message }];
  });
}

/** Limits of a try that the run's own come before. */
function idleBudgets({ phases, budget: whole = {} }: DeclaredWorkflow, source: Source): Remark[] {
  return phases.flatMap(({ budget = {} }, at) =>
    (["usd", "turns", "tokens"] as const).flatMap((key) => {
      const [own, most] = [budget[key], whole[key]];
      if (own === undefined || most === undefined || own < most) return [];
      const message = `${key} of one try is never reached: the workflow's budget ends the run at ${most}. Set it lower`;
      return [{ ...source.valueAt(["phases", at, "budget", key]), severity: "warning" as const, message }];
    }),
  );
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
  // A conversation that is gone on with is all that was said before: nothing can take that out of it.
  if (phase.session === "continue" && phase.generic_loop?.fresh_context)
    error(source.keyAt([...here, "session"]), "set session: continue or generic_loop.fresh_context, not both");
}

function later(a: Place, b: Place): Place {
  return a.line > b.line || (a.line === b.line && a.column > b.column) ? a : b;
}

/** A timer of Node counts in 31 bits of milliseconds; beyond that it fires at once. */
const LONGEST_DAYS = 24;

function timeoutFits(phase: DeclaredPhase, here: Path, source: Source, error: Refuse): void {
  if (phase.type !== "bash" && phase.type !== "script" && phase.type !== "agent" && phase.type !== undefined) return;
  const { timeout, timeout_seconds: seconds = 0 } = phase;
  const key = timeout === undefined ? "timeout_seconds" : "timeout";
  const otherwise = typeof seconds === "number" ? seconds : seconds.default;
  const ms = timeout === undefined ? otherwise * 1000 : milliseconds(timeout);
  if (ms > LONGEST_DAYS * 86_400_000)
    error(source.valueAt([...here, key]), `${key} of a program may be ${LONGEST_DAYS} days at most`);
}

const FANNED = new Set(["bash", "script", "agent"]);
const ACTS = ["action", "post-review"];
const PROGRAMS = [...FANNED, "tool"];

/** Keys of any phase that only some types can act on: those that try something, those that are programs. */
const ACTED_ON: Readonly<Record<string, readonly string[]>> = {
  timeout: [...FANNED, "wait", "workflow", ...ACTS],
  timeout_seconds: [...FANNED, "wait", "workflow", ...ACTS],
  retry: [...PROGRAMS, "workflow", ...ACTS],
  env: PROGRAMS,
  secrets: PROGRAMS,
  outputs: PROGRAMS,
  artefacts: PROGRAMS,
};
const OUTSIDE_LAST: ReadonlySet<string> = new Set(["approval", "wait", "workflow"]);

/** What waits for others has a limit that stands in the file. */
const WAITING: ReadonlySet<string> = new Set(["wait", "workflow", ...ACTS]);

const HOLDS_UP = "nothing may hold up the end";

/** Keys by which a phase of any type comes to ask a person. */
function asksOf({ approval_gate, loop, generic_loop }: DeclaredPhase): Readonly<Record<string, boolean>> {
  return {
    approval_gate: approval_gate !== undefined,
    loop: loop?.approval_gate !== undefined,
    generic_loop: generic_loop?.interactive === true,
  };
}

/** Keys that are well formed and mean nothing where they stand. */
function placeFits(
  phase: DeclaredPhase,
  here: Path,
  { secrets = [] }: DeclaredWorkflow,
  source: Source,
  error: Refuse,
): void {
  const type = phase.type ?? "agent";
  for (const [key, types] of Object.entries(ACTED_ON)) {
    if (phase[key as keyof DeclaredPhase] === undefined || types.includes(type)) continue;
    const remedy = type === "approval" && key.startsWith("timeout") ? "Set approval.timeout" : "Remove it";
    error(source.keyAt([...here, key]), `${key} means nothing on a phase of type ${type}. ${remedy}`);
  }
  for (const key of ["timeout", "timeout_seconds"] as const)
    if (phase[key] !== undefined && phase.wait && phase.wait.until === undefined)
      error(source.keyAt([...here, key]), `${key} means nothing on a wait that ends by itself. Remove it`);
  if (typeof phase.timeout_seconds === "object" && WAITING.has(type))
    error(source.valueAt([...here, "timeout_seconds"]), "{ from, default } is for programs and agents only");
  if (phase.finally && OUTSIDE_LAST.has(type))
    error(source.keyAt([...here, "finally"]), `a phase of type ${type} cannot be finally: ${HOLDS_UP}`);
  if (phase.finally)
    for (const [key, asks] of Object.entries(asksOf(phase)))
      if (asks) error(source.keyAt([...here, key]), `${key} asks a person, and a finally phase cannot: ${HOLDS_UP}`);
  for (const key of ["max_parallel", "fail_fast"] as const)
    if (phase[key] !== undefined && phase.matrix === undefined)
      error(source.keyAt([...here, key]), `${key} means nothing without matrix`);
  if (phase.matrix !== undefined) matrixFits(phase, type, here, source, error);
  for (const [at, name] of (phase.secrets ?? []).entries())
    if (!secrets.includes(name))
      error(
        source.valueAt([...here, "secrets", at]),
        `secret "${name}" is not among the workflow's secrets${didYouMean(name, secrets)}`,
      );
}

function matrixFits(phase: DeclaredPhase, type: string, here: Path, source: Source, error: Refuse): void {
  const place = source.keyAt([...here, "matrix"]);
  if (!FANNED.has(type)) error(place, `matrix is for phases of type ${[...FANNED].join(", ")}`);
  if (phase.loop || phase.generic_loop) error(place, "a phase is a matrix or a loop, not both");
  if (phase.approval_gate !== undefined)
    error(place, "a gate cannot stand behind a matrix. Put an approval phase after it");
  const axes = Object.values(phase.matrix ?? {});
  if (axes.length === 0 || axes.some((values) => values.length === 0))
    error(place, "matrix needs at least one key, and each key needs values");
  const total = axes.reduce((product: number, values) => product * (Array.isArray(values) ? values.length : 1), 1);
  if (total > MATRIX_LIMIT) error(place, `matrix makes ${total} items; ${MATRIX_LIMIT} are the most`);
}

/** Whoever is to hear of a gate again hears of it while it is open. */
function remindersFit({ approval }: DeclaredPhase, gate: Path, source: Source, error: Refuse): void {
  const { remind = [], escalate, timeout } = approval ?? {};
  const comes = (after: string, path: Path, sooner: string): void => {
    if (timeout === undefined || milliseconds(after) < milliseconds(timeout)) return;
    error(source.valueAt(path), `${after} never comes: the gate's timeout is ${timeout}. ${sooner}, or raise timeout`);
  };
  for (const [at, after] of remind.entries()) {
    const path = [...gate, "remind", at];
    const before = remind[at - 1];
    if (before !== undefined && milliseconds(after) <= milliseconds(before))
      error(
        source.valueAt(path),
        `${after} is not later than the ${before} before it. Write reminders in rising order`,
      );
    comes(after, path, "Remind sooner");
  }
  if (!escalate) return;
  const { users = [], groups = [] } = escalate.to;
  comes(escalate.after, [...gate, "escalate", "after"], "Escalate sooner");
  if (users.length + groups.length === 0)
    error(
      source.valueAt([...gate, "escalate", "to"]),
      "to names nobody. Write { users: […] }, { groups: […] } or both",
    );
}

/** A gate can only send back what leads to it. */
function reworkFits(
  { phases }: DeclaredWorkflow,
  upstream: (name: string) => ReadonlySet<string>,
  source: Source,
  error: Refuse,
): void {
  const names = phases.map(({ name }) => name);
  for (const [at, { name, approval }] of phases.entries()) {
    const target = approval?.on_reject?.rework;
    if (target === undefined) continue;
    const place = source.valueAt(["phases", at, "approval", "on_reject", "rework"]);
    if (!names.includes(target)) error(place, `rework names no phase: "${target}"${didYouMean(target, names)}`);
    else if (!upstream(name).has(target))
      error(place, `rework must name a phase that leads to this gate; "${target}" does not`);
  }
}

function edgesFit(declared: DeclaredWorkflow, source: Source, error: Refuse): void {
  const { phases } = declared;
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
      if (places.has(name)) {
        if (phases[places.get(name)!]?.finally && !phase.finally)
          error(
            source.valueAt(["phases", at, "depends_on", entry]),
            `"${name}" runs last of all; nothing can follow it`,
          );
        continue;
      }
      known = false;
      const place = source.valueAt(["phases", at, "depends_on", entry]);
      error(place, `depends_on names no phase: "${name}"${didYouMean(name, places.keys())}`);
    }
  }
  if (!known) return;
  const order = orderRule(orderOf(declared));
  const cycle = findCycle(new Map(phases.map(({ name }, at) => [name, order[at] ?? []])));
  if (!cycle) {
    const above = new Map(phases.map(({ name }, at) => [name, order[at] ?? []]));
    reworkFits(declared, (name) => leadingTo(name, above), source, error);
    return;
  }
  const first = cycle[0]!;
  const message =
    cycle.length === 2
      ? `phase "${first}" depends on itself`
      : `these phases wait for each other: ${cycle.join(" → ")}`;
  error(source.keyAt(["phases", places.get(first)!, "depends_on"]), message);
}

function leadingTo(name: string, above: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [name];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const each of above.get(next) ?? []) {
      if (found.has(each)) continue;
      found.add(each);
      open.push(each);
    }
  }
  return found;
}
