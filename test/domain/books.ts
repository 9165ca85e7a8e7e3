import { advance } from "../../src/domain/advance.ts";
import type { Iso } from "../../src/domain/clock.ts";
import type { LiveExecution, Usage } from "../../src/domain/execution.ts";
import { graphOf, isFinal, judge } from "../../src/domain/graph.ts";
import type { PhaseState } from "../../src/domain/phase-state.ts";
import { type Effect, type HistoryLine, isOver, type Run, type RunEvent } from "../../src/domain/run.ts";
import type { Phase, Workflow } from "../../src/domain/workflow.ts";

/** One try of one phase, as the rows of the store name it. */
export interface Place {
  readonly phase: string;
  readonly iteration: number;
  readonly attempt: number;
  readonly epoch: number;
}

type Closing = Extract<Effect, { type: "execution.close" }>;

/** What a store would have to remember of one run: what is owed, what is under way, what is over. */
export interface Books {
  starts: Place[];
  decisions: Omit<Place, "attempt">[];
  children: Place[];
  /** Acts outside that are owed; one that the run has moved past changes nothing. */
  actions: Place[];
  timers: { phase: string | null; due: Iso }[];
  /** What people were asked, and which children were begun: each once. */
  readonly once: Set<string>;
  readonly opened: Map<string, LiveExecution>;
  readonly closed: Map<string, Closing>;
  /** What each try has used up, as its row has it. */
  readonly used: Map<string, Usage>;
  readonly lines: HistoryLine[];
}

export function emptyBooks(): Books {
  return {
    starts: [],
    decisions: [],
    children: [],
    actions: [],
    timers: [],
    once: new Set(),
    opened: new Map(),
    closed: new Map(),
    used: new Map(),
    lines: [],
  };
}

/** A broken promise, told apart from a mistake of the test. */
export function must(kept: boolean, promise: string): asserts kept {
  if (!kept) throw new Error(promise);
}

const same = (a: Place, b: Place): boolean =>
  a.phase === b.phase && a.iteration === b.iteration && a.attempt === b.attempt && a.epoch === b.epoch;

/** Writes down what follows from an event; refuses what no store could hold. */
export function enter(books: Books, effects: readonly Effect[], { epoch }: Run): void {
  for (const effect of effects) {
    switch (effect.type) {
      case "phase.start": {
        const start = { phase: effect.phase, iteration: effect.iteration, attempt: effect.attempt, epoch };
        must(!books.starts.some((each) => same(each, start)), `${effect.phase} is owed once`);
        books.starts.push(start);
        break;
      }
      case "starts.void":
        books.starts = [];
        break;
      case "execution.open":
        must(!books.opened.has(effect.execution.id), "an execution is opened once");
        books.opened.set(effect.execution.id, effect.execution);
        books.starts = books.starts.filter((each) => !same(each, effect.execution));
        break;
      case "execution.close":
        must(books.opened.has(effect.execution.id), "what is closed was open");
        must(!books.closed.has(effect.execution.id), "an execution is closed once");
        books.closed.set(effect.execution.id, effect);
        if (effect.execution.used) books.used.set(effect.execution.id, effect.execution.used);
        for (const [figure, value] of Object.entries(effect.outcome?.usage ?? {}))
          must(books.used.get(effect.execution.id)?.[figure as keyof Usage] === value, "its own last word stands");
        break;
      case "execution.tally": {
        const { id, used = {} } = effect.execution;
        must(books.opened.has(id) && !books.closed.has(id), "only what is under way tells what it has used up");
        for (const [figure, value = 0] of Object.entries(books.used.get(id) ?? {}))
          must((used[figure as keyof Usage] ?? 0) >= value, "what is used up stays used up");
        books.used.set(id, used);
        break;
      }
      case "decision.owe":
        books.decisions.push({ phase: effect.phase, iteration: effect.iteration, epoch });
        break;
      case "gate.open":
        first(books, `ask ${effect.phase}/${effect.iteration}/${epoch}`);
        break;
      case "child.start":
        first(books, `child ${effect.phase}/${effect.iteration}/${epoch}/${effect.attempt}`);
        books.children.push({ phase: effect.phase, iteration: effect.iteration, attempt: effect.attempt, epoch });
        break;
      case "action.start":
        first(books, `action ${effect.phase}/${effect.iteration}/${epoch}/${effect.attempt}`);
        books.actions.push({ phase: effect.phase, iteration: effect.iteration, attempt: effect.attempt, epoch });
        break;
      case "child.stop":
        books.children = books.children.filter(
          ({ phase, iteration, attempt }) =>
            phase !== effect.phase || iteration !== effect.iteration || attempt !== effect.attempt,
        );
        break;
      case "timer.set":
        books.timers.push({ phase: effect.phase, due: effect.due });
        break;
      case "timers.void":
        books.timers = [];
        break;
      case "history":
        books.lines.push(effect.line);
        break;
    }
  }
}

