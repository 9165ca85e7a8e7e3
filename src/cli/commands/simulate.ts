import { type Command, Option } from "commander";
import type { Desk } from "../desk.ts";

export interface SimulateOptions {
  readonly scenario?: readonly string[];
  readonly input?: readonly string[];
  readonly seed?: string;
  readonly record?: string;
  readonly json?: true;
}

/** `workflows simulate`: a workflow tried in a world that a file describes, on the engine that would really run it. */
export function simulate(workflows: Command, desk: Desk): void {
  workflows
    .command("simulate")
    .description("try a workflow without a model, a person or a day of waiting; needs no daemon")
    .argument("<file>", "a workflow file; workflows that it starts are looked for beside it")
    .option("--scenario <files...>", "what happens, and what must hold; without it all goes well and everyone says yes")
    .addOption(
      new Option(
        "--input <name=value>",
        "an input where there is no scenario; JSON where the workflow declares another type than string",
      ).argParser((pair: string, before: readonly string[] = []) => [...before, pair]),
    )
    .option("--seed <number>", "another seed than the scenario's: other ids, other jitter")
    .option("--record <run>", "print a scenario made from a real run (asks the daemon), instead of simulating")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  lastlight workflows simulate fix.yaml --input issue=42\n" +
        "  lastlight workflows simulate fix.yaml --scenario scenarios/fix/*.yaml\n" +
        "  lastlight workflows simulate fix.yaml --record 4f3a9c > scenarios/fix/monday.yaml",
    )
    .action(async (file: string, options: SimulateOptions, self: Command) => {
      const json = self.optsWithGlobals<{ json?: true }>().json === true;
      // Only now: no other command is to wait for an engine to be read.
      const { simulateFile } = await import("../simulation.ts");
      return simulateFile(desk, file, options, json);
    });
}
