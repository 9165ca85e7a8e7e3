import { advance } from "../../src/domain/advance.ts";
import type { Iso } from "../../src/domain/clock.ts";
import type { Finding } from "../../src/domain/decision.ts";
import type { Usage } from "../../src/domain/execution.ts";
import { type Effect, type Hold, newborn, type Run, type RunEvent, type Step } from "../../src/domain/run.ts";
import type { Workflow } from "../../src/domain/workflow.ts";

export const NOW = "2026-11-21T09:00:00.000Z";

/** Effects in words, so that a table of transitions can be read. */
export function inWords(effect: Effect): string {
  switch (effect.type) {
    case "phase.start":
      return `owe ${effect.phase}#${effect.attempt}`;
    case "execution.open":
      return `open ${effect.execution.id}`;
    case "execution.tally":
      return `count ${effect.execution.id}`;
    case "execution.close":
      return `close ${effect.execution.id} ${effect.status}`;
    case "execution.stop":
      return `stop ${effect.execution}`;
    case "starts.void":
      return "void starts";
    case "gate.open":
      return `ask ${effect.phase}`;
    case "gate.close":
      return `answer ${effect.approval} ${effect.status}`;
    case "history":
      return `note ${effect.line.phase} ${effect.line.status}`;
    case "decision.owe":
      return `decide ${effect.phase}`;
    case "decision.note":
      return `found ${effect.phase} ${effect.finding.type}`;
    case "timer.set":
      return `wake ${effect.phase ?? "run"} ${effect.due.slice(11, 19)}`;
    case "timers.void":
      return "void timers";
    case "child.start":
      return `child ${effect.phase}#${effect.attempt}`;
    case "action.start":
      return `act ${effect.phase}#${effect.attempt}`;
    case "child.stop":
      return `stop child ${effect.phase}`;
    case "post":
      return `say ${effect.event}${effect.phase === null ? "" : ` ${effect.phase}`}`;
    case "signal":
      return `signal ${effect.name}`;
    case "scratch":
      return `${effect.append ? "append" : "put"} ${effect.key}`;
  }
}

/** One event on one run, as the store would apply it: an opened gate gets the id `gate-<phase>`. */
export function happen(workflow: Workflow, run: Run, event: RunEvent, now = NOW): { step: Step; run: Run } {
  const step = advance(workflow, run, event, now);
  if (!step.ok) return { step, run };
  const opened = step.effects.flatMap((effect) =>
    effect.type === "gate.open"
      ? [
          {
            id: `gate-${effect.phase}`,
            phase: effect.phase,
            iteration: effect.iteration,
            kind: effect.kind,
            createdAt: now,
          },
        ]
      : [],
  );
  return { step, run: { ...step.run, gates: [...step.run.gates, ...opened] } };
}

export function born(workflow: Workflow): Run {
  return newborn("run", workflow, NOW);
}

export const created: RunEvent = { type: "run.created" };
/** Admission of a phase: its execution gets the id `<phase>#<attempt>`. */
export const admitted = (phase: string, attempt = 1, iteration = 0): RunEvent => ({
  type: "execution.admitted",
  execution: iteration === 0 ? `${phase}#${attempt}` : `${phase}.${iteration}#${attempt}`,
  phase,
  iteration,
  attempt,
});
export const succeeded = (execution: string): RunEvent => ({
  type: "execution.ended",
  execution,
  outcome: { type: "succeeded" },
});
export const failed = (execution: string): RunEvent => ({
  type: "execution.ended",
  execution,
  outcome: { type: "failed", failure: "exit", error: "exit 1" },
});
export const used = (execution: string, usage: Usage): RunEvent => ({ type: "execution.used", execution, usage });
export const lost = (executions: string[], vanishedLimit: number | null = 5): RunEvent => ({
  type: "execution.lost",
  executions,
  vanishedLimit,
});
export const suspected = (restartLimit = 3): RunEvent => ({ type: "run.suspected", restartLimit });
export const answered = (approval: string, decision: "approve" | "reject" | "reply"): RunEvent => ({
  type: "gate.answered",
  approval,
  decision,
  by: "ana",
  comment: null,
});
export const cancelled: RunEvent = { type: "run.cancelled", by: "ana" };
export const decided = (phase: string, finding: Finding = { type: "run" }, iteration = 0, epoch = 0): RunEvent => ({
  type: "phase.decided",
  phase,
  iteration,
  epoch,
  finding,
});
export const fired = (phase: string | null, due: Iso): RunEvent => ({ type: "timer.fired", phase, due });
export const signalled = (name: string): RunEvent => ({ type: "signal.received", id: name, name, payload: null });
export const held = (hold: Hold): RunEvent => ({ type: "run.held", hold });
export const released = (hold: Hold): RunEvent => ({ type: "run.released", hold });
/** From whatever failed, or from a phase. */
export const retried = (from: string | null = null, busy = false): RunEvent => ({
  type: "run.retried",
  from,
  by: "ana",
  ...(busy && { busy }),
});

/** A run after a list of events, none of which may be refused. */
export function played(workflow: Workflow, events: readonly RunEvent[]): Run {
  let run = born(workflow);
  for (const event of events) {
    const next = happen(workflow, run, event);
    if (!next.step.ok) throw new Error(`${event.type} was refused: ${next.step.why}`);
    run = next.run;
  }
  return run;
}
