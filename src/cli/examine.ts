import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Config } from "../config.ts";
import { asFault } from "../domain/fault.ts";
import { agentic } from "../runtimes/agentic.ts";
import { claude } from "../runtimes/claude.ts";
import { codex } from "../runtimes/codex.ts";
import { pi } from "../runtimes/pi.ts";
import { bubblewrap } from "../runtimes/sandbox/bubblewrap.ts";
import { container } from "../runtimes/sandbox/container.ts";
import { lockFolder } from "../store/files/lock.ts";
import { openLibrary } from "../workflow/library.ts";
import { whereabouts } from "./connect.ts";
import type { Desk } from "./desk.ts";
import { lengthOf } from "./moments.ts";

/** One thing lastlight needs: what was found, and what to do where that is not enough. */
export interface Check {
  readonly what: string;
  readonly verdict: "good" | "note" | "wrong";
  readonly found: string;
  readonly remedy: string | null;
}

/** Looks at everything a run depends on; a daemon that is down is a finding, not an obstacle. */
export async function examine(desk: Desk): Promise<Check[]> {
  const config = desk.config();
  const [git, bash, daemon, workflows, sandbox] = await Promise.all([
    program(config, "git", "Install git, e.g. `apt-get install git` or `brew install git`."),
    program(config, "bash", "Install bash; phases of type bash are carried out by it."),
    askDaemon(desk),
    readWorkflows(config),
    sandboxOf(config),
  ]);
  return [node(), folder(config), daemon, ...workflows, git, bash, sandbox, ...agents(config)];
}

/** What agents are put into: really tried, as the daemon does when it starts. */
async function sandboxOf({ sandbox, stateDir, programEnvironment: environment, unsandboxed }: Config): Promise<Check> {
  const { kind, image } = sandbox;
  if (kind === "none")
    return unsandboxed
      ? { what: "sandbox", verdict: "note", found: "none: agents may do what this user may", remedy: null }
      : {
          what: "sandbox",
          verdict: "note",
          found: "none: agents will not be started",
          remedy: "Leave LASTLIGHT_SANDBOX out to have bubblewrap, or name podman or docker.",
        };
  // The daemon keeps its launcher there; a folder of a daemon that never ran is not made for a look.
  const cache = join(stateDir, "compiled");
  const here =
    kind === "podman" || kind === "docker"
      ? container({ engine: kind, image, environment, cache })
      : bubblewrap({ path: environment.PATH ?? "", cache });
  const found = await here.available();
  if ("found" in found) return good("sandbox", found.found);
  // Nobody asked for it by name, and what needs no agent needs none.
  if (kind === "auto") return { what: "sandbox", verdict: "note", found: found.missing, remedy: found.remedy };
  return wrong("sandbox", found.missing, found.remedy);
}

/** What drives agents, where a phase names it: none has to be there. */
function agents({ programEnvironment: { PATH = "" } }: Config): Check[] {
  return [pi, claude, codex, agentic].map(({ name, available }) => {
    const here = available(PATH);
    return "found" in here
      ? good(`agent ${name}`, here.found)
      : { what: `agent ${name}`, verdict: "note", found: here.missing, remedy: here.remedy };
  });
}

const OLDEST_NODE = 24;

function node(): Check {
  const { node: version } = process.versions;
  return Number(version.split(".")[0]) >= OLDEST_NODE
    ? good("Node", version)
    : wrong(
        "Node",
        `${version} is too old`,
        `Install Node ${OLDEST_NODE} or newer; npm scripts of a checkout bring their own.`,
      );
}

function folder({ stateDir }: Config): Check {
  let place = stateDir;
  // A folder that is not there yet is made by the daemon, where it may.
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  try {
    accessSync(place, constants.W_OK | constants.X_OK);
    if (!statSync(place).isDirectory()) throw new Error("not a folder");
  } catch {
    return wrong(
      "STATE_DIR",
      `${stateDir} cannot be written`,
      `Give this user the right to write in ${place}, or set STATE_DIR to another folder.`,
    );
  }
  return good("STATE_DIR", place === stateDir ? stateDir : `${stateDir} (made when the daemon starts)`);
}

async function askDaemon(desk: Desk): Promise<Check> {
  const config = desk.config();
  try {
    const { version, pid, url, uptime_s, counts, status } = {
      ...(await desk.client().health()),
      url: whereabouts(config),
    };
    const told = `${version} at ${url}, pid ${pid}, ${status} for ${lengthOf(uptime_s * 1000)}`;
    const load = `${counts.executing} executing, ${counts.owed} owed, ${counts.pending_approvals} waiting for an answer`;
    return good("daemon", `${told}; ${load}`);
  } catch (error) {
    const fault = asFault(error);
    if (fault.code !== "daemon.unreachable") return wrong("daemon", fault.message, fault.hint);
    if (isHeld(config.stateDir)) {
      return wrong(
        "daemon",
        `${fault.message}, and yet a daemon holds ${config.stateDir}`,
        "Name its address by LASTLIGHT_HOST and LASTLIGHT_PORT, or stop it and start it again.",
      );
    }
    return { what: "daemon", verdict: "note", found: `not running: ${fault.message}`, remedy: fault.hint };
  }
}

/** Taken and given back at once; a daemon that starts in this very instant tries again. */
function isHeld(stateDir: string): boolean {
  if (!existsSync(stateDir)) return false;
  const lock = lockFolder(stateDir);
  if (typeof lock === "object") lock.release();
  return lock === "taken";
}

async function readWorkflows({ workflowsDirs }: Config): Promise<Check[]> {
  try {
    const library = await openLibrary({ folders: workflowsDirs });
    const entries = library.list();
    await library.close();
    const complaints = entries.flatMap((entry) => entry.complaints);
    const errors = complaints.filter(({ severity }) => severity === "error");
    const ready = `${entries.filter(({ version }) => version).length} in ${workflowsDirs.join(", ")}`;
    return [
      errors.length === 0
        ? good("workflows", ready)
        : wrong("workflows", ready, "`lastlight workflows check FILE` lists all."),
      ...complaints.slice(0, LISTED).map(
        ({ file, line, column, severity, message }): Check => ({
          what: "",
          verdict: severity === "error" ? "wrong" : "note",
          found: `${file}:${line}:${column} ${message}`,
          remedy: null,
        }),
      ),
    ];
  } catch (error) {
    const fault = asFault(error);
    return [wrong("workflows", fault.message, "Set WORKFLOWS_DIR to a folder of workflow files.")];
  }
}

const LISTED = 20;
const PATIENCE_MS = 10_000;

async function program({ programEnvironment }: Config, name: string, remedy: string): Promise<Check> {
  try {
    const options = { env: programEnvironment, timeout: PATIENCE_MS };
    const { stdout } = await promisify(execFile)(name, ["--version"], options);
    return good(name, stdout.split("\n")[0] ?? "");
  } catch {
    return wrong(name, "not found on the PATH", remedy);
  }
}

function good(what: string, found: string): Check {
  return { what, verdict: "good", found, remedy: null };
}

function wrong(what: string, found: string, remedy: string): Check {
  return { what, verdict: "wrong", found, remedy };
}
