import type { HouseRule, TriggerEvent } from "../domain/delivery.ts";
import type { Triggers, Workflow } from "../domain/workflow.ts";
import { evaluate } from "../workflow/expression.ts";
import { asksFor } from "../workflow/triggers.ts";
import { contextOf } from "./context.ts";
import { isByMaintainer, isComment, isFromFork, labelsOf } from "./github.ts";

/** What the house asks of events before they start anything. */
export interface House {
  /** A label that stops everything about what bears it; empty for none. */
  readonly holdLabel: string;
}

/** Whether one workflow starts for an event, and why or why not. */
export interface Judgement {
  readonly workflow: string;
  readonly matches: boolean;
  readonly why: string;
  /** What matched, and may not start by a rule of the house. */
  readonly rule: HouseRule | null;
}

/** Judges an event against every workflow that waits for events of its source. Reads nothing else and changes nothing. */
export function match(event: TriggerEvent, workflows: readonly Workflow[], house: House): readonly Judgement[] {
  const judge = judging(event, house);
  return workflows.flatMap((workflow) => {
    const entries = entriesOf(workflow.on, event.source);
    return entries.length === 0 ? [] : [judge(workflow, entries)];
  });
}

/** An entry of `on:`, whichever key it stands under; null of events is all of them. */
interface Entry {
  readonly events: readonly string[] | null;
  readonly if?: string;
}

function entriesOf({ github = [], webhook = [] }: Triggers = {}, source: string): readonly Entry[] {
  if (source === "github") return github;
  return webhook.flatMap(({ source: from, ...rest }) => (from === source ? [{ events: null, ...rest }] : []));
}

function judging(event: TriggerEvent, house: House): (workflow: Workflow, entries: readonly Entry[]) => Judgement {
  const { actor } = event;
  let scope: Parameters<typeof evaluate>[1] | null = null;
  /** Made when the first condition asks for it: most events fit nothing. */
  const scopeOf = () => {
    scope ??= { ...contextOf(event), actor: actor && { ...actor } };
    return scope;
  };

  function condition(text: string): string | null {
    const { value, warning } = evaluate(text, scopeOf());
    if (value) return null;
    return warning === null ? `\`${text}\` is false` : `\`${text}\`: ${warning}`;
  }

  return (workflow, entries) => {
    const judgement = { workflow: workflow.name, matches: false, rule: null };
    const fitting = entries.filter(({ events }) => events === null || events.some((each) => fits(each, event.type)));
    if (fitting.length === 0) {
      const waits = [...new Set(entries.flatMap(({ events }) => events ?? []))];
      return { ...judgement, why: `it waits for ${waits.join(", ")}` };
    }
    const objections: { why: string; rule: HouseRule | null }[] = [];
    for (const entry of fitting) {
      const wrong = entry.if === undefined ? null : condition(entry.if);
      const objection = wrong === null ? ruleAgainst(event, entry, workflow, house) : { why: wrong, rule: null };
      const what = event.type === "" ? event.source : event.type;
      if (!objection)
        return { ...judgement, matches: true, why: entry.if === undefined ? what : `${what}, and \`${entry.if}\`` };
      objections.push(objection);
    }
    // A rule that stood in the way of a match says more than a condition that did not hold.
    const told = objections.find(({ rule }) => rule !== null) ?? (objections[0] as (typeof objections)[number]);
    return { ...judgement, ...told };
  };
}

/** `issues` stands for all its actions. */
function fits(wanted: string, type: string): boolean {
  return wanted === type || type.startsWith(`${wanted}.`);
}

function ruleAgainst(
  event: TriggerEvent,
  { if: condition = "" }: Entry,
  workflow: Workflow,
  { holdLabel }: House,
): { why: string; rule: HouseRule } | null {
  const { actor, payload, source } = event;
  if (holdLabel !== "" && isHeld(payload, holdLabel))
    return { rule: "held", why: `the label ${holdLabel} holds everything back` };
  if (actor && actor.kind !== "person" && !asksFor("kind", condition)) {
    const who = actor.kind === "self" ? `${actor.login} is lastlight itself` : `${actor.login} is a bot`;
    return { rule: actor.kind, why: `${who}, and the condition does not read actor.kind` };
  }
  if (source !== "github" || isByMaintainer(event)) return null;
  if (isComment(event) && !asksFor("association", condition))
    return {
      rule: "maintainer",
      why: "the comment is no maintainer's, and the condition does not read actor.association",
    };
  if (hasSecrets(workflow) && isFromFork(event))
    return { rule: "fork", why: "it is about a fork, the workflow has secrets, and no maintainer did it" };
  return null;
}

function isHeld(payload: TriggerEvent["payload"], label: string): boolean {
  return (["/issue", "/pull_request", "/discussion"] as const).some((each) => labelsOf(payload, each).includes(label));
}

function hasSecrets({ secrets = [], phases }: Workflow): boolean {
  return secrets.length > 0 || phases.some((phase) => (phase.secrets ?? []).length > 0);
}
