import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Needs } from "../engine/contracts/runtime.ts";
import type { Available } from "./found.ts";

/** Where the models are that a key opens. */
const HOSTS: { readonly [secret: string]: readonly string[] } = {
  ANTHROPIC_API_KEY: ["api.anthropic.com"],
  ANTHROPIC_AUTH_TOKEN: ["api.anthropic.com"],
  CLAUDE_CODE_OAUTH_TOKEN: ["api.anthropic.com"],
  OPENAI_API_KEY: ["api.openai.com"],
  CODEX_API_KEY: ["api.openai.com"],
  GEMINI_API_KEY: ["generativelanguage.googleapis.com"],
  GOOGLE_API_KEY: ["generativelanguage.googleapis.com"],
  OPENROUTER_API_KEY: ["openrouter.ai"],
  GROQ_API_KEY: ["api.groq.com"],
  XAI_API_KEY: ["api.x.ai"],
  MISTRAL_API_KEY: ["api.mistral.ai"],
  DEEPSEEK_API_KEY: ["api.deepseek.com"],
};

const SOURCES = fileURLToPath(new URL("../", import.meta.url));
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What a driver of ours is made of: Node, our own sources, and the packages beside them. */
export const OURS: readonly string[] = [
  process.execPath,
  SOURCES,
  join(ROOT, "package.json"),
  join(ROOT, "node_modules"),
].filter((path) => existsSync(path));

/** What an agent's own program is made of, and the hosts its keys are for. */
export function needsOf(program: Available, secrets: readonly string[], more: Partial<Needs> = {}): Needs {
  const { reads = [], hosts = [] } = more;
  return {
    reads: [...reads, ...("found" in program ? partsOf(program.found) : [])],
    hosts: [
      ...new Set([...hosts, ...secrets.flatMap((name) => (Object.hasOwn(HOSTS, name) ? (HOSTS[name] ?? []) : []))]),
    ],
  };
}

/** A program, what it is a link to, and where that was installed by npm the packages around it. */
function partsOf(found: string): string[] {
  const real = realpathSync(found);
  const folder = dirname(found);
  const packages = real.lastIndexOf("/node_modules/");
  return [
    // A folder of programs keeps its links; any other may be somebody's home.
    /^\.?bin$/.test(basename(folder)) ? folder : found,
    packages < 0 ? real : real.slice(0, packages + "/node_modules".length),
  ];
}
