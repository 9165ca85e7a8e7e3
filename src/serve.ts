import { type Config, hiddenOf } from "./config.ts";
import { startDaemon } from "./daemon.ts";
import { asFault } from "./domain/fault.ts";
import { redactor } from "./domain/redaction.ts";
import { createLog } from "./log.ts";

/** Runs the daemon until a signal ends it; resolves with the exit code. A second signal does not wait. */
export async function serve(config: Config, version: string, say: (line: string) => void): Promise<number> {
  const log = createLog(config.logLevel, redactor(hiddenOf(config)));
  // A state nobody foresaw is not one to go on from: end, and let the next start recover from what is on disk.
  process.once("uncaughtException", (error) => {
    log.error({ err: error }, "an exception nobody caught; the daemon ends");
    process.exit(70);
  });
  // Before anyone can know that it is there: who reads the ready line may send a signal at once.
  const asked = new Promise<NodeJS.Signals>((resolve) => {
    let first = true;
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (!first) process.exit(130);
        first = false;
        resolve(signal);
      });
    }
  });
  const daemon = await startDaemon(config, log, version);
  say(`lastlight ${version} is ready at ${daemon.url}`);
  log.info({ signal: await asked }, "asked to stop");
  try {
    await daemon.stop();
    return 0;
  } catch (error) {
    log.error({ code: asFault(error).code, err: error }, "the daemon could not stop in good order");
    return 1;
  }
}
