import { downstreamOf, graphOf } from "../../domain/graph.ts";
import type { Phase, Workflow } from "../../domain/workflow.ts";
import type { Remark } from "../complaint.ts";
import type { Path, Place, Source } from "../source.ts";
import { contradictions } from "./contradictions.ts";
import { type Advise, actorOf, advisor, type Question, questionsOf, unknownPhase } from "./roles.ts";
import type { DeclaredAct, DeclaredCast, DeclaredScenario } from "./schema.ts";

/** What a scenario may speak of: the workflow that is tried, and those that its phases start, as far as they were found. */
export interface Stage {
  readonly workflow: Workflow;
  readonly children: readonly Workflow[];
}

/** What is wrong with a scenario whose every key is well formed: names that are nobody's, and what cannot be. */
export function judge(declared: DeclaredScenario, { workflow, children }: Stage, source: Source): Remark[] {
  const remarks: Remark[] = [];
  const error: Refuse = (place, message) => remarks.push({ ...place, severity: "error", message });
  const approvals = new Set(declared.settings?.approvals ?? []);
  const judging = { approvals, source, error, advise: advisor() };
  castFits(declared, [], workflow, judging);
  childrenFit(declared, { workflow, children }, judging);
  remarks.push(...idleApprovals(declared, [workflow, ...children], judging));
  const triggers = triggersFit(declared, judging);
  eventsFit(declared, { workflow, triggers }, judging);

  const ground = {
    ...judging,
    workflow,
    questions: questionsOf(workflow).filter((each) => isOpen(each, approvals)),
    comesTwice: comingTwice(declared, workflow),
  };
  if (declared.expect) contradictions(declared.expect, ["expect"], ground);
  for (const [at, { expect }] of (declared.triggers ?? []).entries())
    if (expect) contradictions(expect, ["triggers", at, "expect"], ground);
  return remarks;
}

type Refuse = (place: Place, message: string) => void;

interface Judging {
  readonly approvals: ReadonlySet<string>;
  readonly source: Source;
  readonly error: Refuse;
  readonly advise: Advise;
}

function isOpen({ gate }: Question, approvals: ReadonlySet<string>): boolean {
  return gate === null || approvals.has(gate);
}

function comingTwice({ operator = [] }: DeclaredScenario, workflow: Workflow): (phase: string) => boolean {
  if (operator.some((each) => each.do === "retry")) return () => true;
  const gates = workflow.phases.flatMap((each) => (each.type === "approval" && each.rework ? [each.rework.phase] : []));
  const reworked = new Set(gates.flatMap((each) => [...downstreamOf(graphOf(workflow), each)]));
  return (phase) => reworked.has(phase);
}

function castFits({ phases = {}, answers = {} }: DeclaredCast, path: Path, workflow: Workflow, judging: Judging): void {
  const { source, error } = judging;
  for (const [name, acts] of Object.entries(phases)) {
    const here = [...path, "phases", name];
    const actor = actorOf(workflow, name, judging.advise);
    if (typeof actor === "string") error(source.keyAt(here), actor);
    else if (IDLE[actor.type]) error(source.keyAt(here), `${actor.name} runs nothing: ${IDLE[actor.type]?.(actor)}`);
    else if (!Array.isArray(acts)) actFits(acts as DeclaredAct, here, actor, name, judging);
    else for (const [at, act] of acts.entries()) actFits(act, [...here, at], actor, name, judging);
  }
  const questions = questionsOf(workflow);
  for (const name of Object.keys(answers)) {
    const here = [...path, "answers", name];
    const asked = questions.filter((each) => each.names.includes(name));
    if (asked.length === 0) error(source.keyAt(here), unasked(name, workflow, questions, judging.advise));
    else if (!asked.some((each) => isOpen(each, judging.approvals)))
      error(source.keyAt(here), `the gate "${asked[0]?.gate}" never opens here. Add it to settings.approvals`);
    else if (asked.every((each) => each.kind === "approve")) noReplies(answers[name], here, name, judging);
  }
}

/** What to write for phases that start no program. */
const IDLE: Partial<Record<Phase["type"], (phase: Phase) => string>> = {
  context: () => "it only marks a place. Remove the act",
  approval: () => "it asks people. Write what they say under answers",
  wait: () => "it waits, and simulated time passes by itself. Remove the act, or write signals for its condition",
  workflow: (phase) =>
    `it starts another workflow. Write what that one's phases do under children: ${phase.type === "workflow" ? phase.workflow : ""}`,
};

/** What an agent alone can say of itself. */
const OF_AGENTS = ["error", "usd", "turns", "input_tokens", "output_tokens"] as const;

