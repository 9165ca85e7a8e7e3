import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished, vi } from "vitest";
import { isOver } from "../../../src/domain/run.ts";
import type { RunBody } from "../../../src/http/api.ts";
import { OURS as PI } from "../../../src/runtimes/pi.ts";
import { bubblewrap } from "../../../src/runtimes/sandbox/bubblewrap.ts";
import { lettersOf } from "../../../src/runtimes/sandbox/container-room.ts";
import { namesIn } from "../../chaos/victims.ts";
import { lastlight, type Said, environment as shell } from "../../cli/command.ts";
import { type DaemonProcess, endPrograms, startDaemon } from "../../support/daemon.ts";
import { temporaryFolder } from "../../support/world.ts";
import { IMAGE, podman } from "./image.ts";
import { CACHE } from "./world.ts";

/** A way of putting agents into a sandbox, as a daemon is told of it. */
export interface House {
  readonly name: "bubblewrap" | "podman";
  readonly environment: { readonly [name: string]: string };
  /** Programs that stand before the machine's own, by name: lines of shell. */
  readonly programs: { readonly [name: string]: string };
  readonly refusal: string | null;
  close(): void;
}

export async function inBubblewrap(): Promise<House> {
  const found = await bubblewrap({ path: process.env.PATH ?? "", cache: CACHE }).available();
  return {
    name: "bubblewrap",
    environment: { LASTLIGHT_SANDBOX: "bubblewrap" },
    programs: {},
    refusal: "missing" in found ? found.missing : null,
    close: () => {},
  };
}

/** The engine's own settings do not reach a daemon's programs: its command brings them along. */
export function inPodman(): House {
  const { environment, refusal, close } = podman();
  const { CONTAINERS_CONF = "", CONTAINERS_STORAGE_CONF = "", PATH = "" } = environment;
  const settings = `CONTAINERS_CONF='${CONTAINERS_CONF}' CONTAINERS_STORAGE_CONF='${CONTAINERS_STORAGE_CONF}'`;
  return {
    name: "podman",
    environment: { LASTLIGHT_SANDBOX: "podman", LASTLIGHT_SANDBOX_IMAGE: IMAGE },
    programs: { podman: `PATH="${PATH}" ${settings} exec podman "$@"` },
    refusal,
    close,
  };
}

/** Declared by the hostile agent itself: signs that every way of writing treats in its own manner. */
export const TOKEN = `tk_~?>7/"q&+9fQ2mN8vR4tZxW`;
/** Declared by another phase. */
export const OTHER = "canary-of-another-phase-5e1d";
/** What the daemon itself was started with. */
export const DAEMON = "canary-of-the-daemon-77ab";

const OBEYS = `
name: obeys
secrets: [TOKEN]
inputs: { orders: { type: string } }
phases:
  - { name: works, agent: "acp:hostile-agent", prompt: prompts/obey.md, secrets: [TOKEN] }
`;

const LEFT = { recursive: true, force: true };

export type AgentWorld = Awaited<ReturnType<typeof agentWorld>>;
export interface Got {
  readonly got?: unknown;
  readonly refused?: string;
}

