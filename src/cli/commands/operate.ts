import { readFileSync } from "node:fs";
import { Option } from "commander";
import { Fault } from "../../domain/fault.ts";
import type { ForkRun, Moved } from "../../http/api.ts";
import type { Desk, Register } from "../desk.ts";
import { findRun } from "../ids.ts";
import { declaredPairs, parsed } from "../values.ts";

const RUN = "id of the run, or its last 6 or more characters";

/** What an operator does to a run that is there: hold it back, let it go on, have it done again, send it word. */
export const operate: Register = (program, desk) => {
  const told = (moved: Moved, json: true | undefined): void => {
    if (json) desk.terminal.json(moved);
    else desk.terminal.line(`Run ${moved.id} is ${moved.status}.`);
  };
  program
    .command("pause")
    .description("hold a run back; what executes goes on, nothing more of it starts")
    .argument("<run>", RUN)
    .option("--json", "print JSON")
    .action(async (given: string, { json }: { json?: true }) => {
      const client = desk.client();
      told(await client.pause(await findRun(client, given)), json);
    });
  program
    .command("resume")
    .description("let a run go on that was held back")
    .argument("<run>", RUN)
    .option("--json", "print JSON")
    .action(async (given: string, { json }: { json?: true }) => {
      const client = desk.client();
      told(await client.resume(await findRun(client, given)), json);
    });
  program
    .command("retry")
    .description("have a run that is over go on, from a phase or from whatever did not succeed")
    .argument("<run>", RUN)
    .option("--from <phase>", "this phase and everything downstream of it runs again")
    .option("--json", "print JSON")
    .action(async (given: string, { from, json }: { from?: string; json?: true }) => {
      const client = desk.client();
      told(await client.retry(await findRun(client, given), from ?? null), json);
    });
  program
    .command("signal")
    .description("send a run word from outside; it is kept whether or not the run waits for it")
    .argument("<run>", RUN)
    .argument("<name>", "what it is called: conditions read it as signals.<name>")
    .argument("[payload]", "JSON, or text", "true")
    .option("--id <id>", "sent twice under one id, it is received once")
    .option("--json", "print JSON")
    .action(async (given: string, name: string, payload: string, { id, json }: { id?: string; json?: true }) => {
      const client = desk.client();
      const signal = { name, payload: parsed(payload), ...(id === undefined ? {} : { id }) };
      told(await client.signal(await findRun(client, given), signal), json);
    });
  program
    .command("fork")
    .description("start a run that begins as another one stood before a phase, with what is edited about it")
    .argument("<run>", RUN)
    .requiredOption("--from <phase>", "the first phase that runs anew; what stands before it is taken over")
    .addOption(
      new Option("--input <name=value>", "an input in place of the run's own").argParser(
        (pair: string, before: readonly string[] = []) => [...before, pair],
      ),
    )
    .option("--yaml <file>", "a workflow file in place of the version the run pinned")
    .addOption(
      new Option("--file <path=file>", "a prompt or skill in place of the version's, by its path there").argParser(
        (pair: string, before: readonly string[] = []) => [...before, pair],
      ),
    )
    .option("--json", "print JSON")
    .action((given: string, options: ForkOptions) => fork(desk, given, options));
};

interface ForkOptions {
  from: string;
  input?: readonly string[];
  yaml?: string;
  file?: readonly string[];
  json?: true;
}

async function fork(
  desk: Desk,
  given: string,
  { from, input = [], yaml, file = [], json }: ForkOptions,
): Promise<void> {
  const client = desk.client();
  const run = await client.run(await findRun(client, given));
  const declared = input.length > 0 ? (await client.workflow(run.workflow_name)).inputs : {};
  const inputs = declaredPairs(input, declared);
  const files = Object.fromEntries(file.map((pair) => [before(pair), readText(after(pair))]));
  const request: ForkRun = {
    from,
    ...(input.length > 0 ? { inputs } : {}),
    ...(yaml === undefined ? {} : { yaml: readText(yaml) }),
    ...(file.length > 0 ? { files } : {}),
  };
  const started = await client.fork(run.id, request);
  if (json) desk.terminal.json(started);
  else {
    desk.terminal.line(`Run ${started.id} is ${started.status}: a fork of ${run.id} from ${from}.`);
    desk.terminal.line(desk.terminal.paint("dim", `lastlight show --compare ${run.id} ${started.id}`));
  }
}

function before(pair: string): string {
  const at = pair.indexOf("=");
  if (at < 1) throw new Fault("usage.invalid", `--file takes path=file, not "${pair}"`);
  return pair.slice(0, at);
}

function after(pair: string): string {
  return pair.slice(pair.indexOf("=") + 1);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new Fault("usage.invalid", `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
