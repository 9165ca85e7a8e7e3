import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, readIdentity } from "../../src/engine/processes.ts";

/** A keeper that lives, and the command below it once there is one. */
export interface Living {
  readonly execution: string;
  readonly keeper: number;
  readonly command: number | null;
}

/** Names rise with time, and only so many executions are under way at once. */
const NEWEST = 80;

/** Executions under way by their claims, newest first. */
export function living(stateDir: string): Living[] {
  const root = join(stateDir, "spool");
  return namesIn(root)
    .sort()
    .slice(-NEWEST)
    .reverse()
    .flatMap((execution) => {
      const identity = readIdentity(textOf(join(root, execution, "claim")).trimEnd());
      const over = textOf(join(root, execution, "exit")).endsWith("\n");
      if (over || !identity || !isAlive(identity)) return [];
      return [{ execution, keeper: identity.pid, command: commandOf(identity.pid) }];
    });
}

/** Kills by number, in one go; true when the first of them was there to be killed. */
export function killAll(pids: readonly number[]): boolean {
  return pids.map((pid) => send(pid, "SIGKILL")).at(0) ?? false;
}

export function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** What a file holds, byte for byte; empty where it cannot be read. */
export function textOf(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

/** The keeper's children are the guard of its deadline, a shell like itself, and the command. */
function commandOf(keeper: number): number | null {
  const children = textOf(`/proc/${keeper}/task/${keeper}/children`).split(" ").map(Number).filter(Boolean);
  return children.find((pid) => textOf(`/proc/${pid}/cmdline`).startsWith("bash\0")) ?? null;
}
