import type { FailureClass } from "./execution.ts";
import type { Retry } from "./workflow.ts";

/** Whether a failure is tried again, `failures` of this iteration having been forgiven already. */
export function forgives(retry: Retry | undefined, failure: FailureClass, failures: number): retry is Retry {
  return retry !== undefined && failures < retry.times && (retry.when.includes("any") || retry.when.includes(failure));
}

/**
 * How long to pause before the next try, in ms: exponential, bounded, with up to half of it left to chance, so that runs
 * which failed together do not come back together. The chance comes from `seed`: the same try always pauses as long.
 */
export function pauseOf(retry: Retry, failures: number, seed: string): number {
  const full = Math.min(retry.pauseMs * retry.factor ** failures, retry.longestMs);
  return Math.round(full / 2 + (full / 2) * chanceOf(seed));
}

/** FNV-1a over the text, as a fraction of 1. */
function chanceOf(seed: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < seed.length; at++) hash = Math.imul(hash ^ seed.charCodeAt(at), 0x01000193);
  return (hash >>> 0) / 0x1_0000_0000;
}
