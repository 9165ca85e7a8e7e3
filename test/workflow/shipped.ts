import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Act, Answer, Cast, Scenario } from "../../src/domain/scenario.ts";
import type { Phase, Workflow, WorkflowVersion } from "../../src/domain/workflow.ts";
import { type Judgement, judge } from "../../src/engine/simulation/judge.ts";
import type { Simulation } from "../../src/engine/simulation/simulate.ts";
import { simulateRuns } from "../../src/simulate.ts";
import type { Library } from "../../src/workflow/library.ts";
import { easyAct } from "../../src/workflow/scenario/easy.ts";
import { readScenario } from "../../src/workflow/scenario/read.ts";

const ROOT = fileURLToPath(new URL("../../workflows", import.meta.url));
/** The folders of what we ship, each with the scenarios of its workflows in `scenarios/<workflow>`. */
export const FOLDERS = [ROOT, join(ROOT, "examples")];

export interface Story {
  readonly folder: string;
  readonly workflow: string;
  /** Relative to what we ship. */
  readonly file: string;
  readonly text: string;
}

const files = FOLDERS.flatMap((folder) => yamlIn(folder).map((file) => ({ folder, name: basename(file, ".yaml") })));
const isCron = ({ name }: { readonly name: string }): boolean => name.startsWith("cron-");
export const shipped = files.filter((each) => !isCron(each));
/** Schedules in files of their own: there is nothing of them to play. */
export const shippedCrons = files.filter(isCron);

export const stories: readonly Story[] = FOLDERS.flatMap((folder) =>
  readdirSync(join(folder, "scenarios")).flatMap((workflow) => {
    const inside = join(folder, "scenarios", workflow);
    return yamlIn(inside).map((name) => {
      const path = join(inside, name);
      return { folder, workflow, file: path.slice(ROOT.length + 1), text: readFileSync(path, "utf8") };
    });
  }),
);

function yamlIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith(".yaml"));
}

export interface Stage {
  readonly version: WorkflowVersion;
  readonly children: readonly WorkflowVersion[];
}

/** A workflow with those that its phases start. */
export function stageOf(library: Library, name: string): Stage {
  const version = library.get(name);
  const children = version.workflow.phases.flatMap((phase) =>
    phase.type === "workflow" ? [library.get(phase.workflow)] : [],
  );
  return { version, children };
}

export function readStory({ file, text }: Story, { version, children }: Stage): ReturnType<typeof readScenario> {
  const bytes = new TextEncoder().encode(text);
  return readScenario({
    file,
    bytes,
    workflow: version.workflow,
    children: children.map(({ workflow }) => workflow),
  });
}

export async function playStory(
  stage: Stage,
  scenario: Scenario,
): Promise<{ simulation: Simulation; judgements: readonly Judgement[] }> {
  const simulation = await simulateRuns({ ...stage, scenario });
  return { simulation, judgements: judge(scenario, simulation) };
}

/** How runs and their phases stand in the end: what tells one world from another. */
export function outcomeOf({ runs }: Simulation): string {
  return JSON.stringify(runs.map((run) => run && [run.status, run.reason, run.node_statuses]));
}

/** The same story in other worlds: in each one thing goes another way, and the promises stay. */
export function otherWorlds({ version, children }: Stage, scenario: Scenario): Map<string, Scenario> {
  const worlds = new Map<string, Scenario>();
  const casts: [string, Workflow, Cast, (cast: Cast) => Scenario][] = [
    ["", version.workflow, scenario.cast, (cast) => ({ ...scenario, cast })],
    ...children.map(({ name, workflow }): (typeof casts)[number] => [
      `${name}: `,
      workflow,
      scenario.children[name] ?? { phases: {}, answers: {} },
      (cast) => ({ ...scenario, children: { ...scenario.children, [name]: cast } }),
    ]),
  ];
  for (const [where, workflow, cast, withCast] of casts) {
    for (const [name, acts] of Object.entries(actsOf(workflow, cast)))
      worlds.set(`${where}${name} ends otherwise`, withCast({ ...cast, phases: { ...cast.phases, [name]: acts } }));
    for (const name of Object.keys(cast.phases)) {
      const { [name]: _, ...phases } = cast.phases;
      worlds.set(`${where}nothing is said of ${name}`, withCast({ ...cast, phases }));
    }
    for (const [name, answers] of Object.entries(cast.answers)) {
      const turned = { ...cast.answers, [name]: answers.map(turnedRound) };
      worlds.set(`${where}${name} is answered otherwise`, withCast({ ...cast, answers: turned }));
    }
  }
  if (scenario.signals.length > 0) worlds.set("no signal comes", { ...scenario, signals: [] });
  if (scenario.operator.length > 0) worlds.set("no operator does anything", { ...scenario, operator: [] });
  for (const [at, trigger] of scenario.triggers.entries())
    if (trigger.expect.some(({ type }) => type === "refused")) {
      const others = scenario.triggers.map((each, place) => (place === at ? { ...each, inputs: {} } : each));
      const unlike = Object.keys(trigger.inputs).length > 0;
      const secrets = Object.values(version.workflow.secrets ?? {});
      if (unlike) worlds.set(`run ${at + 1} is given nothing`, { ...scenario, triggers: others });
      else if (secrets.length > 0)
        worlds.set("the secrets are there", { ...scenario, settings: { ...scenario.settings, secrets } });
    }
  return worlds;
}

/** What was said of a phase goes the other way; a program of which nothing was said fails. */
function actsOf({ phases }: Workflow, cast: Cast): { [name: string]: readonly Act[] } {
  const silent = phases.filter((phase) => isProgram(phase) && !Object.hasOwn(cast.phases, phase.name));
  return {
    ...Object.fromEntries(Object.entries(cast.phases).map(([name, acts]) => [name, acts.map(ended)])),
    ...Object.fromEntries(silent.map((phase) => [phase.name, [ended(easyAct(phase, phase.name))]])),
  };
}

function isProgram({ type }: Phase): boolean {
  return type === "bash" || type === "script" || type === "agent";
}

function ended(act: Act): Act {
  const well = act.end.type === "exit" && act.end.code === 0 && act.error === null && act.takesMs !== null;
  const failing = { ...act, end: { type: "exit", code: 9 }, error: "it went wrong", takesMs: 1_000 } as const;
  return well ? failing : { ...act, end: { type: "exit", code: 0 }, error: null, takesMs: act.takesMs ?? 1_000 };
}

function turnedRound(answer: Answer): Answer {
  if (answer.type === "nobody")
    return { type: "answer", decision: "approve", by: "ana", afterMs: 60_000, comment: null, said: null };
  if (answer.decision === "reply") return { type: "nobody", said: null };
  return { ...answer, decision: answer.decision === "approve" ? "reject" : "approve" };
}
