import type { Command } from "commander";
import { type DeliveryOutcome, OUTCOMES } from "../../domain/delivery.ts";
import { Fault } from "../../domain/fault.ts";
import type { DeliveryBody, DeliveryReceipt } from "../../http/api.ts";
import type { Desk, Register } from "../desk.ts";
import { ago, moment } from "../moments.ts";
import { type Cell, table } from "../table.ts";
import { clean, type Style } from "../terminal.ts";

interface Options {
  source?: string;
  outcome?: string;
  since?: string;
  limit?: string;
  cursor?: string;
  json?: true;
}

/** What came from outside. */
export const deliveries: Register = (program, desk) => {
  const command = listing(program.command("deliveries"))
    .description("list what came from outside; `show ID` says what it started and why, `replay ID` takes it in again")
    .action((options: Options) => list(desk, options));
  listing(command.command("list"))
    .description("the same list")
    .action((_: Options, self: Command) => list(desk, self.optsWithGlobals<Options>()));
  command
    .command("show")
    .description("one delivery, with what each workflow said to it")
    .argument("<delivery>", "its id")
    .option("--json", "print JSON, with the payload")
    .action((id: string, _: object, self: Command) => show(desk, id, self.optsWithGlobals<Options>().json === true));
  command
    .command("replay")
    .description("take a delivery in once more, as one of its own")
    .argument("<delivery>", "its id")
    .option("--json", "print JSON")
    .action((id: string, _: object, self: Command) => replay(desk, id, self.optsWithGlobals<Options>().json === true));
};

function listing(command: Command): Command {
  return command
    .option("--source <name>", "only of this source")
    .option("--outcome <outcome>", `only these: ${OUTCOMES.join(", ")}`)
    .option("--since <moment>", "only those that came since: 2h, 7d, 2026-11-21")
    .option("--limit <count>", "how many at once, 1 to 200")
    .option("--cursor <cursor>", "the page after this one, as the list before names it")
    .option("--json", "print JSON");
}

async function list(desk: Desk, { source, outcome, since, limit, cursor, json }: Options): Promise<void> {
  const { terminal } = desk;
  const now = desk.clock.now();
  const found = await desk.client().deliveries({
    ...(source && { source }),
    ...(outcome && { outcome: outcomeOf(outcome) }),
    ...(since && { since: moment(since, now) }),
    ...(limit && { limit: countOf(limit) }),
    ...(cursor && { cursor }),
  });
  if (json) return terminal.json(found);
  const refused = Object.entries(found.refused).map(([code, count]) => `${count} × ${code}`);
  if (refused.length > 0)
    terminal.line(terminal.paint("dim", clean(`Refused since the daemon started: ${refused.join(", ")}`)));
  if (found.items.length === 0) return terminal.line("No delivery fits.");
  const rows = found.items.map((each): Cell[] => [
    each.id,
    each.source,
    each.type,
    outcomeCell(each),
    ago(each.received_at, now),
    each.repo === null ? "" : `${each.repo}${each.issue_number === null ? "" : `#${each.issue_number}`}`,
  ]);
  terminal.line(table(terminal, ["ID", "SOURCE", "EVENT", "OUTCOME", "CAME", "ABOUT"], rows));
  if (!found.next_cursor) return;
  terminal.line();
  terminal.line(terminal.paint("dim", `More: --cursor ${clean(found.next_cursor)}`));
}

async function show(desk: Desk, id: string, json: boolean): Promise<void> {
  const { terminal } = desk;
  const delivery = await desk.client().delivery(id);
  if (json) return terminal.json(delivery);
  terminal.line(clean(`${delivery.source} ${delivery.type} (${delivery.delivery_id}): ${outcomeWords(delivery)}`));
  const about = [
    `came ${ago(delivery.received_at, desk.clock.now())}`,
    ...(delivery.via === "poll" ? ["found by a poll"] : []),
    ...(delivery.repo === null ? [] : [`about ${delivery.repo}`]),
    ...(delivery.actor === null ? [] : [`by ${delivery.actor}`]),
    ...(delivery.replay_of === null ? [] : [`a replay of ${delivery.replay_of}`]),
  ];
  terminal.line(terminal.paint("dim", clean(about.join(", "))));
  terminal.line();
  if (delivery.verdicts.length > 0) terminal.line(verdictsOf(delivery, desk));
  else
    terminal.line(
      "Nothing more is kept of what starts nothing; `lastlight hooks test FILE` says why an event would not.",
    );
}

function verdictsOf({ verdicts }: DeliveryBody, { terminal }: Desk): string {
  const rows = verdicts.map(({ workflow, run, why }): Cell[] => [workflow, run ?? "–", why]);
  return table(terminal, ["WORKFLOW", "RUN", "WHY"], rows);
}

async function replay(desk: Desk, id: string, json: boolean): Promise<void> {
  const { terminal } = desk;
  const receipt: DeliveryReceipt = await desk.client().replay(id);
  if (json) return terminal.json(receipt);
  terminal.line(clean(`Delivery ${receipt.id}: ${outcomeWords(receipt)}`));
  for (const run of receipt.runs) terminal.line(clean(`  run ${run}`));
}

type Ended = { readonly outcome: DeliveryOutcome; readonly reason: string | null };

function outcomeWords({ outcome, reason }: Ended): string {
  const words = outcome.replaceAll("_", " ");
  return reason === null ? words : `${words}: ${reason}`;
}

const STYLES: Partial<Record<DeliveryOutcome, Style>> = { started: "green", refused: "red", ignored: "yellow" };

function outcomeCell(ended: Ended): Cell {
  const style = STYLES[ended.outcome];
  return style ? { text: outcomeWords(ended), style } : outcomeWords(ended);
}

function outcomeOf(word: string): DeliveryOutcome {
  const known = OUTCOMES.find((each) => each === word);
  if (known) return known;
  throw new Fault("usage.invalid", `"${word}" is no outcome of a delivery. They are ${OUTCOMES.join(", ")}`);
}

function countOf(text: string): number {
  if (/^(?:[1-9]\d?|1\d\d|200)$/.test(text)) return Number(text);
  throw new Fault("usage.invalid", `--limit takes a whole number from 1 to 200, not "${text}"`);
}
