import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Parsed } from "../../src/store/files/session-line.ts";

const AGENT = fileURLToPath(new URL("./stream-agent.ts", import.meta.url));

/**
 * A folder for the front of a PATH: whoever looks for pi there finds an agent that says numbered words at a pace. It
 * brings all it is made of, and notes its starts in its workspace: also in a sandbox.
 */
export function streamingPi(inside: string): { readonly path: string; starts(stateDir: string): readonly string[] } {
  const folder = join(inside, "bin");
  const file = join(folder, "pi");
  mkdirSync(folder, { recursive: true });
  copyFileSync(AGENT, join(folder, "stream-agent.ts"));
  writeFileSync(file, `#!/bin/sh\nSTREAM_STARTS=starts exec '${process.execPath}' "\${0%/*}/stream-agent.ts" "$@"\n`);
  chmodSync(file, 0o755);
  return {
    path: `${folder}:${process.env.PATH}`,
    // The executions it was started for.
    starts: (stateDir) => {
      const workspaces = join(stateDir, "workspaces");
      const notes = readdirSync(workspaces).map((run) => join(workspaces, run, "starts"));
      return notes.filter((note) => existsSync(note)).flatMap((note) => linesOf(readFileSync(note, "utf8")));
    },
  };
}

function linesOf(text: string): string[] {
  return text.trimEnd().split("\n").filter(Boolean);
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
