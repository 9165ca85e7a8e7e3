import type { Register } from "../desk.ts";
import { findRun } from "../ids.ts";

export const cancel: Register = (program, desk) => {
  program
    .command("cancel")
    .description("stop a run; what is under way is ended")
    .argument("<run>", "id of the run, or its last 6 or more characters")
    .option("--json", "print JSON")
    .action(async (given: string, { json }: { json?: true }) => {
      const client = desk.client();
      const cancelled = await client.cancel(await findRun(client, given));
      if (json) desk.terminal.json(cancelled);
      else desk.terminal.line(`Run ${cancelled.id} is ${cancelled.status}.`);
    });
};
