import { branchesOf } from "../domain/branches.ts";
import type { Clock } from "../domain/clock.ts";
import { Fault } from "../domain/fault.ts";
import { downstreamOf, graphOf } from "../domain/graph.ts";
import type { Json } from "../domain/json.ts";
import type { WorkflowVersion } from "../domain/workflow.ts";
import type { Workspaces } from "../store/files/workspaces.ts";
import type { Created, RunData, Store } from "../store/store.ts";
import { isError, printComplaint } from "../workflow/complaint.ts";
import { readInputs } from "../workflow/inputs.ts";
import type { Library } from "../workflow/library.ts";
import { groupOf, mayBegin } from "./dispatch.ts";
import type { Engine } from "./engine.ts";
import { isFields, outputsOf } from "./scope.ts";
import type { Settings } from "./settings.ts";

/** A run that begins as another one stood before a phase, with what is changed about it. */
export interface ForkRequest {
  readonly run: string;
  /** The first phase that runs anew, with everything downstream of it. */
  readonly from: string;
  readonly by: string;
  readonly once: string | null;
  /** In place of the original's inputs of these names. */
  readonly inputs?: { readonly [name: string]: Json };
  /** In place of the version the original pinned. */
  readonly yaml?: string;
  /** In place of the prompts and skills of that version, by path. */
  readonly files?: { readonly [path: string]: string };
}

export type Fork = (request: ForkRequest) => Promise<Created>;

/**
 * Starts a fork. Phases that are not run anew keep the outputs they have in the original, by reference; the workspace is
 * a copy of the original's as it is now. Throws `run.unknown`, `run.foreign`, `phase.unknown`, `workflow.invalid`,
 * `input.invalid`, `workspace.unfit`, or what stands in the way of any new run: `workflow.unavailable`, `workflow.disabled`,
 * `secret.missing`, `budget.exceeded`.
 */
export function forker(options: {
  store: Store;
  engine: Pick<Engine, "create">;
  library: Pick<Library, "check">;
  clock: Clock;
  settings: Settings;
  workspaces: Pick<Workspaces, "copy" | "remove">;
}): Fork {
  const { store, engine, library, clock, settings, workspaces } = options;

  /** A version made from edits is checked like any file, and pinned like any version. */
  async function versionOf({ version }: RunData, { yaml, files }: ForkRequest): Promise<WorkflowVersion> {
    if (yaml === undefined && files === undefined) return version;
    const file = `${version.name}.yaml`;
    const bytes = new TextEncoder().encode(yaml ?? version.yaml);
    const checked = await library.check({ file, bytes, files: { ...version.workflow.files, ...files } });
    if (checked.version) return checked.version;
    const details = checked.complaints.filter(isError).map((each) => ({ path: "", message: printComplaint(each) }));
    throw new Fault("workflow.invalid", `The edited workflow "${version.name}" has errors`, { details });
  }

  return async (request) => {
    const data = await store.data(request.run, null);
    if (!data) {
      if (await store.run(request.run))
        throw new Fault("run.foreign", `Run ${request.run} was made by another program`);
      throw new Fault("run.unknown", `There is no run ${request.run}`);
    }
    const version = await versionOf(data, request);
    const { workflow } = version;
    const graph = graphOf(workflow);
    if (!graph.phase.has(request.from))
      throw new Fault("phase.unknown", `Workflow "${workflow.name}" has no phase "${request.from}"`);
    await mayBegin(workflow, { store, settings, clock });
    const inputs = { ...(isFields(data.inputs) ? data.inputs : {}), ...request.inputs };
    const read = readInputs(version, inputs);
    if (!read.ok)
      throw new Fault("input.invalid", `The inputs do not fit workflow "${workflow.name}"`, { details: read.problems });
    const id = clock.id();
    // Before the run is made: no phase may start in half a workspace. Without a run the folder is nobody's.
    const inherited = inheritedOf(data, version, request.from);
    await workspaces.copy(request.run, id, branchesIn(version, inherited));
    const { run } = data;
    const group = groupOf(workflow, data.context, read.inputs);
    const created = await engine.create({
      id,
      version,
      trigger: { type: "api", id },
      repo: run.repo,
      issueNumber: run.issue_number,
      context: data.context,
      inputs: read.inputs,
      priority: workflow.priority,
      once: request.once,
      ...(group ? { group } : {}),
      origin: {
        run: run.id,
        inherited,
        scratch: scratchOf(data, version, request.from),
      },
    });
    // Asked twice: the run that exists has its own.
    if (!created.created) await workspaces.remove(id);
    return created;
  };
}

/** What the fork has from the original: phases that succeeded there and do not run anew here. */
function inheritedOf(data: RunData, { workflow }: WorkflowVersion, from: string): Record<string, string | null> {
  const anew = downstreamOf(graphOf(workflow), from);
  const inherited: Record<string, string | null> = {};
  for (const { name } of graphOf(workflow).main) {
    if (anew.has(name) || data.phases[name]?.status !== "succeeded") continue;
    inherited[name] = outputsOf(data, name).at(-1)?.execution ?? null;
  }
  return inherited;
}

/** The branches that go on here with what was left there: those that do not begin anew. */
function branchesIn({ workflow }: WorkflowVersion, inherited: Record<string, string | null>): string[] {
  const graph = graphOf(workflow);
  return Object.keys(inherited).filter((name) => branchesOf(graph, name)[0] === name);
}

/** What was noted there, without what the loops that run anew will note for themselves. */
function scratchOf({ scratch }: RunData, { workflow }: WorkflowVersion, from: string): Json {
  const anew = downstreamOf(graphOf(workflow), from);
  const keys = workflow.phases.flatMap((phase) =>
    phase.type === "agent" && phase.genericLoop && anew.has(phase.name) ? [phase.genericLoop.scratchKey] : [],
  );
  return Object.fromEntries(Object.entries(isFields(scratch) ? scratch : {}).filter(([key]) => !keys.includes(key)));
}
