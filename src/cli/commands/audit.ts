import { Fault } from "../../domain/fault.ts";
import type { Register } from "../desk.ts";
import { type Cell, table } from "../table.ts";
import { clean } from "../terminal.ts";

interface Options {
  who?: string;
  limit: number;
  cursor?: string;
  json?: true;
}

/** Who did what. */
export const audit: Register = (program, desk) => {
  program
    .command("audit")
    .description("what was asked of the daemon, by whom, from where and with what outcome; newest first")
    .option("--who <who>", "only theirs: local:ana, user:ana, token:ana/ci, nobody")
    .option("--limit <count>", "how many at once, 1 to 200", count, 50)
    .option("--cursor <cursor>", "the page after this one, as the list before names it")
    .option("--json", "print JSON")
    .action(async ({ json, ...filter }: Options) => {
      const { terminal } = desk;
      const { items, next_cursor } = await desk.client().audit(filter);
      if (json) return terminal.json({ items, next_cursor });
      if (items.length === 0) return terminal.line("Nothing of the kind was asked.");
      const rows = items.map(({ at, who, what, subject, address, outcome }): Cell[] => [
        at.slice(0, 19).replace("T", " "),
        who,
        outcome === "ok" ? { text: "ok", style: "green" } : { text: outcome, style: "red" },
        address ?? "",
        `${what}${subject === null ? "" : ` ${subject}`}`,
      ]);
      terminal.line(table(terminal, ["AT (UTC)", "WHO", "OUTCOME", "FROM", "WHAT"], rows));
      if (next_cursor) {
        terminal.line();
        terminal.line(terminal.paint("dim", `More: --cursor ${clean(next_cursor)}`));
      }
    });
};

const MOST = 200;

function count(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= MOST) return Number(text);
  throw new Fault("usage.invalid", `--limit takes a whole number from 1 to ${MOST}, not "${text}"`);
}
