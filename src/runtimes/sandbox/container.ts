import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { promisify } from "node:util";
import type { Availability, Sandbox } from "../../engine/contracts/sandbox.ts";
import { lettersOf, nameOf } from "./container-room.ts";
import { INSIDE, launched, readVerdict } from "./plan.ts";

const PATIENCE_MS = 60_000;

/** Containers of `podman` or `docker`: for programs that need another machine than this one. */
export function container(options: {
  readonly engine: "podman" | "docker";
  /** The image of phases that name none. */
  readonly image: string;
  /** What the engine's command finds in its environment: the daemon's own, of which a workflow's author has no say. */
  readonly environment: { readonly [name: string]: string };
  /** A folder of the daemon's own to keep the launcher compiled in. */
  readonly cache: string;
}): Sandbox {
  const { engine, image, environment } = options;
  const run = (words: readonly string[]) =>
    promisify(execFile)(engine, [...words], { env: environment, timeout: PATIENCE_MS });
  return {
    name: "container",
    inside: INSIDE,
    wrap: (confined) =>
      launched({ ...confined, image: confined.image ?? image }, engine, {
        ...environment,
        NODE_COMPILE_CACHE: options.cache,
      }),
    verdict: readVerdict,
    end: async (execution) => {
      rmSync(lettersOf(execution), { recursive: true, force: true });
      // The engine says no where there is nothing to remove, which is what is wanted.
      await run(["rm", "--force", nameOf(execution)]).catch(() => {});
    },
    available: async (): Promise<Availability> => {
      try {
        const { stdout } = await run(["--version"]);
        await run(["run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", image, "-c", "exit 0"]);
        return { found: `${stdout.trim()}, image ${image}` };
      } catch (error) {
        const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
        const why = stderr?.trim().split("\n").at(-1) || String(error);
        return code === "ENOENT"
          ? { missing: `${engine} is not on the PATH`, remedy: `Install it, e.g. \`apt-get install ${engine}\`.` }
          : {
              missing: `${engine} does not work here: ${why}`,
              remedy: `Make \`${engine} run --rm ${image} true\` work.`,
            };
      }
    },
  };
}
