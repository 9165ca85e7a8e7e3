import { spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pause, within } from "./pace.ts";
import { type Act, readSites, type Site } from "./strace.ts";
import { namesIn, textOf } from "./victims.ts";

/** Who makes a call: the daemon's main thread, the one thread of its pool, or a keeper's shell. */
export type Party = "main" | "pool" | "keeper";

/** A system call that needs room on the disk, or a sync that learns that there was none. */
export interface DiskSite extends Site {
  readonly party: Party;
  /** How many runs had come and gone before; for a start, how many daemons had been killed. */
  readonly before: number;
}

/** Calls that a full disk refuses. To take away, to rename away and to read needs no room. */
export const ROOM_CALLS = (
  "pwrite64 pwritev write writev copy_file_range sendfile fsync fdatasync openat mkdir mkdirat rename renameat renameat2 " +
  "ftruncate fallocate link linkat"
).split(" ");

/**
 * What is done at a site: `deny` refuses the call itself with ENOSPC, once; `stop` lets it pass and stops the process
 * behind it, so that the disk can be filled before anything else is written. Null only looks.
 */
export interface Strike {
  readonly party: Party;
  readonly act: Act;
  readonly before: number;
  readonly into: string;
  readonly calls: readonly string[];
  readonly at: { readonly site: DiskSite; readonly how: "deny" | "stop" } | null;
}

/** One thread in the pool: calls are counted by thread, and which of several takes up a request is chance. */
export const ONE_POOL_THREAD = ["env", "UV_THREADPOOL_SIZE=1"] as const;

const ATTACH_MS = 3_000;

/** A prefix that makes the daemon a tracee from its first call; its number stays its own. */
export function tracedFromBirth(strike: Strike): readonly string[] {
  return ["strace", "-D", ...words(strike)];
}

/** Traces one thread of a living daemon; resolves once it is under trace, with a way to let go of it. */
export async function strikeAt(pid: number, strike: Strike): Promise<() => Promise<void>> {
  const thread = strike.party === "pool" ? poolThread(pid) : pid;
  const tracer = spawn("strace", [...words(strike), "-p", String(thread)], { stdio: "ignore" });
  const gone = new Promise<void>((resolve) => void tracer.once("exit", () => resolve()));
  tracer.once("error", () => {});
  for (let waited = 0; waited < ATTACH_MS; waited += 5) {
    if (!/^TracerPid:\t0$/m.test(textOf(`/proc/${pid}/task/${thread}/status`))) break;
    await pause(5);
  }
  return async () => {
    tracer.kill("SIGTERM");
    await within(ATTACH_MS, gone);
  };
}

/**
 * A prefix under which the `number`th keeper of a daemon is traced: in a mount namespace of its own a script lies over
 * `/bin/sh`. Where the keeper's number is written, `keeperOf` reads it.
 */
export function tracedKeeper(strike: Strike, folder: string, number: number): readonly string[] {
  const [counts, shell, script] = [join(folder, "keepers"), join(folder, "shell"), join(folder, "shell.bash")];
  mkdirSync(counts);
  copyFileSync(realpathSync("/bin/sh"), shell);
  chmodSync(shell, 0o755);
  const traced = ["strace", "-D", ...words(strike)].map((word) => `'${word}'`).join(" ");
  const lines = [
    "#!/bin/bash",
    `[ "$3" = keeper ] || exec '${shell}' "$@"`,
    `for ((number = 1; ; number++)); do mkdir "${counts}/$number" 2>/dev/null && break; done`,
    `[ "$number" = ${number} ] || exec '${shell}' "$@"`,
    `echo $$ > '${counts}/pid'`,
    `exec ${traced} '${shell}' "$@"`,
  ];
  writeFileSync(script, `${lines.join("\n")}\n`, { mode: 0o755 });
  return ["unshare", "-m", "bash", "-c", 'mount --bind "$0" /bin/sh && exec "$@"', script];
}

export function keeperOf(folder: string): number | null {
  return Number(textOf(join(folder, "keepers", "pid"))) || null;
}

/** The sites of a strike's trace in order, and the one that was struck, if it was one of them. */
export function readStrike(strike: Strike, stateDir: string): { seen: readonly DiskSite[]; hit: DiskSite | null } {
  const { party, act, before, into, at } = strike;
  const trace = textOf(into);
  // Where a process stands is no part of what it opens.
  const plain = `${into}.plain`;
  writeFileSync(plain, trace.replace(/AT_FDCWD<[^>]*>/g, "AT_FDCWD"));
  const seen = readSites(plain, stateDir, act)
    .filter(({ key }) => !key.includes("a peer") && !key.includes("a program"))
    .map((site) => ({
      ...site,
      party,
      before,
      key: `${before > 0 ? "later " : ""}${party === "main" ? "" : `${party} `}${site.key}`,
    }));
  const struck = at && /\(INJECTED\)|^--- SIGSTOP/m.test(trace);
  const hit = struck ? seen.find(({ call, ordinal }) => call === at.site.call && ordinal === at.site.ordinal) : null;
  return { seen, hit: hit ?? null };
}

/** Whether the struck process stands still. */
export function isStopped({ into }: Strike): boolean {
  return textOf(into).includes("--- stopped by SIGSTOP ---");
}

function words({ calls, into, at }: Strike): string[] {
  const what = at?.how === "deny" ? "error=ENOSPC" : "signal=STOP";
  const inject = at ? [`--inject=${at.site.call}:${what}:when=${at.site.ordinal}`] : [];
  return ["-qq", "-y", "-s", "0", "-o", into, `--trace=${calls.join(",")}`, ...inject];
}

function poolThread(pid: number): number {
  const found = namesIn(`/proc/${pid}/task`).find(
    (thread) => textOf(`/proc/${pid}/task/${thread}/comm`) === "libuv-worker\n",
  );
  if (found === undefined) throw new Error(`process ${pid} has no pool thread`);
  return Number(found);
}
