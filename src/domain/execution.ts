import type { Iso } from "./clock.ts";
import type { Json } from "./json.ts";

/** Execution words are on disk for ever; the seed's `success` is derived: ok 1, any other ending 0, running NULL. */
export const EXECUTION_STATUSES = ["running", "ok", "error", "cancelled", "interrupted"] as const;
export type ExecutionStatus = (typeof EXECUTION_STATUSES)[number];

/** Why a phase failed, as retries will tell them apart (grammar: retry.when). */
export type FailureClass = "exit" | "timeout" | "lost" | "agent_error" | "error";

/** The largest value that may stand in a row, in UTF-8 bytes (engine rule 5; tools ruling 5). */
export const INLINE_LIMIT = 65_536;

/** What a try produced. `text` is at most INLINE_LIMIT bytes; `bytes` counts the whole, which lies in the spool. */
export interface Output {
  readonly text: string;
  readonly bytes: number;
}

interface Ending {
  readonly output?: Output;
  readonly exitCode?: number;
  /** What the try was given, word for word, so that a later try can be compared with it. */
  readonly input?: Json;
}

/** How a try ended. A phase returns this; it throws only when surprised. */
export type Outcome =
  | (Ending & { readonly type: "succeeded" })
  | (Ending & { readonly type: "failed"; readonly failure: FailureClass; readonly error: string });

/** One try of one phase that is under way: the part of the row on which transitions turn. */
export interface LiveExecution {
  readonly id: string;
  readonly phase: string;
  readonly iteration: number;
  readonly attempt: number;
  readonly epoch: number;
  readonly startedAt: Iso;
}
