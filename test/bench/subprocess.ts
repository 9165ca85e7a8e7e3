import { type ChildProcess, spawn } from "node:child_process";

const started = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of started) child.kill("SIGKILL");
});

/** Whatever this process starts ends with it, also when it is told to end. */
export function endTogether(): void {
  process.once("SIGTERM", () => process.exit(143));
  process.once("SIGINT", () => process.exit(130));
}

interface Manner {
  /** Arguments of Node itself, e.g. a profiler's. */
  readonly node?: readonly string[];
  /** A program to run Node under, with its arguments. */
  readonly under?: readonly string[];
  readonly timeoutMs?: number;
  /** The signal by which the program is to end itself; otherwise anything but exit 0 is an error. */
  readonly signal?: NodeJS.Signals;
}

const PATIENCE_MS = 120_000;

/**
 * Runs one of this folder's programs with `request` as its only argument and reads the JSON it prints: a process per
 * sample, so that the heap, page cache and compiled code of one do not colour the next.
 */
export async function sampleOf<T>(program: URL, request: unknown, manner: Manner = {}): Promise<T> {
  const { node = [], under = [], timeoutMs = PATIENCE_MS, signal = null } = manner;
  const [command, ...argv] = [...under, process.execPath, ...node, program.pathname, JSON.stringify(request)];
  const child = spawn(command as string, argv, { stdio: ["ignore", "pipe", "inherit"] });
  started.add(child);
  const patience = setTimeout(() => child.kill("SIGTERM"), timeoutMs);
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  try {
    const [code, by] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (...how) => resolve(how));
    });
    if (code !== 0 && (by === null || by !== signal)) {
      throw new Error(`${program.pathname.split("/").at(-1)} ended with ${by ?? code}`);
    }
    return JSON.parse(text) as T;
  } finally {
    clearTimeout(patience);
    started.delete(child);
  }
}
