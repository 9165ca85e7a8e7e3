import type { ApprovalKind } from "../../domain/approval.ts";
import type { Act, Answer, Scenario, ScenarioTrigger } from "../../domain/scenario.ts";
import type { Phase, Workflow } from "../../domain/workflow.ts";

/** What a file leaves unsaid. */
export const UNSAID = {
  seed: 1,
  /** A Monday. */
  start: "2026-01-05T09:00:00.000Z",
  limitMs: 30 * 86_400_000,
  maxExecutions: 4,
  sandbox: "none",
  actMs: 1_000,
  answerMs: 60_000,
  trigger: { type: "api", by: "you" },
  answerer: "someone",
  operator: "you",
} as const;

export const PLAIN_TRIGGER: ScenarioTrigger = {
  atMs: 0,
  ...UNSAID.trigger,
  id: null,
  once: null,
  inputs: {},
  context: {},
  expect: [],
  said: null,
};

/** A program that prints nothing, leaves nothing and ends well. */
export const PLAIN_ACT: Act = {
  takesMs: UNSAID.actMs,
  end: { type: "exit", code: 0 },
  output: "",
  stderr: "",
  error: null,
  files: {},
  usage: {},
  said: null,
};

/** The world in which a workflow is tried when nobody wrote one: all goes well, and everyone says yes. */
export function easyScenario(workflow: Workflow, children: readonly Workflow[] = []): Scenario {
  return {
    name: null,
    description: null,
    seed: UNSAID.seed,
    start: UNSAID.start,
    limitMs: UNSAID.limitMs,
    settings: {
      approvals: [],
      models: {},
      variants: {},
      secrets: secretsOf([workflow, ...children]),
      publicUrl: "",
      sandbox: UNSAID.sandbox,
      maxExecutions: UNSAID.maxExecutions,
    },
    triggers: [PLAIN_TRIGGER],
    cast: { phases: {}, answers: {} },
    children: {},
    signals: [],
    operator: [],
    easy: true,
  };
}

/** Every secret that these workflows name. */
export function secretsOf(workflows: readonly Workflow[]): readonly string[] {
  const named = workflows.flatMap(({ secrets = [], phases }) => [
    ...secrets,
    ...phases.flatMap((phase) => phase.secrets ?? []),
  ]);
  return [...new Set(named)];
}

/** What a try does of which a scenario says nothing: it takes a second and leaves all that its phase is to bring. */
export function easyAct(phase: Phase, name: string): Act {
  return { ...PLAIN_ACT, output: outputOf(phase, name), files: filesOf(phase) };
}

/** What people say to a question of which an easy scenario says nothing. */
export function easyAnswer(kind: ApprovalKind): Answer {
  return {
    type: "answer",
    decision: kind === "reply" ? "reply" : "approve",
    by: UNSAID.answerer,
    afterMs: UNSAID.answerMs,
    comment: kind === "reply" ? "simulated reply" : null,
    said: null,
  };
}

function outputOf(phase: Phase, name: string): string {
  const marker = phase.type === "agent" ? phase.requiresMarker : undefined;
  // Read as a whole, so that what else it must hold stands inside.
  if (Object.values(phase.outputs ?? {}).some(({ from, path }) => from === "json" && path === undefined))
    return JSON.stringify(marker === undefined ? {} : { simulated: marker });
  const lines = [`simulated: ${name}`];
  if (phase.type === "agent" && phase.loop) lines.push("VERDICT: APPROVED");
  if (marker !== undefined) lines.push(marker);
  return lines.join("\n");
}

function filesOf({ artefacts = [], outputs = {} }: Phase): Act["files"] {
  const named = Object.values(outputs).flatMap(({ from, path }) => (path === undefined ? [] : [{ from, path }]));
  // A file that is an artefact too must still be what the output reads it as.
  return Object.fromEntries([
    ...artefacts.map(({ path }) => [path, `simulated: ${path}`]),
    ...named.map(({ from, path }) => [path, from === "json" ? "{}" : `simulated: ${path}`]),
  ]);
}
