import type { Json } from "../../domain/json.ts";
import type { Expectation, Scenario } from "../../domain/scenario.ts";
import type { RunDetail } from "../../store/lines.ts";
import type { Moment } from "./moment.ts";
import { type Simulation, standing } from "./simulate.ts";

/** A promise of a scenario, and whether it held. */
export interface Judgement {
  /** Which trigger's run it is about, counted from 1. */
  readonly run: number;
  readonly promise: string;
  readonly held: boolean;
  /** What was there instead; null when it held. */
  readonly found: string | null;
  readonly line: number;
  readonly column: number;
}

/** What is compared: the run itself, and what happened to it. */
interface Case {
  readonly run: RunDetail | null;
  readonly moments: readonly Moment[];
  readonly limitMs: number;
}

interface Found {
  readonly promise: string;
  /** Null when the promise holds. */
  readonly found: string | null;
}

/** Holds every expectation, and every answer that nobody asked for, against what happened. */
export function judge(scenario: Scenario, simulation: Simulation): readonly Judgement[] {
  const kept = scenario.triggers.flatMap(({ expect }, at): Judgement[] => {
    const run = simulation.runs[at] ?? null;
    const moments = simulation.timeline.filter((each) =>
      run === null ? each.type === "run.refused" && each.trigger === at : each.run === run.id,
    );
    return expect.map((each) => {
      const { promise, found } = holds(each, { run, moments, limitMs: scenario.limitMs });
      return { run: at + 1, promise, held: found === null, found, ...(each.said ?? NOWHERE) };
    });
  });
  const unasked = simulation.unplayed.flatMap(({ what, workflow, name, ordinal, said }): Judgement[] =>
    what === "act" || said === null
      ? []
      : [
          {
            run: 1,
            promise: `${workflow}: ${name} asks ${times(ordinal)}, since there is an answer`,
            held: false,
            found: ordinal === 1 ? "its gate never opened" : `it asked ${times(ordinal - 1)}`,
            ...said,
          },
        ],
  );
  return [...kept, ...unasked];
}

const NOWHERE = { line: 1, column: 1 };

function holds(expected: Expectation, { run, moments, limitMs }: Case): Found {
  if (expected.type === "refused") {
    const refusal = moments.find((each) => each.type === "run.refused");
    const code = refusal?.type === "run.refused" ? refusal.code : null;
    const instead = run === null ? (code ?? "nothing was asked for") : `run is ${standing(run)}`;
    return { promise: `it is refused: ${expected.code}`, found: code === expected.code ? null : instead };
  }
  if (run === null) {
    const refusal = moments.find((each) => each.type === "run.refused");
    const why = refusal?.type === "run.refused" ? `${refusal.code}: ${refusal.message}` : "no run began";
    return { promise: inWords(expected), found: why };
  }
  return { promise: inWords(expected), found: instead(expected, run, moments, limitMs) };
}

type AboutRun = Exclude<Expectation, { type: "refused" }>;

/** What is the case instead of what was expected; null when that is the case. */
function instead(expected: AboutRun, run: RunDetail, moments: readonly Moment[], limitMs: number): string | null {
  const unless = (held: boolean, otherwise: string): string | null => (held ? null : otherwise);
  switch (expected.type) {
    case "status":
      return unless(run.status === expected.is, standing(run));
    case "reason":
      return unless(run.reason === expected.is, run.reason ?? "no reason");
    case "phase.status": {
      const status = run.node_statuses[expected.phase] ?? "unknown";
      return unless(status === expected.is, status);
    }
    case "phase.tries": {
      const tries = run.executions.filter(({ phase }) => phase === expected.phase).length;
      return unless(tries === expected.is, times(tries));
    }
    case "phase.asks": {
      const asked = run.approvals.filter(({ phase }) => phase === expected.phase).length;
      return unless(asked === expected.is, times(asked));
    }
    case "phase.output": {
      const last = run.executions.findLast(({ phase, output }) => phase === expected.phase && output !== null);
      const output = last?.output ?? null;
      const held =
        output !== null &&
        (expected.is === undefined || output === expected.is) &&
        (expected.contains === undefined || output.includes(expected.contains));
      return unless(held, output === null ? "no output" : quoted(output));
    }
    case "phase.given": {
      const last = run.executions.findLast(({ phase, input }) => phase === expected.phase && input !== null);
      const given = last ? textsOf(last.input).join("\n") : null;
      return unless(given?.includes(expected.contains) === true, given === null ? "nothing" : quoted(given));
    }
    case "order": {
      const begun = startedOf(run, moments);
      let place = -1;
      for (const phase of expected.phases) {
        place = begun.indexOf(phase, place + 1);
        if (place < 0) return begun.length === 0 ? "none started" : begun.join(", ");
      }
      return null;
    }
    case "never": {
      return unless(!startedOf(run, moments).includes(expected.phase), `${expected.phase} started`);
    }
    case "said": {
      const texts = moments.flatMap((each) =>
        each.type === "people.told" ? [each.text] : each.type === "gate.asks" ? [each.summary] : [],
      );
      return unless(
        texts.some((text) => text.includes(expected.words)),
        texts.length === 0 ? "nothing was said" : texts.map(quoted).join(", ").slice(0, LONGEST_QUOTE),
      );
    }
    case "takes": {
      // From when it was asked for: time in a queue counts.
      const since = Date.parse(run.queued_at ?? run.started_at);
      const took = run.finished_at === null ? null : Date.parse(run.finished_at) - since;
      if (took === null) return `not over after ${lengthOf(limitMs)}`;
      const { atLeastMs = 0, atMostMs = Number.POSITIVE_INFINITY } = expected;
      return unless(took >= atLeastMs && took <= atMostMs, lengthOf(took));
    }
    case "costs": {
      const { usdAtMost: usd, turnsAtMost: turns, tokensAtMost: tokens } = expected;
      const held =
        (usd === undefined || run.cost_usd <= usd) &&
        (turns === undefined || run.turns <= turns) &&
        (tokens === undefined || run.tokens <= tokens);
      return unless(held, `${run.cost_usd} USD, ${run.turns} turns, ${run.tokens} tokens`);
    }
  }
}

