import type { Usage } from "../../domain/execution.ts";
import type { Program } from "./keeper.ts";

/** What drives an agent: makes a program of a prompt, and reads what the program said. */
export interface Runtime {
  readonly name: string;
  program(ask: AgentAsk): Pick<Program, "argv" | "environment" | "files">;
  /** `text` is the last thing the agent said; `error` is set when it says itself that it failed. */
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
