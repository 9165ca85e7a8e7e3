import type { ApprovalKind } from "../../domain/approval.ts";
import { graphOf } from "../../domain/graph.ts";
import type { Act, Answer, Cast, Said, Scenario } from "../../domain/scenario.ts";
import type { Phase, Workflow } from "../../domain/workflow.ts";
import type { Grant } from "../../store/store.ts";
import { easyAct, easyAnswer } from "../../workflow/scenario/easy.ts";

/** Hands out what programs do and people say, each thing in its turn. */
export interface Scene {
  act(of: Pick<Grant, "workflow" | "phase" | "name">): Act;
  answer(asked: Asked): Answer;
  /** What the file has for a turn that never came. */
  unplayed(): readonly Unplayed[];
}

export interface Asked {
  readonly workflow: string;
  readonly phase: string;
  readonly gate: string;
  readonly kind: ApprovalKind;
}

export interface Unplayed {
  readonly what: "act" | "answer";
  readonly workflow: string;
  readonly name: string;
  /** Which of several it is, counted from 1. */
  readonly ordinal: number;
  readonly said: Said;
}

type Named<T> = { readonly [name: string]: readonly T[] };

const NOBODY: Cast = { phases: {}, answers: {} };

export function openScene(tried: string, scenario: Scenario, workflows: ReadonlyMap<string, Workflow>): Scene {
  const turns = new Map<string, number>();
  const castOf = (workflow: string): Cast =>
    workflow === tried ? scenario.cast : (own(scenario.children, workflow) ?? NOBODY);

  /** The next of a list; its last stands for all that come after it. */
  function next<T>(key: string, list: readonly T[]): T | undefined {
    const turn = turns.get(key) ?? 0;
    turns.set(key, turn + 1);
    return list[Math.min(turn, list.length - 1)];
  }

  function unplayed(workflow: string, { phases, answers }: Cast): Unplayed[] {
    return [...left("act", workflow, phases), ...left("answer", workflow, answers)];
  }

  function left(what: Unplayed["what"], workflow: string, lists: Named<{ readonly said: Said }>): Unplayed[] {
    return Object.entries(lists).flatMap(([name, list]) => {
      const played = turns.get(keyOf(what, workflow, name)) ?? 0;
      return list.slice(played).map(({ said }, at) => ({ what, workflow, name, ordinal: played + at + 1, said }));
    });
  }

  return {
    act: ({ workflow, phase, name }) => {
      const { phases } = castOf(workflow);
      const key = [name, phase].find((each) => own(phases, each));
      const found = key === undefined ? undefined : next(keyOf("act", workflow, key), own(phases, key) ?? []);
      const declared = graphOf(workflows.get(workflow) as Workflow).phase.get(phase) as Phase;
      return found ?? easyAct(declared, name);
    },
    answer: ({ workflow, phase, gate, kind }) => {
      const { answers } = castOf(workflow);
      const key = [phase, gate].find((each) => own(answers, each));
      const found = key === undefined ? undefined : next(keyOf("answer", workflow, key), own(answers, key) ?? []);
      return found ?? (scenario.easy ? easyAnswer(kind) : { type: "nobody", said: null });
    },
    unplayed: () => [
      ...unplayed(tried, scenario.cast),
      ...Object.entries(scenario.children).flatMap(([workflow, cast]) => unplayed(workflow, cast)),
    ],
  };
}

function keyOf(what: Unplayed["what"], workflow: string, name: string): string {
  return JSON.stringify([what, workflow, name]);
}

function own<T>(named: { readonly [name: string]: T }, name: string): T | undefined {
  return Object.hasOwn(named, name) ? named[name] : undefined;
}
