import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, type FSWatcher, watch } from "node:fs";
import { join } from "node:path";
import type { AgentReport } from "../domain/agent.ts";
import type { Clock } from "../domain/clock.ts";
import { asFault } from "../domain/fault.ts";
import type { SessionEnd } from "../domain/session.ts";
import type { Folder, Spool } from "../store/files/spool.ts";
import type { Workspaces } from "../store/files/workspaces.ts";
import { confinements, type SandboxSettings } from "./confinement.ts";
import { DETACH, type Ended, type FileOrFolder, type Keeper, type Program } from "./contracts/keeper.ts";
import type { Log } from "./contracts/log.ts";
import type { Transcript, Transcripts } from "./contracts/transcript.ts";
import {
  carriers,
  executionsAlive,
  type Identity,
  isAlive,
  marker,
  readIdentity,
  signalGroup,
  sweep,
} from "./processes.ts";

const GRACE_MS = 5_000;
const POLL_MS = 1_000;
const TORN_MS = 20;

/**
 * The program's own keeper: a shell between the daemon and the program, which outlives the daemon. It claims the folder
 * or goes away, says who it is before the program runs, keeps the deadline, and records the status in place. A handler
 * for signals, not "ignore", which the program would inherit; the program in the foreground, since a shell makes what it
 * puts in the background deaf to interrupts. A subshell forgets its parent's handlers, hence the second trap. Last it ends its own group: whatever the program left there.
 */
const KEEPER = `
d=$1 marker=$2 limit=$3 grace=$4; shift 4
trap : HUP INT TERM
set -C; { true > "$d/claim"; } 2>/dev/null || exit 125; set +C
ulimit -f "$marker" 2>/dev/null
read -r boot < /proc/sys/kernel/random/boot_id
read -r stat < /proc/$$/stat || exit 125
echo "$$ $boot $stat" >> "$d/claim" || exit 125
(
  trap : HUP INT TERM
  sleep "$limit" || exit
  true > "$d/deadline"
  kill -s TERM -- -$$
  sleep "$grace"
  read -r me rest < /proc/self/stat
  read -r children < /proc/$$/task/$$/children
  [ "$children" ] || kill -s KILL -- -$$
  for child in $children; do [ "$child" = "$me" ] || kill -s KILL "$child"; done
) 3>&- < /dev/null > /dev/null 2>&1 &
"$@" 3>&- < /dev/null; rc=$?
printf '%-15s\\n' "$rc" >&3
kill -s KILL -- -$$
`;

