import type { Register } from "../desk.ts";

/** The daemon itself: the one command that is no client. */
export const serve: Register = (program, desk) => {
  program
    .command("serve")
    .description("run the daemon until it is told to stop (Ctrl-C)")
    .action(async () => {
      desk.code(await desk.io.serve(desk.config(), desk.version, (line) => desk.terminal.line(line)));
    });
};
