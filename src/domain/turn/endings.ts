import type { LiveExecution, Outcome } from "../execution.ts";
import { forgives, pauseOf } from "../retry.ts";
import type { Phase } from "../workflow.ts";
import type { Noted, Turn } from "./turn.ts";

export const LOST = "It ended without saying how: its process, or the daemon, was killed";

/** The phase is over, and people hear of it. Its line in the history is written by whoever knows what it covers. */
export function end(
  turn: Turn,
  phase: Phase,
  status: "succeeded" | "failed",
  execution: string | null,
  cause?: "rejected" | "expired",
): void {
  turn.put(phase.name, { status, stage: undefined, waits: undefined, ...(cause ? { cause } : {}) });
  turn.say(status === "succeeded" ? "on_success" : "on_failure", phase, execution);
}

export function succeed(turn: Turn, phase: Phase, execution: Noted | null, since: string): void {
  turn.note(phase.name, "succeeded", since, execution);
  end(turn, phase, "succeeded", execution?.id ?? null);
}

export function fail(
  turn: Turn,
  phase: Phase,
  execution: Noted | null,
  since: string,
  cause?: "rejected" | "expired",
): void {
  turn.note(phase.name, "failed", since, execution);
  end(turn, phase, "failed", execution?.id ?? null, cause);
}

/** Whether a failure is forgiven: then the phase is tried once more, at once or after a pause. */
export function triedAgain(
  turn: Turn,
  phase: Phase,
  execution: Pick<LiveExecution, "attempt">,
  outcome: Extract<Outcome, { type: "failed" }>,
): boolean {
  const { retry } = phase;
  const { failures = 0, iteration } = turn.at(phase.name);
  if (!forgives(retry, outcome.failure, failures)) return false;
  const attempt = execution.attempt + 1;
  const pause = pauseOf(retry, failures, `${turn.run.id}/${phase.name}/${iteration}/${attempt}`);
  const next = { attempt, failures: failures + 1, stage: undefined };
  if (pause === 0) turn.put(phase.name, { ...next, status: "pending", waits: undefined });
  else {
    const until = turn.after(pause);
    turn.put(phase.name, { ...next, status: "waiting", waits: { for: "retry", until, since: turn.now } });
    turn.timer(phase.name, until);
  }
  return true;
}
