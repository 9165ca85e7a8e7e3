import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AgentDecoder, AgentEvent, AgentReport } from "../../src/domain/agent.ts";
import { lineCutter } from "../../src/domain/lines.ts";
import type { SessionEnd, SessionLine } from "../../src/domain/session.ts";
import { agenticShim, type Shimmed } from "../../src/engine/shim.ts";
import { acpDecoder } from "../../src/runtimes/decoders/acp.ts";
import { agenticDecoder } from "../../src/runtimes/decoders/agentic.ts";
import { claudeDecoder } from "../../src/runtimes/decoders/claude.ts";
import { codexDecoder } from "../../src/runtimes/decoders/codex.ts";
import { geminiDecoder } from "../../src/runtimes/decoders/gemini.ts";
import { opencodeDecoder } from "../../src/runtimes/decoders/opencode.ts";
import { piDecoder } from "../../src/runtimes/decoders/pi.ts";

export const DECODERS = {
  pi: piDecoder,
  "agentic-pi": agenticDecoder,
  claude: claudeDecoder,
  codex: codexDecoder,
  acp: acpDecoder,
  opencode: opencodeDecoder,
  gemini: geminiDecoder,
} as const satisfies Record<string, () => AgentDecoder>;
export type Runtime = keyof typeof DECODERS;
export const RUNTIMES = Object.keys(DECODERS) as Runtime[];

const FOLDER = fileURLToPath(new URL("../fixtures/agent-streams", import.meta.url));

export interface Recording {
  readonly name: string;
  readonly path: string;
  readonly runtime: Runtime;
  readonly bytes: Buffer;
}

/** Every stream that was recorded of a real agent. */
export const RECORDINGS: readonly Recording[] = readdirSync(FOLDER, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".jsonl"))
  .sort()
  .map((name) => ({
    name,
    path: join(FOLDER, name),
    runtime: dirname(name) as Runtime,
    bytes: readFileSync(join(FOLDER, name)),
  }));

export function recording(name: string): Recording {
  return RECORDINGS.find((each) => each.name === `${name}.jsonl`)!;
}

// biome-ignore lint/suspicious/noExplicitAny: what a recording holds is known by whoever made it.
export type Raw = any;

/** The lines of a recording as JSON, read by nothing of ours. */
export function rawOf({ bytes }: Pick<Recording, "bytes">): Raw[] {
  return bytes
    .toString()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

export const SESSION = "01930000-0000-7abc-8123-0123456789ab";
export const NOW = "2026-11-21T12:00:00.000Z";
const ENDED: SessionEnd = { status: "ok", stopReason: "exit 0", durationMs: 1_234 };

export interface Played {
  readonly events: readonly AgentEvent[];
  readonly lines: readonly SessionLine[];
  readonly result: SessionLine;
  readonly report: AgentReport;
}

/** A stream through its decoder and the shim, as the engine would take it; `pieces` are what single reads give. */
export function played(
  runtime: Runtime,
  pieces: readonly Uint8Array[],
  { end = ENDED, ...more }: Partial<Shimmed> & { readonly end?: SessionEnd } = {},
): Played {
  const decoder = DECODERS[runtime]();
  const of: Shimmed = { session: SESSION, prompt: null, cwd: "/w", version: "1.2.3", startedAt: BEFORE, ...more };
  const shim = agenticShim(of);
  const cutter = lineCutter();
  const events: AgentEvent[] = [];
  const lines: SessionLine[] = [...shim.opening()];
  let read = 0;
  const take = (told: readonly AgentEvent[], start: number): void =>
    told.forEach((event, ordinal) => {
      events.push(event);
      lines.push(...shim.event(event, { start, ordinal, spool: [read, 0], at: NOW }));
    });
  const rest = [...pieces.flatMap((piece) => cutter.feed(piece))];
  const last = cutter.rest();
  for (const { start, next, text } of last ? [...rest, last] : rest) {
    read = next;
    take(decoder.line(text), start);
  }
  take(decoder.end(), read);
  lines.push(...shim.result(end, { start: read, spool: [read, 0], at: NOW }));
  return { events, lines, result: lines.at(-1)!, report: shim.report() };
}

const BEFORE = "2026-11-21T00:00:00.000Z";

/** A stream of these lines. */
export function stream(...lines: readonly (string | object)[]): Buffer[] {
  return lines.map((line) => Buffer.from(`${typeof line === "string" ? line : JSON.stringify(line)}\n`));
}
