import { existsSync } from "node:fs";
import { lstat, mkdir, readdir, rename, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "../../../domain/clock.ts";
import { Fault } from "../../../domain/fault.ts";
import { type Asked, git, publicUrl } from "./git.ts";
import { removeTree, sizeOf } from "./tree.ts";
import { turns } from "./turns.ts";

/** A repository, and what of it a run is about. */
export interface Origin {
  /** `owner/name`. */
  readonly repository: string;
  /** The commit to begin with; else the branch's, else the base branch's, else the default branch's. */
  readonly sha?: string;
  /** The branch to be on; one that is not there begins at the commit. */
  readonly branch?: string;
  readonly baseBranch?: string;
}

/** Checkouts of repositories, made from mirrors that are kept here. */
export interface Repositories {
  /**
   * Makes a checkout at a place where nothing is. Throws `repository.invalid` for a name that no repository can have, and
   * `repository.unavailable` with what git said.
   */
  checkOut(origin: Origin, path: string, signal?: AbortSignal): Promise<void>;
  /** Removes mirrors that nobody has used for so long; returns how much room they took, in bytes. */
  sweep(unusedMs: number, signal: AbortSignal): Promise<number>;
}

const FRESH_MS = 60_000;
const HEADS = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];

/**
 * Checkouts are whole clones with files of their own. A worktree, or a clone that borrows objects, leans on the mirror,
 * which a sandbox does not show and a sweep may remove; hard links would let a run that writes into its own `.git`
 * change what every other run of the repository is given.
 */
