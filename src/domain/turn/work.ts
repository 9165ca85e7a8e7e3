import { isUsedUp, risen, spend, spentBy } from "../budget.ts";
import type { LiveExecution, Outcome, Usage } from "../execution.ts";
import { itemName } from "../matrix.ts";
import { loopOf, type Round, roundName } from "../round.ts";
import type { RunEvent } from "../run.ts";
import type { Phase } from "../workflow.ts";
import { askAfter } from "./asking.ts";
import { fail, LOST, succeed, triedAgain } from "./endings.ts";
import { itemAdmitted, itemEnded, itemLost } from "./items.ts";
import { roundBegins, roundEnded } from "./loops.ts";
import type { Turn } from "./turn.ts";

/** A try begins: its execution is born running. */
export function admitted(turn: Turn, event: Extract<RunEvent, { type: "execution.admitted" }>): void {
  const phase = turn.graph.phase.get(event.phase) as Phase;
  const { iteration, attempt } = event;
  const { round, items } = turn.at(phase.name);
  const name = items ? itemName(phase.name, iteration - items.base) : round ? roundName(phase.name, round) : phase.name;
  const execution = { id: event.execution, phase: phase.name, name, iteration, attempt, epoch: turn.epoch };
  const first = items ? iteration === items.base : !round || round.part === "review" || isFirst(round);
  if (attempt === 1 && first) turn.say("on_start", phase, event.execution);
  turn.put(phase.name, { status: "running", stage: undefined, waits: undefined });
  if (items) itemAdmitted(turn, phase, { iteration, attempt });
  if (round && attempt === 1) roundBegins(turn, phase, round, event.execution);
  turn.currentPhase = phase.name;
  const live = { ...execution, startedAt: turn.now };
  turn.live = [...turn.live, live];
  turn.effects.push({ type: "execution.open", execution: live });
}

function isFirst({ part, n }: Round): boolean {
  return part === "iter" && n === 1;
}

/** A try goes on, and tells what it has used up; where that is all it may, it is ended like any try that failed. */
export function used(turn: Turn, execution: LiveExecution, usage: Usage): void {
  const phase = turn.graph.phase.get(execution.phase) as Phase;
  const now = { ...execution, used: risen(execution.used, usage) };
  turn.spent = spend(turn.spent, now.used, execution.used);
  turn.live = turn.live.map((each) => (each === execution ? now : each));
  turn.effects.push({ type: "execution.tally", execution: now });
  if (phase.type !== "agent" || !isUsedUp(phase.budget, spentBy(now.used))) return;
  turn.effects.push({ type: "execution.stop", execution: execution.id });
  ended(turn, now, { type: "failed", failure: "budget", error: "The phase's budget for one try was used up" });
}

/** A try has ended: the phase is over, goes on, or is tried again. */
export function ended(turn: Turn, execution: LiveExecution, outcome: Outcome): void {
  const phase = turn.graph.phase.get(execution.phase) as Phase;
  const ok = outcome.type === "succeeded";
  turn.close(execution, ok ? "ok" : "error", ok ? null : outcome.error, outcome);
  turn.restartCount = 0;
  for (const event of outcome.says ?? []) turn.say(event, phase, execution.id);
  if (turn.at(phase.name).items) itemEnded(turn, phase, execution, outcome);
  else if (outcome.type === "failed") fell(turn, phase, execution, outcome);
  else if (loopOf(phase)) roundEnded(turn, phase, execution, outcome);
  else if (outcome.ask) askAfter(turn, phase, execution, outcome.ask);
  else succeed(turn, phase, execution, execution.startedAt);
}

/** A try failed that is no matrix item's. */
function fell(turn: Turn, phase: Phase, execution: LiveExecution, outcome: Extract<Outcome, { type: "failed" }>): void {
  if (triedAgain(turn, phase, execution, outcome)) return;
  if (loopOf(phase)) roundEnded(turn, phase, execution, outcome);
  else fail(turn, phase, execution, execution.startedAt);
}

/** The try is gone; settling owes the phase another, unless it has had enough of them. */
export function lose(turn: Turn, execution: LiveExecution, vanishedLimit: number | null): void {
  turn.close(execution, "interrupted", LOST);
  const phase = turn.graph.phase.get(execution.phase) as Phase;
  const { items, vanished: before = 0 } = turn.at(phase.name);
  if (items) {
    itemLost(turn, phase, execution, vanishedLimit);
    return;
  }
  // Tries that failed, or that a dying daemon never began, are no vanished processes.
  const vanished = before + (vanishedLimit === null ? 0 : 1);
  if (vanished > 0) turn.put(phase.name, { vanished });
  if (vanishedLimit !== null && vanished >= vanishedLimit)
    fell(turn, phase, execution, { type: "failed", failure: "lost", error: LOST });
  else turn.put(phase.name, { status: "pending", attempt: execution.attempt + 1 });
}
