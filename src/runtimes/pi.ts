import { fileURLToPath } from "node:url";
import type { Runtime } from "../engine/contracts/runtime.ts";
import { piDecoder } from "./decoders/pi.ts";
import { type Available, find, type Missing } from "./found.ts";
import { option } from "./launch.ts";
import { keysOf, needsOf, OURS as OWN } from "./needs.ts";

/** Where a checkout has its own. */
export const OURS = fileURLToPath(new URL("../../node_modules/.bin/pi", import.meta.url));
export const PI_MISSING: Missing = {
  missing: "pi was not found on the PATH",
  remedy: "Install it: npm install -g @earendil-works/pi-coding-agent@0.87.1",
};

/** Its own settings, sessions and logins for each phase, save where the phase's `env` names a folder that it is to have. */
const LAUNCH =
  'export PI_CODING_AGENT_DIR="${PI_CODING_AGENT_DIR:-$LASTLIGHT_HOME/.pi/agent}"; exec "$@" < "$LASTLIGHT_PROMPT"';
/** pi goes on with the session of this id, or begins one. */
export const SESSION_OPTION = "--session-id";
const DRIVER = fileURLToPath(new URL("./drivers/pi.ts", import.meta.url));

/** pi by its RPC mode, the only one that can be aborted cleanly. */
export const pi: Runtime & { available(path: string): Available } = {
  name: "pi",
  available: (path) => find("pi", path, [OURS], PI_MISSING),
  needs: (path, secrets) => needsOf(find("pi", path, [OURS], PI_MISSING), secrets, { reads: OWN }),
  keys: (model) => keysOf(model?.split("/")[0] ?? ""),
  resumes: () => true,
  program: ({ model, variant, session }) => ({
    argv: [
      ...(["sh", "-c", LAUNCH, "pi", process.execPath, DRIVER, OURS] as const),
      // What a repository brings for pi is code of strangers, to be run outside of any tool call.
      "--no-approve",
      ...option("--model", model),
      ...option("--thinking", variant),
      // Not --session, which takes paths and beginnings of ids too, and asks on stdin about those of other folders.
      ...option(SESSION_OPTION, session?.id ?? null),
    ],
    environment: { PI_OFFLINE: "1", PI_TELEMETRY: "0", PI_SKIP_VERSION_CHECK: "1" },
    files: {},
  }),
  decoder: piDecoder,
};
