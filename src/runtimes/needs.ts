import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Needs } from "../engine/contracts/runtime.ts";
import type { Available } from "./found.ts";

interface Provider {
  /** The beginning of its models' names, where an agent takes models of several. */
  readonly name: string;
  readonly keys: readonly string[];
  readonly host: string;
}

const PROVIDERS: readonly Provider[] = [
  {
    name: "anthropic",
    keys: ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"],
    host: "api.anthropic.com",
  },
  { name: "openai", keys: ["OPENAI_API_KEY", "CODEX_API_KEY"], host: "api.openai.com" },
  { name: "google", keys: ["GEMINI_API_KEY", "GOOGLE_API_KEY"], host: "generativelanguage.googleapis.com" },
  { name: "openrouter", keys: ["OPENROUTER_API_KEY"], host: "openrouter.ai" },
  { name: "groq", keys: ["GROQ_API_KEY"], host: "api.groq.com" },
  { name: "xai", keys: ["XAI_API_KEY"], host: "api.x.ai" },
  { name: "mistral", keys: ["MISTRAL_API_KEY"], host: "api.mistral.ai" },
  { name: "deepseek", keys: ["DEEPSEEK_API_KEY"], host: "api.deepseek.com" },
];

/** The secrets of one provider's models. */
export function keysOf(provider: string): readonly string[] {
  return PROVIDERS.find(({ name }) => name === provider)?.keys ?? [];
}

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
    hosts: [...new Set([...hosts, ...hostsOf(secrets)])],
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

function hostsOf(secrets: readonly string[]): string[] {
  return PROVIDERS.filter(({ keys }) => keys.some((key) => secrets.includes(key))).map(({ host }) => host);
}
