import { execFile } from "node:child_process";
import { fstatSync, readdirSync, readFileSync, readlinkSync, type Stats, statfsSync, statSync } from "node:fs";
import type { Clock } from "../../domain/clock.ts";
import type { Limits, Verdict } from "../../engine/contracts/sandbox.ts";
import { HOME } from "./plan.ts";

const LOOK_MS = 100;
const DISK_MS = 1_000;
/** Looking may take a tenth of the time, however much there is to look at; but what slows it down may be what it looks for. */
const SHARE = 10;
const LONGEST_MS = 1_000;
const LONGEST_DISK_MS = 30_000;

function pauseAfter(began: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, SHARE * (performance.now() - began)));
}

/**
 * Watches what a sandbox uses up, from outside: `first` is its number one, whose own /proc lists just its processes.
 * Calls `over` once. A kernel that was given the limits is faster; this finds what it does not count, and where it was not.
 */
export function watchLimits(options: {
  readonly first: number;
  readonly workspace: string;
  readonly home?: string;
  readonly limits: Limits;
  readonly clock: Clock;
  /** What else tells that a limit was met: the kernel. */
  readonly told: () => Verdict["of"] | null;
  readonly over: (verdict: Verdict) => void;
}): () => void {
  const { first, workspace, home, limits, clock, over } = options;
  const root = `/proc/${first}/root`;
  let stopped = false;
  let cancels: (() => void)[] = [];
  const again = (ms: number, look: () => void): void => {
    const cancel = clock.after(ms, () => {
      cancels = cancels.filter((each) => each !== cancel);
      if (!stopped) look();
    });
    cancels.push(cancel);
  };
  const stop = (): void => {
    stopped = true;
    for (const cancel of cancels) cancel();
  };
  const met = (of: Verdict["of"], used: string, limit: string): void => {
    if (stopped) return;
    stop();
    over({ of, told: `it used ${used} of ${limit}` });
  };
  const exceeded = (): Parameters<typeof met> | null => {
    const told = options.told();
    if (told) return [told, "up all", told === "memory" ? bytes(limits.memoryBytes) : `${limits.processes} processes`];
    const pids = processesIn(root);
    if (pids.length > limits.processes) return ["processes", `${pids.length}`, `${limits.processes} processes`];
    const memory = pids.reduce((sum, pid) => sum + residentOf(`${root}/proc/${pid}`), 0) + inMemory(root);
    return memory > limits.memoryBytes ? ["memory", bytes(memory), bytes(limits.memoryBytes)] : null;
  };
  const look = (): void => {
    const began = performance.now();
    const reached = exceeded();
    if (reached) met(...reached);
    else again(pauseAfter(began, LOOK_MS, LONGEST_MS), look);
  };
  const lookAtDisk = (): void => {
    const began = performance.now();
    measure(home === undefined ? [workspace] : [workspace, home], (kept) => {
      if (stopped) return;
      const nameless = namelessIn(root);
      const disk = kept + nameless.disk + printed();
      if (nameless.memory > limits.memoryBytes) met("memory", bytes(nameless.memory), bytes(limits.memoryBytes));
      else if (disk > limits.diskBytes) met("disk", bytes(disk), bytes(limits.diskBytes));
      else again(pauseAfter(began, DISK_MS, LONGEST_DISK_MS), lookAtDisk);
    });
  };
  look();
  lookAtDisk();
  return stop;
}

function processesIn(root: string): string[] {
  return orElse([], () => {
    // While it is being made, its root is still the machine's own, and so are the processes there.
    if (statSync(root).dev === statSync("/").dev) return [];
    return readdirSync(`${root}/proc`).filter((name) => /^\d+$/.test(name));
  });
}

/** What a process holds that no file holds for it; memory that several share counts for each. */
function residentOf(process: string): number {
  const status = orElse("", () => readFileSync(`${process}/status`, "latin1"));
  return kilobytes(status, "RssAnon") + kilobytes(status, "RssShmem");
}

function kilobytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024;
}

/** Files that lie in memory. */
function inMemory(root: string): number {
  return ["/tmp", HOME, "/dev/shm"].reduce((sum, path) => {
    const use = orElse(null, () => statfsSync(`${root}${path}`));
    // A mount point that is not there would tell of the machine's own disk.
    return use?.type === TMPFS ? sum + (use.blocks - use.bfree) * use.bsize : sum;
  }, 0);
}

const TMPFS = 0x01021994;

/** Files that have no name any more but are held open: `du` finds them nowhere. */
function namelessIn(root: string): { memory: number; disk: number } {
  const seen = new Set<string>();
  const sum = { memory: 0, disk: 0 };
  for (const pid of processesIn(root)) {
    const folder = `${root}/proc/${pid}/fd`;
    for (const name of orElse([], () => readdirSync(folder))) {
      const file = orElse<Stats | null>(null, () => statSync(`${folder}/${name}`));
      if (!file?.isFile() || file.nlink > 0 || seen.has(`${file.dev}:${file.ino}`)) continue;
      seen.add(`${file.dev}:${file.ino}`);
      const link = orElse("", () => readlinkSync(`${folder}/${name}`));
      sum[/^\/(memfd:|dev\/zero|dev\/shm|tmp\/|SYSV)/.test(link) ? "memory" : "disk"] += file.blocks * 512;
    }
  }
  return sum;
}

/** What the program printed: the launcher's own outputs, where they are files. */
function printed(): number {
  return [1, 2].reduce((sum, descriptor) => {
    const file = fstatSync(descriptor);
    return file.isFile() ? sum + file.blocks * 512 : sum;
  }, 0);
}

/** `du`, not a walk of our own: a workspace may hold a million files, and the way out is served by this process. */
function measure(folders: readonly string[], tell: (bytes: number) => void): void {
  execFile("du", ["-skxc", ...folders], { maxBuffer: 2 ** 20 }, (_error, stdout) => {
    tell(Number(/^(\d+)\stotal$/m.exec(stdout)?.[1] ?? 0) * 1024);
  });
}

function bytes(count: number): string {
  return count < 2 ** 30 ? `${(count / 2 ** 20).toFixed(1)} MiB` : `${(count / 2 ** 30).toFixed(1)} GiB`;
}

/** Processes and files vanish while they are looked at. */
function orElse<T>(standard: T, look: () => T): T {
  try {
    return look();
  } catch {
    return standard;
  }
}
