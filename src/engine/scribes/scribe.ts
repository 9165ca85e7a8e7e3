import type { AgentReport } from "../../domain/agent.ts";
import type { Clock } from "../../domain/clock.ts";
import type { Redactor } from "../../domain/redaction.ts";
import type { SessionEnd, SessionLine } from "../../domain/session.ts";
import type { Parsed } from "../../store/files/session-line.ts";

/** Makes session lines of what an execution prints, each byte once, from where its session file ends. */
export interface Scribe {
  /** What a new file begins with, as far as it is missing; `last` is the file's last line. Asked once, before anything else. */
  begin(last: Parsed | null): readonly SessionLine[];
  /** Reads at most so many bytes. `more`: there may be more at once. */
  read(most: number): { readonly lines: readonly SessionLine[]; readonly bytes: number; readonly more: boolean };
  /** What is printed ends where it stands now, though a stray writer may go on. */
  bound(): void;
  /** Once all was read: what stands behind the last whole line, and the result. */
  tell(end: SessionEnd): readonly SessionLine[];
  /** What an agent's stream came to so far; null for a command. */
  report(): AgentReport | null;
  close(): void;
}

/** What a scribe needs beside its sources. */
export interface Desk {
  readonly clock: Clock;
  /** Of lastlight, in each line. */
  readonly version: string;
  readonly words: Redactor;
}
