import type { Runtime } from "../engine/contracts/runtime.ts";
import { claudeDecoder } from "./decoders/claude.ts";
import { type Available, find, type Missing } from "./found.ts";
import { option } from "./launch.ts";
import { keysOf, needsOf, OURS } from "./needs.ts";
import { isUuid, resuming } from "./resuming.ts";

const MISSING: Missing = {
  missing: "claude was not found on the PATH",
  remedy: "Install Claude Code: npm install -g @anthropic-ai/claude-code",
};

/** Claude Code by its own command; it asks nobody for leave, since the sandbox is the wall. */
export const claude: Runtime & { available(path: string): Available } = {
  name: "claude",
  available: (path) => find("claude", path, [], MISSING),
  needs: (path, secrets, session) =>
    needsOf(find("claude", path, [], MISSING), secrets, { reads: session ? OURS : [], hosts: ["api.anthropic.com"] }),
  keys: () => keysOf("anthropic"),
  resumes: isUuid,
  program: ({ model, variant, session }) => ({
    argv: resuming(
      [
        ...["claude", "-p", "--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions"],
        ...option("--model", model),
        ...option("--effort", variant),
      ],
      session && { words: ["--resume", session.id], begins: { type: "system", subtype: "init" } },
      MISSING,
    ),
    environment: { IS_SANDBOX: "1", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1" },
    files: {},
  }),
  decoder: claudeDecoder,
};
