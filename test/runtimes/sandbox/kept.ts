import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { systemClock } from "../../../src/domain/clock.ts";
import type { Ended } from "../../../src/engine/contracts/keeper.ts";
import { createKeeper } from "../../../src/engine/keeper.ts";
import { readIdentity } from "../../../src/engine/processes.ts";
import { createTranscripts } from "../../../src/engine/transcript.ts";
import { bubblewrap } from "../../../src/runtimes/sandbox/bubblewrap.ts";
import { sessions } from "../../../src/store/files/sessions.ts";
import { spool } from "../../../src/store/files/spool.ts";
import { workspaces } from "../../../src/store/files/workspaces.ts";
import { silent } from "../../support/engine.ts";
import { temporaryFolder } from "../../support/world.ts";
import { CACHE, GENEROUS } from "./world.ts";

const sandbox = bubblewrap({ path: process.env.PATH ?? "", cache: CACHE });
const availability = await sandbox.available();
/** Why no program can be kept in a sandbox here; null where one can. */
export const refusal = "missing" in availability ? availability.missing : null;

/** Programs that a keeper keeps, each in a sandbox; every life is a daemon's. */
export function keptWorld() {
  const state = temporaryFolder();
  const clock = systemClock();
  const workspace = join(state, "workspaces", "run-1");
  mkdirSync(workspace, { recursive: true });
  const kept = sessions(join(state, "sessions"), clock);
  const executions = new Set<string>();
  const life = () => {
    const keeper = createKeeper({
      spool: spool(join(state, "spool")),
      workspaces: workspaces({ root: join(state, "workspaces"), id: clock.id }),
      clock,
      environment: { PATH: "/usr/bin:/bin" },
      sandboxes: { current: sandbox, known: [sandbox], limits: GENEROUS, hosts: [], hidden: [state] },
      transcripts: createTranscripts({ sessions: kept, clock, log: silent, version: "0.0.0" }),
      log: silent,
      onUnknown: (error) => {
        throw error;
      },
    });
    const abort = new AbortController();
    const run = (script: string, { execution = clock.id(), timeoutMs = 60_000 } = {}): Promise<Ended> => {
      executions.add(execution);
      const told = { tool: "bash", command: script } as const;
      return keeper.run(
        {
          execution,
          run: "run-1",
          startedAt: clock.now(),
          told,
          argv: ["bash", "-c", script],
          environment: {},
          files: {},
          confinement: { reads: [], hosts: [] },
          timeoutMs,
        },
        abort.signal,
      );
    };
    return { keeper, run, abort };
  };
  onTestFinished(async () => {
    for (const execution of executions) {
      await life().keeper.clear(execution);
      await sandbox.end(execution);
    }
  });
  const file = (name: string) => join(workspace, name);
  const written = async (name: string): Promise<string> => {
    while (!existsSync(file(name)) || !readFileSync(file(name), "utf8").endsWith("\n")) await moment();
    return readFileSync(file(name), "utf8").trim();
  };
  const claimant = (execution: string) => readIdentity(spoolOf(execution).claimant() ?? "")!.pid;
  const spoolOf = (execution: string) => spool(join(state, "spool")).find(execution)!;
  return { clock, life, file, written, claimant, ...life() };
}

export const moment = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 5));

/** Leaves behind all that a program can: says where, then stays. */
export const CLINGING = `
  trap '' TERM HUP INT
  for i in 1 2 3; do (setsid env -i bash -c "trap '' TERM; (sleep 300 &) ; while :; do sleep 1; done" &) ; done
  while [ "$(ls -d /proc/[0-9]* | wc -l)" -lt 8 ]; do sleep 0.05; done
  readlink /proc/self/ns/pid > where
  while :; do sleep 1; done`;

/** The launcher: what the keeper's shell has as a child and is no shell itself. */
export function launcherOf(keeper: number): number {
  return childOf(keeper, process.execPath);
}

/** What holds the sandbox: the launcher's own child. */
export function makerOf(keeper: number): number {
  return childOf(launcherOf(keeper), "bwrap");
}

function childOf(pid: number, program: string): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);
  const found = children.find((child) => {
    return readFileSync(`/proc/${child}/cmdline`, "utf8").split("\0")[0]?.endsWith(program);
  });
  if (!found) throw new Error(`${pid} has no child that is ${program}`);
  return found;
}
