import { fileURLToPath } from "node:url";
import type { Runtime } from "../engine/contracts/runtime.ts";
import { acpDecoder } from "./decoders/acp.ts";
import { type Available, find } from "./found.ts";
import { plain } from "./launch.ts";
import { needsOf, OURS } from "./needs.ts";
import { wordsOf } from "./words.ts";

const DRIVER = fileURLToPath(new URL("./drivers/acp.ts", import.meta.url));
const LAUNCH = 'exec "$@" < "$LASTLIGHT_PROMPT"';
const FAMILY = "acp:";

/** What a driver is told of the agent it is to start. */
export interface Started {
  readonly command: readonly string[];
  readonly model: string | null;
  readonly variant: string | null;
  readonly session: string | null;
}

/** Any agent that speaks the Agent Client Protocol: `acp:opencode acp` is started as `opencode acp`. Null for other names. */
export function acp(name: string): (Runtime & { available(path: string): Available }) | null {
  if (!name.startsWith(FAMILY)) return null;
  const command = name.slice(FAMILY.length);
  return {
    name,
    available: (path) => {
      const [program = ""] = wordsOf(command);
      return find(program, path, [], missing(program));
    },
    needs: (path, secrets) => {
      const [program = ""] = wordsOf(command);
      return needsOf(find(program, path, [], missing(program)), secrets, { reads: OURS });
    },
    keys: () => [],
    resumes: () => true,
    program: ({ model, variant, session }) => {
      const started: Started = {
        command: wordsOf(command),
        model: model === null ? null : plain("a model", model),
        variant: variant === null ? null : plain("a variant", variant),
        session: session?.id ?? null,
      };
      return {
        argv: ["sh", "-c", LAUNCH, "acp", process.execPath, DRIVER, JSON.stringify(started)],
        environment: {},
        files: {},
      };
    },
    decoder: acpDecoder,
  };
}

export function missing(program: string) {
  return {
    missing: `${program} was not found`,
    remedy: "Install the agent, or name its program by a path: `agent: acp:<command>`",
  };
}
