import { open } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { Fault } from "../domain/fault.ts";
import type { Scenario } from "../domain/scenario.ts";
import type { Workflow, WorkflowVersion } from "../domain/workflow.ts";
import { judge } from "../engine/simulation/judge.ts";
import { recorded } from "../engine/simulation/recorded.ts";
import { type Simulation, standing } from "../engine/simulation/simulate.ts";
import type { RunBody } from "../http/api.ts";
import type { Client } from "../http/client.ts";
import type { Complaint } from "../workflow/complaint.ts";
import { LARGEST_FILE } from "../workflow/decode.ts";
import { checkFile, openLibrary } from "../workflow/library.ts";
import { easyScenario } from "../workflow/scenario/easy.ts";
import { printScenario } from "../workflow/scenario/print.ts";
import { readScenario } from "../workflow/scenario/read.ts";
import type { SimulateOptions } from "./commands/simulate.ts";
import type { Desk } from "./desk.ts";
import { findRun } from "./ids.ts";
import { printed } from "./printed.ts";
import { allRendered, type Played, printSimulated, verdict } from "./simulated.ts";
import { clean } from "./terminal.ts";
import { declaredPairs } from "./values.ts";

/** Plays a workflow file in the worlds that scenarios describe, or writes one down from a real run. */
export async function simulateFile(desk: Desk, file: string, options: SimulateOptions, json: boolean): Promise<void> {
  const tried = await read(file);
  if (options.record !== undefined) return record(desk, tried, options.record, json);
  const scenarios = await scenariosOf(desk, tried, options);
  const played: Played[] = [];
  for (const each of scenarios) played.push(await play(desk, tried, each, seedOf(options.seed)));
  if (played.some(isBroken)) desk.code(1);
  if (json) desk.terminal.json(played.length === 1 ? bodyOf(played[0] as Played) : { scenarios: played.map(bodyOf) });
  else if (played.length === 1) printSimulated(desk.terminal, played[0] as Played);
  else summarise(desk, played);
}

/** A promise that fell; or, where nobody promised anything, nothing to look at. */
function isBroken({ judgements, simulation }: Played): boolean {
  return judgements.some(({ held }) => !held) || (judgements.length === 0 && simulation.runs.every((run) => !run));
}

interface Tried {
  readonly version: WorkflowVersion;
  readonly children: readonly WorkflowVersion[];
}

/** The file, and the workflows beside it that runs of it may start. */
async function read(file: string): Promise<Tried> {
  const { version, complaints } = await checkFile(file);
  if (!version) {
    const details = complaints.map((each) => ({ path: "", message: printed(each) }));
    throw new Fault("workflow.invalid", `${file} cannot be simulated`, { details });
  }
  const children = new Map<string, WorkflowVersion>();
  if (startedBy(version).length === 0) return { version, children: [] };
  const library = await openLibrary({ folders: [dirname(file)] });
  try {
    const wanted = [...startedBy(version)];
    for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
      if (name === version.name || children.has(name)) continue;
      const child = library.get(name);
      children.set(name, child);
      wanted.push(...startedBy(child));
    }
  } finally {
    await library.close();
  }
  return { version, children: [...children.values()] };
}

function startedBy({ workflow }: WorkflowVersion): string[] {
  return workflow.phases.flatMap((phase) => (phase.type === "workflow" ? [phase.workflow] : []));
}

interface Named {
  readonly file: string;
  readonly scenario: Scenario;
}

const EASY = "all goes well, everyone says yes";

async function scenariosOf(
  desk: Desk,
  { version, children }: Tried,
  { scenario: files = [], input: pairs = [] }: SimulateOptions,
): Promise<readonly Named[]> {
  const workflows = children.map(({ workflow }) => workflow);
  if (files.length === 0) return [{ file: EASY, scenario: easy(version.workflow, workflows, pairs) }];
  if (pairs.length > 0)
    throw new Fault("usage.invalid", "A scenario says itself what its runs are given. Write --input into its trigger");
  const named: Named[] = [];
  const complaints: Complaint[] = [];
  for (const file of files) {
    const read = readScenario({ file, bytes: await bytesOf(file), workflow: version.workflow, children: workflows });
    complaints.push(...read.complaints);
    if (read.scenario) named.push({ file, scenario: read.scenario });
  }
  if (named.length < files.length) {
    const details = complaints.map((each) => ({ path: "", message: printed(each) }));
    throw new Fault(
      "scenario.invalid",
      files.length === 1 ? `${files[0]} cannot be played` : "Not all scenarios can be played",
      { details },
    );
  }
  for (const each of complaints) desk.terminal.complain(printed(each));
  return named;
}

function easy(workflow: Workflow, children: readonly Workflow[], pairs: readonly string[]): Scenario {
  const scenario = easyScenario(workflow, children);
  const inputs = declaredPairs(pairs, workflow.inputs ?? {});
  return { ...scenario, triggers: scenario.triggers.map((each) => ({ ...each, inputs })) };
}

