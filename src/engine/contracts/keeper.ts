import type { AgentReport } from "../../domain/agent.ts";
import type { Iso } from "../../domain/clock.ts";
import type { Output } from "../../domain/execution.ts";
import type { Own, Workplace } from "../../store/files/workspaces.ts";
import type { Verdict } from "./sandbox.ts";
import type { Transcribed } from "./transcript.ts";

/** Carries out programs for phases so that they outlive the daemon; a folder each for what they read and write. */
export interface Keeper {
  /**
   * Starts the program, or attaches to it when this execution was claimed before: it is never started twice. Resolves
   * when the program and everything it started are over; rejects only when it could not be started: also when there is
   * no workspace to be had for it.
   */
  run(program: Program, signal: AbortSignal): Promise<Ended>;
  /**
   * Whether a program was ever started for this execution. When none was, none ever will be: a keeper that is only now
   * waking up finds its place taken.
   */
  claimed(execution: string): boolean;
  /** The working directory of a run's programs, or of those that work in a copy of it. */
  workspace(run: string, own?: Own): string;
  /** Ends what is left of executions that no one waits for; resolves when nothing of them lives. */
  clear(execution: string): Promise<void>;
  /** Executions of this spool that have living processes and are not among the wanted: folders without a row. */
  strays(wanted: ReadonlySet<string>): readonly string[];
}

/** Its workplace is the working directory. */
export interface Program extends Workplace {
  /** The execution's id: the name of its spool folder. */
  readonly execution: string;
  /** When the execution was recorded, and what its session file says it is. */
  readonly startedAt: Iso;
  readonly told: Pick<Transcribed, "tool" | "command" | "agent">;
  /** Program and arguments as they are; no shell reads them but the one named here. */
  readonly argv: readonly [string, ...string[]];
  /** Added to the allow-listed environment. */
  readonly environment: { readonly [name: string]: string };
  /** What it may have in a sandbox; without it, it may do what the daemon's user may. */
  readonly confinement?: Confinement;
  /** The name of a folder of its run that lasts, which an agent has for its home: `$LASTLIGHT_HOME`. */
  readonly home?: string;
  /** Files made in the spool folder before the start: environment variable → file name → text; the variable gets the path. */
  readonly files: { readonly [variable: string]: FileOrFolder };
  readonly timeoutMs: number;
}

/** What a sandboxed program is to have of the machine besides what it is handed. */
export interface Confinement {
  /** Files and folders it may read, at their own paths. */
  readonly reads: readonly string[];
  /** Hosts it may reach, as `Confined` has them. */
  readonly hosts: readonly string[];
  /** The container's image, where the phase names one. */
  readonly image?: string;
}

export type FileOrFolder = string | { readonly [name: string]: SpoolText };

/** What another execution printed: all of it in `text`, or null where only its stdout has all. */
export interface SpoolText {
  readonly of: string;
  readonly text: string | null;
}

export type Ended =
  /** By itself; a signal that ended it is 128 and its number, as shells say. */
  | (Written & { readonly type: "exited"; readonly code: number })
  | (Written & { readonly type: "timeout" })
  /** Gone without a status: its keeper was killed, or the machine was. */
  | { readonly type: "lost" }
  /** Ended because the signal was aborted. */
  | { readonly type: "cancelled" }
  /** Still running; the daemon lets go of it (the signal was aborted with `DETACH`). */
  | { readonly type: "detached" };

interface Written {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Why its sandbox ended it, or could not be made. */
  readonly verdict?: Verdict;
  /** What an agent's stream came to. */
  readonly report?: AgentReport;
}

/** The reason to abort with when the program is to go on without its daemon. */
export const DETACH = Symbol("detach");
