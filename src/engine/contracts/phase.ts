import type { Outcome, Usage } from "../../domain/execution.ts";
import type { Json } from "../../domain/json.ts";
import type { Redactor } from "../../domain/redaction.ts";
import type { PhaseType } from "../../domain/workflow.ts";
import type { Blobs } from "../../store/files/blobs.ts";
import type { Brief, Grant } from "../../store/store.ts";
import type { Settings } from "../settings.ts";
import type { Keeper } from "./keeper.ts";

/** How one phase type is carried out: one file under `phases/`, one line in `plugins.ts`, one test. */
export interface PhaseKind {
  readonly type: PhaseType;
  /** Its tries outlive the daemon: carried out again by the next one, `execute` attaches to what lives. */
  readonly outlives?: boolean;
  /**
   * Carries out one try and returns how it ended; it throws only when surprised. The same try may be carried out again
   * after a crash, from the same brief.
   */
  execute(execution: PhaseExecution): Promise<Outcome>;
}

export interface PhaseExecution {
  readonly grant: Grant;
  /** Aborted when the try is no longer wanted; whatever is returned after that is not recorded. */
  readonly signal: AbortSignal;
  readonly keeper: Keeper;
  readonly settings: Settings;
  readonly blobs: Blobs;
  /** For what is read from anywhere but the keeper, whose words are redacted already. */
  readonly words: Redactor;
  /**
   * Around whatever works on the run's own data in this process (render, condition, parse): if that kills the daemon,
   * the next one knows whose data it was. Synchronous, so that there is never more than one suspect.
   */
  handling<T>(work: () => T): T;
  /** The run's words and the outputs before it; read only by the types that need them. */
  brief(): Promise<Brief>;
  /** Keeps what the try is given, before it starts: after a crash, and in another try, it is given the same. */
  keepInput(input: Json): Promise<void>;
  /** Keeps what the runtime calls the session of the agent at work, as soon as it is known. */
  keepSession(session: string): Promise<void>;
  /**
   * Says what the try has used up so far, in all: as often as it likes, at once. A limit that is reached aborts the
   * signal. What the outcome says in the end takes its place.
   */
  used(usage: Usage): void;
}
