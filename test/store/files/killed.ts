import { once } from "node:events";
import { appendFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { expect } from "vitest";
import { decodeLine, type Parsed } from "../../../src/store/files/session-line.ts";
import { dice } from "../../chaos/dice.ts";
import { temporaryFolder } from "../../support/world.ts";
import { executionIn, prepare } from "./transcriber.ts";

const EXECUTION = "01930000-0000-7abc-8123-0123456789ab";

/** A growing spool, transcribed by one process after the other, each killed; then every line is held to its source. */
export async function killed(kills: number): Promise<void> {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  const { between } = dice(seed, "kills");
  const roll = (): number => between(0, 1);
  const folder = temporaryFolder();
  const of = executionIn(folder, EXECUTION);
  writeFileSync(of.stdout, "");
  writeFileSync(of.stderr, "");
  let number = 0;
  let cuts = 0;
  const grow = (): void => {
    for (const path of [of.stdout, of.stderr]) {
      if (roll() < 0.3) continue;
      let words = "";
      for (let lines = roll() * 60; lines > 0; lines--) words += `${number++} ${"ä".repeat(roll() * 200)}\n`;
      // A program's writes respect neither lines nor characters.
      const bytes = Buffer.from(words);
      const at = Math.floor(roll() * bytes.length);
      appendFileSync(path, bytes.subarray(0, at));
      appendFileSync(path, bytes.subarray(at));
    }
  };
  const growing = setInterval(grow, 5);
  let next = prepare(folder, EXECUTION);
  for (let life = 0; life < kills; life++) {
    const child = next;
    // Half of the lives wade through a flood and die in it, the others follow at the pace of the program.
    const flooded = roll() < 0.5;
    if (flooded) appendFileSync(of.stdout, `${number++} ${"flood ".repeat(16)}\n`.repeat(4_000));
    child.stdin?.write("go\n");
    next = prepare(folder, EXECUTION);
    // A life is counted from its first sign: on a busy machine most of it would pass in waking up.
    if (child.stdout) await once(child.stdout, "data");
    await setTimeout(flooded ? roll() * 15 : 20 + roll() * 110);
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    if (roll() < 0.45 && existsSync(of.file)) {
      cuts++;
      truncateSync(of.file, Math.max(0, statSync(of.file).size - 1 - Math.floor(roll() * 3_000)));
    }
  }
  clearInterval(growing);
  appendFileSync(of.stdout, "the last line has no end");
  next.stdin?.write("end\n");
  expect(await once(next, "exit")).toEqual([0, null]);

  const lines = audited(of.file);
  console.log({ seed, kills, cuts, lines: lines.length, numbered: number });
  expect(lines.map(({ type }) => type).filter((type) => type !== "user")).toEqual(["assistant", "result"]);
  expect(said(lines, false)).toBe(readFileSync(of.stdout, "utf8"));
  expect(said(lines, true)).toBe(readFileSync(of.stderr, "utf8"));
  expect(cuts).toBeGreaterThan(kills / 10);
  expect(lines.length).toBeGreaterThan(kills);
}

/** Every line of a file, each whole, numbered without a gap, and the child of the one before. */
export function audited(file: string): Parsed[] {
  const bytes = readFileSync(file);
  expect(bytes.at(-1)).toBe(0x0a);
  const lines: Parsed[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0x0a, at);
    const line = decodeLine(bytes.subarray(at, end));
    expect(line, bytes.toString("utf8", at, end)).not.toBeNull();
    lines.push(line as Parsed);
    at = end + 1;
  }
  expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, at) => at + 1));
  expect(lines.map(({ parentUuid }) => parentUuid)).toEqual([null, ...lines.slice(0, -1).map(({ uuid }) => uuid)]);
  expect(new Set(lines.map(({ uuid }) => uuid)).size).toBe(lines.length);
  return lines;
}

/** All that a session shows of one stream of output. */
export function said(lines: readonly Parsed[], isError: boolean): string {
  return lines
    .flatMap(({ message }) => ((message ?? {}) as { content?: unknown }).content ?? [])
    .map((block) => block as { type?: string; content?: string; is_error?: boolean })
    .filter(({ type, is_error = false }) => type === "tool_result" && is_error === isError)
    .map(({ content }) => content)
    .join("");
}
