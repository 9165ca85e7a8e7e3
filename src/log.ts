import { pino } from "pino";
import type { Redactor } from "./domain/redaction.ts";
import type { Log } from "./engine/contracts/log.ts";

/** Lines of JSON on stderr, redacted, so that stdout stays for what a command was asked to print. Written at once: a log that a crash takes with it is none. */
export function createLog(level: string, words: Redactor): Log {
  const stderr = pino.destination({ dest: 2, sync: true });
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => void stderr.write(words.text(line)) },
  );
}
