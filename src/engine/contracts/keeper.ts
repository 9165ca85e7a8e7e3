import type { Output } from "../../domain/execution.ts";

/** Carries out programs for phases: a folder each for what they read and write, ended whole, never a pipe to fill. */
export interface Keeper {
  /** Resolves when the program is over, whichever way; rejects only when it could not be started. */
  run(program: Program, signal: AbortSignal): Promise<Ended>;
}

export interface Program {
  /** The execution's id: the name of its spool folder. */
  readonly execution: string;
  /** The run's id: the name of its workspace, which is the working directory. */
  readonly run: string;
  /** Program and arguments as they are; no shell reads them but the one named here. */
  readonly argv: readonly [string, ...string[]];
  /** Added to the allow-listed environment. */
  readonly environment: { readonly [name: string]: string };
  /** Files made in the spool folder before the start: environment variable → file name → text; the variable gets the path. */
  readonly files: { readonly [variable: string]: FileOrFolder };
  readonly timeoutMs: number;
}
export type FileOrFolder = string | { readonly [name: string]: SpoolText };

/** Text to write, or the whole stdout of another execution where the text at hand is only its beginning. */
export type SpoolText = { readonly text: string } | { readonly stdoutOf: string };

export type Ended =
  | { readonly type: "exited"; readonly code: number; readonly stdout: Output; readonly stderr: Output }
  | { readonly type: "signalled"; readonly signal: string; readonly stdout: Output; readonly stderr: Output }
  | { readonly type: "timeout"; readonly stdout: Output; readonly stderr: Output }
  | { readonly type: "cancelled" };
