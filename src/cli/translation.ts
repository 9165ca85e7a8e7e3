import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { AgentDecoder, AgentEvent, AgentReport } from "../domain/agent.ts";
import { Fault } from "../domain/fault.ts";
import { lineCutter } from "../domain/lines.ts";
import type { SessionLine } from "../domain/session.ts";
import { type AgenticShim, agenticShim } from "../engine/shim.ts";
import { acpDecoder } from "../runtimes/decoders/acp.ts";
import { agenticDecoder } from "../runtimes/decoders/agentic.ts";
import { claudeDecoder } from "../runtimes/decoders/claude.ts";
import { codexDecoder } from "../runtimes/decoders/codex.ts";
import { geminiDecoder } from "../runtimes/decoders/gemini.ts";
import { opencodeDecoder } from "../runtimes/decoders/opencode.ts";
import { piDecoder } from "../runtimes/decoders/pi.ts";
import { encodeLine } from "../store/files/session-line.ts";
import { READABLE } from "./commands/sessions.ts";
import type { Desk } from "./desk.ts";
import { clean } from "./terminal.ts";

const DECODERS: Readonly<Record<(typeof READABLE)[number], () => AgentDecoder>> = {
  pi: piDecoder,
  agentic: agenticDecoder,
  claude: claudeDecoder,
  codex: codexDecoder,
  acp: acpDecoder,
  opencode: opencodeDecoder,
  gemini: geminiDecoder,
};

/** Prints the session that a recorded stream makes. Throws `usage.invalid` for a runtime that is none. */
export function translateStream(
  desk: Desk,
  { runtime, file, cwd }: { runtime: string; file: string | undefined; cwd: string },
): Promise<void> {
  // Phases name these agents with their command.
  const name = READABLE.find((each) => each === (runtime.startsWith("acp:") ? "acp" : runtime));
  if (!name)
    throw new Fault("usage.invalid", `"${runtime}" is no runtime. Those that can be read: ${READABLE.join(", ")}`);
  return translate(desk, DECODERS[name](), file, cwd);
}

async function translate(desk: Desk, decoder: AgentDecoder, file: string | undefined, cwd: string): Promise<void> {
  const { terminal } = desk;
  const written = writing(desk);
  const talk = conversation(desk, cwd, file === undefined ? desk.clock.now() : await dateOf(file));
  const lines = lineCutter();
  let end = 0;
  const read = ({ start, next, text }: { start: number; next: number; text: string }): void => {
    end = next;
    written.lines(talk.events(decoder.line(text), start, next));
  };
  try {
    for await (const bytes of file === undefined ? desk.io.stdin : createReadStream(file)) {
      for (const line of lines.feed(bytes)) read(line);
      if (terminal.closed.aborted) return;
    }
  } catch (error) {
    throw unreadable(file ?? "stdin", error);
  }
  const rest = lines.rest();
  if (rest) read(rest);
  written.lines(talk.events(decoder.end(), end, end));
  const { over, report } = talk.finish(end);
  written.lines(over);
  terminal.complain(clean(summary(written, report)));
}

/** When a recording was made, as near as can be known: it is the same however often it is read. */
async function dateOf(file: string): Promise<string> {
  try {
    return (await stat(file)).mtime.toISOString();
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): Fault {
  if (error instanceof Fault || (error as NodeJS.ErrnoException).syscall === undefined) throw error;
  return new Fault("usage.invalid", `${file} cannot be read`, { cause: error });
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The shim, once the stream has said whose session it is. */
function conversation(desk: Desk, cwd: string, recordedAt: string) {
  let shim: AgenticShim | null = null;
  let first: string | null = null;
  let newest: string | null = null;

  function shimFor(event: AgentEvent | null): AgenticShim {
    const id = event?.type === "session.start" ? event.id : null;
    shim ??= agenticShim({
      session: id !== null && UUID.test(id) ? id : desk.clock.id(),
      prompt: null,
      cwd,
      version: desk.version,
      startedAt: recordedAt,
    });
    return shim;
  }

  function timeOf(event: AgentEvent): string {
    first ??= event.at;
    if (event.at !== null && (newest === null || event.at > newest)) newest = event.at;
    return newest ?? recordedAt;
  }

  return {
    events: (events: readonly AgentEvent[], start: number, next: number): SessionLine[] =>
      events.flatMap((event, ordinal) => {
        const at = timeOf(event);
        if (shim === null && (event.type === "notice" || event.type === "retry")) return [];
        return shimFor(event).event(event, { start, ordinal, spool: [next, 0], at });
      }),
    finish: (end: number): { over: readonly SessionLine[]; report: AgentReport } => {
      const durationMs = first === null || newest === null ? 0 : Date.parse(newest) - Date.parse(first);
      const place = { start: end, spool: [end, 0], at: newest ?? recordedAt } as const;
      const made = shimFor(null);
      const over = made.result({ status: "lost", stopReason: "end of stream", durationMs }, place);
      return { over, report: made.report() };
    },
  };
}

/** Prints lines as they stand in a file of their own. */
function writing({ terminal }: Desk) {
  let seq = 0;
  let parentUuid: string | null = null;
  return {
    messages: 0,
    calls: 0,
    lines(lines: readonly SessionLine[]): void {
      for (const line of lines) {
        seq++;
        terminal.write(encodeLine({ ...line, parentUuid, seq }).toString());
        parentUuid = line.uuid;
        if (line.type === "result") continue;
        this.messages++;
        this.calls += callsIn(line);
      }
    },
  };
}

function callsIn({ message }: SessionLine): number {
  const { content } = (message ?? {}) as { readonly content?: unknown };
  return Array.isArray(content) ? content.filter(({ type }) => type === "tool_use").length : 0;
}

function summary({ messages, calls }: { messages: number; calls: number }, report: AgentReport): string {
  const { usage, status, error } = report;
  const tokens = [
    [usage.inputTokens, "in"],
    [usage.outputTokens, "out"],
    [usage.cacheReadTokens, "read from the cache"],
    [usage.cacheCreationTokens, "written to it"],
  ] as const;
  const known = tokens.flatMap(([count, what]) => (count === undefined ? [] : `${count} ${what}`));
  const cost = usage.usd === undefined ? "cost unknown" : `${Number(usage.usd.toPrecision(12))} USD`;
  return [
    `messages: ${messages}, calls of tools: ${calls}`,
    known.length === 0 ? "tokens unknown" : `tokens: ${known.join(", ")}`,
    cost,
    error === null ? status : `${status}: ${error}`,
  ].join("; ");
}
