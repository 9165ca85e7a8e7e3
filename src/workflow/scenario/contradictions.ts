import { needsDecision } from "../../domain/decision.ts";
import { failureAccepted, graphOf, isFinal, upstreamOf } from "../../domain/graph.ts";
import { isOver, type RunReason, type RunStatus } from "../../domain/run.ts";
import type { Phase, Workflow } from "../../domain/workflow.ts";
import { milliseconds } from "../schema/text.ts";
import type { Path, Place, Source } from "../source.ts";
import { type Advise, actorOf, type Question } from "./roles.ts";
import { type DeclaredExpectation, MOST_EXPECTATIONS } from "./schema.ts";

/** What the expectations of one run are held against. */
export interface Ground {
  readonly workflow: Workflow;
  /** Questions that people are put, given what the scenario enables. */
  readonly questions: readonly Question[];
  /** Whether a phase may run and then be looked at afresh: sent back by a gate, or by an operator. */
  readonly comesTwice: (phase: string) => boolean;
  readonly source: Source;
  readonly error: (place: Place, message: string) => void;
  readonly advise: Advise;
}

type OfPhase = NonNullable<DeclaredExpectation["phases"]>[string];

/** Expectations that no run of the workflow can meet, each at its place. */
export function contradictions(expect: DeclaredExpectation, path: Path, ground: Ground): void {
  const { source, error } = ground;
  if (expect.refused !== undefined) {
    for (const key of Object.keys(expect).filter((each) => each !== "refused"))
      error(source.keyAt([...path, key]), `${key} cannot be expected beside refused: there is no run`);
    return;
  }
  if (countOf(expect) > MOST_EXPECTATIONS)
    error(source.keyAt(path), `more than ${MOST_EXPECTATIONS} expectations of one run`);
  reasonFits(expect, path, ground);
  const { at_least: least, at_most: most } = expect.takes ?? {};
  if (least !== undefined && most !== undefined && milliseconds(least) > milliseconds(most))
    error(source.valueAt([...path, "takes", "at_least"]), `at_least ${least} is more than at_most ${most}`);
  for (const [name, each] of Object.entries(expect.phases ?? {})) {
    const here = [...path, "phases", name];
    const phase = known(name, source.keyAt(here), ground);
    if (phase) phaseFits(phase, each, { expect, here, ground });
  }
  orderFits(expect, path, ground);
  neverFits(expect, path, ground);
}

function countOf({ phases = {}, never = [], said = [] }: DeclaredExpectation): number {
  return never.length + said.length + Object.values(phases).reduce((sum, each) => sum + Object.keys(each).length, 0);
}

function known(name: string, place: Place, { workflow, error, advise }: Ground): Phase | null {
  const { phase } = graphOf(workflow);
  const found = phase.get(name);
  if (found) return found;
  const whole = actorOf(workflow, name, advise);
  if (typeof whole === "string") error(place, whole);
  else error(place, `"${name}" is only a part of ${whole.name}. Write ${whole.name}, which stands for all of them`);
  return null;
}

/** With which reasons a run can stand in a status; a transition gives no other. */
const REASONS_OF: Record<RunStatus, readonly (RunReason | null)[]> = {
  queued: [null, "concurrency"],
  running: [null],
  paused: ["gate", "timer", "child", "action", "operator", "concurrency", "disk_full"],
  succeeded: [null],
  failed: [null, "rejected", "expired", "timeout", "budget", "crash_loop"],
  cancelled: ["operator", "concurrency"],
};

function reasonFits({ status, reason }: DeclaredExpectation, path: Path, { source, error }: Ground): void {
  if (reason === undefined) return;
  const place = source.valueAt([...path, "reason"]);
  // A key without a value is null too, and was hardly meant as "none".
  if (reason === null && source.spelling([...path, "reason"]) === "")
    error(place, "reason has no value. Write null to expect that there is none");
  else if (status === undefined || REASONS_OF[status].includes(reason)) return;
  else if (REASONS_OF[status].length === 1) error(place, `a run that is ${status} has no reason. Remove it`);
  else if (reason === null)
    error(place, `a run that is ${status} has a reason: one of ${REASONS_OF[status].join(", ")}`);
  else {
    const fitting = Object.entries(REASONS_OF).flatMap(([each, reasons]) => (reasons.includes(reason) ? [each] : []));
    error(place, `reason ${reason} belongs to a run that is ${fitting.join(" or ")}, not ${status}`);
  }
}

interface Here {
  readonly expect: DeclaredExpectation;
  readonly here: Path;
  readonly ground: Ground;
}

