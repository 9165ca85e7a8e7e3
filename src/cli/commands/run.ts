import { readFileSync } from "node:fs";
import { Option } from "commander";
import { Fault } from "../../domain/fault.ts";
import type { Json } from "../../domain/json.ts";
import type { StartRun } from "../../http/api.ts";
import type { Desk, Register } from "../desk.ts";
import { follow } from "../follow.ts";
import { clean } from "../terminal.ts";
import { printRun } from "./show.ts";

type Inputs = Record<string, Json>;

interface Options {
  input?: readonly string[];
  inputs?: string;
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
    .option("--key <key>", "idempotency key: asked twice with one key, it starts once")
    .option("--follow", "stay and show the run until it is over")
    .option("--json", "print JSON")
    .action((workflow: string, options: Options) => start(desk, workflow, options));
};

async function start(desk: Desk, workflow: string, options: Options): Promise<void> {
  const { terminal } = desk;
  const pairs = (options.input ?? []).map(pairOf);
  const fromFile = options.inputs === undefined ? {} : readInputs(options.inputs);
  const client = desk.client();
  const declared = pairs.length > 0 ? (await client.workflow(workflow)).inputs : {};
  const inputs = { ...fromFile, ...typed(pairs, declared) };
  const request: StartRun = {
    workflow,
    inputs,
    ...(options.key === undefined ? {} : { idempotency_key: options.key }),
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
      terminal.line(`It waits for an answer: lastlight approve ${gate.id} (or reject)`);
    },
  });
  if (terminal.closed.aborted) return;
  if (over.status !== "succeeded") desk.code(1);
  if (options.json) return terminal.json(over);
  terminal.line();
  printRun(desk, over);
}

function pairOf(pair: string): readonly [string, string] {
  const at = pair.indexOf("=");
  if (at < 1) throw new Fault("usage.invalid", `--input takes name=value, not "${pair}"`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}

function readInputs(file: string): Inputs {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new Fault("usage.invalid", `${file} cannot be read as JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Inputs;
  throw new Fault("usage.invalid", `${file} must hold one JSON object of inputs by name`);
}

/** What does not parse is sent as text: the daemon alone judges inputs, and names the path of what it refuses. */
function typed(pairs: readonly (readonly [string, string])[], declared: { readonly [name: string]: Json }): Inputs {
  const inputs: Inputs = {};
  for (const [name, text] of pairs) {
    const type = (declared[name] as { readonly type?: Json } | undefined)?.type;
    inputs[name] = type === "string" ? text : parsed(text);
  }
  return inputs;
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
