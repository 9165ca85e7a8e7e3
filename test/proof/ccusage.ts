import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { RECORDINGS } from "../runtimes/streams.ts";
import { readSession, sessionOf, TOKENS, tokensTold } from "../support/session-file.ts";
import { fetchPackage } from "./fetch.ts";
import { kept, type Line, notRun, type Row } from "./row.ts";
import type { Performance, Stage } from "./stage.ts";

const PACKAGE = { name: "ccusage", version: "20.0.24", command: "ccusage" };
const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const PATIENCE_MS = 60_000;
const run = promisify(execFile);

/** Whoever reads Claude's session files for what was used finds in ours what we say it was. */
export const ccusage: Row = {
  row: "ccusage",
  title: "ccusage reads our session files and finds the same tokens",
  columns: TOKENS.map((each) => each),
  show: async (stage) => {
    const fetched = await fetchPackage(join(stage.folder, "packages"), PACKAGE);
    if ("why" in fetched) return [notRun("session files of runs and of recordings", fetched.why)];
    const command = join(fetched.folder, PACKAGE.command);
    const lines: Line[] = [];
    for (const each of await stage.played()) lines.push(...(await ofRuns(each, command)));
    for (const { name, path, runtime } of RECORDINGS)
      lines.push(await ofRecording({ name, path, runtime }, stage, command));
    return lines;
  },
};

/** A session folder as it was left by a daemon. */
async function ofRuns({ agent, scenes, stateDir, not_run }: Performance, command: string): Promise<Line[]> {
  if (not_run !== null) return [notRun(`sessions of ${agent.name}`, not_run)];
  const read = await readBy(command, join(stateDir, "agent-sessions"));
  return scenes.map(({ scene, played }) => {
    const told = tokensTold(sessionOf(stateDir, played.execution)?.lines ?? []);
    return compared(`session of ${agent.name}: ${scene.title}`, told, read.get(played.execution));
  });
}

async function ofRecording(
  { name, path, runtime }: { name: string; path: string; runtime: string },
  { folder }: Stage,
  command: string,
): Promise<Line> {
  const id = "01930000-0000-7abc-8123-0123456789ab";
  const config = join(folder, "recordings", name);
  const project = join(config, "projects", "-recording");
  mkdirSync(project, { recursive: true });
  const translate = ["sessions", "translate", "--runtime", runtime === "agentic-pi" ? "agentic" : runtime, path];
  const { stdout } = await run(process.execPath, [MAIN, ...translate], { timeout: PATIENCE_MS, maxBuffer: 1 << 28 });
  const file = join(project, `${id}.jsonl`);
  writeFileSync(file, stdout);
  return compared(`recording ${name}`, tokensTold(readSession(file).lines), (await readBy(command, config)).get(id));
}

/** What ccusage says of each session, in the order of `TOKENS`. */
async function readBy(command: string, config: string): Promise<Map<string, readonly number[]>> {
  const environment = { PATH: process.env.PATH, HOME: config, CLAUDE_CONFIG_DIR: config };
  const options = { env: environment, timeout: PATIENCE_MS, maxBuffer: 1 << 28 };
  const { stdout } = await run(command, ["claude", "session", "--json", "--offline"], options);
  const { sessions } = JSON.parse(stdout) as { sessions: ({ sessionId: string } & { [name: string]: number })[] };
  return new Map(
    sessions.map((each) => [
      each.sessionId,
      [each.inputTokens, each.outputTokens, each.cacheReadTokens, each.cacheCreationTokens].map(Number),
    ]),
  );
}

/** A session in which nothing was used is one that nobody has to mention. */
function compared(name: string, told: readonly number[], read: readonly number[] = TOKENS.map(() => 0)): Line {
  const broken = TOKENS.flatMap((each, at) =>
    told[at] === read[at] ? [] : [`${each} is ${told[at]} with us and ${read[at]} with ccusage`],
  );
  return kept(name, broken, Object.fromEntries(TOKENS.map((each, at) => [each, told[at]])));
}
