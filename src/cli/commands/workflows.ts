import type { Command } from "commander";
import { Fault } from "../../domain/fault.ts";
import type { ComplaintBody } from "../../http/api.ts";
import type { Checked } from "../../workflow/check.ts";
import { diagram } from "../../workflow/diagram.ts";
import { checkFile, checkText } from "../../workflow/library.ts";
import type { Desk, Register } from "../desk.ts";
import { printed } from "../printed.ts";
import { type Cell, table } from "../table.ts";
import { clean } from "../terminal.ts";
import { simulate } from "./simulate.ts";

export const workflows: Register = (program, desk) => {
  const command = program
    .command("workflows")
    .description("list the library; `check FILE…` reads files, `graph` draws one, `simulate FILE` tries one")
    .option("--json", "print JSON")
    .action(({ json }: { json?: true }) => list(desk, json === true));
  command
    .command("check")
    .description("say what is wrong with workflow files; needs no daemon")
    .argument("<files...>", "YAML files")
    .option("--allow-missing-files", "say nothing about prompts and skills that they name")
    .option("--json", "print JSON")
    .action((files: string[], { allowMissingFiles }: { allowMissingFiles?: true }, self: Command) =>
      // The group above has the option too, and takes it wherever it stands.
      check(desk, files, {
        json: self.optsWithGlobals<{ json?: true }>().json === true,
        allowMissing: allowMissingFiles === true,
      }),
    );
  command
    .command("graph")
    .description("print a workflow's phases as a Mermaid flowchart; a file needs no daemon")
    .argument("<workflow>", "a name in the library, or a path that ends in .yaml or .yml")
    .action((workflow: string) => graph(desk, workflow));
  simulate(command, desk);
};

async function list(desk: Desk, json: boolean): Promise<void> {
  const { terminal } = desk;
  const library = await desk.client().workflows();
  if (json) return terminal.json(library);
  if (library.items.length === 0) return terminal.line("The library is empty.");
  const rows = library.items.map((each): Cell[] => {
    const errors = each.complaints.filter(({ severity }) => severity === "error").length;
    const state: Cell =
      errors > 0
        ? { text: errors === 1 ? "1 error" : `${errors} errors`, style: "red" }
        : each.kind === "cron"
          ? { text: "schedule", style: "cyan" }
          : !each.enabled
            ? { text: "off", style: "yellow" }
            : each.unavailable.length > 0
              ? { text: "not yet", style: "yellow" }
              : { text: "ready", style: "green" };
    return [each.name ?? each.file, state, Object.keys(each.inputs).join(", "), each.description ?? ""];
  });
  terminal.line(table(terminal, ["NAME", "STATE", "INPUTS", "WHAT IT DOES"], rows));
  for (const { name, unavailable } of library.items) {
    if (unavailable.length > 0)
      terminal.line(clean(`${name} needs what this version lacks: ${unavailable.join(", ")}`));
  }
  for (const complaint of library.items.flatMap((each) => each.complaints)) terminal.line(printed(complaint));
}

async function check(
  desk: Desk,
  files: readonly string[],
  { json, allowMissing }: { json: boolean; allowMissing: boolean },
): Promise<void> {
  const complaints: ComplaintBody[] = [];
  for (const file of files) complaints.push(...(await checkFile(file, { allowMissing })).complaints);
  const ok = complaints.every(({ severity }) => severity !== "error");
  if (json) desk.terminal.json({ ok, complaints });
  else for (const each of complaints) desk.terminal.line(printed(each));
  if (ok && !json) desk.terminal.line(files.length === 1 ? "1 file is good." : `${files.length} files are good.`);
  if (!ok) desk.code(1);
}

async function graph(desk: Desk, workflow: string): Promise<void> {
  const { version, complaints } = /\.ya?ml$/.test(workflow)
    ? await checkFile(workflow)
    : await inLibrary(desk, workflow);
  if (!version) {
    const details = complaints.map((each) => ({ path: "", message: printed(each) }));
    throw new Fault("workflow.invalid", `${workflow} cannot be drawn`, { details });
  }
  desk.terminal.write(diagram(version.workflow));
}

/** The version in force, read once more here: what a daemon sends is a text. */
async function inLibrary(desk: Desk, name: string): Promise<Pick<Checked, "version" | "complaints">> {
  const { file, yaml, complaints } = await desk.client().workflow(name);
  if (yaml === null) return { version: null, complaints };
  return checkText({ file, bytes: new TextEncoder().encode(yaml) });
}
