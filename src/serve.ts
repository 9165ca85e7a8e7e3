import type { Config } from "./config.ts";
import { startDaemon } from "./daemon.ts";
import { asFault } from "./domain/fault.ts";
import { createLog } from "./log.ts";

/** Runs the daemon until a signal ends it; resolves with the exit code. A second signal does not wait. */
export async function serve(config: Config, version: string, say: (line: string) => void): Promise<number> {
  const log = createLog(config.logLevel);
  // A state nobody foresaw is not one to go on from: end, and let the next start recover from what is on disk.
  process.once("uncaughtException", (error) => {
    log.error({ err: error }, "an exception nobody caught; the daemon ends");
    process.exit(70);
  });
  const daemon = await startDaemon(config, log, version);
  say(`lastlight ${version} is ready at ${daemon.url}`);
  return await new Promise<number>((resolve) => {
    let asked = false;
    const end = (signal: NodeJS.Signals): void => {
      if (asked) process.exit(130);
      asked = true;
      log.info({ signal }, "asked to stop");
      daemon.stop().then(
        () => resolve(0),
        (error: unknown) => {
          log.error({ code: asFault(error).code, err: error }, "the daemon could not stop in good order");
          resolve(1);
        },
      );
    };
    process.on("SIGTERM", end);
    process.on("SIGINT", end);
  });
}
