import type { LiveExecution } from "../execution.ts";
import type { Waits } from "../phase-state.ts";
import type { RunEvent } from "../run.ts";
import type { Phase, WaitPhase } from "../workflow.ts";
import { abandon } from "./abandon.ts";
import { expired } from "./answers.ts";
import { fail, succeed, triedAgain } from "./endings.ts";
import { itemsDue } from "./items.ts";
import { skip, start } from "./starts.ts";
import type { Turn } from "./turn.ts";

/** What was found in the run's data about a phase. */
export function decided(turn: Turn, event: Extract<RunEvent, { type: "phase.decided" }>): void {
  const { finding, iteration } = event;
  const phase = turn.graph.phase.get(event.phase) as Phase;
  const { waits } = turn.at(phase.name);
  const since = waits?.since ?? turn.now;
  if (finding.type !== "wait") turn.effects.push({ type: "decision.note", phase: phase.name, iteration, finding });
  switch (finding.type) {
    case "skip":
      skip(turn, phase);
      break;
    case "fail":
      fail(turn, phase, null, since);
      break;
    case "wait":
      look(turn, phase as WaitPhase, since);
      break;
    case "run":
      turn.put(phase.name, { decided: true, stage: undefined });
      start(turn, phase, finding);
      break;
  }
}

/** Not yet: the condition is looked at again after a while, at once if word came meanwhile. */
function look(turn: Turn, phase: WaitPhase, since: string): void {
  const every = "everyMs" in phase.wait ? phase.wait.everyMs : 0;
  const { waits } = turn.at(phase.name);
  const until = turn.after(every);
  const deadline = waits?.deadline ?? (phase.timeoutMs === undefined ? undefined : turn.after(phase.timeoutMs));
  if (deadline !== undefined && waits?.deadline === undefined) turn.timer(phase.name, deadline);
  const next = { for: "condition" as const, since, until, ...(deadline === undefined ? {} : { deadline }) };
  if (waits?.again) {
    turn.put(phase.name, { status: "waiting", waits: next });
    ask(turn, phase);
    return;
  }
  turn.put(phase.name, { status: "waiting", stage: undefined, waits: next });
  turn.currentPhase = phase.name;
  turn.timer(phase.name, until);
}

/** A moment has come that a phase waited for. */
export function due(turn: Turn, name: string, moment: string): void {
  const phase = turn.graph.phase.get(name) as Phase;
  const { waits, items } = turn.at(name);
  if (items) itemsDue(turn, phase, moment);
  else if (waits?.deadline === moment) overdue(turn, phase, waits);
  else if (waits?.for === "timer") succeed(turn, phase, null, waits.since);
  else if (waits?.for === "retry") turn.put(name, { status: "pending", waits: undefined });
  else if (waits?.for === "condition") ask(turn, phase);
}

function overdue(turn: Turn, phase: Phase, waits: Waits): void {
  if (waits.for === "gate") {
    expired(turn, phase);
    return;
  }
  const { iteration, attempt } = turn.at(phase.name);
  if (waits.for === "child" || waits.for === "action") {
    if (waits.for === "child") turn.effects.push({ type: "child.stop", phase: phase.name, iteration, attempt });
    if (triedAgain(turn, phase, { attempt }, { type: "failed", failure: "timeout", error: "Its time was up" })) return;
  }
  fail(turn, phase, null, waits.since);
}

/** Has someone look at the run's data once more; no moment is waited for meanwhile. */
function ask(turn: Turn, phase: Phase): void {
  const { until: _, ...waits } = turn.at(phase.name).waits as Waits;
  turn.put(phase.name, { stage: "deciding", waits });
  turn.effects.push({ type: "decision.owe", phase: phase.name, iteration: turn.at(phase.name).iteration });
}

/** Word from outside: conditions that are waited for are looked at again. */
export function signalled(turn: Turn): void {
  for (const phase of turn.graph.order) {
    if (phase.type !== "wait" || !("until" in phase.wait)) continue;
    const { waits, stage, status } = turn.at(phase.name);
    if (stage === "deciding") {
      const { since = turn.now } = waits ?? {};
      turn.put(phase.name, { waits: { for: "condition", since, ...waits, again: true } });
    } else if (status === "waiting" && waits?.for === "condition") {
      ask(turn, phase);
    }
  }
}

/** A child run, or an act outside, is over: its outcome is recorded as an execution of the phase, which ends as it did. */
export function handedBack(turn: Turn, event: Extract<RunEvent, { type: "child.ended" | "action.ended" }>): void {
  const phase = turn.graph.phase.get(event.phase) as Phase;
  const { outcome, iteration, attempt, epoch } = event;
  const startedAt = turn.at(phase.name).waits?.since ?? turn.now;
  const execution: LiveExecution = {
    id: event.execution,
    phase: phase.name,
    name: phase.name,
    iteration,
    attempt,
    epoch,
    startedAt,
  };
  turn.effects.push({ type: "execution.open", execution });
  turn.close(
    execution,
    outcome.type === "succeeded" ? "ok" : "error",
    outcome.type === "failed" ? outcome.error : null,
    outcome,
  );
  turn.restartCount = 0;
  if (outcome.type === "succeeded") succeed(turn, phase, execution, startedAt);
  else if (!triedAgain(turn, phase, execution, outcome)) fail(turn, phase, execution, startedAt);
}

/** The run has used up its time. */
export function outOfTime(turn: Turn): void {
  turn.epoch++;
  abandon(turn, { status: "failed", reason: "timeout" }, "The run's time was up");
}
