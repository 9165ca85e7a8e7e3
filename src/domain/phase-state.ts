import type { Iso } from "./clock.ts";
import type { PhaseStatus } from "./graph.ts";
import type { Items } from "./matrix.ts";
import type { Round } from "./round.ts";

/** Why a phase ended otherwise than by its work, where the reason of a whole run may hang on it. */
export type Cause = "rejected" | "expired" | "fix_failed";

/**
 * Where one phase stands. Most phases never have more than the first three; what is absent is nothing.
 * `iteration` is the ordinal of what is under way or comes next: it never falls within an epoch.
 */
export interface PhaseState {
  readonly status: PhaseStatus;
  readonly iteration: number;
  readonly attempt: number;
  readonly cause?: Cause;
  /** A pending phase that has been asked about (`deciding`), or that may start as soon as there is room (`owed`). */
  readonly stage?: "deciding" | "owed";
  /** Its conditions have been looked at; they are not looked at again for another try. */
  readonly decided?: true;
  /** Tries of this iteration that failed and were forgiven. */
  readonly failures?: number;
  /** Processes of this iteration that vanished; tries that a dying daemon never began are none. */
  readonly vanished?: number;
  readonly waits?: Waits;
  readonly round?: Round;
  readonly items?: Items;
  /** How often this gate has sent work back. */
  readonly reworks?: number;
}

/** What a waiting phase waits for: `until` and `deadline` are moments at which a timer is due. */
export interface Waits {
  readonly for: "gate" | "timer" | "retry" | "condition" | "child" | "action";
  readonly until?: Iso;
  readonly deadline?: Iso;
  /** Since when; and the execution whose end brought the question, where one did. */
  readonly since: Iso;
  readonly execution?: string;
  /** Something came while the condition was being looked at: it is looked at once more. */
  readonly again?: true;
}

export const FIRST: Pick<PhaseState, "iteration" | "attempt"> = { iteration: 0, attempt: 1 };
