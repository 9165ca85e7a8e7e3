import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Parsed } from "../../src/store/files/session-line.ts";

const AGENT = fileURLToPath(new URL("./stream-agent.ts", import.meta.url));

/** A folder for the front of a PATH: whoever looks for pi there finds an agent that says numbered words at a pace. */
export function streamingPi(inside: string): { readonly path: string; starts(): readonly string[] } {
  const folder = join(inside, "bin");
  const file = join(folder, "pi");
  const starts = join(folder, "starts");
  mkdirSync(folder, { recursive: true });
  writeFileSync(starts, "");
  writeFileSync(file, `#!/bin/sh\nSTREAM_STARTS='${starts}' exec '${process.execPath}' '${AGENT}' "$@"\n`);
  chmodSync(file, 0o755);
  return {
    path: `${folder}:${process.env.PATH}`,
    // The executions it was started for.
    starts: () => readFileSync(starts, "utf8").trimEnd().split("\n").filter(Boolean),
  };
}

/** A workflow of one phase in which it speaks, as YAML (JSON is YAML). */
export function streamingWorkflow(name: string, stream: { readonly events: number; readonly seconds: number }): string {
  const env = { STREAM_EVENTS: String(stream.events), STREAM_SECONDS: String(stream.seconds) };
  const phase = { name: "talk", agent: "pi", prompt: "prompts/talk.md", timeout: "10m", env };
  return JSON.stringify({ name, phases: [phase] }, null, 1);
}

/** The numbers of the words that a session tells of, in their order. */
export function wordsIn(lines: readonly Parsed[]): number[] {
  return lines.flatMap(({ type, message, isApiErrorMessage }) => {
    const { content } = (message ?? {}) as { content?: readonly { text?: string }[] };
    if (type !== "assistant" || isApiErrorMessage) return [];
    return (content ?? []).map(({ text }) => Number(/^word (\d+)$/.exec(text ?? "")?.[1]));
  });
}
