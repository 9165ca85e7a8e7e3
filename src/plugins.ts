import { readFileSync } from "node:fs";
import { consoleAsks, consolePosts } from "./connectors/console.ts";
import { Fault } from "./domain/fault.ts";
import type { Deliverer } from "./engine/contracts/deliverer.ts";
import type { Log } from "./engine/contracts/log.ts";
import type { PhaseKind } from "./engine/contracts/phase.ts";
import type { Runtime } from "./engine/contracts/runtime.ts";
import { agent } from "./phases/agent.ts";
import { bash, script } from "./phases/command.ts";
import { context } from "./phases/context.ts";
import { acp } from "./runtimes/acp.ts";
import { agentic } from "./runtimes/agentic.ts";
import { claude } from "./runtimes/claude.ts";
import { codex } from "./runtimes/codex.ts";
import { pi } from "./runtimes/pi.ts";
import { type Script, scripted } from "./runtimes/scripted.ts";

/** What drives agents. `file` holds what the scripted one is to say; without it, it says its own name. */
export function runtimes(file: string | null): readonly Runtime[] {
  return [scripted(() => (file === null ? { phases: {} } : readScript(file))), pi, claude, codex, agentic];
}

/** Every phase type that is carried out; gates, waits and child runs are opened and closed by transitions alone. */
export function phases(drivers: readonly Runtime[]): readonly PhaseKind[] {
  return [bash, script, context, agent(drivers, acp)];
}

export function deliverers(log: Log): readonly Deliverer[] {
  return [consoleAsks(log), consolePosts(log)];
}

const LARGEST_SCRIPT = 4 * 1024 * 1024;

function readScript(file: string): Script {
  try {
    const text = readFileSync(file, "utf8");
    if (text.length > LARGEST_SCRIPT) throw new Error("it is larger than 4 MiB");
    const { phases } = JSON.parse(text) as { phases?: unknown };
    if (typeof phases !== "object" || phases === null || Array.isArray(phases)) throw new Error("it has no `phases`");
    return { phases: phases as Script["phases"] };
  } catch (cause) {
    throw new Fault("config.invalid", `${file} cannot serve as LASTLIGHT_SCRIPTED: ${(cause as Error).message}`, {
      cause,
    });
  }
}
