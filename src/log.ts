import { pino } from "pino";
import type { Log } from "./engine/contracts/log.ts";

/** Lines of JSON on stderr, so that stdout stays for what a command was asked to print. Written at once: a log that a crash takes with it is none. */
export function createLog(level: string): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
