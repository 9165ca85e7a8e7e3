import type { Json } from "../../domain/json.ts";
import type {
  Act,
  Answer,
  Cast,
  Deed,
  Expectation,
  Said,
  Scenario,
  ScenarioSettings,
  ScenarioSignal,
  ScenarioTrigger,
} from "../../domain/scenario.ts";
import { milliseconds } from "../schema/text.ts";
import type { Path, Source } from "../source.ts";
import { PLAIN_ACT, PLAIN_TRIGGER, UNSAID } from "./easy.ts";
import type {
  DeclaredAct,
  DeclaredAnswer,
  DeclaredCast,
  DeclaredExpectation,
  DeclaredScenario,
  DeclaredTrigger,
} from "./schema.ts";

/** A scenario without faults as it is tried: what its file leaves unsaid is written out. */
export function scenarioOf(declared: DeclaredScenario, source: Source, secrets: readonly string[]): Scenario {
  const { name, description, seed, start, limit, children = {}, signals = [], operator = [] } = declared;
  return {
    name: name ?? null,
    description: description ?? null,
    seed: seed ?? UNSAID.seed,
    start: start === undefined ? UNSAID.start : new Date(start).toISOString(),
    limitMs: limit === undefined ? UNSAID.limitMs : milliseconds(limit),
    settings: settingsOf(declared.settings ?? {}, secrets),
    triggers: triggersOf(declared, source),
    cast: castOf(declared, [], source),
    children: Object.fromEntries(
      Object.entries(children).map(([name, each]) => [name, castOf(each, ["children", name], source)]),
    ),
    signals: signals.map((each, at): ScenarioSignal => {
      const { name, payload = true, id = `signal-${at + 1}`, run = 1 } = each;
      const said = source.valueAt(["signals", at]);
      return { atMs: milliseconds(each.at), trigger: run - 1, id, name, payload: payload as Json, said };
    }),
    operator: operator.map((each, at): Deed => {
      const { do: what, from = null, by = UNSAID.operator, run = 1 } = each;
      return { atMs: milliseconds(each.at), trigger: run - 1, what, from, by, said: source.valueAt(["operator", at]) };
    }),
    easy: declared.easy ?? false,
  };
}

function settingsOf(declared: NonNullable<DeclaredScenario["settings"]>, secrets: readonly string[]): ScenarioSettings {
  return {
    approvals: declared.approvals ?? [],
    models: declared.models ?? {},
    variants: declared.variants ?? {},
    secrets: declared.secrets ?? secrets,
    publicUrl: (declared.public_url ?? "").replace(/\/+$/, ""),
    sandbox: declared.sandbox ?? UNSAID.sandbox,
    maxExecutions: declared.max_executions ?? UNSAID.maxExecutions,
  };
}

function triggersOf({ trigger, expect, triggers }: DeclaredScenario, source: Source): ScenarioTrigger[] {
  if (triggers)
    return triggers.map((each, at) => triggerOf(each, { path: ["triggers", at], inside: ["triggers", at], source }));
  return [triggerOf({ ...trigger, expect }, { path: trigger ? ["trigger"] : null, inside: [], source })];
}

function triggerOf(
  { at, type, id, by, once, inputs, context, expect }: DeclaredTrigger,
  { path, inside, source }: { path: Path | null; inside: Path; source: Source },
): ScenarioTrigger {
  return {
    atMs: at === undefined ? 0 : milliseconds(at),
    type: type ?? PLAIN_TRIGGER.type,
    id: id ?? null,
    by: by ?? PLAIN_TRIGGER.by,
    once: once ?? null,
    inputs: (inputs ?? {}) as { [name: string]: Json },
    context: (context ?? {}) as { [name: string]: Json },
    expect: expect ? expectationsOf(expect, [...inside, "expect"], source) : [],
    said: path && source.valueAt(path),
  };
}

function castOf({ phases = {}, answers = {} }: DeclaredCast, path: Path, source: Source): Cast {
  return {
    phases: spread(phases, [...path, "phases"], source, actOf),
    answers: spread(answers, [...path, "answers"], source, answerOf),
  };
}