function first({ once }: Books, what: string): void {
  must(!once.has(what), `once: ${what}`);
  once.add(what);
}

/** Whether the machine would take the event now. */
export function takes(of: Workflow, run: Run, event: RunEvent, now: Iso): boolean {
  return advance(of, run, event, now).ok;
}

/** Everything that holds of a run between any two events. */
export function audit(of: Workflow, run: Run, books: Books): void {
  const open = [...books.opened.keys()].filter((id) => !books.closed.has(id));
  must(open.length === run.live.length && run.live.every(({ id }) => open.includes(id)), "opened = closed + live");
  auditSpent(run, books);
  if (isOver(run.status)) {
    must(run.live.length === 0 && run.gates.length === 0, "a run that is over has nothing under way");
    must(run.hold === null && run.ending === null && run.finishedAt !== null, "a run that is over is only over");
    must(
      Object.values(run.phases).every(({ status }) => isFinal(status)),
      "every phase of a run that is over is final",
    );
    must(books.children.length === 0, "no child outlives its parent");
    return;
  }
  const graph = graphOf(of);
  const closing = run.ending !== null;
  for (const phase of graph.order) {
    if (phase.finally && !closing) continue;
    must(!closing || phase.finally === true || isFinal(run.phases[phase.name]!.status), "only what is last is left");
    attend(run, phase, run.phases[phase.name] as PhaseState, books);
  }
  for (const { phase } of run.gates) must(run.phases[phase]?.waits?.for === "gate", `${phase} waits at its gate`);
  if (run.deadline?.since) {
    const due = new Date(Date.parse(run.deadline.since) + run.deadline.left).toISOString();
    must(timed(books, null, due), "a deadline that runs has its timer");
  }
  const working = run.live.length > 0;
  if (run.status === "paused" || run.status === "queued") must(!working, "a paused run has nothing that executes");
  if (run.status === "paused") must(run.reason !== null, "a paused run says what it waits for");
  if (run.status === "running") must(run.reason === null, "a running run waits for nothing");
  if (run.reason === "gate") must(run.gates.length > 0, "a run paused for a gate has one");
  if (run.reason === "operator" || run.reason === "disk_full") must(run.hold === run.reason, "held as it says");
}

/** Nothing is counted twice, and nothing is left out: not what was lost, cancelled or cut off, not what still runs. */
function auditSpent({ spent }: Run, { used }: Books): void {
  const sum = { usd: 0, turns: 0, tokens: 0 };
  for (const usage of used.values()) {
    sum.usd += usage.usd ?? 0;
    sum.turns += usage.turns ?? 0;
    sum.tokens += (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0) + (usage.cacheCreationTokens ?? 0);
  }
  const said = `${JSON.stringify(spent)} is the sum ${JSON.stringify(sum)}`;
  must(Math.abs(spent.usd - sum.usd) < 1e-6 && spent.turns === sum.turns && spent.tokens === sum.tokens, said);
}

