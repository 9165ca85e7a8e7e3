import { execFile } from "node:child_process";
import { Fault } from "../../../domain/fault.ts";
import { isForRoom } from "./tree.ts";

/** Runs git for the daemon: nobody is asked, no hook runs, nothing but the base's own protocol is spoken. */
interface Git {
  /** What it printed. Throws `repository.unavailable` with what git said in a line, or `disk.full`. */
  run(args: readonly string[], options: Asked): Promise<string>;
  /** The same, where git may say no: null then. */
  ask(args: readonly string[], options: Asked): Promise<string | null>;
}

export interface Asked {
  /** What for, as the fault says it. */
  readonly what: string;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

const LONGEST_MS = 15 * 60_000;
const MOST_SAID = 2 ** 20;
const LONGEST_REASON = 300;

const SETTINGS = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.sshCommand=ssh -o BatchMode=yes",
  "credential.interactive=false",
  "advice.detachedHead=false",
  "submodule.recurse=false",
  // In the background it would go on in a mirror that is being copied.
  "gc.autoDetach=false",
  "maintenance.autoDetach=false",
].flatMap((each) => ["-c", each]);

/** `base` may hold who we are; that goes by git's environment alone, never on a command line or to a disk. */
export function git(base: URL, environment: { readonly [name: string]: string }): Git {
  const { PATH = "/usr/bin:/bin", HOME } = environment;
  const env = {
    PATH,
    ...(HOME === undefined ? {} : { HOME }),
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_LFS_SKIP_SMUDGE: "1",
    GIT_ALLOW_PROTOCOL: `file:${base.protocol.slice(0, -1)}`,
    ...identity(base),
  };

  function run(args: readonly string[], { what, cwd, signal }: Asked): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { env, maxBuffer: MOST_SAID, timeout: LONGEST_MS, encoding: "utf8" as const };
      const started = { ...options, ...(cwd === undefined ? {} : { cwd }), ...(signal ? { signal } : {}) };
      execFile("git", [...SETTINGS, ...args], started, (error, stdout, stderr) => {
        if (!error) resolve(stdout);
        else if (signal?.aborted) reject(signal.reason as Error);
        else reject(failure(what, stderr, error, base));
      });
    });
  }

  return {
    run,
    ask: async (args, options) => {
      try {
        return await run(args, options);
      } catch (error) {
        if (error instanceof Fault && error.code === "repository.unavailable") return null;
        throw error;
      }
    },
  };
}

/** The base without who we are. */
export function publicUrl(base: URL): string {
  const plain = new URL(base);
  plain.username = "";
  plain.password = "";
  return plain.href;
}

function identity(base: URL): Record<string, string> {
  if (base.href === publicUrl(base)) return {};
  return {
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: `url.${base.href}.insteadOf`,
    GIT_CONFIG_VALUE_0: publicUrl(base),
  };
}

function failure(what: string, stderr: string, error: Error & { killed?: boolean }, base: URL): Fault {
  const reason = error.killed ? `no end within ${LONGEST_MS / 60_000} minutes` : lineOf(stderr, error, base);
  const code = isForRoom(stderr) ? "disk.full" : "repository.unavailable";
  // Without its cause, which holds the whole of what was said.
  return new Fault(code, `${what}: ${reason}`);
}

/** The line that says why; git says much before it, and hints after it. */
function lineOf(stderr: string, error: Error, base: URL): string {
  const lines = stderr.split("\n").filter((each) => each.trim() !== "");
  const telling = lines.find((each) => /^(?:fatal|error|ERROR|remote: (?:error|fatal))\b/.test(each)) ?? lines.at(-1);
  const plain = (telling ?? `git ended with ${(error as { code?: unknown }).code}`).replace(/\p{Cc}/gu, "?");
  return withoutIdentity(plain, base).slice(0, LONGEST_REASON);
}

/** Words that anyone may use are no secrets: they are not looked for outside an address. */
const SHORTEST_SECRET = 5;

function withoutIdentity(text: string, { username, password }: URL): string {
  const secrets = [password, username].flatMap((each) => [each, decodeURIComponent(each)]);
  return secrets
    .filter((each) => each.length >= SHORTEST_SECRET)
    .reduce((rest, each) => rest.replaceAll(each, "•••"), text.replace(/\/\/[^/@\s]+@/g, "//"));
}
