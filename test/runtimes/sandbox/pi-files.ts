import { readFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Reply } from "../../support/llm/script.ts";
import { type Llm, llm } from "../../support/llm/server.ts";
import { temporaryFolder } from "../../support/world.ts";
import { settle } from "../pi-world.ts";

/** A model on loopback, for an agent in a sandbox to which its port is opened. */
export async function thinking(script: Iterable<Reply>): Promise<Llm> {
  const model = await llm(script);
  onTestFinished(() => model.close());
  return model;
}

/** A workflow in which the real pi works in a sandbox, asking that model and nobody else; `beside` go with it. */
export function piFiles(url: string, beside: readonly object[] = []): Record<string, string> {
  const folder = temporaryFolder();
  settle(folder, url, "anthropic-messages");
  const papers = ["models.json", "settings.json"].map((name) => {
    return `cat > .pi/${name} <<'END'\n${readFileSync(join(folder, name), "utf8")}\nEND\n`;
  });
  const works = {
    name: "works",
    depends_on: ["settles"],
    agent: "pi",
    model: "stub/model",
    prompt: "prompts/obey.md",
    secrets: ["TOKEN"],
    env: { PI_CODING_AGENT_DIR: "/home/agent/workspace/.pi" },
    egress: [new URL(url).host],
  };
  const settles = { name: "settles", type: "bash", command: `mkdir -p .pi\n${papers.join("")}` };
  return { "thinks.yaml": JSON.stringify({ name: "thinks", secrets: ["TOKEN"], phases: [settles, ...beside, works] }) };
}
