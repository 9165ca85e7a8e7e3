import { execFile } from "node:child_process";
import { lstat, mkdir, readdir } from "node:fs/promises";
import { promisify } from "node:util";
import { Fault } from "../../../domain/fault.ts";

// The system's own tools: a workspace may hold a million files, or folders nested deeper than any path may be long, and
// none of them follows a link.
const run = promisify(execFile);
const SAID = 2 ** 20;
const LONGEST_REASON = 300;

/** Copies a folder to a place where nothing is, links as they are; shares the bytes where the file system can. */
export async function copyTree(from: string, to: string, most: number, signal?: AbortSignal): Promise<void> {
  const mode = (await lstat(from)).mode & 0o777;
  await mkdir(to, { mode });
  if ((await readdir(from)).length === 0) return;
  const bytes = await sizeOf(from, signal);
  if (bytes > most) throw new Fault("workspace.unfit", `It holds ${inUnits(bytes)}; ${inUnits(most)} are the most`);
  try {
    // In the C locale, in which the want of room has one name.
    const words = ["LC_ALL=C", "cp", "-ax", "--reflink=auto", "-T", "--", from, to];
    await run("env", words, { maxBuffer: SAID, ...(signal && { signal }) });
  } catch (error) {
    signal?.throwIfAborted();
    const said = `${(error as { stderr?: string }).stderr ?? ""}`;
    if (isForRoom(said))
      throw new Fault("disk.full", `A workspace cannot be copied: ${lineOf(said)}`, { cause: error });
    throw new Fault("workspace.unfit", `It cannot be copied: ${lineOf(said)}`, { cause: error });
  }
}

/** Removes whatever stands at a place, also what its owner may not enter. */
export async function removeTree(path: string, signal?: AbortSignal): Promise<void> {
  const options = { maxBuffer: SAID, ...(signal && { signal }) };
  const remove = () => run("rm", ["-rf", "--one-file-system", "--", path], options);
  try {
    await remove();
  } catch (error) {
    signal?.throwIfAborted();
    // A link is no folder: whatever it leads to keeps its mode.
    if (!(await lstat(path)).isDirectory()) throw error;
    await run("chmod", ["-R", "u+rwX", "--", path], options).catch(() => {});
    await remove();
  }
}

/** How much room a folder takes, in bytes; what cannot be read is not counted. */
export async function sizeOf(path: string, signal?: AbortSignal): Promise<number> {
  const counted = (stdout: string): number => Number(/^(\d+)\s/.exec(stdout)?.[1] ?? 0) * 1024;
  try {
    return counted((await run("du", ["-skx", "--", path], { maxBuffer: SAID, ...(signal && { signal }) })).stdout);
  } catch (error) {
    signal?.throwIfAborted();
    return counted(`${(error as { stdout?: string }).stdout ?? ""}`);
  }
}

/** Whether a tool failed for want of room, by its words in the C locale. */
export function isForRoom(said: string): boolean {
  return /No space left on device|Disk quota exceeded|Read-only file system/.test(said);
}

function lineOf(said: string): string {
  const [line = "for no reason given"] = said.split("\n").filter((each) => each.trim() !== "");
  return line.replace(/\p{Cc}/gu, "?").slice(0, LONGEST_REASON);
}

function inUnits(bytes: number): string {
  return bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
