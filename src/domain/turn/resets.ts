import { downstreamOf, isFinal } from "../graph.ts";
import { FIRST, type PhaseState } from "../phase-state.ts";
import { loopOf } from "../round.ts";
import type { RunEvent } from "../run.ts";
import type { Phase } from "../workflow.ts";
import type { Turn } from "./turn.ts";

/** A gate sends work back: that phase and everything downstream of it run again, under new ordinals. */
export function rework(turn: Turn, gate: string, from: string, reworks: number): void {
  for (const name of downstreamOf(turn.graph, from)) {
    const state = turn.at(name);
    if (!isFinal(state.status))
      cutOff(turn, turn.graph.phase.get(name) as Phase, "cancelled", "cancelled", `${gate} sent ${from} back`);
    // What another gate has used up of its own maximum stays used up.
    const { reworks } = state;
    turn.phases[name] = {
      status: "pending",
      iteration: nextOrdinal(state),
      attempt: 1,
      ...(reworks === undefined ? {} : { reworks }),
    };
  }
  turn.put(gate, { reworks });
}

/** Ordinals of one epoch are used once (engine rule 11); a phase that never began keeps its own. */
function nextOrdinal({ status, stage, iteration, attempt, decided, items }: PhaseState): number {
  if (items) return items.base + Math.max(items.total, 1);
  return status === "pending" && stage === undefined && attempt === 1 && !decided ? iteration : iteration + 1;
}

/** Ends whatever of a phase is under way where it stands: its executions, its question, its child run. */
export function cutOff(
  turn: Turn,
  phase: Phase,
  status: "failed" | "cancelled",
  stopped: "cancelled" | "interrupted",
  why: string | null,
): void {
  const { name } = phase;
  const { waits, iteration, attempt, items } = turn.at(name);
  const cut = turn.live.filter((execution) => execution.phase === name);
  for (const execution of cut) turn.stop(execution, stopped, why);
  voidGates(turn, name);
  if (waits?.for === "child") turn.effects.push({ type: "child.stop", phase: name, iteration, attempt });
  const none = items && { ...items, owed: [], again: [], trying: [] };
  turn.put(name, { status, stage: undefined, waits: undefined, items: none });
  const since = items?.since ?? cut[0]?.startedAt ?? waits?.since;
  // An iteration that a question follows has its line already.
  if (since === undefined || (waits?.for === "gate" && loopOf(phase))) return;
  const whole = { id: waits?.execution ?? null, iteration: items?.base ?? iteration, epoch: turn.run.epoch, name };
  turn.note(name, status, since, items ? whole : (cut[0] ?? whole));
}

function voidGates(turn: Turn, phase: string): void {
  for (const gate of turn.gates) {
    if (gate.phase !== phase) continue;
    turn.effects.push({ type: "gate.close", approval: gate.id, status: "void", by: null, response: null });
  }
  turn.gates = turn.gates.filter((gate) => gate.phase !== phase);
  // A question of this very turn has no row yet that could be void: it is not asked.
  const unasked = turn.effects.findIndex((effect) => effect.type === "gate.open" && effect.phase === phase);
  if (unasked !== -1) turn.effects.splice(unasked, 1);
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

/** Whether a phase that is over needs no other try. */
export function stands({ status, cause }: PhaseState): boolean {
  return isFinal(status) && (status === "succeeded" || status === "skipped") && cause === undefined;
}
