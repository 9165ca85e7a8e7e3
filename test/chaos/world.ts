import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { type Mix, mix } from "./mix.ts";
import { endOrphans } from "./orphans.ts";

/** A STATE_DIR of its own with the mix of workflows, and every daemon that was started on it. */
export interface World {
  readonly folder: string;
  readonly stateDir: string;
  /** Append-only; written by the programs themselves. */
  readonly effects: string;
  readonly mix: Mix;
  start(wrap?: readonly [string, ...string[]]): DaemonProcess;
  /** Ends whatever daemon or program still lives; the folder stays when there is something to look at. */
  close(keep: boolean): Promise<void>;
}

export function createWorld(longest: number): World {
  const folder = mkdtempSync(join(tmpdir(), "lastlight-chaos-"));
  const [stateDir, workflows, effects] = [join(folder, "state"), join(folder, "workflows"), join(folder, "effects")];
  const known = mix(effects, longest);
  mkdirSync(workflows);
  writeFileSync(effects, "");
  for (const [name, text] of Object.entries(known.files)) writeFileSync(join(workflows, name), text);
  let living: DaemonProcess[] = [];
  const endAll = (): void => {
    for (const daemon of living) daemon.kill("SIGKILL");
    endOrphans(stateDir);
  };
  // Also when the suite itself is told to end, or breaks.
  process.once("exit", endAll);
  return {
    folder,
    stateDir,
    effects,
    mix: known,
    start: (wrap) => {
      const daemon = startDaemon({
        stateDir,
        workflows,
        environment: {
          LASTLIGHT_RESTART_LIMIT: "10",
          LASTLIGHT_SAFE_MODE_AFTER: "0",
          LASTLIGHT_MAX_EXECUTIONS: "6",
        },
        ...(wrap && { wrap }),
      });
      living.push(daemon);
      void daemon.ended.then(() => {
        living = living.filter((each) => each !== daemon);
      });
      return daemon;
    },
    close: async (keep) => {
      for (const daemon of [...living]) {
        daemon.kill("SIGKILL");
        await daemon.ended;
      }
      endOrphans(stateDir);
      process.removeListener("exit", endAll);
      if (!keep) rmSync(folder, { recursive: true, force: true });
    },
  };
}
