import type { Command } from "commander";
import { Fault } from "../../domain/fault.ts";
import type { CronBody, CronFires, CronList, OverrideCron } from "../../http/api.ts";
import type { Desk, Register } from "../desk.ts";
import { ago, lengthOf } from "../moments.ts";
import { type Cell, table } from "../table.ts";
import { clean, type Style } from "../terminal.ts";

type CronItem = CronList["items"][number];
type Fire = CronFires["items"][number];

interface Options {
  json?: true;
  limit?: string;
  cursor?: string;
  key?: string;
}

const NAME = "as `lastlight crons` lists it";

/** What comes round by itself: when, what came of it, and a person's word over it. */
export const crons: Register = (program, desk) => {
  const command = program
    .command("crons")
    .description("list schedules: whether each is on, what came of its last slot, when the next one is")
    .option("--json", "print JSON")
    .action(({ json }: Options) => list(desk, json === true))
    .addHelpText(
      "after",
      '\nExamples:\n  lastlight crons show cron-sweep\n  lastlight crons schedule cron-sweep "0 5 * * 0"\n  lastlight crons revert cron-sweep',
    );
  const sub = (name: string, description: string): Command =>
    command.command(name).description(description).argument("<name>", NAME).option("--json", "print JSON");
  const optionsOf = (self: Command): Options => self.optsWithGlobals<Options>();
  sub("show", "one schedule, and the next ten times it comes round").action(
    async (name: string, _: Options, self: Command) => {
      const cron = await desk.client().cron(name, 10);
      return optionsOf(self).json ? desk.terminal.json(cron) : show(desk, cron);
    },
  );
  sub("fires", "what came of each of its slots, newest first")
    .option("--limit <count>", "how many at once, 1 to 200", "20")
    .option("--cursor <cursor>", "the page after this one, as the list before names it")
    .action((name: string, _: Options, self: Command) => fires(desk, name, optionsOf(self)));
  const override = (name: string, word: OverrideCron | null, self: Command): Promise<void> =>
    overridden(desk, name, word, optionsOf(self).json === true);
  sub("enable", "switch it on; one that paused itself goes on").action((name: string, _: Options, self: Command) =>
    override(name, { enabled: true }, self),
  );
  sub("disable", "switch it off, whatever its file says").action((name: string, _: Options, self: Command) =>
    override(name, { enabled: false }, self),
  );
  sub("schedule", "give it another expression than its file does")
    .argument("<cron>", 'five fields in quotes: "0 9 * * 1-5"')
    .action((name: string, schedule: string, _: Options, self: Command) => override(name, { schedule }, self));
  sub("revert", "go back to what its file says").action((name: string, _: Options, self: Command) =>
    override(name, null, self),
  );
  sub("run", "start now, out of turn, what it starts")
    .option("--key <key>", "idempotency key: asked twice with one key, it starts once")
    .action(async (name: string, _: Options, self: Command) => {
      const { key, json } = optionsOf(self);
      const fire = await desk.client().triggerCron(name, key === undefined ? {} : { idempotency_key: key });
      if (json) return desk.terminal.json(fire);
      const what = fire.run_id === null ? "It is at work" : `Run ${fire.run_id} is started`;
      desk.terminal.line(clean(`${what}; \`lastlight crons fires ${name}\` tells how it ends.`));
    });
};

async function list(desk: Desk, json: boolean): Promise<void> {
  const { terminal } = desk;
  const found = await desk.client().crons(1);
  if (json) return terminal.json(found);
  if (found.items.length === 0) return terminal.line("Nothing comes round: no file has a schedule.");
  const now = desk.clock.now();
  const rows = found.items.map((each): Cell[] => [
    each.name,
    statusCell(each),
    each.schedule,
    each.timezone,
    each.status === "on" ? nextWords(each, now) : "",
    each.last === null ? "" : `${outcomeWords(each.last)} ${ago(each.last.decided_at, now)}`,
    each.workflow ?? `${each.handler} (lastlight)`,
  ]);
  terminal.line(table(terminal, ["NAME", "STATE", "SCHEDULE", "ZONE", "NEXT", "LAST", "STARTS"], rows));
  for (const { name, reason } of found.items) if (reason !== null) terminal.line(clean(`${name}: ${reason}`));
}

