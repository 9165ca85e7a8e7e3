import { advance } from "../../src/domain/advance.ts";
import type { Iso } from "../../src/domain/clock.ts";
import type { Finding } from "../../src/domain/decision.ts";
import type { Outcome, Usage } from "../../src/domain/execution.ts";
import { graphOf } from "../../src/domain/graph.ts";
import { isOver, type Run, type RunEvent } from "../../src/domain/run.ts";
import type { Workflow } from "../../src/domain/workflow.ts";
import { born, happen, NOW } from "../support/play.ts";
import { audit, auditHistory, type Books, emptyBooks, enter, must, type Place } from "./books.ts";
import type { Dice } from "./chance.ts";

/** A run that anything happens to: what should, what should not, and what comes late, early or twice. */
export interface Walk {
  readonly of: Workflow;
  readonly run: Run;
  readonly books: Books;
  readonly dice: Dice;
  readonly now: Iso;
  /** So many random events, or fewer when the run is over before. */
  disturb(events: number): void;
  take(event: RunEvent): boolean;
  retry(): void;
  pass(ms: number): void;
  id(): string;
}

export function wander(of: Workflow, dice: Dice): Walk {
  let run = born(of);
  // The run as its row holds it: what is read from there must go on in the same way, bit for bit.
  let saved = JSON.stringify(run);
  let now = NOW;
  let ids = 0;
  let cancelled = false;
  const books = emptyBooks();
  const past: RunEvent[] = [];

  const take = (event: RunEvent): boolean => {
    const before = run;
    const { step, run: after } = happen(of, run, event, now);
    const replayed = advance(of, JSON.parse(saved) as Run, event, now);
    must(JSON.stringify(step) === JSON.stringify(replayed), "a run that was saved goes on as if it had not been");
    past.push(event);
    if (!step.ok) {
      must(after === before, "what is refused changes nothing");
      return false;
    }
    run = after;
    saved = JSON.stringify(run);
    must(run.rev === before.rev + 1, "each change is counted");
    const corrected = event.type === "execution.ended";
    must(corrected || !isLess(run.spent, before.spent), "what a run has used up never falls, but by a try's last word");
    if (event.type === "run.cancelled") cancelled = true;
    if (event.type === "run.retried") cancelled = false;
    enter(books, step.effects, run);
    audit(of, run, books);
    if (isOver(run.status)) auditHistory(of, run, books);
    if (cancelled && isOver(run.status)) must(run.status === "cancelled", "a cancel wins");
    return true;
  };

  const walk: Walk = {
    of,
    get run() {
      return run;
    },
    get now() {
      return now;
    },
    books,
    dice,
    take,
    pass: (ms) => {
      now = new Date(Date.parse(now) + ms).toISOString();
    },
    id: () => `e${++ids}`,
    retry: () => {
      const { main } = graphOf(of);
      const from = main.length > 0 && dice(2) === 0 ? main[dice(main.length)]!.name : null;
      take({ type: "run.retried", from, by: "ana", ...(dice(4) === 0 && { busy: true }) });
    },
    disturb: (events) => {
      for (let event = 0; event < events && !isOver(run.status); event++) {
        if (dice(4) === 0) walk.pass(dice(3_000));
        const kind = dice(40);
        if (kind === 0) take({ type: "run.held", hold: dice(2) === 0 ? "operator" : "disk_full" });
        else if (kind <= 2 && run.hold) take({ type: "run.released", hold: run.hold });
        else if (kind === 3) take({ type: "run.suspected", restartLimit: 3 });
        else if (kind === 4) take({ type: "signal.received", id: walk.id(), name: "go", payload: null });
        else if (kind === 5 && dice(8) === 0) take({ type: "run.cancelled", by: "ana" });
        else if (kind <= 8 && past.length > 0) take(again(walk, past[dice(past.length)] as RunEvent));
        else if (kind <= 11) lose(walk);
        else if (kind <= 15) use(walk);
        else {
          const due = chores(walk);
          if (due.length > 0) due[dice(due.length)]!();
        }
      }
    },
  };
  const busy = dice(10) === 0;
  take({ type: "run.created", ...(busy && { busy: "queue" }), ...(dice(10) === 0 && { inherited: { p0: "e0" } }) });
  return walk;
}

/** An event of the past once more; only an admission makes up a new id each time. */
function again(walk: Walk, event: RunEvent): RunEvent {
  return event.type === "execution.admitted" ? { ...event, execution: walk.id() } : event;
}

