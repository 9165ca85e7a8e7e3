import type { AgentBlock, AgentDecoder, AgentEvent } from "../../domain/agent.ts";
import type { Json } from "../../domain/json.ts";
import type { SourceLine } from "../../domain/lines.ts";
import type { Redactor } from "../../domain/redaction.ts";
import type { SessionLine, SpoolOffsets } from "../../domain/session.ts";
import { lineTail } from "../../store/files/line-tail.ts";
import type { Transcribed } from "../contracts/transcript.ts";
import { agenticShim } from "../shim.ts";
import type { Desk, Scribe } from "./scribe.ts";

/**
 * An agent's conversation: each line of its stdout is decoded, in order and from the beginning, since what a line means
 * depends on those before it. What the session file holds already is decoded again and not written again.
 */
export function agentScribe(of: Transcribed, decoder: AgentDecoder, { clock, version, words }: Desk): Scribe {
  const shim = agenticShim({
    session: of.execution,
    prompt: words.text(of.command),
    cwd: of.cwd,
    version,
    startedAt: of.startedAt,
    ...(of.agent?.resumes ? { resumes: of.agent.resumes } : {}),
    ...(of.agent?.note === undefined ? {} : { note: of.agent.note }),
  });
  const source = lineTail(of.stdout);
  let offset = 0;
  /** The place of the last line that the file held when it was opened. */
  let written = "";
  let used = "{}";
  let session: string | null = null;

  /** Lines come in the order of their places, and the same ones each time: what is not behind the last one is there. */
  function fresh(lines: readonly SessionLine[]): readonly SessionLine[] {
    return written === "" ? lines : lines.filter((line) => line.type === "result" || placeOf(line) > written);
  }

  function linesOf(events: readonly AgentEvent[], { start, next }: Omit<SourceLine, "text">): SessionLine[] {
    const spool: SpoolOffsets = [next, 0];
    const at = clock.now();
    return events.flatMap((event, ordinal) => fresh(shim.event(redacted(event, words), { start, ordinal, spool, at })));
  }

  function read(line: SourceLine): SessionLine[] {
    offset = line.next;
    return linesOf(decoder.line(line.text), line);
  }

  function count(): void {
    const { usage, sessionId } = shim.report();
    const now = JSON.stringify(usage);
    if (now !== used) of.agent?.used(usage);
    used = now;
    if (sessionId !== null && sessionId !== session) of.agent?.began?.(sessionId);
    session = sessionId;
  }

  return {
    begin: (last) => {
      const opening = shim.opening();
      if (!last) return opening;
      written = placeOf(last);
      return fresh(opening);
    },
    read: (most) => {
      const lines: SessionLine[] = [];
      let left = most;
      let full = true;
      while (full && left > 0) {
        const got = source.read(left);
        for (const each of got.lines) lines.push(...read(each));
        left -= got.bytes;
        full = got.full;
      }
      if (left < most) count();
      return { lines, bytes: most - left, more: full };
    },
    bound: () => source.finish(),
    tell: (end) => {
      const rest = source.rest();
      const lines = rest ? read(rest) : [];
      lines.push(...linesOf(decoder.end(), { start: offset, next: offset }));
      const result = shim.result(end, { start: offset, spool: [offset, 0], at: clock.now() });
      count();
      return [...lines, ...fresh(result)];
    },
    report: () => shim.report(),
    close: () => source.close(),
  };
}

/** Whatever the agent had a say in: the names it gave to things, too. */
function redacted(event: AgentEvent, words: Redactor): AgentEvent {
  if (words.isIdle) return event;
  const told = words.json(event as unknown as Json) as unknown as AgentEvent;
  // What kind it is is the decoder's word.
  if (event.type !== "message.assistant") return { ...told, type: event.type } as AgentEvent;
  const blocks = (told as typeof event).content;
  const content = event.content.map(({ type }, at): AgentBlock => {
    const block = { ...blocks[at], type } as AgentBlock;
    return block.type === "tool_use" ? { ...block, input: asWhole(block.input, words) } : block;
  });
  return { ...(told as typeof event), type: event.type, content };
}

/** A value in which no single text tells a secret may tell it all the same, one number or letter after the other. */
function asWhole(input: Json, words: Redactor): Json {
  const text = JSON.stringify(input);
  const told = words.text(text);
  return told === text ? input : { redacted: told };
}

/** Offset and index, as a line's id begins with them: as text in their own order. */
function placeOf({ uuid }: { readonly uuid?: unknown }): string {
  return String(uuid).slice(0, "00000000-0000-8000".length);
}
