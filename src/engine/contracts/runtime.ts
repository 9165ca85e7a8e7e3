import type { AgentDecoder } from "../../domain/agent.ts";
import type { Usage } from "../../domain/execution.ts";
import type { Program } from "./keeper.ts";

/** What drives an agent: makes a program of a prompt, and reads what the program said. */
export type Runtime = {
  readonly name: string;
  program(ask: AgentAsk): Pick<Program, "argv" | "environment" | "files">;
  /** What a sandbox must let it have, where it is started with this PATH and knows these secrets by name. */
  needs(path: string, secrets: readonly string[]): Needs;
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
}
