import type { Register } from "../desk.ts";

/** The daemon itself: the one command that is no client. */
export const serve: Register = (program, desk) => {
  program
    .command("serve")
    .description("run the daemon until it is told to stop (Ctrl-C)")
    .option("--unsafe-no-sandbox", "let agents work without a sandbox: they may do whatever this user may")
    .action(async ({ unsafeNoSandbox }: { unsafeNoSandbox?: true }) => {
      const config = desk.config();
      // A sandbox that was asked for by name stays.
      const kind = config.sandbox.kind === "auto" ? "none" : config.sandbox.kind;
      const told = unsafeNoSandbox ? { ...config, unsandboxed: true, sandbox: { ...config.sandbox, kind } } : config;
      desk.code(await desk.io.serve(told, desk.version, (line) => desk.terminal.line(line)));
    });
};
