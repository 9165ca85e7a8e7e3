import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

/** A process by everything that tells it from another of the same number (engine rule 14). */
export interface Identity {
  readonly pid: number;
  readonly boot: string;
  /** Clock ticks since boot. */
  readonly start: number;
}

/** The line that a keeper writes of itself: its number, the boot, and its own /proc stat line. */
export function readIdentity(line: string): Identity | null {
  const match = /^(\d+) ([0-9a-f-]{36}) (.+)$/.exec(line);
  const start = match && startOf(match[3] as string);
  return match && start !== null ? { pid: Number(match[1]), boot: match[2] as string, start } : null;
}

/** Whether that very process lives: same boot, same number, same start, and no zombie. */
export function isAlive({ pid, boot, start }: Identity): boolean {
  if (boot !== bootId()) return false;
  const stat = readText(`/proc/${pid}/stat`);
  return stat !== null && startOf(stat) === start && !/^[ZX]/.test(afterName(stat));
}

/** How a process carries the execution it belongs to, through env -i, setsid, double forks and exec: a limit of its own. */
export function marker(execution: string): number {
  // 2^41 blocks of 512 bytes bound nothing that exists; forty bits of hash tell live executions apart.
  return 2 ** 41 + createHash("sha256").update(execution).digest().readUIntBE(0, 5);
}

/** Signals a group; false when there is none. */
export function signalGroup(leader: number, signal: NodeJS.Signals): boolean {
  return send(-leader, signal);
}

/**
 * Ends every process that carries the execution's mark, wherever it moved: stopped first, so that none can fork away
 * from the sweep, then killed, until two looks in a row find nobody. Returns how many were found.
 */
export function sweep(execution: string, since: number): number {
  let found = 0;
  for (let empty = 0, looks = 0; empty < 2 && looks < MOST_LOOKS; looks++) {
    const pids = carriers(execution, since);
    found += pids.length;
    for (const pid of pids) send(pid, "SIGSTOP");
    for (const pid of pids) send(pid, "SIGKILL");
    empty = pids.length === 0 ? empty + 1 : 0;
  }
  return found;
}

const MOST_LOOKS = 1_000;

/** Processes started at tick `since` or later that carry the mark: in their environment, or in their limits. */
export function carriers(execution: string, since: number): number[] {
  const inEnvironment = `LASTLIGHT_EXECUTION=${execution}\0`;
  const limit = marker(execution);
  // Shells count file sizes in blocks of 512 bytes, some in 1,024.
  const inLimits = [`${limit * 512}`, `${limit * 1024}`];
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    const stat = readText(`/proc/${pid}/stat`);
    // Whatever is older than the execution cannot be of it: most of the machine is passed over with one look each.
    if (stat === null || (startOf(stat) ?? 0) < since || /^[ZX]/.test(afterName(stat))) return [];
    const marked =
      `\0${readText(`/proc/${pid}/environ`) ?? ""}`.includes(`\0${inEnvironment}`) ||
      inLimits.some((bytes) => limitsOf(pid).includes(bytes));
    return marked ? [pid] : [];
  });
}

/** Every execution that a living process says it belongs to, whichever daemon's it is. */
export function executionsAlive(): string[] {
  const found = new Set<string>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const environment = readText(`/proc/${name}/environ`) ?? "";
    const execution = /(?:^|\0)LASTLIGHT_EXECUTION=([0-9a-f-]{36})\0/.exec(environment)?.[1];
    if (execution) found.add(execution);
  }
  return [...found];
}

/** Which boot of the machine this is: process numbers and start times mean nothing across two. */
export function bootId(): string {
  return (readText("/proc/sys/kernel/random/boot_id") ?? "").trim();
}

function limitsOf(pid: number): string[] {
  const line = /^Max file size +(\S+) +(\S+)/m.exec(readText(`/proc/${pid}/limits`) ?? "");
  return line ? [line[1] as string, line[2] as string] : [];
}

/** Field 22, counted after the last bracket: a program may call itself anything, brackets included. */
function startOf(stat: string): number | null {
  const start = Number(afterName(stat).split(" ")[19]);
  return Number.isInteger(start) ? start : null;
}

function afterName(stat: string): string {
  return stat.slice(stat.lastIndexOf(")") + 2);
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "latin1");
  } catch {
    // Gone, or another user's: either way nothing that can be read, or ended, from here.
    return null;
  }
}

function send(target: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(target, signal);
  } catch {
    return false;
  }
}
