import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "./config.ts";
import { consoleAsks, consolePosts } from "./connectors/console.ts";
import { atGithub } from "./connectors/github.ts";
import { Fault } from "./domain/fault.ts";
import type { Actor, Deliverer } from "./engine/contracts/deliverer.ts";
import type { Log } from "./engine/contracts/log.ts";
import type { PhaseKind } from "./engine/contracts/phase.ts";
import type { Runtime } from "./engine/contracts/runtime.ts";
import type { Sandbox, Sandboxes } from "./engine/contracts/sandbox.ts";
import { agent } from "./phases/agent.ts";
import { bash, script } from "./phases/command.ts";
import { context } from "./phases/context.ts";
import { acp } from "./runtimes/acp.ts";
import { agentic } from "./runtimes/agentic.ts";
import { claude } from "./runtimes/claude.ts";
import { codex } from "./runtimes/codex.ts";
import { pi } from "./runtimes/pi.ts";
import { bubblewrap } from "./runtimes/sandbox/bubblewrap.ts";
import { container } from "./runtimes/sandbox/container.ts";
import { none } from "./runtimes/sandbox/none.ts";
import { type Script, scripted } from "./runtimes/scripted.ts";

/** What drives agents. `file` holds what the scripted one is to say; without it, it says its own name. */
export function runtimes(file: string | null): readonly Runtime[] {
  return [scripted(() => (file === null ? { phases: {} } : readScript(file))), pi, claude, codex, agentic];
}

/** Every phase type that is carried out; gates, waits and child runs are opened and closed by transitions alone. */
export function phases(drivers: readonly Runtime[]): readonly PhaseKind[] {
  return [bash, script, context, agent(drivers, acp)];
}

/** What programs can be put into, by the names they have in the configuration. */
export function sandboxes({ stateDir, programEnvironment: environment, sandbox }: Config): Sandboxes {
  const cache = join(stateDir, "compiled");
  const inContainers = (engine: "podman" | "docker"): Sandbox =>
    container({ engine, image: sandbox.image, environment, cache });
  return {
    none: none(),
    bubblewrap: bubblewrap({ path: environment.PATH ?? "", cache }),
    podman: inContainers("podman"),
    docker: inContainers("docker"),
  };
}

/** Who tells people of runs, who acts outside for them, and what is read there. The console hears of every run. */
export function connectors(
  options: Parameters<typeof atGithub>[1] & { github: Config["github"]; log: Log },
): Connectors {
  const house = [consoleAsks(options.log), consolePosts(options.log)];
  if (!options.github) return { deliverers: house, actors: [], feed: null };
  const { deliverers, actor, feed } = atGithub(options.github, options);
  return { deliverers: [...house, ...deliverers], actors: [actor], feed };
}

interface Connectors {
  readonly deliverers: readonly Deliverer[];
  readonly actors: readonly Actor[];
  readonly feed: ReturnType<typeof atGithub>["feed"] | null;
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
