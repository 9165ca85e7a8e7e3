import { kept, type Line, notRun, type Row } from "./row.ts";
import { SCENES } from "./scenes.ts";
import type { Performance } from "./stage.ts";

/** Real agents, the same scenes for each, against a scripted model and through the real house. */
export const runtimes: Row = {
  row: "runtimes",
  title: "real agents with a scripted model",
  columns: ["turns", "input_tokens", "output_tokens", "cost_usd", "session_lines", "retries", "requests"],
  show: async (stage) => (await stage.played()).flatMap(linesOf),
};

function linesOf({ agent, scenes, not_run }: Performance): Line[] {
  const name = `${agent.name} ${agent.package.version}`;
  if (not_run !== null) return SCENES.map(({ title }) => notRun(`${name}: ${title}`, not_run));
  return scenes.map(({ scene, played }) => kept(`${name}: ${scene.title}`, played.broken, played.figures));
}