/** A daemon in a process of its own, whose agents mean harm. */
export async function agentWorld(house: House, more: { files?: object; environment?: Record<string, string> } = {}) {
  const folder = temporaryFolder();
  const [bin, workflows, stateDir] = ["bin", "workflows", "state"].map((each) => join(folder, each)) as [
    string,
    string,
    string,
  ];
  furnish(bin, house);
  const files = { "obeys.yaml": OBEYS, "prompts/obey.md": "Do as you were told", ...more.files };
  for (const [name, text] of Object.entries(files)) put(join(workflows, name), text);
  const log = join(folder, "log");
  const start = (environment: Record<string, string> = {}): DaemonProcess =>
    startDaemon({
      stateDir,
      workflows,
      environment: {
        LASTLIGHT_LOG_LEVEL: "debug",
        LASTLIGHT_SECRET_TOKEN: TOKEN,
        LASTLIGHT_SECRET_OTHER: OTHER,
        CANARY: DAEMON,
        ...house.environment,
        ...more.environment,
        ...environment,
        PATH: `${bin}:${more.environment?.PATH ?? process.env.PATH}`,
      },
      wrap: ["sh", "-c", 'exec "$@" 2>> "$0"', log],
    });
  let daemon = start();
  onTestFinished(async () => {
    daemon.kill("SIGKILL");
    await daemon.ended;
    endPrograms(stateDir);
    // A next daemon would: what was killed with its launcher has left its secrets in memory.
    for (const execution of namesIn(join(stateDir, "spool"))) rmSync(lettersOf(execution), LEFT);
  });
  let client = await daemon.ready;
  const at = (...names: string[]): string => join(stateDir, ...names);

  async function over(id: string): Promise<RunBody> {
    for await (const { status } of client.watchRun(id)) if (isOver(status)) break;
    return client.run(id);
  }
  async function run(workflow: string, inputs: Record<string, string> = {}): Promise<RunBody> {
    return over((await client.startRun({ workflow, inputs })).id);
  }
  return {
    get client() {
      return client;
    },
    stateDir,
    workflows,
    at,
    url: (JSON.parse(readFileSync(at("daemon.json"), "utf8")) as { url: string }).url,
    token: readFileSync(at("api-token"), "utf8").trim(),
    log: () => readFileSync(log, "utf8"),
    workspace: (id: string, ...names: string[]) => at("workspaces", id, ...names),
    over,
    run,
    /** A run whose agent does all of this, one after the other. */
    orders: (orders: readonly (readonly string[])[]) => run("obeys", { orders: JSON.stringify(orders) }),
    /** What a hostile agent got of each thing that it tried; `{ refused: why }` where it got nothing. */
    attempts: async (list: readonly (readonly string[])[]): Promise<Got[]> => {
      const done = await run("obeys", { orders: JSON.stringify(list) });
      const [execution] = done.executions;
      if (execution?.status !== "ok") throw new Error(`its agent could not try: ${execution?.error}`);
      return gotIn(at("workspaces", done.id, "got"), list.length);
    },
    say: (...argv: string[]): Promise<Said> => lastlight(argv, shell(stateDir)),
    /** The daemon is killed, and another one comes that was told otherwise. */
    restart: async (environment: Record<string, string>): Promise<void> => {
      daemon.kill("SIGKILL");
      await daemon.ended;
      daemon = start(environment);
      client = await daemon.ready;
    },
    stop: async (): Promise<void> => {
      daemon.kill("SIGTERM");
      await daemon.ended;
    },
  };
}

/** What a hostile program left of its attempts, one to a line. */
export function gotIn(file: string, count: number): Got[] {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  if (lines.length !== count) throw new Error(`the hostile program said: ${lines.join("\n").slice(0, 1_000)}`);
  return lines.map((line) => JSON.parse(line) as Got);
}

/** Which of these words stand in what a program got; what else stands there is no business of a test's. */
export function among(words: readonly string[], ...texts: unknown[]): string[] {
  const all = texts.map((each) => (typeof each === "string" ? each : JSON.stringify(each))).join("\n");
  return words.filter((word) => all.includes(word));
}

export function exists(file: string): Promise<void> {
  return vi.waitFor(() => void readFileSync(file), { timeout: 20_000, interval: 20 });
}

/** A folder for the front of a PATH, all of which a sandboxed agent from there may read. */
function furnish(bin: string, { programs }: House): void {
  const own = dirname(fileURLToPath(import.meta.url));
  mkdirSync(bin);
  for (const name of ["hostile.ts", "hostile-agent.ts", "encodings.ts"]) copyFileSync(join(own, name), join(bin, name));
  symlinkSync(realpathSync(PI), join(bin, "pi"));
  const node = (file: string): string => `exec '${process.execPath}' "\${0%/*}/${file}" "$@"`;
  const ours = { "hostile-agent": node("hostile-agent.ts"), hostile: node("hostile.ts") };
  for (const [name, line] of Object.entries({ ...ours, ...programs })) {
    put(join(bin, name), `#!/bin/sh\n${line}\n`);
    chmodSync(join(bin, name), 0o755);
  }
}

function put(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
