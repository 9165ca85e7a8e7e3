import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../domain/clock.ts";
import type { Folder, Spool } from "../store/files/spool.ts";
import type { Ended, FileOrFolder, Keeper, Program } from "./contracts/keeper.ts";

const GRACE_MS = 5_000;

/** Programs as children of the daemon: each leads a process group, so that ending it ends what it started. */
export function childKeeper(options: {
  spool: Spool;
  workspaces: string;
  clock: Clock;
  /** The allow-listed environment that every program gets. */
  environment: { readonly [name: string]: string };
}): Keeper {
  const { spool, workspaces, clock, environment } = options;
  return {
    run: async (program, signal) => {
      if (signal.aborted) return { type: "cancelled" };
      const folder = spool.open(program.execution);
      const cwd = join(workspaces, program.run);
      mkdirSync(cwd, { recursive: true, mode: 0o700 });
      const child = start(program, folder, cwd, {
        ...environment,
        ...program.environment,
        ...handOver(program, folder, spool),
      });
      return ending(child, folder, program.timeoutMs, signal, clock);
    },
  };
}

function start(program: Program, folder: Folder, cwd: string, env: Record<string, string>): ChildProcess {
  const stdout = folder.sink("stdout");
  const stderr = folder.sink("stderr");
  try {
    const [command, ...argv] = program.argv;
    // Files, not pipes: what a program prints is on disk whatever becomes of the daemon, and can never fill its memory.
    return spawn(command, argv, { cwd, env, detached: true, stdio: ["ignore", stdout, stderr] });
  } finally {
    closeSync(stdout);
    closeSync(stderr);
  }
}

function handOver({ files }: Program, folder: Folder, spool: Spool): Record<string, string> {
  const paths: Record<string, string> = {};
  for (const [variable, content] of Object.entries(files)) paths[variable] = put(variable, content, folder, spool);
  return paths;
}

function put(variable: string, content: FileOrFolder, folder: Folder, spool: Spool): string {
  const place = variable.toLowerCase();
  if (typeof content === "string") return folder.write(place, content);
  const path = folder.folder(place);
  for (const [name, source] of Object.entries(content)) {
    const whole = "stdoutOf" in source ? spool.stdoutOf(source.stdoutOf) : null;
    if (whole) folder.copy(whole, join(place, name));
    else folder.write(join(place, name), "text" in source ? source.text : "");
  }
  return path;
}

function ending(
  child: ChildProcess,
  folder: Folder,
  timeoutMs: number,
  signal: AbortSignal,
  clock: Clock,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    let why: "timeout" | "cancelled" | null = null;
    let stopGrace = (): void => {};
    const end = (reason: "timeout" | "cancelled"): void => {
      why ??= reason;
      killGroup(child, "SIGTERM");
      stopGrace = clock.after(GRACE_MS, () => killGroup(child, "SIGKILL"));
    };
    const cancel = (): void => end("cancelled");
    const stopDeadline = clock.after(timeoutMs, () => end("timeout"));
    signal.addEventListener("abort", cancel, { once: true });
    const over = (): void => {
      stopDeadline();
      stopGrace();
      signal.removeEventListener("abort", cancel);
      // What the leader left behind in its group goes with it.
      killGroup(child, "SIGKILL");
    };
    child.once("error", (error) => {
      over();
      reject(error);
    });
    // `exit`, not `close`: a grandchild that kept the descriptors open must not hold the phase up.
    child.once("exit", (code, by) => {
      over();
      if (why === "cancelled") resolve({ type: "cancelled" });
      else {
        const written = { stdout: folder.read("stdout"), stderr: folder.read("stderr") };
        if (why === "timeout") resolve({ type: "timeout", ...written });
        else if (code !== null) resolve({ type: "exited", code, ...written });
        else resolve({ type: "signalled", signal: by ?? "unknown", ...written });
      }
    });
  });
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already, which is what was wanted.
  }
}
