import { readlinkSync } from "node:fs";
import { join } from "node:path";
import { marker } from "../../src/engine/processes.ts";
import { namesIn, send, textOf } from "./victims.ts";

/** Processes that belong to a STATE_DIR: by their environment, their limits, or where they stand. */
export function orphansOf(stateDir: string): { pid: number; name: string; why: string }[] {
  const executions = namesIn(join(stateDir, "spool"));
  const known = new Set(executions);
  const limits = new Map(executions.flatMap((id) => [512, 1024].map((block) => [marker(id) * block, id] as const)));
  return namesIn("/proc").flatMap((entry) => {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    const stat = textOf(`/proc/${pid}/stat`);
    // A zombie runs nothing; whoever started it has not looked yet.
    if (stat === "" || /^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2))) return [];
    const why = belonging(pid, stateDir, known, limits);
    return why ? [{ pid, name: textOf(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim(), why }] : [];
  });
}

/** Ends what was found, by number. */
export function endOrphans(stateDir: string): number {
  const found = orphansOf(stateDir);
  for (const { pid } of found) send(pid, "SIGKILL");
  return found.length;
}

function belonging(
  pid: number,
  stateDir: string,
  executions: ReadonlySet<string>,
  limits: ReadonlyMap<number, string>,
): string | null {
  const told = /(?:^|\0)LASTLIGHT_EXECUTION=([^\0]+)/.exec(textOf(`/proc/${pid}/environ`))?.[1];
  if (told && executions.has(told)) return `environment of ${told}`;
  const size = Number(/^Max file size +(\d+)/m.exec(textOf(`/proc/${pid}/limits`))?.[1] ?? 0);
  const marked = limits.get(size);
  if (marked) return `limit of ${marked}`;
  try {
    const cwd = readlinkSync(`/proc/${pid}/cwd`);
    return cwd === stateDir || cwd.startsWith(`${stateDir}/`) ? `stands in ${cwd}` : null;
  } catch {
    return null;
  }
}
