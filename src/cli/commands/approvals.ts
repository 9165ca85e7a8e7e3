import type { ApprovalKind } from "../../domain/approval.ts";
import type { Register } from "../desk.ts";
import { ago } from "../moments.ts";
import { table } from "../table.ts";
import { clean } from "../terminal.ts";

const MOST = 100;

export const approvals: Register = (program, desk) => {
  program
    .command("approvals")
    .description("list what waits for a person")
    .option("--json", "print JSON")
    .action(async ({ json }: { json?: true }) => {
      const { terminal } = desk;
      const list = await desk.client().approvals({ status: "pending", limit: MOST });
      if (json) return terminal.json(list);
      if (list.items.length === 0) return terminal.line("Nothing waits for an answer.");
      const now = desk.clock.now();
      const rows = list.items.map((each) => [
        each.id,
        each.phase ?? each.gate,
        ago(each.created_at, now),
        each.summary,
      ]);
      terminal.line(table(terminal, ["ID", "PHASE", "SINCE", "QUESTION"], rows));
      if (list.next_cursor) terminal.line(`The latest ${MOST}; there are more.`);
      terminal.line();
      const [first] = list.items;
      if (first) terminal.line(terminal.paint("dim", clean(answerWith(first))));
    });
};

/** What to type: a gate takes one of two words, unless it asks for words of one's own. */
export function answerWith({ id, kind }: { readonly id: string; readonly kind: ApprovalKind }): string {
  return kind === "reply" ? `lastlight reply ${id} "your words"` : `lastlight approve ${id} (or reject)`;
}
