import type { Act, Answer, Cast, Expectation, Scenario, ScenarioTrigger } from "../../domain/scenario.ts";
import { print } from "../parse.ts";
import { LONGEST } from "../schema/text.ts";
import { PLAIN_ACT, UNSAID } from "./easy.ts";

/**
 * A scenario as a file that reads back to the same scenario, what goes without saying left out. Times are rounded up to
 * whole seconds; `heading` stands above it as comments.
 */
export function printScenario(scenario: Scenario, { heading }: { readonly heading: readonly string[] }): string {
  const comments = ["yaml-language-server: $schema=./scenario.schema.json", ...heading];
  return comments.map(commentOf).join("") + print(fileOf(scenario));
}

function commentOf(line: string): string {
  return `# ${line.replaceAll(/\p{Cc}+/gu, " ").toWellFormed()}`.trimEnd().concat("\n");
}

type Fields = { readonly [key: string]: unknown };

function fileOf(scenario: Scenario): Fields {
  const { settings, triggers, signals, operator } = scenario;
  const [first] = triggers;
  const alone = triggers.length === 1 && first !== undefined;
  return said({
    name: scenario.name,
    description: scenario.description,
    seed: otherThan(UNSAID.seed, scenario.seed),
    start: otherThan(UNSAID.start, scenario.start),
    limit: otherThan(UNSAID.limitMs, scenario.limitMs, durationOf),
    easy: scenario.easy || null,
    settings: said({
      approvals: filled(settings.approvals),
      models: filled(settings.models),
      variants: filled(settings.variants),
      // Without the key a scenario has every secret that is named.
      secrets: settings.secrets,
      public_url: settings.publicUrl || null,
      sandbox: otherThan(UNSAID.sandbox, settings.sandbox),
      max_executions: otherThan(UNSAID.maxExecutions, settings.maxExecutions),
    }),
    trigger: alone ? filled(triggerOf(first)) : null,
    expect: alone ? filled(expectOf(first.expect)) : null,
    triggers: alone
      ? null
      : triggers.map((each) => said({ ...triggerOf(each), expect: filled(expectOf(each.expect)) })),
    ...castOf(scenario.cast),
    children: filled(mapped(scenario.children, castOf)),
    signals: filled(
      signals.map(({ atMs, name, payload, id, trigger }) => ({
        ...said({ at: durationOf(atMs), name, id, run: otherThan(1, trigger + 1) }),
        // A payload of null is not the same as none.
        ...(payload === true ? {} : { payload }),
      })),
    ),
    operator: filled(
      operator.map(({ atMs, what, from, by, trigger }) =>
        said({
          at: durationOf(atMs),
          do: what,
          from,
          by: otherThan(UNSAID.operator, by),
          run: otherThan(1, trigger + 1),
        }),
      ),
    ),
  });
}

function triggerOf({ atMs, type, id, by, once, inputs, context }: ScenarioTrigger): Fields {
  return said({
    at: otherThan(0, atMs, durationOf),
    type: otherThan(UNSAID.trigger.type, type),
    id,
    by: otherThan(UNSAID.trigger.by, by),
    once,
    inputs: filled(inputs),
    context: filled(context),
  });
}

function castOf({ phases, answers }: Cast): Fields {
  return said({
    phases: filled(mapped(unempty(phases), (acts) => oneOrMany(acts.map(actOf)))),
    answers: filled(mapped(unempty(answers), (list) => oneOrMany(list.map(answerOf)))),
  });
}

/** An act that is its output is written as that. */
function actOf({ takesMs, end, output, stderr, error, files, usage }: Act): unknown {
  const fields = said({
    takes: otherThan(PLAIN_ACT.takesMs, takesMs, (ms) => (ms === null ? "never" : durationOf(ms))),
    exit: end.type === "exit" ? otherThan(0, end.code) : null,
    lost: end.type === "lost" || null,
    output: output || null,
    stderr: stderr || null,
    error,
    usd: usage.usd,
    turns: usage.turns,
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    files: filled(files),
  });
  return Object.keys(fields).every((key) => key === "output") ? output : fields;
}

function answerOf(answer: Answer): unknown {
  if (answer.type === "nobody") return answer.type;
  const { decision, by, afterMs, comment } = answer;
  const fields = {
    by: otherThan(UNSAID.answerer, by),
    after: otherThan(UNSAID.answerMs, afterMs, durationOf),
  };
  if (decision === "reply") return said({ reply: comment ?? "", ...fields });
  const rest = said({ ...fields, comment });
  return Object.keys(rest).length === 0 ? decision : { decision, ...rest };
}

function expectOf(expectations: readonly Expectation[]): Fields {
  const whole: Record<string, unknown> = {};
  const phases: Record<string, Record<string, unknown>> = {};
  const never: string[] = [];
  const words: string[] = [];
  for (const each of expectations) {
    if ("phase" in each && each.type !== "never") {
      phases[each.phase] = { ...phases[each.phase], [each.type.slice("phase.".length)]: promiseOf(each) };
      continue;
    }
    switch (each.type) {
      case "status":
      case "reason":
        whole[each.type] = each.is;
        break;
      case "refused":
        whole.refused = each.code;
        break;
      case "order":
        whole.order = each.phases;
        break;
      case "never":
        never.push(each.phase);
        break;
      case "said":
        words.push(each.words);
        break;
      case "takes":
        whole.takes = said({
          at_least: each.atLeastMs === undefined ? null : durationOf(each.atLeastMs),
          at_most: each.atMostMs === undefined ? null : durationOf(each.atMostMs),
        });
        break;
      case "costs":
        whole.costs = said({ usd: each.usdAtMost, turns: each.turnsAtMost, tokens: each.tokensAtMost });
        break;
    }
  }
  // Not through `said`: that there is no reason is an expectation too.
  return { ...whole, ...said({ phases: filled(phases), never: filled(never), said: filled(words) }) };
}

function promiseOf(each: Extract<Expectation, { type: `phase.${string}` }>): unknown {
  switch (each.type) {
    case "phase.status":
    case "phase.tries":
    case "phase.asks":
      return each.is;
    case "phase.output":
      return each.is ?? { contains: each.contains };
    case "phase.given":
      return each.contains;
  }
}

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1],
] as const;

/** In the largest unit that says it exactly. */
function durationOf(ms: number): string {
  const seconds = Math.ceil(Math.min(ms, LONGEST) / 1_000);
  const [unit, size] = UNITS.find(([, each]) => seconds > 0 && seconds % each === 0) ?? (["s", 1] as const);
  return `${seconds / size}${unit}`;
}

/** What is null or absent is not said. */
function said(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
}

function otherThan<Value>(unsaid: Value, value: Value, form: (value: Value) => unknown = (same) => same): unknown {
  return value === unsaid ? null : form(value);
}

function filled<Group extends object>(group: Group): Group | null {
  return Object.keys(group).length > 0 ? group : null;
}

function mapped<Value>(group: { readonly [name: string]: Value }, form: (value: Value) => unknown): Fields {
  return Object.fromEntries(Object.entries(group).map(([name, value]) => [name, form(value)]));
}

/** A list of nothing says nothing, and a file may not hold one. */
function unempty<Value>(lists: { readonly [name: string]: readonly Value[] }) {
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
}

function oneOrMany(list: readonly unknown[]): unknown {
  return list.length === 1 ? list[0] : list;
}