/** Nobody is forgotten: whatever is not final has something outstanding that will move it. */
function attend(run: Run, phase: Phase, state: PhaseState, books: Books): void {
  const { name } = phase;
  const { status, stage, waits, iteration, attempt, items } = state;
  const live = run.live.filter((each) => each.phase === name);
  const { epoch } = run;
  if (status === "running") must(live.length > 0, `${name} runs`);
  else must(live.length === 0, `${name} is ${status} and has no execution`);
  if (items && !isFinal(status)) {
    const { maxParallel } = phase.matrix!;
    for (const each of items.owed)
      must(
        books.starts.some((start) => same(start, { ...each, phase: name, epoch })),
        `${name}: an item is owed`,
      );
    for (const { at } of items.again) if (at !== undefined) must(timed(books, name, at), `${name}: an item is awaited`);
    const places = live.length + items.owed.length + items.again.length;
    must(places <= maxParallel, `${name}: at most max_parallel items`);
    must(items.done + places + items.total - items.begun === items.total, `${name}: every item is somewhere`);
    if (run.hold === null) {
      must(places === maxParallel || items.begun === items.total, `${name}: no place is empty`);
      must(
        items.again.every(({ at }) => at !== undefined),
        `${name}: what may start is owed`,
      );
    }
  }
  if (waits?.deadline !== undefined) must(timed(books, name, waits.deadline), `${name}: its deadline is awaited`);
  if (status === "pending") {
    const ready = judge(phase, (each) => run.phases[each]!.status) === "run";
    if (stage === "deciding") {
      must(asked(books, state, name, epoch), `${name} is being decided`);
    } else if (items) {
      must(run.hold !== null || items.owed.length > 0, `${name} has items owed`);
    } else if (stage === "owed") {
      must(
        books.starts.some((each) => same(each, { phase: name, iteration, attempt, epoch })),
        `${name} is owed`,
      );
    } else must(!ready || run.hold !== null, `${name} could start and is not owed`);
  }
  if (status !== "waiting") return;
  must(!items || items.owed.length === 0, `${name} does not wait while an item of it could start`);
  must(waits !== undefined, `${name} says what it waits for`);
  if (waits.for === "gate") must(run.gates.filter((each) => each.phase === name).length === 1, `${name} has one gate`);
  else if (waits.for === "child")
    must(
      books.children.some((each) => same(each, { phase: name, iteration, attempt, epoch })),
      `${name} has a child`,
    );
  else if (waits.for === "action")
    must(
      books.actions.some((each) => same(each, { phase: name, iteration, attempt, epoch })),
      `${name} has its act owed`,
    );
  else if (stage === "deciding") must(asked(books, state, name, epoch), `${name} is being decided`);
  else must(waits.until !== undefined && timed(books, name, waits.until), `${name} has its timer`);
}

function asked({ decisions }: Books, { iteration }: PhaseState, phase: string, epoch: number): boolean {
  return decisions.some((each) => each.phase === phase && each.iteration === iteration && each.epoch === epoch);
}

function timed({ timers }: Books, phase: string | null, due: Iso): boolean {
  return timers.some((each) => each.phase === phase && each.due === due);
}

/** Engine rule 11, and that history and executions tell the same story. */
export function auditHistory(of: Workflow, run: Run, { opened, closed, lines }: Books): void {
  const seen = new Set<string>();
  const { phase: phases } = graphOf(of);
  for (const { phase, iteration, epoch, status, execution_id: id, retried_by } of lines) {
    if (retried_by !== undefined) continue;
    const key = `${phase}/${iteration}/${epoch}`;
    must(!seen.has(key), `${key} has one line`);
    seen.add(key);
    const execution = id === null ? undefined : opened.get(id);
    if (!execution) continue;
    const end = closed.get(execution.id)?.status;
    must(
      execution.phase === phase && execution.iteration === iteration && execution.epoch === epoch,
      `${key}: its own`,
    );
    if (status === "succeeded") must(end === "ok", `${key} succeeded with an execution that did`);
    else must(end !== undefined, `${key}: its execution is over`);
  }
  const ok = new Set<string>();
  for (const { execution, status } of closed.values()) {
    if (status !== "ok") continue;
    const key = `${execution.phase}/${execution.iteration}/${execution.epoch}`;
    must(!ok.has(key), `${key} completes once`);
    ok.add(key);
    const asking = run.phases[execution.phase]?.waits?.execution === execution.id;
    must(phases.get(execution.phase)?.matrix !== undefined || seen.has(key) || asking, `${key} has a line`);
  }
}
