import { Fault } from "../../domain/fault.ts";
import { RUN_STATUSES, type RunStatus } from "../../domain/run.ts";
import type { Register } from "../desk.ts";
import { ago, moment } from "../moments.ts";
import { statusCell } from "../phases.ts";
import { table } from "../table.ts";
import { clean } from "../terminal.ts";

interface Options {
  status?: readonly string[];
  workflow?: string;
  trigger?: string;
  label?: string;
  starred?: true;
  since?: string;
  limit: number;
  cursor?: string;
  json?: true;
}

export const runs: Register = (program, desk) => {
  program
    .command("runs")
    .description("list runs, newest first")
    .option("--status <status...>", `only these: ${RUN_STATUSES.join(", ")}`)
    .option("--workflow <name>", "only of this workflow")
    .option("--trigger <type>", "only started by this: api, webhook, cron, chat")
    .option("--label <label>", "only with this label")
    .option("--starred", "only those with a star")
    .option("--since <moment>", "only those started since: 2h, 7d, 2026-11-21")
    .option("--limit <count>", "how many at once, 1 to 200", count, 20)
    .option("--cursor <cursor>", "the page after this one, as the list before names it")
    .option("--json", "print JSON")
    .action(async ({ json, status, since, ...filter }: Options) => {
      const { terminal } = desk;
      const now = desk.clock.now();
      const list = await desk.client().runs({
        ...filter,
        ...(status ? { status: statuses(status) } : {}),
        ...(since ? { since: moment(since, now) } : {}),
      });
      if (json) return terminal.json(list);
      if (list.items.length === 0) return terminal.line("No run fits.");
      const rows = list.items.map((run) => [
        run.id,
        `${run.starred ? "★ " : ""}${run.workflow_name}`,
        statusCell(run.status, run.reason),
        run.current_phase,
        ago(run.started_at, now),
        run.label ?? "",
      ]);
      terminal.line(table(terminal, ["ID", "WORKFLOW", "STATUS", "PHASE", "STARTED", "LABEL"], rows));
      if (list.next_cursor) {
        terminal.line();
        terminal.line(terminal.paint("dim", `More: --cursor ${clean(list.next_cursor)}`));
      }
    });
};

const MOST = 200;

function count(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= MOST) return Number(text);
  throw new Fault("usage.invalid", `--limit takes a whole number from 1 to ${MOST}, not "${text}"`);
}

function statuses(given: readonly string[]): RunStatus[] {
  return given
    .flatMap((each) => each.split(","))
    .map((word) => {
      const known = RUN_STATUSES.find((each) => each === word);
      if (known) return known;
      throw new Fault("usage.invalid", `"${word}" is no status of a run. They are ${RUN_STATUSES.join(", ")}`);
    });
}
