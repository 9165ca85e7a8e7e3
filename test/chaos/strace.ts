import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { pause, within } from "./pace.ts";
import { textOf } from "./victims.ts";

/**
 * A life in three acts: until it is ready, until the gate opens, until it has stopped. Calls are counted from the
 * beginning of an act, so that what the machine adds in one does not shift the next.
 */
export const ACTS = ["start", "run", "end"] as const;
export type Act = (typeof ACTS)[number];

/** A system call of the daemon's main thread that changes something outside its memory. */
export interface Site {
  readonly act: Act;
  readonly call: string;
  /** Its ordinal among all calls of that name in the act: what an injection counts by. */
  readonly ordinal: number;
  /** The same site in another life: what it acts on, and how often that was acted on before. */
  readonly key: string;
}

/** Writes, syncs, changes of folders, starts and ends of programs. Reads and waits leave nothing behind. */
export const CALLS = (
  "pwrite64 pwritev write writev sendmsg fsync fdatasync openat mkdir mkdirat rename renameat renameat2 unlink unlinkat " +
  "rmdir ftruncate fallocate link linkat chmod fchmod clone fork vfork kill"
).split(" ");

/**
 * A prefix that makes the daemon a tracee from its first call. `-D`: the tracer steps aside, so that the child's number
 * is the daemon's own.
 */
export function traced(trace: Trace): readonly [string, ...string[]] {
  return ["strace", "-D", ...words(trace)];
}

/** Traces a daemon from now on; resolves once it is under trace, with a way to let go of it. */
export async function attach(pid: number, trace: Trace): Promise<() => Promise<void>> {
  const tracer = spawn("strace", [...words(trace), "-p", String(pid)], { stdio: "ignore" });
  const gone = new Promise<void>((resolve) => void tracer.once("exit", () => resolve()));
  tracer.once("error", () => {});
  for (let waited = 0; waited < ATTACH_MS; waited += 5) {
    if (!/^TracerPid:\t0$/m.test(textOf(`/proc/${pid}/status`))) break;
    await pause(5);
  }
  return async () => {
    tracer.kill("SIGTERM");
    await within(ATTACH_MS, gone);
  };
}

/** Which calls are written to which file, and the one that kills. */
export interface Trace {
  readonly calls: readonly string[];
  readonly into: string;
  readonly killAt?: Site;
}

const ATTACH_MS = 3_000;

/**
 * No `-f`: better-sqlite3, the synchronous file calls and the starts of programs are the main thread's, and neither
 * other threads nor programs are followed.
 */
function words({ calls, into, killAt }: Trace): string[] {
  const inject = killAt ? [`--inject=${killAt.call}:signal=KILL:when=${killAt.ordinal}`] : [];
  return ["-qq", "-y", "-s", "0", "-o", into, `--trace=${calls.join(",")}`, ...inject];
}

/** Why no site can be killed at here; null when everything is there. */
export function refusal(): string | null {
  const tried = spawnSync("strace", ["-qq", "-y", "-o", "/dev/null", "--trace=write", "true"], { encoding: "utf8" });
  if (tried.error) return `there is no strace (${(tried.error as NodeJS.ErrnoException).code})`;
  return tried.status === 0 ? null : `strace is refused: ${tried.stderr.trim().split("\n").at(-1)}`;
}

/** The sites of a traced act in order; what is not about `stateDir`, a program or a peer is passed over. */
export function readSites(trace: string, stateDir: string, act: Act): Site[] {
  const ordinals = new Map<string, number>();
  const times = new Map<string, number>();
  return readFileSync(trace, "utf8")
    .split("\n")
    .flatMap((line) => {
      const [, call, rest] = /^(\w+)\((.*)$/.exec(line) ?? [];
      if (!call || rest === undefined) return [];
      const ordinal = (ordinals.get(call) ?? 0) + 1;
      ordinals.set(call, ordinal);
      const target = targetOf(call, rest, stateDir);
      if (target === null) return [];
      const place = `${act}: ${call} ${target}`;
      const time = (times.get(place) ?? 0) + 1;
      times.set(place, time);
      return [{ act, call, ordinal, key: `${place} #${time}` }];
    });
}

const ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** What a call acts on, the same in every life; null where nothing outlives the call. */
function targetOf(call: string, rest: string, stateDir: string): string | null {
  if (/^(clone|fork|vfork)$/.test(call)) return rest.includes("CLONE_THREAD") ? null : "a program";
  if (call === "kill") return "a program";
  if (call === "openat" && !rest.includes("O_CREAT")) return null;
  const at = rest.indexOf(stateDir);
  if (at >= 0)
    return (
      (/^[^>"]*/.exec(rest.slice(at + stateDir.length))?.[0] ?? "")
        .replace(ID, "*")
        .replace(/(\/projects\/)[^/]+/, "$1*") || "/"
    );
  // Ready lines, answers: what others hear of it.
  if (/^\d+<(socket|pipe|TCP)/.test(rest)) return "a peer";
  return null;
}
