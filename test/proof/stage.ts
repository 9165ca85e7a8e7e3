import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Reply, refusal } from "../support/llm/script.ts";
import { llm } from "../support/llm/server.ts";
import { type Agent, agents } from "./agents.ts";
import { type House, openHouse } from "./house.ts";
import { type Played, play, SCENES, type Scene } from "./scenes.ts";

/** Where all rows play: what one of them had fetched and played is there for the others. */
export interface Stage {
  readonly folder: string;
  say(line: string): void;
  /** Every scene with every agent that could be had; played once. */
  played(): Promise<readonly Performance[]>;
}

/** What became of one agent. */
export interface Performance {
  readonly agent: Agent;
  readonly scenes: readonly { readonly scene: Scene; readonly played: Played }[];
  /** Its own, with the daemon gone. */
  readonly stateDir: string;
  /** Why nothing was played. */
  readonly not_run: string | null;
}

export function stage(folder: string, say: (line: string) => void): Stage {
  let performances: Promise<readonly Performance[]> | null = null;
  const perform = async (): Promise<readonly Performance[]> => {
    const all: Performance[] = [];
    for (const agent of agents) all.push(await performed(agent, folder, say));
    return all;
  };
  return {
    folder,
    say,
    played: () => {
      performances ??= perform();
      return performances;
    },
  };
}

async function performed(agent: Agent, inside: string, say: (line: string) => void): Promise<Performance> {
  const folder = join(inside, agent.name);
  mkdirSync(folder, { mode: 0o700 });
  const none = { agent, scenes: [], stateDir: join(folder, "state") };
  const had = await agent.had(join(inside, "packages"));
  if ("why" in had) return { ...none, not_run: had.why };
  // One model for all scenes: its messages have ids that no other session's have, as those of real ones do.
  let script: Iterator<Reply> = [].values();
  const model = await llm(inTurn(() => script));
  const env = agent.settle(join(folder, "settings"), model.url);
  const workflows = SCENES.map((scene) => [`${agent.name}-${scene.name}.yaml`, workflowFor(agent, scene, env)]);
  let house: House | null = null;
  try {
    const files = { "prompts/think.md": "Think of rain", ...Object.fromEntries(workflows) };
    house = await openHouse(folder, files, had.folder);
    const scenes: { scene: Scene; played: Played }[] = [];
    for (const scene of SCENES) {
      const start = performance.now();
      script = scene.script(agent)[Symbol.iterator]();
      const played = await play(scene, { agent, house, model }).catch(
        (error: Error): Played => ({ execution: "", broken: [error.message], figures: {} }),
      );
      say(`${agent.name}, ${scene.title}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
      scenes.push({ scene, played });
    }
    return { agent, scenes, stateDir: house.stateDir, not_run: null };
  } finally {
    await model.close();
    await house?.close();
  }
}

function* inTurn(script: () => Iterator<Reply>): Generator<Reply> {
  while (true) {
    const next = script().next();
    yield next.done ? refusal(400, { message: "the scene is over" }) : next.value;
  }
}

function workflowFor(agent: Agent, scene: Scene, env: { readonly [variable: string]: string }): string {
  const phase = {
    name: "think",
    agent: agent.name,
    prompt: "prompts/think.md",
    model: agent.model,
    env,
    timeout: "2m",
    ...scene.phase,
  };
  return JSON.stringify({ name: `${agent.name}-${scene.name}`, phases: [phase] }, null, 1);
}