export function repositories(options: {
  /** What stands before `owner/name`: an address, with a slash at its end. */
  base: string;
  /** Where the mirrors lie. */
  root: string;
  clock: Pick<Clock, "now" | "id">;
  environment: { readonly [name: string]: string };
}): Repositories {
  const { root, clock, environment } = options;
  const base = new URL(options.base);
  const far = git(base, environment);
  const { run, ask } = git(new URL("file:///"), environment);
  const turn = turns();
  const fetched = new Map<string, number>();
  const now = (): number => Date.parse(clock.now());

  async function checkOut(origin: Origin, path: string, signal?: AbortSignal): Promise<void> {
    checked(origin);
    const { repository, branch } = origin;
    const asked = { what: `Repository ${repository} cannot be had`, ...(signal ? { signal } : {}) };
    const url = `${publicUrl(base)}${repository}`;
    const mirror = join(root, `${repository}.git`);
    // One after another: a mirror that changes while it is copied gives half of a change.
    await turn(repository, async () => {
      signal?.throwIfAborted();
      const commit = await wanted(origin, mirror, url, asked);
      await run(["clone", "--quiet", "--no-hardlinks", "--no-checkout", "--template=", "--", mirror, path], asked);
      await utimes(mirror, now() / 1000, now() / 1000);
      const inside = { ...asked, cwd: path };
      if (commit !== null) await run(["checkout", "--quiet", ...(await placeOf(commit, branch, inside))], inside);
      if (
        branch !== undefined &&
        (await ask(["rev-parse", "--verify", "--quiet", `refs/remotes/origin/${branch}`], inside))
      )
        await run(["branch", "--quiet", `--set-upstream-to=origin/${branch}`], inside);
      await run(["config", "remote.origin.url", url], inside);
    });
  }

  async function placeOf(commit: string, branch: string | undefined, inside: Asked): Promise<string[]> {
    if (branch !== undefined) return ["-B", branch, commit];
    const standard = (await run(["symbolic-ref", "HEAD"], inside)).trim();
    const isStandard = (await ask(["rev-parse", "--verify", "--quiet", standard], inside))?.trim() === commit;
    return isStandard ? ["-B", standard.slice("refs/heads/".length), commit] : ["--detach", commit];
  }

  /** The commit to begin with, fetched where the mirror does not have it; null in a repository without any. */
  async function wanted(origin: Origin, mirror: string, url: string, asked: Asked): Promise<string | null> {
    const { repository, sha, branch } = origin;
    const inside = { ...asked, cwd: mirror };
    const commitOf = async (name: string): Promise<string | null> =>
      (await ask(["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`], inside))?.trim() ?? null;
    const isThere = existsSync(mirror);
    if (sha !== undefined) {
      const known = isThere ? await commitOf(sha) : null;
      if (known !== null) return known;
    }
    const isFresh = isThere && now() - (fetched.get(repository) ?? 0) < FRESH_MS;
    // A branch may have come since: rather fetch once more than begin with another.
    if (!isFresh || sha !== undefined || (branch !== undefined && (await commitOf(`refs/heads/${branch}`)) === null)) {
      await refreshed(mirror, url, asked);
      fetched.set(repository, now());
    }
    if (sha !== undefined) {
      if ((await commitOf(sha)) === null)
        await far.run(["fetch", "--quiet", "--no-tags", "--", url, `+${sha}:refs/lastlight/${sha}`], inside);
      return commitOf(sha);
    }
    for (const name of [branch, origin.baseBranch])
      if (name !== undefined) {
        const found = await commitOf(`refs/heads/${name}`);
        if (found !== null) return found;
      }
    return commitOf("HEAD");
  }

  async function refreshed(mirror: string, url: string, asked: Asked): Promise<void> {
    if (existsSync(mirror)) {
      try {
        await fetchInto(mirror, url, asked);
        return;
      } catch (error) {
        // What a machine that went down in the middle of a fetch leaves: locks that nobody holds, or half a file.
        if (
          !(error instanceof Fault) ||
          !/\.lock\b|corrupt|bad object|not a git repository|loose object/i.test(error.message)
        )
          throw error;
        await removed(mirror, asked.signal);
      }
    }
    const fresh = `${mirror}.${clock.id()}.new`;
    await mkdir(dirname(mirror), { recursive: true, mode: 0o700 });
    try {
      await run(["init", "--quiet", "--bare", "--template=", "--initial-branch=main", "--", fresh], asked);
      await fetchInto(fresh, url, asked);
      await rename(fresh, mirror);
    } catch (error) {
      await removeTree(fresh).catch(() => {});
      throw error;
    }
  }

  async function fetchInto(mirror: string, url: string, asked: Asked): Promise<void> {
    const inside = { ...asked, cwd: mirror };
    const heads = await far.run(["ls-remote", "--symref", "--", url, "HEAD"], inside);
    await far.run(["fetch", "--quiet", "--prune", "--force", "--no-write-fetch-head", "--", url, ...HEADS], inside);
    const standard = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(heads)?.[1];
    if (standard !== undefined) await run(["symbolic-ref", "--", "HEAD", standard], inside);
  }

  async function removed(mirror: string, signal?: AbortSignal): Promise<number> {
    const aside = `${mirror}.${clock.id()}.gone`;
    await rename(mirror, aside);
    const bytes = await sizeOf(aside, signal);
    await removeTree(aside, signal);
    return bytes;
  }

  return {
    checkOut,
    sweep: async (unusedMs, signal) => {
      let bytes = 0;
      for (const owner of await namesIn(root)) {
        for (const name of await namesIn(join(root, owner))) {
          bytes += await turn(`${owner}/${name.replace(/\.git$/, "")}`, async () => {
            const path = join(root, owner, name);
            // What another daemon was making, or removing, when it died is as old as that.
            const at = (await lstat(path).catch(() => null))?.mtimeMs ?? Number.POSITIVE_INFINITY;
            return now() - at > unusedMs && !signal.aborted ? removed(path, signal) : 0;
          });
        }
      }
      return bytes;
    },
  };
}

const PART = /^(?!\.{1,2}$)(?!-)(?!.*\.\.)[A-Za-z0-9._-]{1,100}$/;

/** Whatever stands where git looks for options, for paths or for another protocol is no name. */
function checked({ repository, sha, branch, baseBranch }: Origin): void {
  const parts = repository.split("/");
  if (parts.length !== 2 || !parts.every((each) => PART.test(each)))
    throw new Fault("repository.invalid", `${shown(repository)} is no name of a repository`);
  if (sha !== undefined && !/^[0-9a-f]{7,64}$/.test(sha))
    throw new Fault("repository.invalid", `${shown(sha)} is no commit: 7 to 64 hexadecimal digits are`);
  for (const each of [branch, baseBranch])
    if (each !== undefined && !isBranch(each))
      throw new Fault("repository.invalid", `${shown(each)} is no name of a branch`);
}

/** As git-check-ref-format(1) has it, and ASCII only. */
function isBranch(name: string): boolean {
  return (
    /^[A-Za-z0-9_][A-Za-z0-9._/+#=,%!-]{0,199}$/.test(name) &&
    !/\.\.|\/\/|\/\.|\.lock(?:\/|$)|[./]$/.test(name) &&
    name !== "HEAD" &&
    !name.startsWith("refs/")
  );
}

function shown(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder, { withFileTypes: true })).flatMap((each) => (each.isDirectory() ? [each.name] : []));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
