import type { Decision } from "../../domain/approval.ts";
import type { Register } from "../desk.ts";
import { findGate } from "../ids.ts";

/** `approve` and `reject`, the two words a gate takes; `reply` for a gate that asks for more. */
export const answers: Register = (program, desk) => {
  const declare = (decision: Decision, description: string): void => {
    program
      .command(decision)
      .description(description)
      .argument("<id>", "id of the approval, or of a run of which one gate waits; 6 or more last characters will do")
      .option("--comment <text>", "said to whoever reads the run")
      .option("--json", "print JSON")
      .action(async (given: string, { comment, json }: { comment?: string; json?: true }) => {
        const client = desk.client();
        const id = await findGate(client, given);
        const answered = await client.respond(id, comment === undefined ? { decision } : { decision, comment });
        if (json) desk.terminal.json(answered);
        else
          desk.terminal.line(
            `Approval ${answered.id} is ${answered.status}; run ${answered.workflow_run_id} hears it.`,
          );
      });
  };
  program
    .command("reply")
    .description("answer a run that asks for words")
    .argument("<id>", "id of the approval, or of a run of which one gate waits; 6 or more last characters will do")
    .argument("<text>", "what to say")
    .option("--json", "print JSON")
    .action(async (given: string, comment: string, { json }: { json?: true }) => {
      const client = desk.client();
      const answered = await client.respond(await findGate(client, given), { decision: "reply", comment });
      if (json) desk.terminal.json(answered);
      else desk.terminal.line(`Approval ${answered.id} has its reply; run ${answered.workflow_run_id} hears it.`);
    });
  declare("approve", "let a run that waits go on");
  declare("reject", "turn a run that waits away");
};
