import { consoleAsks } from "./connectors/console.ts";
import type { Deliverer } from "./engine/contracts/deliverer.ts";
import type { Log } from "./engine/contracts/log.ts";
import type { PhaseKind } from "./engine/contracts/phase.ts";
import { bash, script } from "./phases/command.ts";
import { context } from "./phases/context.ts";

/** Every phase type that is carried out. `approval` is no kind: a gate is opened and closed by transitions alone. */
export const phases: readonly PhaseKind[] = [bash, script, context];

export function deliverers(log: Log): readonly Deliverer[] {
  return [consoleAsks(log)];
}
