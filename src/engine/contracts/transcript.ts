import type { AgentDecoder, AgentReport, Resumed } from "../../domain/agent.ts";
import type { Iso } from "../../domain/clock.ts";
import type { Usage } from "../../domain/execution.ts";
import type { SessionEnd } from "../../domain/session.ts";

/** Turns what programs print into session files while they print it: each byte once, whatever becomes of the daemon. */
export interface Transcripts {
  /**
   * Begins to follow the spool files of an execution, from where its session file ends; the files may be made later. An
   * execution that is followed already is not followed twice.
   */
  open(of: Transcribed): Transcript;
}

export interface Transcribed {
  readonly execution: string;
  readonly tool: "bash" | "script";
  readonly command: string;
  /** The working directory as the program sees it; it names the project folder. */
  readonly cwd: string;
  /** Paths of the spool files. */
  readonly stdout: string;
  readonly stderr: string;
  readonly startedAt: Iso;
  /** Set for an agent: how its stream is read, and who hears what it has used up so far. */
  /** Set for an agent. */
  readonly agent?: Listening;
}

/** How an agent's stream is read, and who hears what of it while it goes on. */
export interface Listening {
  readonly decoder: () => AgentDecoder;
  /** What it has used up so far. */
  readonly used: (usage: Usage) => void;
  /** What the runtime calls its session: as soon as it says so, and again where that turns out otherwise. */
  readonly began?: (session: string) => void;
  /** The session it is to go on with. */
  readonly resumes?: Resumed;
  /** What is to be known of the session before anything is said in it. */
  readonly note?: string;
}

export interface Transcript {
  /**
   * Reads both files to their end, writes what is left and the result, and syncs: once it resolves, the phase's end may
   * be recorded. Resolves with what an agent's stream came to; null for a command. Waits out a full disk. Rejects with `session.refused` when the file cannot be ours, with
   * `store.stopped` after `release`, and with `disk.full` or `store.trouble` only when a sync failed, which is never
   * tried again: the daemon must start anew.
   */
  finish(end: SessionEnd): Promise<AgentReport | null>;
  /** Lets go without an end: the daemon stops, or another goes on from here. */
  release(): Promise<void>;
}
