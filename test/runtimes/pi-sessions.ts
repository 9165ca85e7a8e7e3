import { onTestFinished } from "vitest";
import { type GrammarWorld, grammarWorld } from "../support/grammar.ts";
import type { Reply } from "../support/llm/script.ts";
import { type Llm, llm } from "../support/llm/server.ts";
import { temporaryFolder } from "../support/world.ts";
import { settle } from "./pi-world.ts";

/** A house whose agent is the real pi, in a loop whose rounds are one conversation. */
export async function sessionWorld(
  script: Iterable<Reply>,
  more = "",
): Promise<GrammarWorld & { readonly model: Llm; readonly agentFolder: string }> {
  const model = await llm(script);
  onTestFinished(() => model.close());
  const agentFolder = temporaryFolder();
  settle(agentFolder, model.url, "anthropic-messages");
  const world = await grammarWorld({
    "talk.yaml": `
name: talk
phases:
  - name: think
    agent: pi
    session: continue
    prompt: prompts/think.md
    model: stub/model
    env: { PI_CODING_AGENT_DIR: ${agentFolder} }
    generic_loop: { max_iterations: 2, until: "output.contains('READY')", interactive: ${more.includes("gate")}, gate_kind: reply }
${more.replace("gate", "")}`,
    "prompts/think.md": "Think, round {{iteration}}",
  });
  return Object.assign(world, { model, agentFolder });
}
