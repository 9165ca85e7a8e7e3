import type { Register } from "../desk.ts";

/** A person's word after too many crashes in a row: look, then let work start again. */
export const safeMode: Register = (program, desk) => {
  const command = program
    .command("safe-mode")
    .description("say whether the daemon is in safe mode, and leave it")
    .addHelpText(
      "after",
      "\nAfter five crashes within ten minutes nothing is dispatched until someone has looked.\n\nExample:\n  lastlight safe-mode leave",
    );
  command
    .command("status", { isDefault: true })
    .description("say whether the daemon is in safe mode")
    .action(async () => {
      const { status, trouble } = await desk.client().health();
      desk.terminal.line(
        status === "safe_mode" ? `In safe mode: ${trouble}. Nothing is dispatched.` : "Not in safe mode.",
      );
    });
  command
    .command("leave")
    .description("let work start again")
    .action(async () => {
      const { status } = await desk.client().leaveSafeMode();
      desk.terminal.line(`The daemon is ${status}; what was owed starts now.`);
    });
};
