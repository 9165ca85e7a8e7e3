import type { Command } from "commander";
import type { LetterState } from "../../store/replies.ts";
import type { Desk, Register } from "../desk.ts";
import { ago } from "../moments.ts";
import { table } from "../table.ts";

interface Options {
  late?: true;
  json?: true;
}

const MOST = 100;

/** What could not be said outside. */
export const outbox: Register = (program, desk) => {
  const command = listing(program.command("outbox"))
    .description("list what could not be said outside; `retry ID` has it tried anew, `drop ID` lets it go")
    .action((options: Options) => list(desk, options));
  listing(command.command("list"))
    .description("the same list")
    .action((_: Options, self: Command) => list(desk, self.optsWithGlobals<Options>()));
  command
    .command("retry")
    .description("have it tried anew, at once")
    .argument("<id>", "its id")
    .option("--json", "print JSON")
    .action(async (id: string, _: object, self: Command) => {
      const moved = await desk.client().retryLetter(id);
      if (self.optsWithGlobals<Options>().json) desk.terminal.json(moved);
      else desk.terminal.line(`${moved.id} is tried anew.`);
    });
  command
    .command("drop")
    .description("let it go for good")
    .argument("<id>", "its id")
    .option("--json", "print JSON")
    .action(async (id: string, _: object, self: Command) => {
      const moved = await desk.client().dropLetter(id);
      if (self.optsWithGlobals<Options>().json) desk.terminal.json(moved);
      else desk.terminal.line(`${moved.id} is let go.`);
    });
};

function listing(command: Command): Command {
  return command
    .option("--late", "what failed and is to be tried again, instead of what was given up")
    .option("--json", "print JSON");
}

async function list(desk: Desk, { late, json }: Options): Promise<void> {
  const { terminal } = desk;
  const state: LetterState = late ? "late" : "dead";
  const found = await desk.client().letters({ state, limit: MOST });
  if (json) return terminal.json(found);
  if (found.items.length === 0)
    return terminal.line(late ? "Nothing waits to be tried again." : "Nothing was given up.");
  const now = desk.clock.now();
  const rows = found.items.map(({ id, run_id, kind, tries, error, died_at, due }) => [
    id,
    kind,
    run_id,
    String(tries),
    ago(died_at ?? due, now),
    error ?? "",
  ]);
  terminal.line(table(terminal, ["ID", "WHAT", "RUN", "TRIES", late ? "DUE" : "GIVEN UP", "WHY"], rows));
  if (found.next_cursor) terminal.line(`The first ${MOST}; there are more.`);
}
