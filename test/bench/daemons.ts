import { readFileSync } from "node:fs";
import type { Client } from "../../src/http/client.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";

/** A daemon that is ready, and how long that took from the moment its process was asked for. */
export interface Ready {
  readonly daemon: DaemonProcess;
  readonly client: Client;
  readonly ready_ms: number;
}

export async function startAndWait(options: Parameters<typeof startDaemon>[0]): Promise<Ready> {
  const start = performance.now();
  const daemon = startDaemon(options);
  const kill = (): void => daemon.kill("SIGKILL");
  process.once("exit", kill);
  void daemon.ended.then(() => process.off("exit", kill));
  const client = await daemon.ready;
  return { daemon, client, ready_ms: performance.now() - start };
}

/** In good order, so that it leaves its compile cache behind; by force when that takes too long. */
export async function stopDaemon(daemon: DaemonProcess): Promise<void> {
  daemon.kill("SIGTERM");
  const force = setTimeout(() => daemon.kill("SIGKILL"), 10_000);
  await daemon.ended;
  clearTimeout(force);
}

/** Memory of a process in MB: what it has now (`VmRSS`), what it once had (`VmHWM`); NaN where there is no /proc. */
export function memory(pid: number, field: "VmRSS" | "VmHWM"): number {
  try {
    const found = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return found ? Number(found[1]) / 1000 : Number.NaN;
  } catch {
    return Number.NaN;
  }
}

/** How many programs a process has as its children now; 0 where the kernel does not tell. */
export function children(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return text === "" ? 0 : text.split(" ").length;
  } catch {
    return 0;
  }
}
