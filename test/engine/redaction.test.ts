import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { type Redactor, redactor } from "../../src/domain/redaction.ts";
import type { Transcribed, Transcript } from "../../src/engine/contracts/transcript.ts";
import { claudeDecoder } from "../../src/runtimes/decoders/claude.ts";
import { chance } from "../domain/chance.ts";
import { audited, said } from "../store/files/killed.ts";
import { DONE, executionIn, transcriptsIn } from "../store/files/transcriber.ts";
import { temporaryFolder } from "../support/world.ts";

const EXECUTION = "01930000-0000-7abc-8123-0123456789ab";
const TOOL = fileURLToPath(new URL("../fixtures/agent-streams/claude/tool.jsonl", import.meta.url));
const TOKEN = "ghp_aB3dEfGh7hIjKlMn0pQrStUvWxYz012345";
const LINES = Array.from({ length: 20 }, (_, at) => Buffer.from(`${at}:${"key".repeat(15)}`).toString("base64"));
const KEY = `-----BEGIN PRIVATE KEY-----\n${LINES.join("\n")}\nshort=\n-----END PRIVATE KEY-----`;

function world(words: Redactor, more: Partial<Transcribed> = {}) {
  const folder = temporaryFolder();
  const of = { ...executionIn(folder, EXECUTION), ...more };
  mkdirSync(dirname(of.stdout), { recursive: true });
  writeFileSync(of.stdout, "");
  return {
    print: (text: string | Buffer) => appendFileSync(of.stdout, text),
    life: (): Transcript => {
      const transcript = transcriptsIn(folder, { words }).transcripts.open(of);
      onTestFinished(() => transcript.release());
      return transcript;
    },
    lines: () => audited(of.file),
  };
}

/** Reading begins at once, and takes a few turns of the loop. */
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 40; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
};

test("a key of several lines that is printed bit by bit is told by no daemon, wherever each of them ends", async () => {
  const words = redactor({ KEY, TOKEN });
  const text = Array.from({ length: 12 }, (_, at) => `line ${at}\n${KEY}\nand ${TOKEN}, then\n`).join("");
  const expected = words.text(text);
  for (let seed = 1; seed <= 12; seed++) {
    const roll = chance(seed);
    const { print, life, lines } = world(words);
    let transcript = life();
    for (let at = 0; at < text.length; ) {
      const to = Math.min(text.length, at + 1 + roll(roll(2) === 0 ? 2_000 : 100));
      print(text.slice(at, to));
      at = to;
      await turns();
      if (roll(8) > 0) continue;
      await transcript.release();
      transcript = life();
    }
    await transcript.finish(DONE);
    expect(said(lines(), false)).toBe(expected);
    expect(lines().at(-1)).toMatchObject({ type: "result", spool: [text.length, 0] });
  }
});

test("words that look like no secret are told when they are printed, though more may follow", async () => {
  const { print, life, lines } = world(redactor({ TOKEN }));
  const transcript = life();
  print(`at work\n${TOKEN.slice(0, 3)}\n`);
  await turns();
  expect(said(lines(), false)).toBe(`at work\n${TOKEN.slice(0, 3)}\n`);
  print("done\n");
  await transcript.finish(DONE);
  expect(said(lines(), false)).toBe(`at work\n${TOKEN.slice(0, 3)}\ndone\n`);
});

test.each([70_000, 5_000_000])(
  "of a line of %i characters that is cut, no half of a secret is left at the cut",
  async (size) => {
    const { print, life, lines } = world(redactor({ TOKEN }));
    print(`${"x".repeat(65_536 - 20)}${TOKEN}${"y".repeat(size - 65_536)}\nafter ${TOKEN}\n`);
    await life().finish(DONE);
    expect(said(lines(), false)).toBe(
      `${"x".repeat(65_536 - 20)}[secret TOKEN]${"y".repeat(6)}…[truncated ${size - 65_536 - 6} chars]\nafter [secret TOKEN]\n`,
    );
  },
);

test("the command itself is redacted, too", async () => {
  const { life, lines } = world(redactor({ TOKEN }), { command: `echo ${TOKEN}` });
  await life().finish(DONE);
  expect(JSON.stringify(lines())).not.toContain(TOKEN);
  expect(lines()[0]).toMatchObject({ message: { content: "echo [secret TOKEN]" } });
});

test("what an agent says, does and hears is redacted, and is the same lines whoever wrote them", async () => {
  const bytes = readFileSync(TOOL);
  const words = redactor({ HEARD: "hi-from-tool", SAID: "wrote note.txt" });
  const agent = { decoder: claudeDecoder, used: () => {} };
  const told = (lines: ReturnType<typeof audited>) =>
    lines.map(({ timestamp: _, spool: __, crc: ___, ...line }) => line);
  const whole = world(words, { agent });
  whole.print(bytes);
  const report = await whole.life().finish(DONE);
  expect(report).toMatchObject({ status: "ok", text: "Done: [secret SAID]." });
  const text = JSON.stringify(whole.lines());
  expect(text).not.toMatch(/hi-from-tool|wrote note/);
  expect(text).toContain('"input":{"command":"echo [secret HEARD]; pwd","description":"run"}');
  expect(text).toContain('"content":"[secret HEARD]\\n/home/agent/workspace"');

  const cut = world(words, { agent });
  for (let at = 0; at < bytes.length; at += 1_500) {
    cut.print(bytes.subarray(at, at + 1_500));
    const transcript = cut.life();
    await turns();
    await transcript.release();
  }
  expect(await cut.life().finish(DONE)).toEqual(report);
  expect(told(cut.lines())).toEqual(told(whole.lines()));
});