/** Phases in the order of beginning: a try, a question, or a wait begins one. */
function startedOf(run: RunDetail, moments: readonly Moment[]): string[] {
  const begun = new Set(moments.flatMap((each) => beginning(each) ?? []));
  return moments.flatMap((each) => {
    const phase = beginning(each);
    if (phase !== null) return [phase];
    // A phase that is over within the commit that starts it is seen by its end alone.
    const passes = each.type === "phase.status" && each.status === "succeeded" && !begun.has(each.phase);
    return passes && run.node_statuses[each.phase] === "succeeded" ? [each.phase] : [];
  });
}

function beginning(each: Moment): string | null {
  return each.type === "try.begun" || each.type === "gate.asks" || each.type === "phase.waits" ? each.phase : null;
}

/** All texts of a value, at any depth. */
export function textsOf(value: Json): string[] {
  if (typeof value === "string") return [value];
  if (value === null || typeof value !== "object") return value === null ? [] : [String(value)];
  return Object.values(value).flatMap((each) => textsOf(each as Json));
}

function inWords(expected: AboutRun): string {
  switch (expected.type) {
    case "status":
      return `the run is ${expected.is}`;
    case "reason":
      return expected.is === null ? "the run gives no reason" : `its reason is ${expected.is}`;
    case "phase.status":
      return `${expected.phase} is ${expected.is}`;
    case "phase.tries":
      return expected.is === 0
        ? `${expected.phase} is never tried`
        : `${expected.phase} is tried ${times(expected.is)}`;
    case "phase.asks":
      return expected.is === 0 ? `${expected.phase} asks nobody` : `${expected.phase} asks ${times(expected.is)}`;
    case "phase.output":
      return expected.is === undefined
        ? `${expected.phase} says ${quoted(expected.contains ?? "")}`
        : `${expected.phase} says exactly ${quoted(expected.is)}`;
    case "phase.given":
      return `${expected.phase} is given ${quoted(expected.contains)}`;
    case "order":
      return `${expected.phases.join(", then ")} start in this order`;
    case "never":
      return `${expected.phase} never starts`;
    case "said":
      return `people are told ${quoted(expected.words)}`;
    case "takes":
      return [
        expected.atLeastMs === undefined ? "" : `${lengthOf(expected.atLeastMs)} at least`,
        expected.atMostMs === undefined ? "" : `${lengthOf(expected.atMostMs)} at most`,
      ]
        .filter((each) => each !== "")
        .join(" and ")
        .replace(/^/, "it takes ");
    case "costs":
      return [
        expected.usdAtMost === undefined ? "" : `${expected.usdAtMost} USD`,
        expected.turnsAtMost === undefined ? "" : `${expected.turnsAtMost} turns`,
        expected.tokensAtMost === undefined ? "" : `${expected.tokensAtMost} tokens`,
      ]
        .filter((each) => each !== "")
        .join(", ")
        .replace(/^/, "it costs at most ");
  }
}

const LONGEST_QUOTE = 300;

function quoted(text: string): string {
  return JSON.stringify(text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text);
}

function times(count: number): string {
  return count === 1 ? "once" : count === 2 ? "twice" : `${count} times`;
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** A length of simulated time as scenarios write it, in two units at most: `1d 4h`, `90s` is `1m 30s`. */
export function lengthOf(ms: number): string {
  const parts: string[] = [];
  let left = ms;
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
  }
  if (left > 0 && ms < 10_000) parts.push(`${left}ms`);
  return parts.length === 0 ? "0s" : parts.slice(0, 2).join(" ");
}
