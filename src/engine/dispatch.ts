import type { Clock } from "../domain/clock.ts";
import { Fault } from "../domain/fault.ts";
import type { Json } from "../domain/json.ts";
import type { Workflow } from "../domain/workflow.ts";
import type { Created, NewRun, Parent, Store, TriggerType } from "../store/store.ts";
import { readInputs } from "../workflow/inputs.ts";
import type { Library } from "../workflow/library.ts";
import { render, type Scope } from "../workflow/template.ts";
import type { Engine } from "./engine.ts";
import { isFields } from "./scope.ts";
import { mayWork, type Settings } from "./settings.ts";

/** What asks for a run, whichever door it came through. */
export interface DispatchRequest {
  readonly workflow: string;
  readonly inputs: { readonly [name: string]: Json };
  readonly trigger: { readonly type: TriggerType; readonly id: string | null; readonly by: string };
  /** The caller's idempotency key: a second request with it gets the run of the first. */
  readonly once: string | null;
  /** What set it off, for texts and conditions to read; at most 64 KiB of JSON with the rest of the context. */
  readonly context?: { readonly [name: string]: Json };
  /** What else `trigger` tells: the event, who did it, where it can be seen. */
  readonly told?: { readonly [name: string]: Json };
  /** `owner/name`. */
  readonly repo?: string | null;
  readonly issueNumber?: number | null;
  /** The phase whose work the run is. */
  readonly parent?: Parent;
}

export type Dispatch = (request: DispatchRequest) => Promise<Created>;
/** A run as it would be made, not made yet. */
export type Draft = (request: DispatchRequest) => Promise<NewRun>;

const CONTEXT_LIMIT = 65_536;

/** From a wish to a run. Throws what a draft throws. */
export function dispatcher(options: Drafting & { readonly engine: Pick<Engine, "create"> }): Dispatch {
  const draft = drafter(options);
  return async (request) => options.engine.create(await draft(request));
}

interface Drafting {
  readonly library: Pick<Library, "get">;
  readonly store: Store;
  readonly clock: Clock;
  readonly settings: Settings;
}

/**
 * The version in force is pinned, the inputs are checked against it, the kill switch is obeyed. Throws
 * `workflow.unknown`, `workflow.invalid`, `workflow.unavailable`, `workflow.disabled`, `input.invalid`,
 * `secret.missing`, `sandbox.missing`, `budget.exceeded` or `template.failed`.
 */
export function drafter({ library, store, clock, settings }: Drafting): Draft {
  return async (request) => {
    const version = library.get(request.workflow);
    const { workflow } = version;
    await mayBegin(workflow, { store, settings, clock });
    const read = readInputs(version, request.parent ? typed(workflow, request.inputs) : request.inputs);
    if (!read.ok) {
      throw new Fault("input.invalid", `The inputs do not fit workflow "${workflow.name}"`, { details: read.problems });
    }
    const id = clock.id();
    const trigger = { type: request.trigger.type, id: request.trigger.id ?? id, by: request.trigger.by };
    const context = { ...request.context, trigger: { ...request.told, ...trigger } };
    if (Buffer.byteLength(JSON.stringify(context)) > CONTEXT_LIMIT) {
      throw new Fault("input.invalid", "The context is larger than 64 KiB");
    }
    return {
      id,
      version,
      // A random shared id would halve the speed of a large database; the run's own id keeps time order.
      trigger: { type: request.trigger.type, id: request.trigger.id ?? id },
      repo: request.repo ?? null,
      issueNumber: request.issueNumber ?? null,
      context,
      inputs: read.inputs,
      priority: workflow.priority,
      once: request.once,
      ...(await outside(groupOf(workflow, context, read.inputs), request.parent, store)),
      ...(request.parent ? { parent: request.parent } : {}),
    };
  };
}

/** What a template gave is text; where the child declares another type it is read as that, and judged as any input is. */
function typed({ inputs }: Workflow, given: DispatchRequest["inputs"]): DispatchRequest["inputs"] {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const declared = (inputs[name] as { readonly type?: Json } | undefined)?.type;
      if (typeof value !== "string" || declared === undefined || declared === "string") return [name, value];
      try {
        return [name, JSON.parse(value) as Json];
      } catch {
        return [name, value];
      }
    }),
  );
}

