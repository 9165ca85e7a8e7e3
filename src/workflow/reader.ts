import { Worker } from "node:worker_threads";
import type { Checked } from "./check.ts";
import { complaintsOf } from "./complaint.ts";
import { LARGEST_FILE, TOO_LARGE } from "./decode.ts";
import type { Files } from "./files.ts";

export interface Question {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly files?: Files;
}

/** What the worker says: that it is warm (`null`), or what a file came to; and the processor time it has used so far. */
export interface Answer {
  readonly checked: Checked | null;
  readonly cpuMs: number;
}

/**
 * Checks files where a bad one can be stopped: in a thread of its own, one file after the other. The thread is kept warm
 * for a while and then let go, since it holds as much memory as the rest of an idle daemon.
 */
export interface Reader {
  /** Never rejects: a file that takes too long, or takes the thread with it, is told by a complaint. */
  read(file: string, bytes: Uint8Array, files?: Files): Promise<Checked>;
  close(): Promise<void>;
}

interface Limits {
  /** The thread's own processor time for one file: a busy machine must not make a good file look bad. */
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly startMs: number;
  /**
   * A backstop far above what a file within the parser's limits can take (about 100 MB), never the first line of
   * defence: V8 may end the whole process, and not just the thread, when a thread reaches its limit.
   */
  readonly heapMb: number;
}

const LIMITS: Limits = { cpuMs: 200, wallMs: 2_000, startMs: 30_000, heapMb: 512 };
const POLL_MS = 20;
const WARM_MS = 1_500;

export function openReader(script: URL = new URL("./reader.worker.ts", import.meta.url)): Reader {
  let thread: Thread | null = null;
  let queue: Promise<unknown> = Promise.resolve();
  let closed = false;
  let cooling: NodeJS.Timeout | undefined;

  function cool(): void {
    void thread?.end();
    thread = null;
  }

  async function readNow(file: string, bytes: Uint8Array, files?: Files): Promise<Checked> {
    if (bytes.length > LARGEST_FILE) return refused(file, TOO_LARGE);
    if (closed) return refused(file, "not read: lastlight is stopping");
    if (!thread?.alive()) {
      const started = await startThread(script);
      if (started instanceof Error) return refused(file, `not read: the reader does not start (${started.message})`);
      thread = started;
    }
    clearTimeout(cooling);
    const outcome = await thread.ask({ file, bytes, ...(files ? { files } : {}) });
    if (typeof outcome !== "string") {
      cooling = setTimeout(cool, WARM_MS).unref();
      return outcome;
    }
    // Not awaited: a thread that does not let go of its processor must not hold up the next file.
    void thread.end();
    thread = null;
    return refused(file, outcome);
  }

  return {
    read(file, bytes, files) {
      const result = queue.then(() => readNow(file, bytes, files));
      queue = result.catch(() => {});
      return result;
    },
    async close() {
      closed = true;
      await queue;
      clearTimeout(cooling);
      await thread?.end();
      thread = null;
    },
  };
}

function refused(file: string, message: string): Checked {
  const complaints = complaintsOf(file, [{ line: 1, column: 1, severity: "error", message }]);
  return { name: null, kind: "agent", version: null, complaints, wants: [], children: [], schedules: [] };
}

interface Thread {
  alive(): boolean;
  /** What the file came to, or why nothing came of it; after a reason the thread is of no more use. */
  ask(question: Question): Promise<Checked | string>;
  end(): Promise<void>;
}

async function startThread(script: URL): Promise<Thread | Error> {
  const worker = new Worker(script, {
    resourceLimits: { maxOldGenerationSizeMb: LIMITS.heapMb },
    env: {},
    execArgv: [],
  });
  let heard: (answer: Answer | Error) => void = () => {};
  worker.on("message", (answer: Answer) => heard(answer));
  worker.on("error", (error: Error) => heard(error));
  let alive = true;
  worker.on("exit", () => {
    alive = false;
    heard(new Error("the thread stopped"));
  });

  /** The next thing the worker says, or null when a limit is reached first. The process stays alive meanwhile. */
  const next = async (limitMs: number, overspent?: () => Promise<boolean>): Promise<Answer | Error | null> => {
    worker.ref();
    let wall: NodeJS.Timeout | undefined;
    let poll: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve) => {
        heard = resolve;
        wall = setTimeout(resolve, limitMs, null);
        poll = overspent && setInterval(async () => (await overspent()) && resolve(null), POLL_MS);
      });
    } finally {
      clearTimeout(wall);
      clearInterval(poll);
      heard = () => {};
      // Idle, it must not keep a process alive that has nothing else to do.
      worker.unref();
    }
  };

  const ready = await next(LIMITS.startMs);
  if (ready === null || ready instanceof Error) {
    await worker.terminate();
    return ready ?? new Error(`no sign of life for ${LIMITS.startMs} ms`);
  }
  let before = ready.cpuMs;
  const overspent = async (): Promise<boolean> => {
    // A thread that has just ended has no usage to tell; its end is heard anyway.
    const { user, system } = await worker.cpuUsage().catch(() => ({ user: 0, system: 0 }));
    return (user + system) / 1000 - before > LIMITS.cpuMs;
  };
  return {
    alive: () => alive,
    async ask(question) {
      const answered = next(LIMITS.wallMs, overspent);
      worker.postMessage(question);
      const answer = await answered;
      if (answer === null) return `took longer than ${LIMITS.cpuMs} ms to read`;
      if (answer instanceof Error || !answer.checked) return "could not be read: it stopped the reader";
      before = answer.cpuMs;
      return answer.checked;
    },
    async end() {
      await worker.terminate();
    },
  };
}
