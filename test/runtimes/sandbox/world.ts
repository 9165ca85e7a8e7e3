import { spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { Confined, Sandbox, Verdict } from "../../../src/engine/contracts/sandbox.ts";
import { temporaryFolder } from "../../support/world.ts";

export const HOSTILE = fileURLToPath(new URL("./hostile.ts", import.meta.url));
/** Shared by all tests: what is compiled once need not be again. */
export const CACHE = fileURLToPath(new URL("../../../node_modules/.cache/lastlight", import.meta.url));
export const GENEROUS = { memoryBytes: 8 * 2 ** 30, processes: 1_024, diskBytes: 20 * 2 ** 30 };

export interface Done {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly verdict: Verdict | null;
}

/** Whose daemon it is: the one that runs the tests, or, where that is root, also one without any rights. */
export type User = "ours" | "nobody";
const NOBODY = 65_534;
export const AS = {
  ours: [],
  nobody: [
    "setpriv",
    `--reuid=${NOBODY}`,
    `--regid=${NOBODY}`,
    "--clear-groups",
    "--inh-caps=-all",
    "--bounding-set=-all",
  ],
};

type Argv = readonly [string, ...string[]];

/** A STATE_DIR as a daemon leaves it, with something in it that nobody else is to see, and programs in a sandbox beside it. */
export function world(sandbox: Sandbox, user: User = "ours") {
  const state = temporaryFolder();
  const at = (...names: string[]): string => join(state, ...names);
  const put = (text: string, ...names: string[]): string => {
    mkdirSync(join(at(...names), ".."), { recursive: true, mode: 0o700 });
    writeFileSync(at(...names), text, { mode: 0o600 });
    return at(...names);
  };
  put("canary-token", "api-token");
  put("canary-database", "lastlight.db");
  put("canary-workspace", "workspaces", "run-2", "notes");
  put("canary-spool", "spool", "other", "stdout");
  const workspace = at("workspaces", "run-1");
  mkdirSync(workspace, { recursive: true, mode: 0o700 });
  const executions: string[] = [];
  onTestFinished(async () => {
    for (const each of executions) await sandbox.end(each);
  });

  function confine(argv: Argv, more: Partial<Confined> = {}): Confined {
    const execution = more.execution ?? `test-${process.pid}-${Math.random().toString(36).slice(2)}`;
    executions.push(execution);
    const spool = at("spool", execution);
    mkdirSync(spool, { recursive: true, mode: 0o700 });
    const environment = { PATH: "/usr/bin:/bin", LASTLIGHT_EXECUTION: execution };
    const plain = { argv, environment, workspace, spool, reads: [], hidden: [state], limits: GENEROUS, hosts: [] };
    return { ...plain, ...more, execution };
  }

  /** `through` is a command that the keeper's stands behind. */
  async function run(argv: Argv, more: Partial<Confined> = {}, through: readonly string[] = []): Promise<Done> {
    const confined = confine(argv, more);
    const wrapped = sandbox.wrap(confined);
    const [out, err] = [join(confined.spool, "stdout"), join(confined.spool, "stderr")];
    const descriptors = [out, err].map((file) => openSync(file, "a"));
    const [command = "", ...words] = [...AS[user], ...through, ...wrapped.argv];
    if (user === "nobody") spawnSync("chown", ["-R", `${NOBODY}:${NOBODY}`, state]);
    const child = spawn(command, words, { env: wrapped.environment, stdio: ["ignore", ...descriptors] });
    for (const descriptor of descriptors) closeSync(descriptor);
    const code = await new Promise<number | null>((resolve) => void child.once("exit", resolve));
    return {
      code,
      out: beginningOf(out),
      err: beginningOf(err),
      verdict: sandbox.verdict(confined.spool),
    };
  }

  /** What a hostile program got of each thing that it tried; `{ refused: why }` where it got nothing. */
  async function attempts(
    list: readonly (readonly string[])[],
    more: Partial<Confined> = {},
    through: readonly string[] = [],
  ): Promise<{ got?: unknown; refused?: string }[]> {
    const reads = [process.execPath, HOSTILE, ...(more.reads ?? [])];
    const done = await run([process.execPath, HOSTILE, JSON.stringify(list)], { ...more, reads }, through);
    const lines = done.out.trim().split("\n");
    if (lines.length !== list.length) throw new Error(`the hostile program said: ${JSON.stringify(done)}`);
    return lines.map((line) => JSON.parse(line));
  }
  return {
    state,
    at,
    put,
    workspace,
    confine,
    run,
    attempts,
    shell: (script: string, more: Partial<Confined> = {}) => run(["bash", "-c", script], more),
  };
}

const MOST = 2 ** 20;

function beginningOf(file: string): string {
  const buffer = Buffer.alloc(MOST);
  const descriptor = openSync(file, "r");
  const read = readSync(descriptor, buffer, 0, MOST, 0);
  closeSync(descriptor);
  return buffer.toString("utf8", 0, read);
}

/** How many of the machine's processes are in a pid namespace, by the link that a program there reads of itself. */
export function inNamespace(link: string): number {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return (
        readlinkSync(`/proc/${name}/ns/pid`) === link &&
        !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${name}/stat`, "latin1"))
      );
    } catch {
      return false;
    }
  }).length;
}
