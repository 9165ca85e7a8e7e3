import type { Runtime } from "../engine/contracts/runtime.ts";
import { codexDecoder } from "./decoders/codex.ts";
import { type Available, find, type Missing } from "./found.ts";
import { launched, option, plain } from "./launch.ts";
import { keysOf, needsOf } from "./needs.ts";

const MISSING: Missing = {
  missing: "codex was not found on the PATH",
  remedy: "Install Codex: npm install -g @openai/codex",
};

/** Codex by its own command; what isolates it is the phase's sandbox, not its own. */
export const codex: Runtime & { available(path: string): Available } = {
  name: "codex",
  available: (path) => find("codex", path, [], MISSING),
  needs: (path, secrets) => needsOf(find("codex", path, [], MISSING), secrets, { hosts: ["api.openai.com"] }),
  keys: () => keysOf("openai"),
  program: ({ model, variant }) => ({
    argv: launched(
      [
        ...["codex", "exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"],
        ...option("--model", model),
        ...(variant === null ? [] : ["-c", `model_reasoning_effort=${JSON.stringify(plain("a variant", variant))}`]),
        "-",
      ],
      MISSING,
    ),
    environment: {},
    files: {},
  }),
  decoder: codexDecoder,
};