function phaseFits(phase: Phase, each: OfPhase, { expect, here, ground }: Here): void {
  const { source, error } = ground;
  const at = (key: string): Place => source.valueAt([...here, key]);
  if (expect.status !== undefined && each.status !== undefined) {
    const why = misfit(expect.status, phase, each.status, ground.workflow);
    if (why !== null) error(at("status"), why);
  }
  const { tries = 0, asks = 0 } = each;
  if (asks > 0 && !ground.questions.some((question) => question.phase === phase.name))
    error(at("asks"), `${phase.name} asks nobody here${enablingHint(phase)}`);
  if (tries > 0 && (phase.type === "approval" || phase.type === "wait"))
    error(at("tries"), `${phase.name} tries nothing: it only ${phase.type === "wait" ? "waits" : "asks"}`);
  const proof = proofOf(phase, each);
  if (each.tries === 0 && runsPrograms(phase) && proof !== null)
    error(at("tries"), `${phase.name} cannot have ${proof} without a try`);
  if (each.status === "skipped" && !ground.comesTwice(phase.name)) {
    const begun = tries > 0 ? "tries" : asks > 0 ? "asks" : proof;
    if (begun !== null) error(at("status"), `${phase.name} cannot be skipped and have ${begun}`);
  }
}

/** Why a phase cannot stand like that in a run that stands like this. */
function misfit(
  run: RunStatus,
  phase: Phase,
  status: NonNullable<OfPhase["status"]>,
  workflow: Workflow,
): string | null {
  if (isOver(run) && !isFinal(status)) return `${phase.name} cannot be ${status} when the run is over`;
  if (run === "queued" && status !== "pending" && status !== "skipped")
    return `${phase.name} cannot be ${status} in a run that is queued`;
  if (run !== "succeeded" || phase.finally) return null;
  if (status === "cancelled") return `no phase is cancelled in a run that succeeded`;
  if (status === "failed" && !failureAccepted(graphOf(workflow), phase.name))
    return `the run cannot succeed when ${phase.name} failed: nothing after it goes on after a failure`;
  return null;
}

function enablingHint({ approvalGate }: Phase): string {
  return approvalGate ? `. Add "${approvalGate.name}" to settings.approvals` : "";
}

function runsPrograms({ type }: Phase): boolean {
  return type !== "approval" && type !== "wait" && type !== "workflow" && type !== "context";
}

/** What only a phase that was tried can have; null when nothing of the kind is expected. */
function proofOf(phase: Phase, { status, output, given }: OfPhase): "output" | "given" | "succeeded" | "failed" | null {
  if (output !== undefined) return "output";
  if (given !== undefined) return "given";
  // What the run's data says can fail a phase before its first try, and an axis may turn out to have no values.
  if (status === "failed") return needsDecision(phase) ? null : "failed";
  if (status !== "succeeded") return null;
  return Object.values(phase.matrix?.axes ?? {}).some((values) => typeof values === "string") ? null : "succeeded";
}

function orderFits({ order = [] }: DeclaredExpectation, path: Path, ground: Ground): void {
  const { workflow, comesTwice, source, error } = ground;
  const earlier = new Map<string, ReadonlySet<string>>();
  for (const [at, name] of order.entries()) {
    const place = source.valueAt([...path, "order", at]);
    if (!known(name, place, ground)) continue;
    const after = [...earlier].find(([, above]) => above.has(name))?.[0];
    if (earlier.has(name)) error(place, `"${name}" is in the order twice`);
    else if (after !== undefined && !comesTwice(name))
      error(place, `"${name}" cannot start after "${after}", which waits for it`);
    earlier.set(name, upstreamOf(graphOf(workflow), name));
  }
}

function neverFits(expect: DeclaredExpectation, path: Path, ground: Ground): void {
  const { source, error } = ground;
  const { order = [], never = [], phases = {} } = expect;
  for (const [at, name] of never.entries()) {
    const place = source.valueAt([...path, "never", at]);
    const phase = known(name, place, ground);
    if (!phase) continue;
    const clash = (where: Path): void => {
      const { line } = source.valueAt([...path, ...where]);
      error(place, `"${name}" cannot never start and meet what line ${line} expects of it`);
    };
    if (order.includes(name)) clash(["order", order.indexOf(name)]);
    else if (Object.hasOwn(phases, name)) {
      const key = startedBy(phase, phases[name] as OfPhase);
      if (key !== null) clash(["phases", name, key]);
    }
  }
}

/** The expectation that holds only of a phase that has started. */
function startedBy(phase: Phase, each: OfPhase): keyof OfPhase | null {
  if ((each.tries ?? 0) > 0) return "tries";
  if ((each.asks ?? 0) > 0) return "asks";
  if (each.status === "running") return "status";
  const proof = proofOf(phase, each);
  return proof === "succeeded" || proof === "failed" ? "status" : proof;
}
