import { isFinal } from "../graph.ts";
import type { Ending } from "../run.ts";
import { voidGates } from "./resets.ts";
import type { Turn } from "./turn.ts";

/**
 * Ends the run against its phases: whatever is under way is stopped, whatever waits is void. What runs last still runs,
 * unless nothing more may start.
 */
export function abandon(turn: Turn, ending: Ending, why: string | null, everything = false): void {
  turn.ending = ending;
  const stopped = ending.status === "cancelled" ? "cancelled" : "interrupted";
  for (const phase of everything ? turn.graph.order : turn.graph.main) {
    const { status: was, waits, iteration } = turn.at(phase.name);
    if (isFinal(was)) continue;
    let first = null;
    for (const execution of turn.live) {
      if (execution.phase !== phase.name) continue;
      first ??= execution;
      turn.stop(execution, stopped, why);
    }
    voidGates(turn, phase.name);
    if (waits?.for === "child") turn.effects.push({ type: "child.stop", phase: phase.name, iteration });
    const status = was === "running" && ending.status === "failed" ? "failed" : "cancelled";
    turn.put(phase.name, { status, stage: undefined, waits: undefined });
    if (first) turn.note(phase.name, status, first.startedAt, turn.at(phase.name).items ? null : first);
    else if (waits) turn.note(phase.name, status, waits.since, null);
  }
  turn.effects.push({ type: "starts.void" });
}
