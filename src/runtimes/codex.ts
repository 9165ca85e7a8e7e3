import type { Runtime } from "../engine/contracts/runtime.ts";
import { codexDecoder } from "./decoders/codex.ts";
import { type Available, find, type Missing } from "./found.ts";
import { option, plain } from "./launch.ts";
import { keysOf, needsOf, OURS } from "./needs.ts";
import { isUuid, resuming } from "./resuming.ts";

const MISSING: Missing = {
  missing: "codex was not found on the PATH",
  remedy: "Install Codex: npm install -g @openai/codex",
};

/** Codex by its own command; what isolates it is the phase's sandbox, not its own. */
export const codex: Runtime & { available(path: string): Available } = {
  name: "codex",
  available: (path) => find("codex", path, [], MISSING),
  needs: (path, secrets, session) =>
    needsOf(find("codex", path, [], MISSING), secrets, { reads: session ? OURS : [], hosts: ["api.openai.com"] }),
  keys: () => keysOf("openai"),
  resumes: isUuid,
  program: ({ model, variant, session }) => ({
    argv: resuming(
      [
        ...["codex", "exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"],
        ...option("--model", model),
        ...(variant === null ? [] : ["-c", `model_reasoning_effort=${JSON.stringify(plain("a variant", variant))}`]),
      ],
      session && { words: ["resume", session.id], begins: { type: "thread.started" } },
      MISSING,
      ["-"],
    ),
    environment: {},
    files: {},
  }),
  decoder: codexDecoder,
};
