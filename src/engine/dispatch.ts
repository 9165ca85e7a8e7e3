import type { Clock } from "../domain/clock.ts";
import { Fault } from "../domain/fault.ts";
import { type Json, utf8Length } from "../domain/json.ts";
import type { Created, Store, TriggerType } from "../store/store.ts";
import { readInputs } from "../workflow/inputs.ts";
import type { Library } from "../workflow/library.ts";
import type { Engine } from "./engine.ts";

/** What asks for a run, whichever door it came through. */
export interface DispatchRequest {
  readonly workflow: string;
  readonly inputs: { readonly [name: string]: Json };
  readonly trigger: { readonly type: TriggerType; readonly id: string | null; readonly by: string };
  /** The caller's idempotency key: a second request with it gets the run of the first. */
  readonly once: string | null;
}

export type Dispatch = (request: DispatchRequest) => Promise<Created>;

const CONTEXT_LIMIT = 65_536;

/**
 * From a wish to a run: the version in force is pinned, the inputs are checked against it, the kill switch is obeyed.
 * Throws `workflow.unknown`, `workflow.invalid`, `workflow.unavailable`, `workflow.disabled` or `input.invalid`.
 */
export function dispatcher(options: { library: Library; store: Store; engine: Engine; clock: Clock }): Dispatch {
  const { library, store, engine, clock } = options;
  return async (request) => {
    const version = library.get(request.workflow);
    const { workflow } = version;
    if (workflow.unavailable.length > 0) {
      throw new Fault("workflow.unavailable", `Workflow "${workflow.name}" needs ${workflow.unavailable.join(", ")}`);
    }
    const override = (await store.overrides()).find((each) => each.name === workflow.name);
    if (override && !override.enabled) {
      const who = override.updated_by ? ` by ${override.updated_by}` : "";
      throw new Fault(
        "workflow.disabled",
        `Workflow "${workflow.name}" was switched off${who} at ${override.updated_at}`,
      );
    }
    const read = readInputs(version, request.inputs);
    if (!read.ok) {
      throw new Fault("input.invalid", `The inputs do not fit workflow "${workflow.name}"`, { details: read.problems });
    }
    const id = clock.id();
    const context = { trigger: { type: request.trigger.type, id: request.trigger.id ?? id, by: request.trigger.by } };
    if (utf8Length(JSON.stringify(context)) > CONTEXT_LIMIT) {
      throw new Fault("input.invalid", "The context is larger than 64 KiB");
    }
    return engine.create({
      id,
      version,
      // A random shared id would halve the speed of a large database; the run's own id keeps time order.
      trigger: { type: request.trigger.type, id: request.trigger.id ?? id },
      repo: null,
      issueNumber: null,
      context,
      inputs: read.inputs,
      priority: workflow.priority,
      once: request.once,
    });
  };
}