/** One byte more than may be: whoever reads it then says that it is too large. */
async function bytesOf(file: string): Promise<Uint8Array> {
  try {
    const handle = await open(file, "r");
    try {
      const bytes = Buffer.alloc(LARGEST_FILE + 1);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
      return bytes.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new Fault("scenario.invalid", `${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function seedOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (!/^\d{1,9}$/.test(text)) throw new Fault("usage.invalid", `"${text}" is no seed. Write a whole number`);
  return Number(text);
}

async function play(
  desk: Desk,
  { version, children }: Tried,
  { file, scenario }: Named,
  seed: number | null,
): Promise<Played> {
  const seeded = seed === null ? scenario : { ...scenario, seed };
  const begun = performance.now();
  const simulation = await desk.io.simulate({ version, children, scenario: seeded });
  return {
    workflows: new Map([version, ...children].map(({ name, workflow }) => [name, workflow])),
    scenario: file,
    title: scenario.name,
    description: scenario.description,
    seed: seeded.seed,
    simulation,
    judgements: judge(seeded, simulation),
    tookMs: performance.now() - begun,
  };
}

/** A line for each of several scenarios, and what fell. */
function summarise({ terminal }: Desk, played: readonly Played[]): void {
  const names = played.map(({ scenario }) => clean(basename(scenario)));
  const wide = Math.max(...names.map((name) => name.length));
  for (const [at, { scenario, judgements, simulation }] of played.entries()) {
    const broken = judgements.filter(({ held }) => !held);
    const count = judgements.length === 1 ? "1 promise" : `${judgements.length} promises`;
    const sign = broken.length === 0 ? terminal.paint("green", "kept  ") : terminal.paint("red", "broken");
    terminal.line(`${sign} ${(names[at] ?? "").padEnd(wide)}  ${count.padEnd(12)}  ${endsOf(simulation)}`);
    for (const each of broken) terminal.line(`  ${verdict(terminal, { scenario, judgements }, each)}`);
  }
}

/** How the runs stand: `succeeded, 3 failed`. */
function endsOf({ runs }: Simulation): string {
  const counts = Map.groupBy(runs, (run) => (run ? standing(run) : "refused"));
  return [...counts].map(([how, { length }]) => (length === 1 ? how : `${length} ${how}`)).join(", ");
}

async function record(desk: Desk, { version, children }: Tried, given: string, json: boolean): Promise<void> {
  const client = desk.client();
  const run = await client.run(await findRun(client, given));
  if (run.workflow_name !== version.name)
    throw new Fault(
      "usage.invalid",
      `Run ${run.id} is of workflow "${run.workflow_name}", and the file is "${version.name}"`,
    );
  const { scenario, remarks } = recorded(run, await childrenOf(client, run), version.workflow);
  const text = printScenario(scenario, { heading: [`${version.name}, as it went in run ${run.id}.`, ...remarks] });
  const { complaints } = readScenario({
    file: "recorded",
    bytes: new TextEncoder().encode(text),
    workflow: version.workflow,
    children: children.map(({ workflow }) => workflow),
  });
  if (json) desk.terminal.json({ scenario: text, remarks, complaints });
  else desk.terminal.write(text);
  // The file may be another version than the run's: what no longer fits is said where it does not spoil the output.
  for (const each of complaints) desk.terminal.complain(printed(each));
}

const MOST_CHILDREN = 500;

/** Runs that phases of this one started, and theirs, oldest first. */
async function childrenOf(client: Client, run: RunBody): Promise<RunBody[]> {
  const found: RunBody[] = [];
  const above = [run.id];
  for (let parent = above.shift(); parent !== undefined && found.length < MOST_CHILDREN; parent = above.shift()) {
    const { items } = await client.runs({ trigger: parent, limit: 200 });
    for (const { id, parent_run_id: of } of items.toReversed()) {
      if (of !== parent || id === run.id) continue;
      found.push(await client.run(id));
      above.push(id);
    }
  }
  return found;
}

/** What a page would be drawn from; named as the API's bodies are. */
function bodyOf(played: Played): object {
  const { simulation, judgements, scenario, title, description, seed, tookMs, workflows } = played;
  const [workflow] = workflows.keys();
  return {
    workflow,
    scenario,
    title,
    description,
    seed,
    held: judgements.every(({ held }) => held),
    start: simulation.start,
    elapsed_ms: simulation.elapsedMs,
    stopped: simulation.stopped,
    took_ms: Math.round(tookMs),
    timeline: simulation.timeline.map(underscored),
    rendered: allRendered(played),
    promises: judgements,
    unplayed: simulation.unplayed,
    runs: simulation.runs,
  };
}

/** The names of a moment's own fields; what an author or a run put in them stays as it is. */
function underscored(moment: object): object {
  return Object.fromEntries(
    Object.entries(moment).map(([key, value]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}
