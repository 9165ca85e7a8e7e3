import type { AgentDecoder, Resumed } from "../../domain/agent.ts";
import type { Usage } from "../../domain/execution.ts";
import type { Program } from "./keeper.ts";

/** What drives an agent: makes a program of a prompt, and reads what the program said. */
export type Runtime = {
  readonly name: string;
  program(ask: AgentAsk): Pick<Program, "argv" | "environment" | "files">;
  /** Whether it can go on with a session of this name; a runtime without it always begins anew. */
  resumes?(session: string): boolean;
  /** What a sandbox must let it have, where it is started with this PATH, knows these secrets by name, and goes on with a session. */
  needs(path: string, secrets: readonly string[], session?: Resumed | null): Needs;
  /** Names of the secrets that open its models: an agent has those that are set without its phase asking for them. */
  keys(model: string | null): readonly string[];
} & (Streaming | Plain);

/** Files and folders that a program is made of, and the hosts that it cannot work without. */
export interface Needs {
  readonly reads: readonly string[];
  readonly hosts: readonly string[];
}

/** It tells on stdout what it does while it does it; only the stream's own end says whether it succeeded. */
export interface Streaming {
  decoder(): AgentDecoder;
}

/** All that it prints is its last word; only its exit code says whether it succeeded. */
export interface Plain {
  /** `error` is set when it says itself that it failed. */
  read(stdout: string): { readonly text: string; readonly usage?: Usage; readonly error?: string };
}

/** What an agent is given, word for word. */
export interface AgentAsk {
  /** The phase's name, with what its loop adds: `fix_iter_2`. */
  readonly name: string;
  readonly phase: string;
  readonly attempt: number;
  readonly prompt: string;
  readonly model: string | null;
  readonly variant: string | null;
  /** The session it is to go on with: one that it said it can. */
  readonly session: Resumed | null;
}
