import type { LiveExecution, Outcome } from "../execution.ts";
import type { Round } from "../round.ts";
import type { AgentPhase, GenericLoop, Phase, ReviewLoop } from "../workflow.ts";
import { openGate } from "./asking.ts";
import { end } from "./endings.ts";
import type { Turn } from "./turn.ts";

/** The first round of a loop; `max` where the run's data says how many there may be. */
export function beginRounds(turn: Turn, phase: AgentPhase, max: number | undefined): void {
  const round: Round = phase.genericLoop
    ? { n: 1, part: "iter", max: max ?? phase.genericLoop.maxIterations }
    : { n: 0, part: "review", max: (phase.loop as ReviewLoop).maxCycles };
  turn.put(phase.name, { round });
}

export function roundBegins(turn: Turn, phase: Phase, { part }: Round, execution: string): void {
  if (part === "fix") turn.say("on_fix_start", phase, execution);
  else if (part === "review" || part === "recheck") turn.say("on_cycle_start", phase, execution);
}

/** One iteration is over, and will not be tried again under the phase's own retry. */
export function roundEnded(turn: Turn, phase: Phase, execution: LiveExecution, outcome: Outcome): void {
  const agent = phase as AgentPhase;
  if (agent.genericLoop) genericEnded(turn, agent, agent.genericLoop, execution, outcome);
  else reviewEnded(turn, agent, execution, outcome);
}

function genericEnded(
  turn: Turn,
  phase: AgentPhase,
  loop: GenericLoop,
  execution: LiveExecution,
  outcome: Outcome,
): void {
  const round = turn.at(phase.name).round as Round;
  if (outcome.type === "failed") {
    turn.note(phase.name, "failed", execution.startedAt, execution);
    const { soft = 0 } = round;
    if (round.part !== "check" && soft < loop.softRetries) go(turn, phase, { ...round, part: "retry", soft: soft + 1 });
    else if (round.part !== "check" && loop.thenComplete) end(turn, phase, "succeeded", execution.id);
    else end(turn, phase, "failed", execution.id);
    return;
  }
  const marked = round.part === "check" ? round.marked : outcome.seen?.marker;
  if (round.part !== "check") {
    turn.effects.push({
      type: "scratch",
      key: loop.scratchKey,
      value: { iteration: round.n, lastOutputExecutionId: execution.id },
      append: false,
    });
  }
  const enough = outcome.seen?.until === true;
  const checks = round.part !== "check" && loop.untilBash !== undefined;
  const last = enough || (!checks && round.n >= round.max);
  const unmarked = last && phase.requiresMarker !== undefined && marked !== true;
  turn.note(phase.name, unmarked ? "failed" : "succeeded", execution.startedAt, execution);
  if (unmarked) end(turn, phase, "failed", execution.id);
  else if (enough) end(turn, phase, "succeeded", execution.id);
  else if (checks) go(turn, phase, { ...round, part: "check", ...(marked === undefined ? {} : { marked }) });
  else if (last) {
    // Reaching the limit ends the loop, not the run; people hear that it was not enough.
    turn.put(phase.name, { status: "succeeded", stage: undefined, waits: undefined });
    turn.say("on_failure", phase, execution.id);
  } else if (loop.gate) {
    const ask = outcome.ask ?? { summary: `May ${phase.label} go on?` };
    openGate(turn, phase, { gate: phase.name, kind: loop.gate.kind, ...ask, execution: execution.id });
  } else goOn(turn, phase);
}

function reviewEnded(turn: Turn, phase: AgentPhase, execution: LiveExecution, outcome: Outcome): void {
  const round = turn.at(phase.name).round as Round;
  turn.note(phase.name, outcome.type, execution.startedAt, execution);
  if (outcome.type === "failed") {
    if (round.part === "fix") {
      turn.say("on_fix_failed", phase, execution.id);
      // A failed fix breaks the loop: the phase stands, the run does not.
      turn.put(phase.name, { status: "succeeded", stage: undefined, waits: undefined, cause: "fix_failed" });
    } else end(turn, phase, "failed", execution.id);
  } else if (round.part === "fix") go(turn, phase, { ...round, part: "recheck" });
  else if (outcome.seen?.approved) {
    turn.say("on_approved", phase, execution.id);
    end(turn, phase, "succeeded", execution.id);
  } else {
    turn.say("on_request_changes", phase, execution.id);
    if (round.n >= round.max) {
      turn.say("on_max_cycles", phase, execution.id);
      end(turn, phase, "succeeded", execution.id);
    } else if (outcome.ask) {
      turn.say("on_pause_for_approval", phase, execution.id);
      const gate = phase.approvalGate?.name ?? phase.name;
      openGate(turn, phase, { gate, kind: "approve", ...outcome.ask, execution: execution.id });
    } else goOn(turn, phase);
  }
}

/** The next round, at once or after a person said yes to it. */
export function goOn(turn: Turn, phase: AgentPhase): void {
  const { n, max } = turn.at(phase.name).round as Round;
  go(turn, phase, { n: n + 1, part: phase.genericLoop ? "iter" : "fix", max });
}

function go(turn: Turn, phase: AgentPhase, round: Round): void {
  turn.put(phase.name, {
    status: "pending",
    iteration: turn.at(phase.name).iteration + 1,
    attempt: 1,
    failures: undefined,
    vanished: undefined,
    stage: undefined,
    waits: undefined,
    round,
  });
}
