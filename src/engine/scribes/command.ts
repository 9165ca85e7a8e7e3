import type { Clock } from "../../domain/clock.ts";
import { conversation, type SessionLine, type SpoolOffsets } from "../../domain/session.ts";
import { type Chunk, tail } from "../../store/files/tail.ts";
import type { Transcribed } from "../contracts/transcript.ts";
import type { Scribe } from "./scribe.ts";

const SOURCES = ["stdout", "stderr"] as const;

/** A command as a conversation: both of its outputs, in chunks of whole lines. */
export function commandScribe(of: Transcribed, { clock, version }: { clock: Clock; version: string }): Scribe {
  const words = conversation({ ...of, session: of.execution, version });
  const tails = { stdout: tail(of.stdout, 0), stderr: tail(of.stderr, 0) };
  let spool: SpoolOffsets = [0, 0];
  let turns = 0;

  function line(from: "stdout" | "stderr", { start, end: at, text }: Chunk): SessionLine {
    spool = from === "stdout" ? [at, spool[1]] : [spool[0], at];
    return words.output(from, start, text, spool, clock.now());
  }

  return {
    begin: (last) => {
      if (last) {
        spool = last.spool as SpoolOffsets;
        for (const [at, each] of SOURCES.entries()) {
          tails[each].close();
          tails[each] = tail(of[each], spool[at] as number);
        }
      }
      return [...(last ? [] : [words.prompt()]), ...(!last || last.seq === 1 ? [words.call()] : [])];
    },
    read: (most) => {
      const lines: SessionLine[] = [];
      let left = most;
      let more = false;
      // In turn, so that neither starves behind a flood of the other.
      turns++;
      for (const each of turns % 2 === 0 ? SOURCES : SOURCES.toReversed()) {
        let full = true;
        while (full && left > 0) {
          const got = tails[each].read(left);
          for (const chunk of got.chunks) lines.push(line(each, chunk));
          left -= got.bytes;
          full = got.full;
        }
        more ||= full;
      }
      return { lines, bytes: most - left, more };
    },
    bound: () => {
      for (const each of SOURCES) tails[each].finish();
    },
    tell: (end) => {
      const lines: SessionLine[] = [];
      for (const each of SOURCES) {
        const rest = tails[each].rest();
        if (rest) lines.push(line(each, rest));
      }
      return [...lines, words.result(end, spool, clock.now())];
    },
    report: () => null,
    close: () => {
      for (const each of SOURCES) tails[each].close();
    },
  };
}
