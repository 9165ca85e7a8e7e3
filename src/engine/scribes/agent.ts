import type { AgentDecoder, AgentEvent } from "../../domain/agent.ts";
import type { Clock } from "../../domain/clock.ts";
import type { SourceLine } from "../../domain/lines.ts";
import type { SessionLine, SpoolOffsets } from "../../domain/session.ts";
import { lineTail } from "../../store/files/line-tail.ts";
import type { Transcribed } from "../contracts/transcript.ts";
import { agenticShim } from "../shim.ts";
import type { Scribe } from "./scribe.ts";

/**
 * An agent's conversation: each line of its stdout is decoded, in order and from the beginning, since what a line means
 * depends on those before it. What the session file holds already is decoded again and not written again.
 */
export function agentScribe(
  of: Transcribed,
  decoder: AgentDecoder,
  { clock, version }: { clock: Clock; version: string },
): Scribe {
  const shim = agenticShim({
    session: of.execution,
    prompt: of.command,
    cwd: of.cwd,
    version,
    startedAt: of.startedAt,
  });
  const source = lineTail(of.stdout);
  let offset = 0;
  /** The place of the last line that the file held when it was opened. */
  let written = "";
  let used = "{}";

  /** Lines come in the order of their places, and the same ones each time: what is not behind the last one is there. */
  function fresh(lines: readonly SessionLine[]): readonly SessionLine[] {
    return written === "" ? lines : lines.filter((line) => line.type === "result" || placeOf(line) > written);
  }

  function linesOf(events: readonly AgentEvent[], { start, next }: Omit<SourceLine, "text">): SessionLine[] {
    const spool: SpoolOffsets = [next, 0];
    const at = clock.now();
    return events.flatMap((event, ordinal) => fresh(shim.event(event, { start, ordinal, spool, at })));
  }

  function read(line: SourceLine): SessionLine[] {
    offset = line.next;
    return linesOf(decoder.line(line.text), line);
  }

  function count(): void {
    const { usage } = shim.report();
    const now = JSON.stringify(usage);
    if (now !== used) of.agent?.used(usage);
    used = now;
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

/** Offset and index, as a line's id begins with them: as text in their own order. */
function placeOf({ uuid }: { readonly uuid?: unknown }): string {
  return String(uuid).slice(0, "00000000-0000-8000".length);
}
