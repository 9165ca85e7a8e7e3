import { type Judgement, judge } from "../../../src/engine/simulation/judge.ts";
import type { Moment } from "../../../src/engine/simulation/moment.ts";
import type { Simulation } from "../../../src/engine/simulation/simulate.ts";
import { simulateRuns } from "../../../src/simulate.ts";
import { check } from "../../../src/workflow/check.ts";
import { printComplaint } from "../../../src/workflow/complaint.ts";
import { easyScenario } from "../../../src/workflow/scenario/easy.ts";
import { readScenario } from "../../../src/workflow/scenario/read.ts";

export interface Played extends Simulation {
  readonly judgements: readonly Judgement[];
  /** What happened, a line each: `4h door reminds`. */
  readonly lines: readonly string[];
}

/** Plays a scenario on workflows as they stand in YAML; the first is the one that is tried. */
export async function played(yaml: string | readonly string[], scenario?: string): Promise<Played> {
  const [version, ...children] = [yaml].flat().map((text) => {
    const { version, complaints } = check("workflow.yaml", new TextEncoder().encode(text));
    if (!version) throw new Error(complaints.map(printComplaint).join("\n"));
    return version;
  });
  if (!version) throw new Error("a workflow is played");
  const workflows = children.map(({ workflow }) => workflow);
  const read =
    scenario === undefined
      ? { scenario: easyScenario(version.workflow, workflows), complaints: [] }
      : readScenario({
          file: "scenario.yaml",
          bytes: new TextEncoder().encode(scenario),
          workflow: version.workflow,
          children: workflows,
        });
  if (!read.scenario) throw new Error(read.complaints.map(printComplaint).join("\n"));
  const simulation = await simulateRuns({ version, children, scenario: read.scenario });
  return {
    ...simulation,
    judgements: judge(read.scenario, simulation),
    lines: simulation.timeline.map(line),
  };
}

function line(moment: Moment): string {
  const { afterMs } = moment;
  const at = afterMs % 3_600_000 === 0 ? `${afterMs / 3_600_000}h` : `${afterMs / 1_000}s`;
  return `${at} ${words(moment)}`;
}

function words(moment: Moment): string {
  switch (moment.type) {
    case "run.refused":
      return `refused ${moment.code}`;
    case "run.status":
      return moment.reason === null ? moment.status : `${moment.status} ${moment.reason}`;
    case "try.begun":
      return `${moment.name}#${moment.attempt}`;
    case "try.ended":
      return `${moment.name}#${moment.attempt} ${moment.status}`;
    case "phase.status":
      return `${moment.phase} ${moment.status}`;
    case "phase.waits":
      return `${moment.phase} waits for ${moment.for}`;
    case "gate.asks":
      return `${moment.phase} asks`;
    case "gate.reminds":
      return `${moment.phase} reminds`;
    case "gate.escalates":
      return `${moment.phase} escalates to ${[...(moment.to.users ?? []), ...(moment.to.groups ?? [])].join(" ")}`;
    case "gate.closed":
      return `${moment.phase} ${moment.status} by ${moment.by}`;
    case "people.told":
      return `says ${moment.text}`;
    case "operator":
      return `operator ${moment.what}`;
    case "refused":
      return `refused ${moment.what}: ${moment.code}`;
    default:
      return moment.type;
  }
}
