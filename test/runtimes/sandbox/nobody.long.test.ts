import { spawnSync } from "node:child_process";
import { bubblewrap } from "../../../src/runtimes/sandbox/bubblewrap.ts";
import { keepsConfined } from "./confinement.ts";
import { keepsLimits } from "./exhaustion.ts";
import { AS, CACHE } from "./world.ts";

const sandbox = bubblewrap({ path: process.env.PATH ?? "", cache: CACHE });

/** Why a daemon without rights cannot be tried here; its sandbox can make no control groups: the watch is on its own. */
function refusal(): string | null {
  if (process.getuid?.() !== 0) return "only root can be someone else; the other suites run as a user without rights";
  const [command = "", ...words] = [...AS.nobody, process.execPath, "-e", ""];
  if (spawnSync(command, words).status !== 0) return "another user cannot run this Node";
  const tried = spawnSync(AS.nobody[0] as string, [
    ...AS.nobody.slice(1),
    "bwrap",
    "--unshare-user",
    "--ro-bind",
    "/",
    "/",
    "true",
  ]);
  return tried.status === 0 ? null : `another user cannot make a sandbox: ${tried.stderr}`;
}

keepsConfined(sandbox, refusal(), "nobody");
keepsLimits(sandbox, refusal(), "nobody");
