import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Config } from "../../config.ts";
import { Fault } from "../../domain/fault.ts";

/** A daemon of our own, in a folder of its own, on a port nobody else has. */
export interface Child {
  readonly url: string;
  readonly pid: number;
  readonly stateDir: string;
  readonly log: string;
  /** Asks it to end and resolves when it has; asked twice, it waits once. */
  stop(): Promise<void>;
  /** Ends it as a power cut would; resolves when it is gone. */
  kill(): Promise<void>;
}

/** The folder of this checkout. */
export const ROOT = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 10_000;

/** Starts it and resolves when it serves. Throws a fault with what it said when it does not. */
export async function startChild(config: Config, signal: AbortSignal): Promise<Child> {
  const stateDir = join(config.stateDir, "demo");
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new Fault("state.unwritable", `${stateDir} cannot be made: ${(cause as Error).message}`, { cause });
  }
  const log = join(stateDir, "daemon.log");
  const before = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  const child = launch(config, stateDir, log);
  const stop = stopper(child);
  try {
    const url = await readiness(child, log, before, signal);
    const kill = async (): Promise<void> => {
      child.kill("SIGKILL");
      await stop();
    };
    return { url, pid: child.pid as number, stateDir, log, stop, kill };
  } catch (error) {
    await stop();
    throw error;
  }
}

function launch(config: Config, stateDir: string, log: string): ChildProcess {
  const sink = openSync(log, "a", 0o600);
  try {
    return spawn(process.execPath, [join(ROOT, "src", "main.ts"), "serve"], {
      cwd: ROOT,
      env: {
        ...config.programEnvironment,
        STATE_DIR: stateDir,
        WORKFLOWS_DIR: join(ROOT, "workflows"),
        LASTLIGHT_HOST: "127.0.0.1",
        LASTLIGHT_PORT: "0",
        // It is killed on purpose, once in each demo: not a reason to stop dispatching.
        LASTLIGHT_SAFE_MODE_AFTER: "0",
      },
      stdio: ["ignore", "pipe", sink],
      // A group of its own: Ctrl-C is ours to hear, and the daemon is told once, by us.
      detached: true,
    });
  } finally {
    closeSync(sink);
  }
}

function readiness(child: ChildProcess, log: string, before: number, signal: AbortSignal): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    const fail = (why: string): void => reject(new Fault("daemon.unreachable", why));
    const late = setTimeout(() => fail(`The demo's daemon was not ready in time. Its log is ${log}`), READY_WITHIN_MS);
    const interrupted = (): void => fail("Stopped before the demo's daemon was ready");
    signal.addEventListener("abort", interrupted, { once: true });
    if (signal.aborted) interrupted();
    child.once("error", (error) => {
      clearTimeout(late);
      fail(`The demo's daemon could not be started: ${error.message}`);
    });
    child.once("exit", (code) => {
      clearTimeout(late);
      reject(refusal(code, log, before));
    });
    // Read to the end of its life: a pipe nobody empties would stop the one who writes.
    createInterface({ input: child.stdout! }).on("line", (line) => {
      const url = / is ready at (http:\/\/\S+)$/.exec(line)?.[1];
      if (!url) return;
      clearTimeout(late);
      resolve(url);
    });
  });
}

/** What the daemon printed for people before it gave up; its log proper is lines of JSON. */
function refusal(code: number | null, log: string, before: number): Fault {
  const said = readFileSync(log).subarray(before).toString("utf8").split("\n");
  const message = said.find((line) => line !== "" && !line.startsWith("{")) ?? `it ended with exit code ${code}`;
  if (/in use by another daemon/.test(message)) return new Fault("state.locked", `Another demo is running: ${message}`);
  return new Fault("daemon.unreachable", `The demo's daemon did not start: ${message}. Its log is ${log}`);
}

function stopper(child: ChildProcess): () => Promise<void> {
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  // Whatever way this process ends, its daemon is told.
  const farewell = (): void => void child.kill("SIGTERM");
  process.once("exit", farewell);
  void gone.then(() => process.off("exit", farewell));
  let asked = false;
  return async () => {
    if (!asked && child.exitCode === null && child.signalCode === null) {
      asked = true;
      child.kill("SIGTERM");
      const force = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
      void gone.then(() => clearTimeout(force));
    }
    await gone;
  };
}