function show(desk: Desk, cron: CronBody): void {
  const { terminal } = desk;
  const line = (label: string, text: string): void =>
    terminal.line(`${terminal.paint("dim", label.padEnd(10))}${clean(text)}`);
  const { override, last } = cron;
  line(
    "schedule",
    `${cron.schedule} in ${cron.timezone}${cron.schedule === cron.declared ? "" : `; its file has ${cron.declared}`}`,
  );
  line("starts", cron.workflow ?? `${cron.handler} (lastlight)`);
  line("state", `${cron.status}${cron.reason === null ? "" : `: ${cron.reason}`}`);
  const window = cron.catch_up === "none" ? "" : ` within ${lengthOf(cron.window_ms)}`;
  line("policies", `overlap ${cron.overlap}, catch up ${cron.catch_up}${window}`);
  if (override) line("override", `by ${override.updated_by ?? "someone"} at ${override.updated_at}`);
  if (last) line("last", `${last.slot} ${outcomeWords(last)}${last.reason === null ? "" : `: ${last.reason}`}`);
  terminal.line();
  terminal.line(cron.status === "on" ? "Next:" : "If it were on:");
  for (const { slot, due } of cron.next) terminal.line(`  ${due}${due === slot ? "" : ` (slot ${slot})`}`);
}

async function fires(desk: Desk, name: string, { json, limit = "20", cursor }: Options): Promise<void> {
  const { terminal } = desk;
  if (!/^\d{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > 200)
    throw new Fault("usage.invalid", `--limit takes a whole number from 1 to 200, not "${limit}"`);
  const found = await desk
    .client()
    .cronFires(name, { limit: Number(limit), ...(cursor === undefined ? {} : { cursor }) });
  if (json) return terminal.json(found);
  if (found.items.length === 0) return terminal.line("Nothing has come of it yet.");
  const rows = found.items.map((each): Cell[] => [
    each.slot,
    { text: outcomeWords(each), style: styleOf(each) },
    each.run_id ?? "",
    each.fired_by ?? "",
    each.reason ?? "",
  ]);
  terminal.line(table(terminal, ["SLOT", "OUTCOME", "RUN", "BY", "WHY"], rows));
  if (!found.next_cursor) return;
  terminal.line();
  terminal.line(terminal.paint("dim", `More: --cursor ${clean(found.next_cursor)}`));
}

async function overridden(desk: Desk, name: string, word: OverrideCron | null, json: boolean): Promise<void> {
  const cron = await desk.client().overrideCron(name, word);
  if (json) return desk.terminal.json(cron);
  const reason = cron.reason === null ? "" : ` (${cron.reason})`;
  const next = cron.status === "on" ? `; next ${nextWords(cron, desk.clock.now())}` : "";
  desk.terminal.line(clean(`${cron.name} is ${cron.status}${reason}: ${cron.schedule}${next}.`));
}

function nextWords({ next: [first] }: CronItem, now: string): string {
  return first ? `in ${lengthOf(Date.parse(first.due) - Date.parse(now))}` : "never";
}

function statusCell({ status, override }: CronItem): Cell {
  const style: Style = status === "on" ? "green" : status === "paused" ? "red" : "yellow";
  return { text: override ? `${status} *` : status, style };
}

function outcomeWords({ outcome, result, slots }: Fire): string {
  if (outcome === "fired") return result ?? "under way";
  return slots > 1 ? `${outcome} (${slots})` : outcome;
}

function styleOf({ outcome, result }: Fire): Style {
  if (outcome === "fired")
    return result === "succeeded" || result === null ? "green" : result === "failed" ? "red" : "yellow";
  return outcome === "missed" ? "red" : "yellow";
}