function actFits(act: DeclaredAct, here: Path, phase: Phase, name: string, { source, error }: Judging): void {
  if (typeof act === "string") return;
  const has = (key: keyof typeof act): boolean => act[key] !== undefined;
  const checks = name.endsWith("_check") && name !== phase.name;
  if (phase.type === "bash" || phase.type === "script" || checks)
    for (const key of OF_AGENTS.filter(has))
      error(source.keyAt([...here, key]), `${key} is what an agent says of itself; ${name} is a command. Remove it`);
  if (act.lost) {
    for (const key of (["exit", "error"] as const).filter(has))
      error(source.keyAt([...here, key]), `${key} is not known of what is lost. Remove it, or lost`);
    if (act.takes === "never")
      error(source.valueAt([...here, "takes"]), "what is lost ends at some time. Write when, such as 10s");
  } else if (act.takes === "never")
    for (const key of (["exit", "error"] as const).filter(has))
      error(source.keyAt([...here, key]), `${key} is never reached: it takes for ever. Remove it, or takes`);
}

function unasked(name: string, workflow: Workflow, questions: readonly Question[], advise: Advise): string {
  const phase = workflow.phases.find((each) => each.name === name || each.approvalGate?.name === name);
  if (!phase) {
    const names = new Set(questions.flatMap((each) => each.names));
    return `no phase or gate is called "${name.slice(0, 80)}"${advise(name, names)}`;
  }
  return `${phase.name} asks nobody, so this is never said. Remove it`;
}

function noReplies(answers: unknown, here: Path, name: string, { source, error }: Judging): void {
  for (const [at, each] of [answers].flat().entries()) {
    if (each === null || typeof each !== "object" || !("reply" in each)) continue;
    const place = source.keyAt([...here, ...(Array.isArray(answers) ? [at] : []), "reply"]);
    error(place, `${name} takes approve or reject; only gates of kind reply take a text. Write decision`);
  }
}

function childrenFit({ children = {} }: DeclaredScenario, stage: Stage, judging: Judging): void {
  const { started, found } = startedBy(stage);
  for (const [name, cast] of Object.entries(children)) {
    const here = ["children", name];
    const place = judging.source.keyAt(here);
    const workflow = found.get(name);
    if (!started.has(name))
      judging.error(place, `no phase starts a workflow "${name.slice(0, 80)}"${judging.advise(name, started)}`);
    else if (workflow) castFits(cast, here, workflow, judging);
    else judging.error(place, `the workflow "${name}" was not found, so nothing can be said of its phases`);
  }
}

/** Every workflow that phases start, directly or not; a workflow that was not found starts nothing that we know of. */
function startedBy({ workflow, children }: Stage): { started: Set<string>; found: Map<string, Workflow> } {
  const found = new Map([...children, workflow].map((each) => [each.name, each]));
  const started = new Set<string>();
  const open: Workflow[] = [workflow];
  for (let next = open.pop(); next; next = open.pop()) {
    for (const phase of next.phases) {
      if (phase.type !== "workflow" || started.has(phase.workflow)) continue;
      started.add(phase.workflow);
      const child = found.get(phase.workflow);
      if (child) open.push(child);
    }
  }
  return { started, found };
}

/** A gate that nobody has changes nothing, and is most likely another one's name misspelt. */
function idleApprovals(
  { settings }: DeclaredScenario,
  workflows: readonly Workflow[],
  { source, advise }: Judging,
): Remark[] {
  const gates = new Set(workflows.flatMap(({ phases }) => phases.flatMap((each) => each.approvalGate?.name ?? [])));
  return (settings?.approvals ?? []).flatMap((name, at) =>
    gates.has(name)
      ? []
      : [
          {
            ...source.valueAt(["settings", "approvals", at]),
            severity: "warning" as const,
            message: `no phase has the approval_gate "${name.slice(0, 80)}"${advise(name, gates)}`,
          },
        ],
  );
}

/** How many runs are asked for. */
function triggersFit({ trigger, expect, triggers }: DeclaredScenario, { source, error }: Judging): number {
  if (triggers && trigger) error(source.keyAt(["trigger"]), "set trigger or triggers, not both");
  if (triggers && expect)
    error(source.keyAt(["expect"]), "beside triggers each has its own expect. Move it into the entry it is about");
  return triggers?.length ?? 1;
}

/** Signals and deeds reach runs that there are. */
function eventsFit(
  { signals = [], operator = [] }: DeclaredScenario,
  { workflow, triggers }: { workflow: Workflow; triggers: number },
  { source, error, advise }: Judging,
): void {
  const lists = { signals, operator };
  for (const [list, events] of Object.entries(lists)) {
    for (const [at, { run = 1 }] of events.entries())
      if (run > triggers)
        error(
          source.valueAt([list, at, "run"]),
          `there is no run ${run}: the scenario has ${triggers} trigger${triggers === 1 ? "" : "s"}`,
        );
  }
  const names = workflow.phases.map((each) => each.name);
  for (const [at, { from }] of operator.entries())
    if (from !== undefined && !names.includes(from))
      error(source.valueAt(["operator", at, "from"]), unknownPhase(from, names, advise));
}