/** One or a list of them, each with its place. */
function spread<Declared, Made>(
  declared: { readonly [name: string]: Declared | readonly Declared[] },
  path: Path,
  source: Source,
  make: (each: Declared, said: Said) => Made,
): { [name: string]: Made[] } {
  return Object.fromEntries(
    Object.entries(declared).map(([name, given]) => {
      const list: readonly Declared[] = Array.isArray(given) ? given : [given as Declared];
      const placeOf = (at: number): Path => [...path, name, ...(Array.isArray(given) ? [at] : [])];
      return [name, list.map((each, at) => make(each, source.valueAt(placeOf(at))))];
    }),
  );
}

function actOf(declared: DeclaredAct, said: Said): Act {
  if (typeof declared === "string") return { ...PLAIN_ACT, output: declared, said };
  const { exit = 0, output = "", stderr = "", takes, lost, error = null, files = {} } = declared;
  const { usd, turns, input_tokens: inputTokens, output_tokens: outputTokens } = declared;
  return {
    takesMs: takes === undefined ? PLAIN_ACT.takesMs : takes === "never" ? null : milliseconds(takes),
    end: lost ? { type: "lost" } : { type: "exit", code: exit },
    output,
    stderr,
    error,
    files,
    usage: {
      ...(usd === undefined ? {} : { usd }),
      ...(turns === undefined ? {} : { turns }),
      ...(inputTokens === undefined ? {} : { inputTokens }),
      ...(outputTokens === undefined ? {} : { outputTokens }),
    },
    said,
  };
}

function answerOf(declared: DeclaredAnswer, said: Said): Answer {
  if (declared === "nobody") return { type: "nobody", said };
  const {
    decision,
    reply,
    by = UNSAID.answerer,
    after,
    comment,
  } = typeof declared === "string" ? { decision: declared } : declared;
  return {
    type: "answer",
    decision: decision ?? "reply",
    by,
    afterMs: after === undefined ? UNSAID.answerMs : milliseconds(after),
    comment: reply ?? comment ?? null,
    said,
  };
}

/** In the order in which they are printed, whatever the file's. */
function expectationsOf(declared: DeclaredExpectation, path: Path, source: Source): Expectation[] {
  const { status, reason, refused, phases = {}, order, never = [], said = [], takes, costs } = declared;
  const at = (...inside: Path): { said: Said } => ({ said: source.valueAt([...path, ...inside]) });
  const list: Expectation[] = [];
  if (status !== undefined) list.push({ type: "status", is: status, ...at("status") });
  if (reason !== undefined) list.push({ type: "reason", is: reason, ...at("reason") });
  if (refused !== undefined) list.push({ type: "refused", code: refused, ...at("refused") });
  for (const [phase, { status, tries, asks, output, given }] of Object.entries(phases)) {
    const here = (key: string): { phase: string; said: Said } => ({ phase, ...at("phases", phase, key) });
    if (status !== undefined) list.push({ type: "phase.status", is: status, ...here("status") });
    if (tries !== undefined) list.push({ type: "phase.tries", is: tries, ...here("tries") });
    if (asks !== undefined) list.push({ type: "phase.asks", is: asks, ...here("asks") });
    if (output !== undefined)
      list.push({ type: "phase.output", ...(typeof output === "string" ? { is: output } : output), ...here("output") });
    if (given !== undefined) list.push({ type: "phase.given", contains: given, ...here("given") });
  }
  if (order !== undefined) list.push({ type: "order", phases: order, ...at("order") });
  for (const [entry, phase] of never.entries()) list.push({ type: "never", phase, ...at("never", entry) });
  for (const [entry, words] of said.entries()) list.push({ type: "said", words, ...at("said", entry) });
  if (takes !== undefined)
    list.push({
      type: "takes",
      ...(takes.at_least === undefined ? {} : { atLeastMs: milliseconds(takes.at_least) }),
      ...(takes.at_most === undefined ? {} : { atMostMs: milliseconds(takes.at_most) }),
      ...at("takes"),
    });
  if (costs !== undefined)
    list.push({
      type: "costs",
      ...(costs.usd === undefined ? {} : { usdAtMost: costs.usd }),
      ...(costs.turns === undefined ? {} : { turnsAtMost: costs.turns }),
      ...(costs.tokens === undefined ? {} : { tokensAtMost: costs.tokens }),
      ...at("costs"),
    });
  return list;
}
