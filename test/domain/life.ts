import type { Decision } from "../../src/domain/approval.ts";
import type { Iso } from "../../src/domain/clock.ts";
import type { Finding } from "../../src/domain/decision.ts";
import type { FailureClass, Outcome, Usage } from "../../src/domain/execution.ts";
import type { Effect, Hold, Refusal, Run, RunEvent } from "../../src/domain/run.ts";
import type { Workflow } from "../../src/domain/workflow.ts";
import { born, happen, inWords, NOW } from "../support/play.ts";
import { audit, auditHistory, type Books, emptyBooks, enter, must, takes } from "./books.ts";

type Seen = NonNullable<Extract<Outcome, { type: "succeeded" }>["seen"]>;
/** An ending in a word: a failure's class, or what was seen in the output of a success. */
type Ending = FailureClass | "ok" | keyof Seen | "ask" | Outcome;

/** One run, played event by event as a store would keep it. Every step is audited. */
export interface Life {
  readonly run: Run;
  readonly books: Books;
  readonly now: Iso;
  /** `running`, `paused gate`, … */
  readonly stands: string;
  /** `a succeeded, b pending` */
  readonly phases: string;
  /** Every effect so far that says something to people, in words. */
  readonly said: readonly string[];
  /** The history in words: `fix_iter_1 succeeded`. */
  readonly history: readonly string[];
  /** What is owed to start now: `a`, `a#2`, `a.1`; a stop before what is not the first try. */
  readonly owed: readonly string[];
  /** Executions under way, as the disk names them. */
  readonly live: readonly string[];
  /** Takes an event that must be taken; what follows, in words. */
  take(event: RunEvent): string[];
  /** Why an event changes nothing; null when it would. */
  refused(event: RunEvent): Refusal | null;
  /** Admits everything that is owed, or one phase's; the ids. */
  start(phase?: string): string[];
  /** Ends the oldest execution of a phase. */
  end(phase: string, how?: Ending, usage?: Usage): string[];
  /** The oldest execution of a phase tells what it has used up so far. */
  use(phase: string, usage: Usage, othersUsd?: number): string[];
  lose(phase: string, limit?: number | null): string[];
  decide(phase: string, finding?: Finding | Finding["type"]): string[];
  answer(phase: string, decision?: Decision): string[];
  childEnds(phase: string, how?: Ending): string[];
  /** An act outside is done, or never will be. */
  acted(phase: string, how?: Ending): string[];
  /** Time passes. */
  pass(ms: number): void;
  /** The next timer that is awaited fires, on time; what it was for, in words. */
  fire(): string[];
  hold(why?: Hold): string[];
  release(why?: Hold): string[];
  cancel(): string[];
  retry(from?: string | null, busy?: boolean): string[];
  signal(name?: string): string[];
}

export function outcomeOf(how: Ending, usage?: Usage): Outcome {
  const more = usage ? { usage } : {};
  if (typeof how === "object") return { ...how, ...more };
  switch (how) {
    case "ok":
      return { type: "succeeded", ...more };
    case "ask":
      return { type: "succeeded", ask: { summary: "Go on?" }, ...more };
    case "until":
    case "approved":
    case "marker":
      return { type: "succeeded", seen: { [how]: true }, ...more };
    default:
      return { type: "failed", failure: how, error: how, ...more };
  }
}

