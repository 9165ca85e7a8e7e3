import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import type { AgentDecoder, AgentReport } from "../../src/domain/agent.ts";
import type { Usage } from "../../src/domain/execution.ts";
import type { Transcript } from "../../src/engine/contracts/transcript.ts";
import { agenticDecoder } from "../../src/runtimes/decoders/agentic.ts";
import { claudeDecoder } from "../../src/runtimes/decoders/claude.ts";
import { codexDecoder } from "../../src/runtimes/decoders/codex.ts";
import { piDecoder } from "../../src/runtimes/decoders/pi.ts";
import { chance } from "../domain/chance.ts";
import { audited } from "../store/files/killed.ts";
import { DONE, executionIn, transcriptsIn } from "../store/files/transcriber.ts";
import { temporaryFolder } from "../support/world.ts";

const EXECUTION = "01930000-0000-7abc-8123-0123456789ab";
const STREAMS = fileURLToPath(new URL("../fixtures/agent-streams", import.meta.url));
const DECODERS: Readonly<Record<string, () => AgentDecoder>> = {
  pi: piDecoder,
  "agentic-pi": agenticDecoder,
  claude: claudeDecoder,
  codex: codexDecoder,
};
const streams = Object.keys(DECODERS).flatMap((runtime) =>
  readdirSync(join(STREAMS, runtime)).map((file) => ({ runtime, file, path: join(STREAMS, runtime, file) })),
);

/** An agent's folder, and the lives of daemons that transcribe it. */
function world(runtime: string) {
  const folder = temporaryFolder();
  const used: Usage[] = [];
  const of = {
    ...executionIn(folder, EXECUTION),
    command: "Fix it.",
    agent: { decoder: DECODERS[runtime] as () => AgentDecoder, used: (usage: Usage) => void used.push(usage) },
  };
  mkdirSync(dirname(of.stdout), { recursive: true });
  writeFileSync(of.stdout, "");
  return {
    of,
    used,
    life: (): Transcript => {
      const transcript = transcriptsIn(folder).transcripts.open(of);
      onTestFinished(() => transcript.release());
      return transcript;
    },
    /** What the session says, its clock apart. */
    told: () => audited(of.file).map(({ timestamp: _, spool: __, crc: ___, ...line }) => line),
  };
}

async function whole(runtime: string, bytes: Buffer) {
  const { of, life, told, used } = world(runtime);
  appendFileSync(of.stdout, bytes);
  const report = await life().finish(DONE);
  return { lines: told(), report, used };
}

/** Reading begins at once, and takes a few turns of the loop. */
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 60; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
};

test.for(streams)(
  "the $runtime stream $file: an agent's words are written once, wherever daemons die and take up again",
  async ({ runtime, path }) => {
    const bytes = readFileSync(path);
    const { lines, report, used } = await whole(runtime, bytes);
    expect(lines.filter(({ type }) => type === "result")).toHaveLength(1);
    expect(new Set(lines.map(({ uuid }) => uuid)).size).toBe(lines.length);
    if (Object.keys(report?.usage ?? {}).length > 0) expect(used.at(-1)).toEqual(report?.usage);

    const roll = chance(bytes.length);
    const cut = world(runtime);
    let at = 0;
    let told: AgentReport | null = null;
    for (let life = 0; life < 6; life++) {
      const transcript = cut.life();
      // A program's writes respect neither lines nor characters.
      const to = life === 5 ? bytes.length : Math.min(bytes.length, at + roll(Math.ceil(bytes.length / 3)));
      appendFileSync(cut.of.stdout, bytes.subarray(at, to));
      at = to;
      if (life === 5) told = await transcript.finish(DONE);
      else {
        await turns();
        await transcript.release();
        // What a kill leaves: the file ends anywhere, and whole lines of it may be missing.
        const size = readFileSync(cut.of.file).length;
        if (roll(2) === 0 && size > 0) truncateSync(cut.of.file, size - roll(Math.min(size, 3_000)));
      }
    }
    expect(cut.told()).toEqual(lines);
    expect(told).toEqual(report);
  },
);

test("an end that was written before the daemon died is not written again, and still says what the agent came to", async () => {
  const bytes = readFileSync(join(STREAMS, "pi", "tool.jsonl"));
  const { of, life, told } = world("pi");
  appendFileSync(of.stdout, bytes);
  const first = await life().finish(DONE);
  const lines = told();
  expect(await life().finish(DONE)).toEqual(first);
  expect(told()).toEqual(lines);
  expect(first).toMatchObject({ status: "ok", produced: true });
});

test("a session file that was lost is made again from the spool", async () => {
  const bytes = readFileSync(join(STREAMS, "claude", "par.jsonl"));
  const { of, life, told } = world("claude");
  appendFileSync(of.stdout, bytes);
  await life().finish(DONE);
  const lines = told();
  rmSync(of.file);
  await life().finish(DONE);
  expect(told()).toEqual(lines);
});
