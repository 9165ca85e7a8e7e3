import { isFinal } from "../graph.ts";
import type { Ending } from "../run.ts";
import { cutOff } from "./resets.ts";
import type { Turn } from "./turn.ts";

/**
 * Ends the run against its phases: whatever is under way is stopped, whatever waits is void. What runs last still runs,
 * unless nothing more may start.
 */
export function abandon(turn: Turn, ending: Ending, why: string | null, everything = false): void {
  turn.ending = ending;
  const stopped = ending.status === "cancelled" ? "cancelled" : "interrupted";
  for (const phase of everything ? turn.graph.order : turn.graph.main) {
    const was = turn.status(phase.name);
    if (isFinal(was)) continue;
    cutOff(turn, phase, was === "running" && ending.status === "failed" ? "failed" : "cancelled", stopped, why);
  }
  turn.effects.push({ type: "starts.void" });
}
