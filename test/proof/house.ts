import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Client } from "../../src/http/client.ts";
import { endPrograms, startDaemon } from "../support/daemon.ts";

/** A real daemon on a STATE_DIR of its own, and what it leaves there. */
export interface House {
  readonly stateDir: string;
  readonly client: Client;
  /** Resolves once the run is over; rejects when that takes too long. */
  over(run: string): Promise<Over>;
  workspace(run: string): string;
  /** What an execution printed. */
  stdout(execution: string): string;
  close(): Promise<void>;
}
export type Over = Awaited<ReturnType<Client["run"]>>;

const PATIENCE_MS = 120_000;
const END_MS = 10_000;

/** `files`: workflows and their prompts, by path; `path`: where programs are looked for first. */
export async function openHouse(
  folder: string,
  files: { readonly [path: string]: string },
  path: string,
): Promise<House> {
  const [stateDir, workflows, home] = ["state", "workflows", "home"].map((each) => join(folder, each)) as [
    string,
    string,
    string,
  ];
  for (const each of [stateDir, workflows, home]) mkdirSync(each, { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(files)) {
    const place = join(workflows, name);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, text);
  }
  const environment = { PATH: `${path}:${process.env.PATH}`, HOME: home, LASTLIGHT_UNSAFE_NO_SANDBOX: "1" };
  const daemon = startDaemon({ stateDir, workflows, environment });
  const kill = (): void => {
    daemon.kill("SIGKILL");
    endPrograms(stateDir);
  };
  process.once("exit", kill);
  const client = await daemon.ready;
  return {
    stateDir,
    client,
    over: async (run) => {
      for await (const _ of client.watchRun(run, AbortSignal.timeout(PATIENCE_MS)));
      const found = await client.run(run);
      if (found.finished_at === null) throw new Error(`it was not over after ${PATIENCE_MS / 1000} s`);
      return found;
    },
    workspace: (run) => join(stateDir, "workspaces", run),
    stdout: (execution) => readFileSync(join(stateDir, "spool", execution, "stdout"), "utf8"),
    close: async () => {
      daemon.kill("SIGTERM");
      const force = setTimeout(kill, END_MS);
      await daemon.ended;
      clearTimeout(force);
      process.off("exit", kill);
      endPrograms(stateDir);
    },
  };
}
