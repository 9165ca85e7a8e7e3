import { lstat, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "../../domain/fault.ts";
import type { Origin, Repositories } from "./workspaces/repositories.ts";
import { copyTree, removeTree, sizeOf } from "./workspaces/tree.ts";
import { turns } from "./workspaces/turns.ts";

/** Working directories: one for each run, made when it is first needed, and copies of it for what goes side by side. */
export interface Workspaces {
  /** The path of a workspace, whether or not it is there. */
  path(run: string, own?: Own): string;
  /**
   * Makes what is not there yet, and returns the path. Throws `repository.invalid`, `repository.unavailable`,
   * `workspace.unfit` or `disk.full`, and the signal's reason once it is aborted; asked again, it begins again.
   */
  ready(of: Workplace, signal?: AbortSignal): Promise<string>;
  /** Begins a run with what another one has: its workspace, and of its branches these. Throws `workspace.unfit`. */
  copy(from: string, to: string, branches: readonly string[]): Promise<void>;
  /** The path of a folder of the run's that lasts as long as its workspace, for programs to keep things in; made where it is not. */
  home(run: string, name: string): Promise<string>;
  /** Removes everything of a run. */
  remove(run: string): Promise<void>;
  /**
   * Removes everything of runs that are of no use to anyone any more, and what was left half made or half removed. The
   * answer is asked for twice: a run that goes on meanwhile has its workspace back.
   */
  sweep(isOfUse: IsOfUse, signal: AbortSignal): Promise<Swept>;
}

/** Which workspace of a run, and what it begins with. */
export interface Workplace {
  readonly run: string;
  /** A copy, for who is not alone. */
  readonly own?: Own;
  /** What the run's workspace is a checkout of. */
  readonly origin?: Origin;
}

export interface Own {
  /** Names of copies: it is the first, which begins with the next that is there, or with the run's own workspace. */
  readonly names: readonly [string, ...string[]];
  /** Which beginning this is of what the copy is called after: one of an earlier beginning is made anew. Null where it goes on with what is there. */
  readonly since: string | null;
}

export interface Swept {
  readonly runs: number;
  readonly bytes: number;
  /** What could not be removed, and why: it is tried again by the next daemon. */
  readonly left: readonly unknown[];
}

type IsOfUse = (run: string) => Promise<boolean>;

const MOST_COPIED = 20 * 2 ** 30;

export function workspaces(options: {
  root: string;
  /** Tells what this daemon is making from what another one was making when it died. */
  id: () => string;
  /** Where repositories come from; without it a workspace begins empty. */
  repositories?: Repositories | null;
  mostCopied?: number;
}): Workspaces {
  const { root, id, repositories = null, mostCopied = MOST_COPIED } = options;
  const turn = turns();
  const mark = id();
  let made = 0;

  const placeOf = (run: string, name?: string): string => join(root, name === undefined ? run : `${run}+${name}`);

  /** Makes a folder somewhere else and gives it its name when it is whole. */
  async function put(path: string, make: (fresh: string) => Promise<void>): Promise<void> {
    const fresh = aside(path, "new");
    await mkdir(root, { recursive: true, mode: 0o700 });
    try {
      await make(fresh);
      if (await isFolder(path)) await dropped(path);
      await rename(fresh, path);
    } catch (error) {
      await removeTree(fresh).catch(() => {});
      throw error;
    }
  }

  function aside(path: string, why: "new" | "gone"): string {
    return `${path}.${mark}-${made++}.${why}`;
  }

  async function dropped(path: string): Promise<void> {
    const gone = aside(path, "gone");
    await rename(path, gone);
    await removeTree(gone);
  }

  async function shared({ run, origin }: Workplace, signal?: AbortSignal): Promise<string> {
    const path = placeOf(run);
    if (await isFolder(path)) return path;
    if (origin && repositories) await put(path, (fresh) => repositories.checkOut(origin, fresh, signal));
    else await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  }

  async function branch(of: Workplace, own: Own, signal?: AbortSignal): Promise<string> {
    const [name, ...around] = own.names;
    const path = placeOf(of.run, name);
    const record = recordOf(path);
    const isThere = await isFolder(path);
    if (isThere && (own.since === null || (await readIfThere(record)) === own.since)) return path;
    const source = (await firstFolder(around.map((each) => placeOf(of.run, each)))) ?? (await shared(of, signal));
    await put(path, (fresh) => copied(source, fresh, signal));
    // Last: a copy without its record is made again, and nobody has worked in it yet.
    if (own.since !== null) await writeFile(record, own.since, { mode: 0o600 });
    return path;
  }

  async function copied(from: string, to: string, signal?: AbortSignal): Promise<void> {
    try {
      await copyTree(from, to, mostCopied, signal);
    } catch (error) {
      if (error instanceof Fault && error.code === "workspace.unfit")
        throw new Fault("workspace.unfit", `The workspace cannot be had twice. ${error.message}`, { cause: error });
      throw error;
    }
  }

  async function remove(run: string): Promise<void> {
    await turn(run, async () => {
      for (const name of await entries(root)) if (runOf(name) === run) await dropped(join(root, name));
    });
  }

  async function sweepOne(
    run: string,
    names: readonly string[],
    isOfUse: IsOfUse,
    signal: AbortSignal,
  ): Promise<Swept> {
    const moved = await turn(run, async () => {
      if (await isOfUse(run)) return [];
      const pairs: { path: string; gone: string }[] = [];
      let isKept = true;
      try {
        for (const path of names.map((name) => join(root, name))) {
          const gone = aside(path, "gone");
          await rename(path, gone);
          pairs.push({ path, gone });
        }
        isKept = await isOfUse(run);
      } finally {
        // Whoever had it go on since then waits for this turn to end, and finds everything in its place.
        if (isKept) for (const { path, gone } of pairs) await rename(gone, path);
      }
      return isKept ? [] : pairs.map(({ gone }) => gone);
    });
    return { runs: moved.length > 0 ? 1 : 0, ...(await removedAll(moved, signal)) };
  }

  return {
    path: (run, own) => placeOf(run, own?.names[0]),
    ready: (of, signal) =>
      turn(of.run, async () => {
        signal?.throwIfAborted();
        return of.own ? branch(of, of.own, signal) : shared(of, signal);
      }),
    copy: async (from, to, branches) => {
      try {
        await turn(from, async () => {
          for (const name of [undefined, ...branches]) {
            const source = placeOf(from, name);
            if (await isFolder(source)) await put(placeOf(to, name), (fresh) => copied(source, fresh));
          }
        });
      } catch (error) {
        await remove(to);
        throw error;
      }
    },
    home: (run, name) =>
      turn(run, async () => {
        const path = join(root, `${run}~${name}`);
        await mkdir(path, { recursive: true, mode: 0o700 });
        return path;
      }),
    remove,
    sweep: async (isOfUse, signal) => {
      const runs = new Map<string, string[]>();
      const left: string[] = [];
      for (const name of await entries(root)) {
        if (/\.(?:new|gone)$/.test(name)) {
          if (!name.includes(`.${mark}-`)) left.push(join(root, name));
        } else runs.set(runOf(name), [...(runs.get(runOf(name)) ?? []), name]);
      }
      let swept: Swept = { runs: 0, ...(await removedAll(left, signal)) };
      for (const [run, names] of runs) {
        if (signal.aborted) break;
        const one = await sweepOne(run, names, isOfUse, signal);
        swept = {
          runs: swept.runs + one.runs,
          bytes: swept.bytes + one.bytes,
          left: [...swept.left, ...one.left],
        };
      }
      return swept;
    },
  };
}

async function removedAll(paths: readonly string[], signal: AbortSignal): Promise<Omit<Swept, "runs">> {
  const left: unknown[] = [];
  let bytes = 0;
  for (const path of paths) {
    try {
      const size = await sizeOf(path, signal);
      await removeTree(path, signal);
      bytes += size;
    } catch (error) {
      // The next daemon finds it where it lies.
      if (signal.aborted) break;
      left.push(error);
    }
  }
  return { bytes, left };
}

/** What a copy's beginning is noted in, beside it: what is in it is the program's. */
function recordOf(path: string): string {
  return `${path}.since`;
}

function runOf(entry: string): string {
  return entry.replace(/[+.~].*$/s, "");
}

async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await lstat(path)).isDirectory()) return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
  throw new Fault("workspace.unfit", `${path} is no folder`);
}

async function firstFolder(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) if (await isFolder(path)) return path;
  return null;
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

async function entries(root: string): Promise<string[]> {
  try {
    return await readdir(root);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
