import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Limits, Verdict } from "../../engine/contracts/sandbox.ts";
import { mostThreads } from "./room.ts";

/** Limits that the kernel keeps itself, where this process may make control groups: of either version. */
export interface Fence {
  /** Goes before a command to start it within. */
  readonly enter: string[];
  /** Which limit the kernel has had to keep so far. */
  told(): Verdict["of"] | null;
  remove(): void;
}

const ENTER = 'while [ "$1" != -- ]; do echo 0 > "$1/cgroup.procs" || exit 126; shift; done; shift; exec "$@"';

/** A fence for an execution, if one is wanted; of what cannot be fenced the watch alone takes care. */
export function raiseFence(execution: string, limits: Limits, wanted: boolean): Fence {
  const folders = [...new Set((wanted ? parents() : []).flatMap((parent) => made(parent, execution, limits)))];
  return {
    enter: folders.length === 0 ? [] : ["/bin/sh", "-c", ENTER, "fence", ...folders, "--"],
    told: () => toldBy(folders),
    remove: () => folders.forEach(removed),
  };
}

/** Which limit the kernel has had to keep for control groups. */
export function toldBy(folders: readonly string[]): Verdict["of"] | null {
  const met = (file: string, field: string): boolean =>
    folders.some((folder) => Number(new RegExp(`^${field} (\\d+)`, "m").exec(read(join(folder, file)))?.[1] ?? 0) > 0);
  if (met("memory.events", "oom_kill") || met("memory.oom_control", "oom_kill")) return "memory";
  return met("pids.events", "max") ? "processes" : null;
}

/** The groups that a process is in and this one is not: what an engine made for its container. */
export function groupsOf(pid: number): string[] {
  const ours = new Set(groups("self").map(({ folder }) => folder));
  return groups(String(pid)).flatMap(({ folder }) => (ours.has(folder) ? [] : [folder]));
}

/** Takes away what the launcher of an execution could not, because it was killed. */
export function takeDownFence(execution: string): void {
  for (const { folder } of parents())
    if (existsSync(join(folder, nameOf(execution)))) removed(join(folder, nameOf(execution)));
}

function nameOf(execution: string): string {
  return `lastlight-${execution.replaceAll(/[^\w.-]/g, "_")}`;
}

interface Parent {
  readonly folder: string;
  readonly version: 1 | 2;
}

/** Where groups could be made: beside or below this process' own, which in version 2 may not have both groups and processes. */
function parents(): Parent[] {
  return groups("self").flatMap((group) =>
    group.version === 2 ? [{ ...group, folder: dirname(group.folder) }, group] : [group],
  );
}

function groups(pid: string): Parent[] {
  const own = new Map(
    read(`/proc/${pid}/cgroup`)
      .split("\n")
      .flatMap((line) => {
        const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
        return controllers === undefined || path === undefined ? [] : [[controllers, path] as const];
      }),
  );
  return read("/proc/self/mountinfo")
    .split("\n")
    .flatMap((line): Parent[] => {
      const [, root, point, type, options] = /^\d+ \d+ \S+ (\S+) (\S+) .*? - (cgroup2?) \S+ (\S+)/.exec(line) ?? [];
      if (!root || !point || !options) return [];
      const version = type === "cgroup2" ? 2 : 1;
      const path = version === 2 ? own.get("") : [...own].find(([names]) => sharesOne(names, options))?.[1];
      if (path === undefined) return [];
      const folder = join(point, relative(root, path));
      return version === 2 || /(^|,)(memory|pids)(,|$)/.test(options) ? [{ folder, version }] : [];
    });
}

function sharesOne(names: string, options: string): boolean {
  return names.split(",").some((name) => name !== "" && options.split(",").includes(name));
}

function made({ folder: parent, version }: Parent, execution: string, limits: Limits): string[] {
  const folder = join(parent, nameOf(execution));
  const tasks = String(mostThreads(limits.processes));
  const memory = String(limits.memoryBytes);
  try {
    if (version === 2 && !/\bmemory\b.*\bpids\b/.test(read(join(parent, "cgroup.subtree_control")))) return [];
    mkdirSync(folder);
    const set = (file: string, value: string): void => {
      if (existsSync(join(folder, file))) writeFileSync(join(folder, file), value);
    };
    set("memory.max", memory);
    set("memory.swap.max", "0");
    set("memory.limit_in_bytes", memory);
    set("memory.memsw.limit_in_bytes", memory);
    set("pids.max", tasks);
    return [folder];
  } catch {
    // Not ours to make, or not there: the watch does without.
    removed(folder);
    return [];
  }
}

/** A group goes when the last of its processes has: the kernel may be a moment behind. */
function removed(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // An empty group costs next to nothing, and the ending of the execution asks once more.
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
