import type { Iso } from "./clock.ts";
import type { Json } from "./json.ts";
import type { MessageEvent } from "./message.ts";

/** Execution words are on disk for ever; the seed's `success` is derived: ok 1, any other ending 0, running NULL. */
export const EXECUTION_STATUSES = ["running", "ok", "error", "cancelled", "interrupted"] as const;
export type ExecutionStatus = (typeof EXECUTION_STATUSES)[number];

/** Why a phase failed, as retries will tell them apart (grammar: retry.when). */
export type FailureClass = "exit" | "timeout" | "lost" | "agent_error" | "budget" | "error";

/** The largest value that may stand in a row, in UTF-8 bytes (engine rule 5; tools ruling 5). */
export const INLINE_LIMIT = 65_536;

/** What a try produced. `text` is at most INLINE_LIMIT bytes; `bytes` counts the whole, which lies in the spool. */
export interface Output {
  readonly text: string;
  readonly bytes: number;
}

/** What a try used up; a property that is absent is unknown, which is not zero. */
export interface Usage {
  readonly usd?: number;
  readonly turns?: number;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly cacheReadTokens?: number;
  readonly cacheCreationTokens?: number;
}

/** A declared output's bytes in the content store: `sha256` in hex, and where the program left them. */
export interface KeptArtefact {
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

interface Ending {
  readonly output?: Output;
  readonly exitCode?: number;
  /** What the try was given, word for word, so that a later try can be compared with it. */
  readonly input?: Json;
  readonly usage?: Usage;
  /** How often an agent's runtime asked its model again by itself. */
  readonly retries?: number;
  readonly artefacts?: readonly KeptArtefact[];
  /** What people are to be told. */
  readonly says?: readonly MessageEvent[];
}

/** How a try ended. A phase returns this; it throws only when surprised. */
export type Outcome =
  | (Ending & {
      readonly type: "succeeded";
      /** Named outputs, at most INLINE_LIMIT bytes of JSON in all. */
      readonly outputs?: { readonly [name: string]: Json };
      /** What was seen in the output, where the phase is a loop or asks for a marker. */
      readonly seen?: { readonly until?: boolean; readonly approved?: boolean; readonly marker?: boolean };
      /** A person is to be asked before the phase goes on; `approval` is the question's id, where its words name it. */
      readonly ask?: { readonly summary: string; readonly approval?: string };
      /** An agent went through without having said or done anything. */
      readonly idle?: true;
    })
  | (Ending & { readonly type: "failed"; readonly failure: FailureClass; readonly error: string });

/** One try of one phase that is under way: the part of the row on which transitions turn. */
export interface LiveExecution {
  readonly id: string;
  readonly phase: string;
  /** The phase's name, with what its loop or matrix adds: `fix_iter_2`, `build[3]`. */
  readonly name: string;
  readonly iteration: number;
  readonly attempt: number;
  readonly epoch: number;
  readonly startedAt: Iso;
  /** What it has used up so far, as far as it was told; the run's own sum has it too. */
  readonly used?: Usage;
}
