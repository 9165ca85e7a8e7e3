import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { sweep } from "../../src/engine/processes.ts";
import { type Client, createClient } from "../../src/http/client.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const READY = / is ready at (http:\S+)/;

/** A real daemon in a process of its own, on a port the system chose. */
export interface DaemonProcess {
  readonly pid: number;
  /** Resolves when it says it is ready; rejects with its last words when it ends before. */
  readonly ready: Promise<Client>;
  /** Resolves with its exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
  kill(signal: NodeJS.Signals): void;
}

export function startDaemon(options: {
  stateDir: string;
  workflows: string;
  environment?: Record<string, string>;
  /** A program and its arguments that become the daemon, such as a tracer that steps aside. */
  wrap?: readonly [string, ...string[]];
}): DaemonProcess {
  const [program, ...argv] = [...(options.wrap ?? []), process.execPath, MAIN, "serve"] as [string, ...string[]];
  const child: ChildProcess = spawn(program, argv, {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      STATE_DIR: options.stateDir,
      WORKFLOWS_DIR: options.workflows,
      LASTLIGHT_PORT: "0",
      LASTLIGHT_LOG_LEVEL: "warn",
      ...options.environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let words = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-4_000);
  });
  const ended = new Promise<number | string>((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
  const ready = new Promise<Client>((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      const url = READY.exec(line)?.[1];
      if (url) resolve(createClient({ url, token: tokenOf(options.stateDir) }));
    });
    void ended.then((how) => reject(new Error(`the daemon ended (${how}) before it was ready: ${words}`)));
  });
  ready.catch(() => {});
  return { pid: child.pid as number, ready, ended, kill: (signal) => void child.kill(signal) };
}

function tokenOf(stateDir: string): string {
  const file = join(stateDir, "api-token");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : "";
}

/** Ends what a killed daemon left alive on purpose: programs outlive it, but not the test. */
export function endPrograms(stateDir: string): void {
  const folder = join(stateDir, "spool");
  if (!existsSync(folder)) return;
  for (const execution of readdirSync(folder)) sweep(execution, 0);
}
