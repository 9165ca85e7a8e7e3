import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunDetail } from "../../src/store/lines.ts";
import { type GrammarWorld, grammarWorld } from "../support/grammar.ts";

const AGENT = fileURLToPath(new URL("../support/remembering-agent.ts", import.meta.url));
export const acp = (manner: string): string => `acp:${process.execPath} ${AGENT} ${manner}`;

/** A house whose agent answers with all that it was told in its session. */
export const house = (phases: string, settings: { agent?: string; approvals?: ReadonlySet<string> } = {}) =>
  grammarWorld(
    {
      "talk.yaml": `name: talk\nphases:\n${phases}`,
      "prompts/talk.md": "round {{iteration}}",
      "prompts/one.md": "one",
      "prompts/fix.md": "fix it",
      "prompts/again.md": "look again",
      "prompts/fail.md": "{{#if previousOutput}}fail once in {{/if}}round {{iteration}}",
      "prompts/wait.md": "wait once",
    },
    { settings: { agent: acp("resumes"), ...settings } },
  );
export const loop = (more = "session: continue", rest = "") => `
  - name: talk
    prompt: prompts/talk.md
    ${more}
    generic_loop: { max_iterations: 3, until: "false"${rest} }
`;
export const said = (run: RunDetail): (string | null)[] => run.executions.map(({ output }) => output);
/** For each try the first one that had its session. */
export const sessions = (run: RunDetail): number[] => {
  const names = run.executions.map((each) => each.runtime_session_id);
  return names.map((name) => names.indexOf(name));
};

/** What the house says of a session, in its file. */
export function notes({ folder }: GrammarWorld, execution: string): string[] {
  const root = join(folder, "sessions");
  const [name = ""] = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((each) =>
    each.endsWith(`${execution}.jsonl`),
  );
  const lines = readFileSync(join(root, name), "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line)).flatMap(({ type, content }) => (type === "system" ? [content] : []));
}
export const noted = (world: GrammarWorld, { executions }: RunDetail): string[][] =>
  executions.map(({ id }) => notes(world, id));
