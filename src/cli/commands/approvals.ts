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
      terminal.line(terminal.paint("dim", `lastlight approve ${clean(list.items[0]?.id ?? "ID")}`));
    });
};
