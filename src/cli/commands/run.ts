import { Option } from "commander";
import type { StartRun } from "../../http/api.ts";
import type { Desk, Register } from "../desk.ts";
import { follow } from "../follow.ts";
import { clean } from "../terminal.ts";
import { declaredPairs, readJson } from "../values.ts";
import { answerWith } from "./approvals.ts";
import { printRun } from "./show.ts";

interface Options {
  input?: readonly string[];
  inputs?: string;
  context?: string;
  key?: string;
  follow?: true;
  json?: true;
}

export const run: Register = (program, desk) => {
  program
    .command("run")
    .description("start a run of a workflow")
    .argument("<workflow>", "its name, as `lastlight workflows` lists it")
    .addOption(
      new Option(
        "--input <name=value>",
        "an input; JSON where the workflow declares another type than string",
      ).argParser((pair: string, before: readonly string[] = []) => [...before, pair]),
    )
    .option("--inputs <file>", "a JSON file with an object of inputs; --input wins over it")
    .option("--context <file>", "a JSON file with an object of what set it off, for texts and conditions to read")
    .option("--key <key>", "idempotency key: asked twice with one key, it starts once")
    .option("--follow", "stay and show the run until it is over")
    .option("--json", "print JSON")
    .action((workflow: string, options: Options) => start(desk, workflow, options));
};

async function start(desk: Desk, workflow: string, options: Options): Promise<void> {
  const { terminal } = desk;
  const pairs = options.input ?? [];
  // Wrong pairs are told before the daemon is asked for anything.
  declaredPairs(pairs, {});
  const fromFile = options.inputs === undefined ? {} : readJson(options.inputs, "inputs");
  const context = options.context === undefined ? undefined : readJson(options.context, "context values");
  const client = desk.client();
  const declared = pairs.length > 0 ? (await client.workflow(workflow)).inputs : {};
  const inputs = { ...fromFile, ...declaredPairs(pairs, declared) };
  const request: StartRun = {
    workflow,
    inputs,
    ...(options.key === undefined ? {} : { idempotency_key: options.key }),
    ...(context === undefined ? {} : { context }),
  };
  const started = await client.startRun(request);

  if (!options.follow) {
    if (options.json) return terminal.json(started);
    const known = started.created ? "" : " (the run that has this key already)";
    terminal.line(`Run ${started.id} is ${started.status}${known}.`);
    return terminal.line(terminal.paint("dim", `lastlight show ${started.id}`));
  }
  if (!options.json) terminal.line(`Run ${started.id}`);
  const over = await follow(desk, client, started.id, {
    ...(options.json ? { silent: true } : {}),
    onGate: async (gate) => {
      if (options.json) return;
      terminal.line();
      terminal.line(clean(gate.summary));
      terminal.line(`It waits for an answer: ${answerWith(gate)}`);
    },
  });
  if (terminal.closed.aborted) return;
  if (over.status !== "succeeded") desk.code(1);
  if (options.json) return terminal.json(over);
  terminal.line();
  printRun(desk, over);
}