/** Everything that someone owes the run now: to start, end, decide, answer, wake. The oldest first. */
function chores(walk: Walk): (() => void)[] {
  const { run, books, dice, take } = walk;
  return [
    ...books.starts.map((start) => () => {
      // A row that was offered is gone, whether or not it was taken.
      books.starts = books.starts.filter((each) => each !== start);
      take({ type: "execution.admitted", execution: walk.id(), ...placeOf(start) });
    }),
    ...run.live.map(({ id }) => () => {
      take({ type: "execution.ended", execution: id, outcome: outcome(dice) });
    }),
    ...books.decisions.map((asked) => () => {
      books.decisions = books.decisions.filter((each) => each !== asked);
      take({ type: "phase.decided", ...asked, finding: finding(walk, asked.phase) });
    }),
    ...books.children.map((child) => () => {
      books.children = books.children.filter((each) => each !== child);
      take({ type: "child.ended", ...child, execution: walk.id(), outcome: outcome(dice) });
    }),
    ...books.actions.map((action) => () => {
      books.actions = books.actions.filter((each) => each !== action);
      take({ type: "action.ended", ...action, execution: walk.id(), outcome: outcome(dice) });
    }),
    ...run.gates.map((gate) => () => {
      const decision = dice(3) === 0 ? "reject" : gate.kind;
      take({ type: "gate.answered", approval: gate.id, decision, by: "ana", comment: null });
    }),
    ...books.timers
      .filter(({ due }) => due <= walk.now)
      .map((timer) => () => {
        books.timers = books.timers.filter((each) => each !== timer);
        take({ type: "timer.fired", ...timer });
        if (dice(4) === 0) take({ type: "timer.fired", ...timer });
      }),
  ];
}

function placeOf({ phase, iteration, attempt }: Place): Omit<Place, "epoch"> {
  return { phase, iteration, attempt };
}

function lose({ run, dice, take }: Walk): void {
  if (run.live.length === 0) return;
  const executions = run.live.filter(() => dice(2) === 0).map(({ id }) => id);
  take({ type: "execution.lost", executions, vanishedLimit: dice(5) === 0 ? null : 3 });
}

/** What a try says in its middle: now more, now less, of one thing or of another. */
function use({ run, dice, take }: Walk): void {
  if (run.live.length === 0) return;
  const execution = run.live[dice(run.live.length)]!;
  const more = dice(3) === 0 ? { outputTokens: dice(50), cacheReadTokens: dice(1_000) } : {};
  const usage: Usage = { ...(dice(4) > 0 && { usd: dice(8) / 4 }), turns: dice(3), inputTokens: dice(100), ...more };
  take({ type: "execution.used", execution: execution.id, usage, ...(dice(3) === 0 && { othersUsd: dice(5) }) });
}

function isLess(one: Run["spent"], other: Run["spent"]): boolean {
  return one.usd < other.usd || one.turns < other.turns || one.tokens < other.tokens;
}

function outcome(dice: Dice): Outcome {
  const used = { usd: dice(2), turns: dice(3), inputTokens: dice(100) };
  const told = dice(4) === 0 ? {} : { usage: used };
  if (dice(4) === 0) {
    const failure = (["exit", "timeout", "agent_error", "error"] as const)[dice(4)]!;
    return { type: "failed", failure, error: failure, ...told };
  }
  const seen = { until: dice(3) === 0, approved: dice(3) === 0, marker: dice(2) === 0 };
  return { type: "succeeded", ...told, seen, ...(dice(6) === 0 && { ask: { summary: "Go on?" } }) };
}

function finding({ of, run, dice, now }: Walk, phase: string): Finding {
  const kind = dice(8);
  if (kind === 0) return { type: "skip", why: "if" };
  if (kind === 1) return { type: "fail", error: "no such value" };
  const known = graphOf(of).phase.get(phase);
  if (kind < 5 && known?.type === "wait" && "until" in known.wait) return { type: "wait" };
  const at = new Date(Date.parse(now) + 1_000 * (dice(3) - 1)).toISOString();
  return { type: "run", at, ...(dice(3) === 0 && { maxIterations: 1 + dice(3) }), summary: `rev ${run.rev}` };
}

/** Far more events than a life of nine phases can hold. */
const LONGEST = 3_000;

/** Does everything that is left to be done, until the run is over or nothing is left. */
export function drain(walk: Walk): void {
  for (let event = 0; event < LONGEST && !isOver(walk.run.status); event++) {
    const { run, books } = walk;
    if (run.hold) {
      walk.take({ type: "run.released", hold: run.hold });
      continue;
    }
    const { due } = [...books.timers].sort((a, b) => (a.due < b.due ? -1 : 1))[0] ?? {};
    const [next] = chores(walk);
    // Now and then nobody does anything until a moment has come.
    const late = due !== undefined && due > walk.now && walk.dice(4) === 0;
    if (next && !late) {
      next();
      continue;
    }
    must(due !== undefined, "a run that is not over has something left to be done");
    walk.pass(Math.max(0, Date.parse(due) - Date.parse(walk.now)));
  }
}
