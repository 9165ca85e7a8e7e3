import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

/** A package of the npm registry, at one version. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** The command it brings. */
  readonly command: string;
}

/** Where the package's commands are, or why they could not be had. */
export type Fetched = { readonly folder: string } | { readonly why: string };

const PATIENCE_MS = 300_000;
const run = promisify(execFile);

/** Installs a package into a folder of its own; nothing of it is left anywhere else. */
export async function fetchPackage(inside: string, { name, version, command }: Package): Promise<Fetched> {
  const place = join(inside, command);
  mkdirSync(place, { recursive: true });
  const options = { cwd: place, timeout: PATIENCE_MS, maxBuffer: 1 << 24 };
  const folder = join(place, "node_modules", ".bin");
  try {
    const quiet = ["--no-audit", "--no-fund", "--no-save", "--loglevel=error", "--fetch-retries=1"];
    const here = ["--prefix", place, "--cache", join(place, "cache")];
    await run("npm", ["install", ...quiet, ...here, `${name}@${version}`], options);
    const { stdout } = await run(join(folder, command), ["--version"], options);
    return stdout.includes(version) ? { folder } : { why: `${name}@${version} says that it is ${stdout.trim()}` };
  } catch (error) {
    const { stderr = "", message } = error as { stderr?: string; message: string };
    const complaints = stderr
      .split("\n")
      .flatMap((line) => /^npm error (?!code|syscall|errno|type)(.+)/.exec(line)?.[1] ?? []);
    const reason = complaints[0] ?? message.split("\n")[0] ?? "";
    return { why: `${name}@${version} could not be had: ${reason.slice(0, LONGEST)}` };
  }
}

const LONGEST = 200;