/** Whether a new run of a workflow may begin, whoever asks; throws the reason why not. */
export async function mayBegin(
  workflow: Workflow,
  { store, settings, clock }: { store: Store; settings: Settings; clock: Clock },
): Promise<void> {
  if (workflow.unavailable.length > 0)
    throw new Fault("workflow.unavailable", `Workflow "${workflow.name}" needs ${workflow.unavailable.join(", ")}`);
  fits(workflow, settings);
  const override = (await store.overrides()).find((each) => each.name === workflow.name);
  if (override && !override.enabled) {
    const who = override.updated_by ? ` by ${override.updated_by}` : "";
    throw new Fault(
      "workflow.disabled",
      `Workflow "${workflow.name}" was switched off${who} at ${override.updated_at}`,
    );
  }
  await withinBudget(workflow, store, clock);
}

/** What a run would only find out later: an agent that nothing drives or confines, an act that nobody does, a secret that nobody set. */
function fits(workflow: Workflow, settings: Settings): void {
  const { agent, secrets, actions } = settings;
  const idle = workflow.phases.find((phase) => phase.type === "agent" && phase.agent === undefined);
  if (idle && agent === null)
    throw new Fault(
      "workflow.unavailable",
      `Phase "${idle.name}" of "${workflow.name}" needs an agent and none is set up: set LASTLIGHT_AGENT, e.g. to scripted`,
    );
  const loose = workflow.phases.find(
    (phase) => phase.type === "agent" && !mayWork(phase.agent ?? agent ?? "", settings),
  );
  if (loose)
    throw new Fault(
      "sandbox.missing",
      `Phase "${loose.name}" of "${workflow.name}" would have an agent work without a sandbox`,
    );
  const stranger = workflow.phases.find(
    (phase) => phase.type === "action" && actions?.includes(phase.action) === false,
  );
  if (stranger?.type === "action")
    throw new Fault(
      "workflow.unavailable",
      `Phase "${stranger.name}" of "${workflow.name}" has ${stranger.action} done, and this daemon is nobody at GitHub: set LASTLIGHT_GITHUB_APP_ID or LASTLIGHT_GITHUB_TOKEN`,
    );
  const missing = workflow.phases.flatMap((phase) => phase.secrets ?? []).find((name) => !Object.hasOwn(secrets, name));
  if (missing !== undefined)
    throw new Fault("secret.missing", `Workflow "${workflow.name}" needs the secret ${missing}`);
}

/** Days are UTC; what runs cost that nobody told us is not counted, and is not zero either. */
async function withinBudget({ name, budget }: Workflow, store: Store, clock: Clock): Promise<void> {
  if (budget?.perDayUsd === undefined) return;
  const spent = await store.costSince(name, `${clock.now().slice(0, 10)}T00:00:00.000Z`);
  if (spent < budget.perDayUsd) return;
  throw new Fault(
    "budget.exceeded",
    `Workflow "${name}" has cost ${spent.toFixed(2)} USD today; its limit is ${budget.perDayUsd}`,
  );
}

/** The concurrency group of a run, by what its workflow says and what the run is given. */
export function groupOf(
  { name, concurrency, variables }: Workflow,
  context: Json,
  inputs: Json,
): NonNullable<NewRun["group"]> | null {
  if (!concurrency) return null;
  const { group, max, onConflict } = concurrency;
  const scope: Scope = { variables: variables ?? {}, ...(isFields(context) ? context : {}), context, inputs };
  const key = group === undefined ? "" : render(group, scope).trim();
  // Of two workflows that share a group's name, each run waits for the other's; without one, only for its own kind.
  return { key: group === undefined ? `workflow/${name}` : `group/${key.slice(0, 500)}`, max, onConflict };
}

/** A child shares the place that a run above it has in the group: else it would wait for, or end, the one that waits for it. */
async function outside(
  group: NewRun["group"] | null,
  parent: Parent | undefined,
  store: Pick<Store, "run">,
): Promise<Pick<NewRun, "group">> {
  if (!group) return {};
  for (let above = parent?.run ?? null; above !== null; ) {
    const run = await store.run(above);
    if (run?.concurrency_key === group.key) return {};
    above = run?.parent_run_id ?? null;
  }
  return { group };
}
