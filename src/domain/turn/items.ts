import type { LiveExecution, Outcome } from "../execution.ts";
import { type Axes, combinations, type Item, type Items, MATRIX_LIMIT, trialsOf } from "../matrix.ts";
import { forgives, pauseOf } from "../retry.ts";
import type { Matrix, Phase } from "../workflow.ts";
import { fail, succeed } from "./endings.ts";
import type { Turn } from "./turn.ts";

/** A matrix begins: as many items as may go side by side are owed. */
export function beginItems(turn: Turn, phase: Phase, axes: Axes): void {
  const total = combinations(axes);
  const { iteration: base } = turn.at(phase.name);
  if (total > MATRIX_LIMIT) {
    fail(turn, phase, null, turn.now);
    return;
  }
  turn.put(phase.name, {
    items: { base, total, begun: 0, done: 0, failed: 0, owed: [], again: [], trying: [], since: turn.now },
  });
  fill(turn, phase);
}

/** Owes further items while there is a place for them, and says where the phase stands. */
export function fill(turn: Turn, phase: Phase): void {
  const { maxParallel } = phase.matrix as Matrix;
  let items = turn.at(phase.name).items as Items;
  const live = turn.live.filter((each) => each.phase === phase.name).length;
  if (!turn.hold && !items.stopped) {
    while (live + items.owed.length < maxParallel) {
      const ready = items.again.find((each) => each.at === undefined);
      if (!ready && !hasRoom(items, live, maxParallel)) break;
      const next: Item = ready ?? { iteration: items.base + items.begun, attempt: 1 };
      items = {
        ...items,
        begun: ready ? items.begun : items.begun + 1,
        again: items.again.filter((each) => each !== ready),
        owed: [...items.owed, next],
      };
      const { iteration, attempt } = next;
      turn.effects.push({ type: "phase.start", phase: phase.name, iteration, attempt });
    }
  }
  const pauses = items.again.flatMap(({ at }) => (at === undefined ? [] : [at])).sort();
  const left = items.total - items.begun + items.owed.length + items.again.length;
  const owesMore = items.owed.length > 0 || hasRoom(items, live, maxParallel);
  if (live === 0 && (items.stopped || left === 0)) finish(turn, phase, items);
  else if (live > 0) turn.put(phase.name, { status: "running", stage: undefined, waits: undefined, items });
  else if (pauses.length > 0 && pauses.length === items.again.length && !owesMore) {
    const until = pauses[0] as string;
    turn.put(phase.name, {
      status: "waiting",
      stage: undefined,
      waits: { for: "retry", until, since: items.since },
      items,
    });
  } else
    turn.put(phase.name, {
      status: "pending",
      stage: items.owed.length > 0 ? "owed" : undefined,
      waits: undefined,
      items,
    });
}

/** Whether another item may begin. One that pauses keeps its place: else all could pause at once, each with its moment. */
function hasRoom({ begun, total, owed, again }: Items, live: number, maxParallel: number): boolean {
  return begun < total && live + owed.length + again.length < maxParallel;
}

function finish(turn: Turn, phase: Phase, items: Items): void {
  const told = { id: null, iteration: items.base, epoch: turn.epoch, name: phase.name };
  turn.put(phase.name, { iteration: items.base + Math.max(items.total, 1) - 1, items });
  if (items.failed > 0) fail(turn, phase, told, items.since);
  else succeed(turn, phase, told, items.since);
}

export function itemAdmitted(turn: Turn, phase: Phase, { iteration, attempt }: Item): void {
  const items = turn.at(phase.name).items as Items;
  const owed = items.owed.find((each) => each.iteration === iteration && each.attempt === attempt);
  turn.put(phase.name, {
    items: {
      ...items,
      owed: items.owed.filter((each) => each !== owed),
      trying: owed?.failures || owed?.vanished ? [...items.trying, owed] : items.trying,
    },
  });
}

export function itemEnded(turn: Turn, phase: Phase, execution: LiveExecution, outcome: Outcome): void {
  const { items, trials } = left(turn, phase, execution);
  const { failures = 0 } = trials;
  const { iteration, attempt } = execution;
  if (outcome.type === "succeeded") step(turn, phase, { ...items, done: items.done + 1 });
  else if (forgives(phase.retry, outcome.failure, failures)) {
    const pause = pauseOf(phase.retry, failures, `${turn.run.id}/${phase.name}/${iteration}/${attempt}`);
    const at = pause === 0 ? {} : { at: turn.after(pause) };
    if (at.at) turn.timer(phase.name, at.at);
    const again = { iteration, attempt: attempt + 1, ...trials, failures: failures + 1, ...at };
    step(turn, phase, { ...items, again: [...items.again, again] });
  } else lostForGood(turn, phase, items);
}

export function itemLost(turn: Turn, phase: Phase, execution: LiveExecution, vanishedLimit: number | null): void {
  const { items, trials } = left(turn, phase, execution);
  const vanished = (trials.vanished ?? 0) + (vanishedLimit === null ? 0 : 1);
  const { iteration, attempt } = execution;
  const again = { iteration, attempt: attempt + 1, ...trials, ...(vanished > 0 && { vanished }) };
  if (vanishedLimit !== null && vanished >= vanishedLimit) lostForGood(turn, phase, items);
  else step(turn, phase, { ...items, again: [...items.again, again] });
}

/** Items whose pause is over may start, also where the wall clock has stepped back since the moment was set. */
export function itemsDue(turn: Turn, phase: Phase, moment: string): void {
  const items = turn.at(phase.name).items as Items;
  const until = moment > turn.now ? moment : turn.now;
  const again = items.again.map(({ at, ...item }) => (at !== undefined && at > until ? { ...item, at } : item));
  step(turn, phase, { ...items, again });
}

/** What was owed is owed no more; it comes again when the run is released. */
export function itemsHeld(turn: Turn, phase: Phase): void {
  const items = turn.at(phase.name).items as Items;
  step(turn, phase, { ...items, owed: [], again: [...items.owed, ...items.again] });
}

/** Places that were kept empty fill again, beside items that went on meanwhile. */
export function itemsReleased(turn: Turn, phase: Phase): void {
  if (turn.at(phase.name).items) fill(turn, phase);
}

function left(
  turn: Turn,
  phase: Phase,
  { iteration }: LiveExecution,
): { items: Items; trials: ReturnType<typeof trialsOf> } {
  const items = turn.at(phase.name).items as Items;
  return {
    items: { ...items, trying: items.trying.filter((each) => each.iteration !== iteration) },
    trials: trialsOf(items, iteration),
  };
}

function lostForGood(turn: Turn, phase: Phase, items: Items): void {
  const failed = { ...items, done: items.done + 1, failed: items.failed + 1 };
  if (!phase.matrix?.failFast) {
    step(turn, phase, failed);
    return;
  }
  for (const execution of turn.live) {
    if (execution.phase === phase.name) turn.stop(execution, "cancelled", "Another item of the matrix failed");
  }
  step(turn, phase, { ...failed, owed: [], again: [], trying: [], stopped: true });
}

function step(turn: Turn, phase: Phase, items: Items): void {
  turn.put(phase.name, { items });
  fill(turn, phase);
}
