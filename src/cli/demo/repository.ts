import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import type { Config } from "../../config.ts";
import { Fault } from "../../domain/fault.ts";
import { ROOT } from "./child.ts";

/** The git repository to look at: the named one, else that of the working directory, else this checkout's. */
export async function chooseRepository(config: Config, named: string | undefined): Promise<string> {
  if (named !== undefined) {
    const path = resolve(named);
    if (await isRepository(config, path)) return path;
    throw new Fault("usage.invalid", `${path} is not a git repository, or git refuses to read it`);
  }
  const here = await top(config, process.cwd());
  if (here) return here;
  if (await isRepository(config, ROOT)) return ROOT;
  throw new Fault("usage.invalid", "There is no git repository here. Name one: --repo PATH");
}

async function isRepository(config: Config, path: string): Promise<boolean> {
  return (await git(config, path, ["rev-parse", "--git-dir"])) !== null;
}

function top(config: Config, path: string): Promise<string | null> {
  return git(config, path, ["rev-parse", "--show-toplevel"]);
}

async function git({ programEnvironment }: Config, path: string, argv: readonly string[]): Promise<string | null> {
  try {
    const options = { env: programEnvironment, timeout: 10_000 };
    const { stdout } = await promisify(execFile)("git", ["-c", "core.fsmonitor=false", "-C", path, ...argv], options);
    return stdout.replace(/\n$/, "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new Fault("usage.invalid", "git was not found. Install it, e.g. `apt-get install git`");
    }
    return null;
  }
}
