import type { Outcome } from "../domain/execution.ts";
import type { PhaseType } from "../domain/workflow.ts";
import type { PhaseExecution, PhaseKind } from "../engine/contracts/phase.ts";
import { workplaceOf } from "../engine/workplace.ts";
import { collected, environmentOf, outcomeOf } from "./program.ts";

/** A phase type that this version does not carry out, for simulated runs: what it comes to is what the scenario says. */
export function absent(type: PhaseType): PhaseKind {
  return { type, outlives: true, execute };
}

/** Only a run that the daemon itself times out or cancels ends such a phase early. */
const NO_LIMIT_MS = 0;

async function execute(execution: PhaseExecution): Promise<Outcome> {
  const told = await execution.brief();
  const { grant, startedAt } = told;
  const workplace = workplaceOf(told);
  const phase = told.version.workflow.phases.find(({ name }) => name === grant.phase);
  if (!phase) throw new Error(`${grant.phase} is no phase of ${grant.workflow}`);
  const ended = await execution.keeper.run(
    {
      execution: grant.execution,
      ...workplace,
      startedAt,
      told: { tool: "script", command: phase.type },
      argv: [phase.type],
      environment: environmentOf(told, phase),
      files: {},
      timeoutMs: NO_LIMIT_MS,
    },
    execution.signal,
  );
  return collected(execution, workplace, phase, outcomeOf(ended, NO_LIMIT_MS, { type: phase.type }));
}
