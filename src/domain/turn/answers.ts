import type { PendingGate } from "../approval.ts";
import { loopOf } from "../round.ts";
import type { RunEvent } from "../run.ts";
import type { AgentPhase, ApprovalPhase, Phase } from "../workflow.ts";
import { end, fail, succeed } from "./endings.ts";
import { goOn } from "./loops.ts";
import { rework } from "./resets.ts";
import type { Noted, Turn } from "./turn.ts";

/** A person's answer at a gate; the run already knows that it may be taken. */
export function answered(turn: Turn, event: Extract<RunEvent, { type: "gate.answered" }>): void {
  const gate = turn.gates.find((each) => each.id === event.approval) as PendingGate;
  const { decision, by, comment } = event;
  close(turn, gate, decision === "reject" ? "rejected" : "approved", by, comment);
  const phase = turn.graph.phase.get(gate.phase) as Phase;
  if (decision === "reject") refused(turn, phase, gate);
  else passed(turn, phase, gate);
}

/** Nobody answered in time; what then is for the author to say, and silence is never a yes by default. */
export function expired(turn: Turn, phase: Phase): void {
  const gate = turn.gates.find((each) => each.phase === phase.name);
  if (!gate) return;
  close(turn, gate, "expired", null, null);
  const outcome = phase.type === "approval" ? phase.onTimeout : undefined;
  if (outcome === "continue") passed(turn, phase, gate);
  else denied(turn, phase, gate, outcome === "fail" ? undefined : "expired");
}

function close(
  turn: Turn,
  gate: PendingGate,
  status: "approved" | "rejected" | "expired",
  by: string | null,
  response: string | null,
): void {
  turn.gates = turn.gates.filter((each) => each !== gate);
  turn.effects.push({ type: "gate.close", approval: gate.id, status, by, response });
}

function passed(turn: Turn, phase: Phase, gate: PendingGate): void {
  if (loopOf(phase)) goOn(turn, phase as AgentPhase);
  else succeed(turn, phase, doneBefore(turn, phase), gate.createdAt);
}

function refused(turn: Turn, phase: Phase, gate: PendingGate): void {
  const { reworks = 0 } = turn.at(phase.name);
  const again = phase.type === "approval" ? (phase as ApprovalPhase).rework : undefined;
  denied(turn, phase, gate, "rejected");
  if (again && reworks < again.max) rework(turn, phase.name, again.phase, reworks + 1);
}

/** A loop's last iteration has its line already; any other phase that may not go on gets it now. */
function denied(turn: Turn, phase: Phase, gate: PendingGate, cause: "rejected" | "expired" | undefined): void {
  if (loopOf(phase)) end(turn, phase, "failed", turn.at(phase.name).waits?.execution ?? null, cause);
  else fail(turn, phase, doneBefore(turn, phase), gate.createdAt, cause);
}

/** The execution whose end brought the question, for the line in the history. */
function doneBefore(turn: Turn, phase: Phase): Noted | null {
  const { waits, iteration } = turn.at(phase.name);
  return waits?.execution === undefined
    ? null
    : { id: waits.execution, iteration, epoch: turn.epoch, name: phase.name };
}
