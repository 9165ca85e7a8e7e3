import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Availability, Sandbox } from "../../engine/contracts/sandbox.ts";
import { bubblewrapArguments } from "./bubblewrap-room.ts";
import { takeDownFence } from "./fence.ts";
import { INSIDE, launched, readVerdict } from "./plan.ts";

const PATIENCE_MS = 10_000;
const REMEDY =
  "Install bubblewrap 0.8 or newer (`apt-get install bubblewrap`), and where user namespaces are switched off allow them: " +
  "`sysctl kernel.unprivileged_userns_clone=1`, on Ubuntu an AppArmor profile for bwrap.";

/** Linux's own namespaces, made by `bwrap`: for a machine whose programs are the phase's programs. */
export function bubblewrap(options: {
  /** The daemon's own PATH, for the launcher; a workflow's author has no say in where bwrap is found. */
  readonly path: string;
  /** A folder of the daemon's own to keep the launcher compiled in: it starts in a third of the time. */
  readonly cache: string;
}): Sandbox {
  const outside = { PATH: options.path, NODE_COMPILE_CACHE: options.cache };
  return {
    name: "bubblewrap",
    inside: INSIDE,
    wrap: (confined) => launched(confined, "bwrap", outside),
    verdict: readVerdict,
    // Number one of its namespace dies with the launcher, and all the others with it; an empty control group may be left.
    end: async (execution) => takeDownFence(execution),
    available: () => tried(outside),
  };
}

async function tried(env: { readonly [name: string]: string }): Promise<Availability> {
  const run = promisify(execFile);
  try {
    const { stdout } = await run("bwrap", ["--version"], { env, timeout: PATIENCE_MS });
    const words = bubblewrapArguments(
      {
        workspace: "/tmp",
        spool: "/tmp",
        reads: [],
        hidden: [],
        hosts: [],
        limits: { memoryBytes: 2 ** 20, processes: 8, diskBytes: 2 ** 20 },
      },
      {},
      null,
    );
    await run("bwrap", [...words, "/bin/sh", "-c", "exit 0"], { env, timeout: PATIENCE_MS });
    return { found: stdout.trim() };
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    const missing =
      code === "ENOENT" ? "bwrap is not on the PATH" : `bwrap does not work here: ${stderr?.trim() ?? error}`;
    return { missing, remedy: REMEDY };
  }
}
