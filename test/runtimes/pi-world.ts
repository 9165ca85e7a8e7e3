import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { RunDetail } from "../../src/store/lines.ts";
import { type GrammarWorld, grammarWorld } from "../support/grammar.ts";
import type { Reply } from "../support/llm/script.ts";
import { type Llm, llm } from "../support/llm/server.ts";
import { temporaryFolder } from "../support/world.ts";

export interface PiWorld extends GrammarWorld {
  readonly model: Llm;
  /** What pi printed for the run's only try, a value per line. */
  stream(run: RunDetail): { readonly type: string; readonly [key: string]: unknown }[];
}

/** A house whose agent is the real pi, asking a scripted model on loopback. */
export async function piWorld(
  script: Iterable<Reply>,
  more: { model?: string; api?: string; phase?: string } = {},
): Promise<PiWorld> {
  const model = await llm(script);
  onTestFinished(() => model.close());
  const folder = temporaryFolder();
  settle(folder, model.url, more.api ?? "anthropic-messages");
  const world = await grammarWorld({
    "one.yaml": `
name: one
inputs: { what: { type: string, default: rain } }
phases:
  - name: think
    agent: pi
    prompt: prompts/think.md
    model: ${more.model ?? "stub/model"}
    env: { PI_CODING_AGENT_DIR: ${folder} }
${more.phase ?? ""}`,
    "prompts/think.md": "Think of {{ inputs.what }}",
  });
  const stream = (run: RunDetail): ReturnType<PiWorld["stream"]> =>
    readFileSync(join(world.folder, "spool", run.executions[0]?.id ?? "", "stdout"), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  return Object.assign(world, { model, stream });
}

/** What pi finds in its own folder: a provider that is our model, and patience for its tests. */
export function settle(folder: string, url: string, api: string): void {
  const cost = { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 };
  const model = { id: "model", cost, contextWindow: 200_000, maxTokens: 8_000 };
  const providers = {
    stub: { baseUrl: api.startsWith("openai") ? `${url}/v1` : url, api, apiKey: "k", models: [model] },
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "models.json"), JSON.stringify({ providers }));
  writeFileSync(join(folder, "settings.json"), JSON.stringify({ retry: { baseDelayMs: 1 } }));
}

/** The run's newest try. */
export const lastOf = (run: RunDetail): RunDetail["executions"][number] => run.executions.at(-1)!;
