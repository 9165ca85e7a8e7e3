import type { Runtime } from "../engine/contracts/runtime.ts";
import { agenticDecoder } from "./decoders/agentic.ts";
import { type Available, find, type Missing } from "./found.ts";
import { launched, option } from "./launch.ts";
import { keysOf, needsOf } from "./needs.ts";

const MISSING: Missing = {
  missing: "agentic-pi was not found on the PATH",
  remedy: "It is on no registry: build it from its sources and put `agentic-pi` on the PATH",
};

/** agentic-pi, whose stream is pi's own with a session id and a time on each line. */
export const agentic: Runtime & { available(path: string): Available } = {
  name: "agentic",
  available: (path) => find("agentic-pi", path, [], MISSING),
  needs: (path, secrets) => needsOf(find("agentic-pi", path, [], MISSING), secrets),
  keys: (model) => keysOf(model?.split("/")[0] ?? ""),
  program: ({ model, variant }) => ({
    argv: launched(
      ["agentic-pi", "run", ...option("--model", model), ...option("--variant", variant), "--sandbox", "none"],
      MISSING,
    ),
    environment: { PI_OFFLINE: "1" },
    files: {},
  }),
  decoder: agenticDecoder,
};