/** Programs that outlive the daemon: each in a folder of the spool, under a keeper of its own. */
export function createKeeper(options: {
  spool: Spool;
  workspaces: Workspaces;
  clock: Clock;
  /** The allow-listed environment that every program gets. */
  environment: { readonly [name: string]: string };
  /** Where programs are put that are to be confined. */
  sandboxes: SandboxSettings;
  transcripts: Transcripts;
  log: Log;
  /** A session file could not be synced: only a fresh start knows what is on disk. */
  onUnknown: (error: unknown) => void;
}): Keeper {
  const { spool, workspaces, clock, environment, transcripts, log } = options;
  const confined = confinements(options.sandboxes);

  async function attend(
    program: Program,
    folder: Folder,
    child: ChildProcess | null,
    signal: AbortSignal,
  ): Promise<Ended> {
    const transcript = transcripts.open({
      execution: program.execution,
      ...program.told,
      cwd: confined.workspaceSeen(folder) ?? workspaces.path(program.run, program.own),
      stdout: folder.stdout,
      stderr: folder.stderr,
      startedAt: program.startedAt,
    });
    try {
      const how = await ending(program, folder, child, signal);
      if (how === "detached") {
        child?.unref();
        return { type: "detached" };
      }
      await endTree(program.execution, folder);
      // Only now, with nobody left to write, is the output whole.
      await synced(folder);
      const ended = how === "cancelled" ? ({ type: "cancelled" } as const) : result(folder, how);
      const report = await conclude(transcript, program, ended);
      return report && "stdout" in ended ? { ...ended, report } : ended;
    } finally {
      await transcript.release();
    }
  }

  /** A failed sync is never asked again: the program is over, and only a fresh start can say what is left of its words. */
  async function synced(folder: Folder): Promise<void> {
    try {
      await folder.sync();
    } catch (error) {
      options.onUnknown(error);
      throw error;
    }
  }

  /** The session file is whole and synced before the phase's end may be recorded: it leads the database, never lags. */
  async function conclude(
    transcript: Transcript,
    { execution, startedAt }: Program,
    ended: Ended,
  ): Promise<AgentReport | null> {
    const durationMs = Math.max(0, Date.parse(clock.now()) - Date.parse(startedAt));
    try {
      return await transcript.finish({ ...told(ended), durationMs });
    } catch (error) {
      const { code } = asFault(error);
      if (code === "disk.full" || code === "store.trouble") options.onUnknown(error);
      // A phase does not fail because its conversation cannot be kept; but nobody is to find that out later.
      log.error({ execution, code, err: error }, "a session file could not be finished");
      return null;
    }
  }

  function result(folder: Folder, how: "ended" | "timeout"): Ended {
    const verdict = confined.verdict(folder);
    const written = {
      stdout: folder.read("stdout"),
      stderr: folder.read("stderr"),
      ...(verdict === null ? {} : { verdict }),
    };
    if (folder.overdue() || how === "timeout") return { type: "timeout", ...written };
    const code = folder.status();
    // A program whose words found no room, or a keeper that could not write down who it is, fails as if by itself. Where
    // there is no room even now this throws for it, and the try is made again when there is.
    if (code !== 0) folder.probe();
    return code === null ? { type: "lost" } : { type: "exited", code, ...written };
  }

  /** Resolves when the program's keeper is gone or its status is there, or when the daemon wants it to be over. */
  function ending(
    { timeoutMs }: Program,
    folder: Folder,
    child: ChildProcess | null,
    signal: AbortSignal,
  ): Promise<"ended" | "timeout" | "cancelled" | "detached"> {
    return new Promise((resolve, reject) => {
      const undo: (() => void)[] = [];
      let why: "timeout" | "cancelled" | null = null;
      const done = (how: "ended" | "timeout" | "cancelled" | "detached"): void => {
        for (const each of undo.splice(0)) each();
        resolve(how);
      };
      const look = (): void => {
        const keeper = keeperOf(folder);
        // The status first: it is written before the keeper goes.
        if (folder.status() !== null || keeper === "gone") done(why ?? "ended");
      };
      const end = (reason: "timeout" | "cancelled"): void => {
        why ??= reason;
        // A child that has not named itself yet is known by its number all the same.
        const keeper = child?.pid === undefined ? keeperOf(folder) : { pid: child.pid };
        if (keeper !== "gone") signalGroup(keeper.pid, "SIGTERM");
        undo.push(clock.after(GRACE_MS, () => done(reason)));
      };
      const abort = (): void => (signal.reason === DETACH ? done("detached") : end("cancelled"));
      signal.addEventListener("abort", abort, { once: true });
      undo.push(() => signal.removeEventListener("abort", abort));
      // The keeper keeps the deadline itself; this is for one that cannot any more.
      undo.push(clock.after(timeoutMs + 2 * GRACE_MS, () => end("timeout")));
      if (child) {
        // `exit`, not `close`: a grandchild that kept the descriptors open must not hold the phase up.
        child.once("exit", () => done(why ?? "ended"));
        child.once("error", (error) => {
          for (const each of undo.splice(0)) each();
          reject(error);
        });
      } else {
        const watcher = watching(folder.path, (name) => name === "exit" && look());
        undo.push(() => watcher?.close());
        let timer = (): void => {};
        undo.push(() => timer());
        const poll = (): void => {
          // Set before the look, which may be the last and then calls it off.
          timer = clock.after(POLL_MS, poll);
          look();
        };
        poll();
      }
      if (signal.aborted) abort();
    });
  }

  async function attach(program: Program, folder: Folder, signal: AbortSignal): Promise<Ended> {
    while (folder.status() === null && folder.claimant() === "torn") {
      // Between its claim and its name a keeper needs a moment; one that is gone will never say more, and never ran it.
      if (carriers(program.execution, 0).length === 0 && folder.claimant() === "torn") return { type: "lost" };
      await new Promise<void>((resolve) => void clock.after(TORN_MS, resolve));
    }
    return attend(program, folder, null, signal);
  }

  /** Where it works; null where it is not wanted any more before there is such a place. */
  async function place(program: Program, signal: AbortSignal): Promise<string | null> {
    try {
      const path = await workspaces.ready(program, signal);
      return signal.aborted ? null : path;
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
  }

  async function start(program: Program, signal: AbortSignal): Promise<Ended> {
    const cwd = await place(program, signal);
    if (cwd === null) return unstarted(signal);
    const folder = spool.create(program.execution);
    const handed = await handOver(program, folder, spool);
    const home = program.home === undefined ? null : await workspaces.home(program.run, program.home);
    if (signal.aborted) return unstarted(signal);
    const wrapped = confined.wrap(program, folder, {
      workspace: cwd,
      home,
      environment: { ...environment, ...program.environment },
      handed,
    });
    return attend(program, folder, launch({ ...program, ...wrapped }, folder, cwd), signal);
  }

  /** Nothing of an execution may go on writing once its end is known: its group first, then whoever carries its mark. */
  async function endTree(execution: string, folder: Folder): Promise<void> {
    const claimant = folder.claimant();
    const identity = claimant === null ? null : readIdentity(claimant);
    if (identity && isAlive(identity)) signalGroup(identity.pid, "SIGKILL");
    sweep(execution, identity?.start ?? 0);
    await confined.end(execution, folder);
  }

  return {
    workspace: (run, own) => workspaces.path(run, own),
    run: async (program, signal) => {
      const folder = spool.find(program.execution);
      if (folder && folder.claimant() !== null) return attach(program, folder, signal);
      if (signal.aborted) return unstarted(signal);
      return start(program, signal);
    },
    claimed: (execution) => {
      const folder = spool.find(execution);
      return folder !== null && !folder.forbid();
    },
    clear: async (execution) => {
      const folder = spool.find(execution);
      if (folder) await endTree(execution, folder);
    },
    strays: (wanted) =>
      executionsAlive().filter((execution) => !wanted.has(execution) && spool.find(execution) !== null),
  };
}

function unstarted({ reason }: AbortSignal): Ended {
  return { type: reason === DETACH ? "detached" : "cancelled" };
}

/** An ending in the words of a session file. */
function told(ended: Ended): Omit<SessionEnd, "durationMs"> {
  switch (ended.type) {
    case "exited":
      return ended.code === 0
        ? { status: "ok", stopReason: "end_turn" }
        : { status: "error", stopReason: `exit ${ended.code}` };
    case "timeout":
      return { status: "timeout", stopReason: "timeout" };
    case "cancelled":
      return { status: "cancelled", stopReason: "cancelled" };
    case "lost":
    case "detached":
      return { status: "lost", stopReason: "lost" };
  }
}

/** Who keeps a folder: a living process, or nobody any more. */
function keeperOf(folder: Folder): Identity | "gone" {
  const claimant = folder.claimant();
  const identity = claimant === null ? null : readIdentity(claimant);
  return identity && isAlive(identity) ? identity : "gone";
}

function launch(program: Program, folder: Folder, cwd: string): ChildProcess {
  const [stdout, stderr, exit] = [folder.descriptor("stdout"), folder.descriptor("stderr"), folder.descriptor("exit")];
  try {
    const words = [folder.path, String(marker(program.execution)), seconds(program.timeoutMs), seconds(GRACE_MS)];
    // Files, not pipes: what a program prints is on disk whatever becomes of the daemon, and can never fill its memory.
    return spawn("/bin/sh", ["-c", KEEPER, "keeper", ...words, ...program.argv], {
      cwd,
      env: program.environment,
      detached: true,
      stdio: ["ignore", stdout, stderr, exit],
    });
  } finally {
    for (const descriptor of [stdout, stderr, exit]) closeSync(descriptor);
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function watching(path: string, changed: (name: string | null) => void): FSWatcher | null {
  try {
    // A hint: where there are no watches left, the poll is the floor.
    return watch(path, (_event, name) => changed(name)).on("error", () => {});
  } catch {
    return null;
  }
}

async function handOver({ files }: Program, folder: Folder, spool: Spool): Promise<Record<string, string>> {
  const paths: Record<string, string> = {};
  for (const [variable, content] of Object.entries(files))
    paths[variable] = await put(variable, content, folder, spool);
  return paths;
}

async function put(variable: string, content: FileOrFolder, folder: Folder, spool: Spool): Promise<string> {
  const place = variable.toLowerCase();
  if (typeof content === "string") return folder.write(place, content);
  const path = folder.folder(place);
  for (const [name, source] of Object.entries(content)) {
    // Linked, not written: a long run hands each of its phases what all the others before it printed.
    const copy = await spool.shared(source.of, source.text);
    if (copy) folder.link(copy, join(place, name));
    else folder.write(join(place, name), "");
  }
  return path;
}
