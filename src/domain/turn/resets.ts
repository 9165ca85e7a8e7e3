import { downstreamOf, isFinal } from "../graph.ts";
import { FIRST, type PhaseState } from "../phase-state.ts";
import type { RunEvent } from "../run.ts";
import type { Turn } from "./turn.ts";

/** A gate sends work back: that phase and everything downstream of it run again, under new ordinals. */
export function rework(turn: Turn, gate: string, from: string, reworks: number): void {
  for (const name of downstreamOf(turn.graph, from)) {
    const state = turn.at(name);
    for (const execution of turn.live) {
      if (execution.phase === name) turn.stop(execution, "cancelled", `${gate} sent ${from} back`);
    }
    voidGates(turn, name);
    if (state.waits?.for === "child")
      turn.effects.push({ type: "child.stop", phase: name, iteration: state.iteration });
    turn.phases[name] = { status: "pending", iteration: nextOrdinal(state), attempt: 1 };
  }
  turn.put(gate, { reworks });
}

/** Ordinals of one epoch are used once (engine rule 11); a phase that never began keeps its own. */
function nextOrdinal({ status, stage, iteration, attempt, decided, items }: PhaseState): number {
  if (items) return items.base + Math.max(items.total, 1);
  return status === "pending" && stage === undefined && attempt === 1 && !decided ? iteration : iteration + 1;
}

export function voidGates(turn: Turn, phase: string): void {
  for (const gate of turn.gates) {
    if (gate.phase !== phase) continue;
    turn.effects.push({ type: "gate.close", approval: gate.id, status: "void", by: null, response: null });
  }
  turn.gates = turn.gates.filter((gate) => gate.phase !== phase);
}

/** An operator has the run go on: from a phase, or from whatever did not succeed. What ended stays in its own epoch. */
export function retried(turn: Turn, { from, by, busy }: Extract<RunEvent, { type: "run.retried" }>): void {
  turn.epoch++;
  turn.ending = null;
  turn.restartCount = 0;
  turn.hold = busy ? "concurrency" : null;
  turn.deadline = turn.workflow.timeoutMs === undefined ? null : { left: turn.workflow.timeoutMs, since: null };
  const again = new Set(turn.graph.last.map((phase) => phase.name));
  const starts = from === null ? turn.graph.main.filter(({ name }) => !stands(turn.at(name))) : [{ name: from }];
  for (const { name } of starts) for (const each of downstreamOf(turn.graph, name)) again.add(each);
  // Whatever was cut off when the run ended goes on too, or nothing downstream could.
  for (const { name } of turn.graph.main) if (turn.status(name) === "cancelled") again.add(name);
  for (const name of again) turn.phases[name] = { status: "pending", ...FIRST };
  const first = from ?? starts[0]?.name ?? turn.graph.order[0]?.name;
  if (first === undefined) return;
  turn.currentPhase = first;
  turn.note(first, "pending", turn.now, null, { retried_by: by });
}

function stands({ status, cause }: PhaseState): boolean {
  return isFinal(status) && (status === "succeeded" || status === "skipped") && cause === undefined;
}
