import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AgentDecoder } from "../../src/domain/agent.ts";
import { claudeDecoder } from "../../src/runtimes/decoders/claude.ts";
import { codexDecoder } from "../../src/runtimes/decoders/codex.ts";
import { piDecoder } from "../../src/runtimes/decoders/pi.ts";
import { calls, type Said } from "../support/llm/script.ts";
import { type Fetched, fetchPackage, type Package } from "./fetch.ts";

/** A real agent, and how it is brought to ask our model. */
export interface Agent {
  readonly name: string;
  readonly package: Package;
  /** Where its command is: in a checkout, or fetched. */
  had(inside: string): Promise<Fetched>;
  readonly model: string;
  /** Makes a folder of settings for it; returns what its environment is to hold. */
  settle(folder: string, url: string): { readonly [variable: string]: string };
  /** The model's wish that a command be run. */
  bash(command: string): Said;
  /** What one call and one word cost it, as far as its protocol can say: none of OpenAI's tells what went into a cache. */
  readonly input: number;
  /** How often it is refused before it gives up, how often one sees that it tries again, and what it says then. */
  readonly refusals: number;
  readonly retries: number;
  readonly complaint: RegExp;
  /** Whether it says what its work cost. */
  readonly priced: boolean;
  decoder(): AgentDecoder;
}

const ours = fileURLToPath(new URL("../../node_modules/.bin", import.meta.url));

const pi: Agent = {
  name: "pi",
  package: { name: "@earendil-works/pi-coding-agent", version: "0.87.1", command: "pi" },
  had: async () => ({ folder: ours }),
  model: "stub/model",
  settle: (folder, url) => {
    const cost = { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 };
    const model = { id: "model", cost, contextWindow: 200_000, maxTokens: 8_000 };
    const stub = { baseUrl: url, api: "anthropic-messages", apiKey: "k", models: [model] };
    put(join(folder, "models.json"), JSON.stringify({ providers: { stub } }));
    put(join(folder, "settings.json"), JSON.stringify({ retry: { baseDelayMs: 1 } }));
    return { PI_CODING_AGENT_DIR: folder };
  },
  bash: (command) => calls(["bash", { command }]),
  input: 2400,
  refusals: 4,
  retries: 3,
  complaint: /A storm/,
  priced: true,
  decoder: piDecoder,
};

const CLAUDE: Package = { name: "@anthropic-ai/claude-code", version: "2.1.329", command: "claude" };
const claude: Agent = {
  name: "claude",
  package: CLAUDE,
  had: (inside) => fetchPackage(inside, CLAUDE),
  model: "claude-sonnet-4-5",
  settle: (folder, url) => {
    put(join(folder, "settings.json"), "{}");
    const retries = { CLAUDE_CODE_MAX_RETRIES: "2" };
    return { ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: "k", CLAUDE_CONFIG_DIR: folder, ...retries };
  },
  bash: (command) => calls(["Bash", { command, description: "Do as told" }]),
  input: 2400,
  refusals: 3,
  retries: 2,
  complaint: /500/,
  priced: true,
  decoder: claudeDecoder,
};

const CODEX: Package = { name: "@openai/codex", version: "0.169.0", command: "codex" };
const codex: Agent = {
  name: "codex",
  package: CODEX,
  had: (inside) => fetchPackage(inside, CODEX),
  model: "stub-model",
  settle: (folder, url) => {
    put(
      join(folder, "config.toml"),
      `model_provider = "stub"
[model_providers.stub]
name = "stub"
base_url = "${url}/v1"
env_key = "STUB_KEY"
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 2
`,
    );
    return { CODEX_HOME: folder, STUB_KEY: "k" };
  },
  bash: (command) => calls(["exec_command", { cmd: command }]),
  input: 3000,
  refusals: 6,
  retries: 2,
  complaint: /high demand/,
  priced: false,
  decoder: codexDecoder,
};

export const agents: readonly Agent[] = [pi, claude, codex];

function put(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
