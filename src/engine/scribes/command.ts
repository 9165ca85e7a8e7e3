import { INLINE_LIMIT } from "../../domain/execution.ts";
import { conversation, type SessionLine, type SpoolOffsets } from "../../domain/session.ts";
import { type Chunk, tail } from "../../store/files/tail.ts";
import type { Transcribed } from "../contracts/transcript.ts";
import type { Desk, Scribe } from "./scribe.ts";

const SOURCES = ["stdout", "stderr"] as const;

/** A command as a conversation: both of its outputs, in chunks of whole lines. */
export function commandScribe(of: Transcribed, { clock, version, words }: Desk): Scribe {
  const told = conversation({ ...of, command: words.text(of.command), session: of.execution, version });
  const tails = { stdout: tail(of.stdout, 0, words), stderr: tail(of.stderr, 0, words) };
  const redactions = { stdout: words.stream(), stderr: words.stream() };
  /** What ends in the midst of what may be a secret: to be one line with what follows. */
  const held: { stdout: Chunk | null; stderr: Chunk | null } = { stdout: null, stderr: null };
  let spool: SpoolOffsets = [0, 0];
  let turns = 0;

  function line(from: "stdout" | "stderr", { start, end: at, text }: Chunk): SessionLine {
    spool = from === "stdout" ? [at, spool[1]] : [spool[0], at];
    return told.output(from, start, text + redactions[from].flush(), spool, clock.now());
  }

  function lines(from: "stdout" | "stderr", { start, end, text }: Chunk): SessionLine[] {
    const before = held[from];
    const whole = { start: before?.start ?? start, end, text: (before?.text ?? "") + redactions[from].push(text) };
    const waits = redactions[from].isWithin && whole.text.length < INLINE_LIMIT;
    held[from] = waits ? whole : null;
    return waits ? [] : [line(from, whole)];
  }

  /** What stands behind the last whole line, and what was held back for it. */
  function last(from: "stdout" | "stderr"): SessionLine[] {
    const rest = tails[from].rest();
    const made = rest ? lines(from, rest) : [];
    const left = held[from];
    held[from] = null;
    return left ? [...made, line(from, left)] : made;
  }

  return {
    begin: (last) => {
      if (last) {
        spool = last.spool as SpoolOffsets;
        for (const [at, each] of SOURCES.entries()) {
          tails[each].close();
          tails[each] = tail(of[each], spool[at] as number, words);
        }
      }
      return [...(last ? [] : [told.prompt()]), ...(!last || last.seq === 1 ? [told.call()] : [])];
    },
    read: (most) => {
      const made: SessionLine[] = [];
      let left = most;
      let more = false;
      // In turn, so that neither starves behind a flood of the other.
      turns++;
      for (const each of turns % 2 === 0 ? SOURCES : SOURCES.toReversed()) {
        let full = true;
        while (full && left > 0) {
          const got = tails[each].read(left);
          for (const chunk of got.chunks) made.push(...lines(each, chunk));
          left -= got.bytes;
          full = got.full;
        }
        more ||= full;
      }
      return { lines: made, bytes: most - left, more };
    },
    bound: () => {
      for (const each of SOURCES) tails[each].finish();
    },
    tell: (end) => {
      const made = SOURCES.flatMap(last);
      return [...made, told.result(end, spool, clock.now())];
    },
    report: () => null,
    close: () => {
      for (const each of SOURCES) tails[each].close();
    },
  };
}