export function live(of: Workflow, creation: Partial<Extract<RunEvent, { type: "run.created" }>> = {}): Life {
  let run = born(of);
  let now = NOW;
  let executions = 0;
  const books = emptyBooks();
  const said: string[] = [];

  const take = (event: RunEvent): string[] => {
    const next = happen(of, run, event, now);
    if (!next.step.ok) throw new Error(`${event.type} was refused: ${next.step.why}`);
    run = next.run;
    enter(books, next.step.effects, run);
    audit(of, run, books);
    auditHistory(of, run, books);
    must(JSON.stringify(JSON.parse(JSON.stringify(run))) === JSON.stringify(run), "a run can be saved");
    said.push(...next.step.effects.filter(({ type }) => type === "post").map(inWords));
    return next.step.effects.map(words);
  };
  const oldest = (phase: string) => {
    const execution = run.live.find((each) => each.phase === phase);
    must(execution !== undefined, `${phase} executes`);
    return execution;
  };
  const owed = () =>
    books.starts.filter((start) => takes(of, run, { type: "execution.admitted", execution: "x", ...start }, now));

  take({ type: "run.created", ...creation });
  return {
    get run() {
      return run;
    },
    get now() {
      return now;
    },
    get stands() {
      return run.reason === null ? run.status : `${run.status} ${run.reason}`;
    },
    get phases() {
      return Object.entries(run.phases)
        .map(([name, { status }]) => `${name} ${status}`)
        .join(", ");
    },
    get history() {
      return books.lines.map(({ phase, name = phase, status }) => `${name} ${status}`);
    },
    get owed() {
      return owed().map(
        ({ phase, iteration, attempt }) =>
          `${phase}${iteration === 0 ? "" : `.${iteration}`}${attempt === 1 ? "" : `#${attempt}`}`,
      );
    },
    get live() {
      return run.live.map(({ name }) => name);
    },
    books,
    said,
    take,
    refused: (event) => {
      const { step } = happen(of, run, event, now);
      return step.ok ? null : step.why;
    },
    start: (phase) =>
      owed()
        .filter((start) => phase === undefined || start.phase === phase)
        .map(({ phase, iteration, attempt }) => {
          const execution = `e${++executions}`;
          take({ type: "execution.admitted", execution, phase, iteration, attempt });
          return execution;
        }),
    end: (phase, how = "ok", usage) =>
      take({ type: "execution.ended", execution: oldest(phase).id, outcome: outcomeOf(how, usage) }),
    use: (phase, usage, othersUsd) =>
      take({
        type: "execution.used",
        execution: oldest(phase).id,
        usage,
        ...(othersUsd === undefined ? {} : { othersUsd }),
      }),
    lose: (phase, limit = 5) => take({ type: "execution.lost", executions: [oldest(phase).id], vanishedLimit: limit }),
    decide: (phase, finding = "run") => {
      const asked = books.decisions.findLast((each) => each.phase === phase);
      must(asked !== undefined, `${phase} is to be decided`);
      const found = typeof finding === "object" ? finding : findings[finding];
      return take({ type: "phase.decided", ...asked, finding: found });
    },
    answer: (phase, decision = "approve") =>
      take({ type: "gate.answered", approval: `gate-${phase}`, decision, by: "ana", comment: null }),
    childEnds: (phase, how = "ok") => {
      const child = books.children.findLast((each) => each.phase === phase);
      must(child !== undefined, `${phase} has a child`);
      books.children = books.children.filter((each) => each !== child);
      return take({ type: "child.ended", ...child, execution: `e${++executions}`, outcome: outcomeOf(how) });
    },
    acted: (phase, how = "ok") => {
      const action = books.actions.findLast((each) => each.phase === phase);
      must(action !== undefined, `${phase} has an act owed`);
      books.actions = books.actions.filter((each) => each !== action);
      return take({ type: "action.ended", ...action, execution: `e${++executions}`, outcome: outcomeOf(how) });
    },
    pass: (ms) => {
      now = new Date(Date.parse(now) + ms).toISOString();
    },
    fire: () => {
      const next = books.timers
        .filter((timer) => takes(of, run, { type: "timer.fired", ...timer }, now))
        .sort((a, b) => (a.due < b.due ? -1 : 1))[0];
      must(next !== undefined, "a timer is awaited");
      books.timers = books.timers.filter((each) => each !== next);
      if (next.due > now) now = next.due;
      return take({ type: "timer.fired", ...next });
    },
    hold: (why = "operator") => take({ type: "run.held", hold: why }),
    release: (why = "operator") => take({ type: "run.released", hold: why }),
    cancel: () => take({ type: "run.cancelled", by: "ana" }),
    retry: (from = null, busy) => take({ type: "run.retried", from, by: "ana", ...(busy && { busy }) }),
    signal: (name = "go") => take({ type: "signal.received", id: name, name, payload: null }),
  };
}

const findings: Record<Finding["type"], Finding> = {
  run: { type: "run" },
  skip: { type: "skip", why: "if" },
  wait: { type: "wait" },
  fail: { type: "fail", error: "no such value" },
};

/** As `inWords`, with executions under the names that the disk gives them. */
function words(effect: Effect): string {
  if (effect.type === "phase.start")
    return `owe ${effect.phase}${effect.iteration === 0 ? "" : `.${effect.iteration}`}#${effect.attempt}`;
  if (effect.type === "execution.open") return `open ${effect.execution.name}`;
  if (effect.type === "execution.tally") return `count ${effect.execution.name}`;
  if (effect.type === "execution.close") return `close ${effect.execution.name} ${effect.status}`;
  if (effect.type === "execution.stop") return "stop it";
  if (effect.type === "history") return `note ${effect.line.name ?? effect.line.phase} ${effect.line.status}`;
  return inWords(effect);
}
