import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "../support/world.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

export interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a person's shell would have, and nothing of the test runner's. */
export function environment(stateDir: string, more: Record<string, string> = {}): Record<string, string> {
  const { PATH = "", HOME = "" } = process.env;
  return { PATH, HOME, STATE_DIR: stateDir, WORKFLOWS_DIR: `${ROOT}/workflows`, ...more };
}

/** The command line as a process of its own, ended with the test. */
export function launch(argv: readonly string[], env: Record<string, string>, cwd = ROOT): ChildProcess {
  const child = spawn(process.execPath, [`${ROOT}/src/main.ts`, ...argv], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

export async function lastlight(argv: readonly string[], env: Record<string, string>, cwd = ROOT): Promise<Said> {
  const child = launch(argv, env, cwd);
  const said = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said.stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said.stderr += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...said };
}

/** A daemon of this test's own; `say` runs the command line against it. */
export async function daemon(workflows = `${ROOT}/workflows`): Promise<{
  readonly stateDir: string;
  readonly line: string;
  readonly say: (...argv: string[]) => Promise<Said>;
  readonly stop: () => Promise<void>;
}> {
  const stateDir = temporaryFolder();
  const env = environment(stateDir, { WORKFLOWS_DIR: workflows, LASTLIGHT_LOG_LEVEL: "silent" });
  const child = launch(["serve"], { ...env, LASTLIGHT_PORT: "0" });
  const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
  return {
    stateDir,
    line,
    say: (...argv) => lastlight(argv, env),
    stop: async () => {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

const DEADLINE_MS = 15_000;
const PAUSE_MS = 50;

/** What `look` finds once it finds something; real processes take real time. */
export async function eventually<T>(look: () => Promise<T | null>): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (Date.now() > deadline) throw new Error("it did not come about in time");
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Whether a process of this id lives. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
