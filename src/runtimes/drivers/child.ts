import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { systemClock } from "../../domain/clock.ts";
import { lines } from "./lines.ts";

/** The agent's own program, as its driver holds it: in a group of its own, its stderr passed on. */
export interface Child {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** How it ended, once it has and all it printed was read: `exit 3: No such model`, `SIGKILL`. */
  readonly gone: Promise<string>;
  /** Asks it to go by the end of its input, and does not ask twice; what it said last has been read. */
  leave(): Promise<void>;
}

/** Nobody's sign of life is waited for longer than this; the keeper gives a driver five seconds. */
const PATIENCE_MS = 3_500;
const GOODBYE_MS = 1_000;
const LAST_WORDS_MS = 500;
/** Of what an agent says last on its stderr, a line of at most so many bytes is told again. */
const LONGEST_COMPLAINT = 1_000;

const clock = systemClock();

/** Starts the first of these programs that is there; null when none is. */
export async function start(programs: readonly string[], words: readonly string[]): Promise<Child | null> {
  for (const program of programs) {
    // A group of its own: the signal that ends a phase goes to the driver's, which knows a better way to tell the agent.
    const child = spawn(program, words, { detached: true, stdio: ["pipe", "pipe", "pipe"] });
    if (await started(child)) return held(child);
  }
  return null;
}

function started(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve, reject) => {
    child.once("spawn", () => resolve(true));
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "EACCES") resolve(false);
      else reject(error);
    });
  });
}

function held(child: ChildProcess): Child {
  const { stdin, stdout, stderr } = child as ChildProcessWithoutNullStreams;
  const over = new Promise<string>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ?? `exit ${code}`));
  });
  const read = Promise.all([stdout, stderr].map((each) => new Promise<void>((resolve) => each.once("close", resolve))));
  let complaint = "";
  const hear = lines(LONGEST_COMPLAINT, (line) => {
    if (line.trim() !== "") complaint = `: ${line.trim()}`;
  });
  // A grandchild may hold the pipe for ever.
  const lastWords = (): Promise<unknown> => Promise.race([read, after(LAST_WORDS_MS)]);
  // Piped, so that who complains faster than he is heard waits: an engine of containers reads by a pipe.
  stderr.on("data", hear).pipe(process.stderr, { end: false });
  // Who dies while it is spoken to says so by its end.
  stdin.on("error", () => {});
  // Whatever ends the driver ends the agent, with all that stayed in its group; the keeper sees to who left it.
  process.once("exit", () => endGroup(child));
  return {
    stdin,
    stdout,
    gone: over.then(async (how) => {
      await lastWords();
      return how + complaint;
    }),
    leave: async () => {
      stdin.end();
      await Promise.race([over.then(lastWords), after(GOODBYE_MS)]);
    },
  };
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left of it.
  }
}

/** Calls `cancel` at the first signal to end, and `lose` when that has led to nothing. */
export function onSignal(cancel: () => void, lose: () => void): void {
  let asked = false;
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (asked) return;
      asked = true;
      cancel();
      clock.after(PATIENCE_MS, lose);
    });
  }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}

/** What a driver's exit says; how the agent fared is in what it printed. */
export const EXIT = { ended: 0, died: 70, missing: 127, cancelled: 143 } as const;

/** Ends the driver once all it has printed is on its way: a pipe, as an engine of containers reads by, may still be full. */
export function exit(code: number): void {
  for (const stream of [process.stdout, process.stderr]) stream.once("error", () => process.exit(code));
  process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
}
