import { isDayUsedUp, isUsedUp } from "./budget.ts";
import type { Iso } from "./clock.ts";
import { INLINE_LIMIT, type LiveExecution } from "./execution.ts";
import { graphOf, isFinal } from "./graph.ts";
import { utf8Length } from "./json.ts";
import { isOver, type Refusal, type Run, type RunEvent, type Step } from "./run.ts";
import { abandon } from "./turn/abandon.ts";
import { answered } from "./turn/answers.ts";
import { LOST } from "./turn/endings.ts";
import { itemsHeld, itemsReleased } from "./turn/items.ts";
import { retried, stands } from "./turn/resets.ts";
import { settle, skipAll } from "./turn/starts.ts";
import { Turn } from "./turn/turn.ts";
import { judged, standing, stepOf } from "./turn/verdict.ts";
import { decided, due, handedBack, outOfTime, signalled } from "./turn/waits.ts";
import { admitted, ended, lose, used } from "./turn/work.ts";
import type { Workflow } from "./workflow.ts";

/** The whole life of a run in one place: what was, what happened → what is, what follows. Pure; never throws a refusal. */
export function advance(workflow: Workflow, run: Run, event: RunEvent, now: Iso): Step {
  const why = refusal(run, event);
  if (why) return { ok: false, why };
  const turn = new Turn(workflow, graphOf(workflow), run, now);
  happen(turn, event);
  follow(turn);
  return stepOf(turn);
}

function happen(turn: Turn, event: RunEvent): void {
  const { run } = turn;
  switch (event.type) {
    case "run.created":
      for (const [name, id] of Object.entries(event.inherited ?? {})) {
        // A fork's author may have taken the phase out.
        if (!turn.graph.phase.has(name)) continue;
        turn.put(name, { status: "succeeded" });
        turn.note(name, "succeeded", turn.now, id === null ? null : { id, iteration: 0, epoch: 0, name });
      }
      if (event.busy === "queue") turn.hold = "concurrency";
      if (event.busy === "skip") abandon(turn, { status: "cancelled", reason: "concurrency" }, null, true);
      break;
    case "execution.admitted":
      admitted(turn, event);
      break;
    case "execution.used":
      used(turn, live(run, event.execution), event.usage);
      budget(turn, event.othersUsd);
      break;
    case "execution.ended":
      ended(turn, live(run, event.execution), event.outcome);
      budget(turn);
      break;
    case "execution.lost":
      for (const id of event.executions) {
        // The loss of one may have ended another.
        const execution = turn.live.find((each) => each.id === id);
        if (execution) lose(turn, execution, event.vanishedLimit);
      }
      break;
    case "phase.decided":
      decided(turn, event);
      break;
    case "timer.fired":
      if (event.phase === null) outOfTime(turn);
      else due(turn, event.phase, event.due);
      break;
    case "signal.received":
      turn.effects.push({ type: "signal", id: event.id, name: event.name, payload: event.payload });
      signalled(turn);
      break;
    case "child.ended":
    case "action.ended":
      handedBack(turn, event);
      budget(turn);
      break;
    case "run.suspected":
      turn.restartCount++;
      if (turn.restartCount >= event.restartLimit)
        abandon(turn, run.ending ?? { status: "failed", reason: "crash_loop" }, LOST, true);
      break;
    case "gate.answered":
      answered(turn, event);
      break;
    case "run.held":
      hold(turn, event.hold);
      break;
    case "run.released":
      turn.hold = null;
      for (const phase of turn.graph.order) if (turn.status(phase.name) === "running") itemsReleased(turn, phase);
      break;
    case "run.cancelled": {
      turn.epoch++;
      // A cancel outranks a pause: what runs last is not kept waiting for a release that nobody has in mind.
      if (turn.hold === "operator") turn.hold = null;
      // Cancelled once more while it closes, or before its group had room for it, nothing of it is left to run.
      const everything = run.ending !== null || run.hold === "concurrency";
      abandon(turn, { status: "cancelled", reason: event.reason ?? "operator" }, null, everything);
      break;
    }
    case "run.retried":
      retried(turn, event);
      break;
    case "scratch.written":
      turn.effects.push({ type: "scratch", key: event.key, value: event.value, append: event.append });
      break;
  }
}

/** What the change unlocked starts; when nothing of the run itself is left, what runs last does. */
function follow(turn: Turn): void {
  const { graph } = turn;
  if (!turn.ending) settle(turn, graph.main);
  if (graph.last.length === 0) return;
  if (!turn.ending && standing(turn, graph.main)) return;
  turn.ending ??= judged(turn);
  settle(turn, graph.last);
}

/** A limit that is reached ends what has not begun; a run that needs nothing more has kept within it. */
function budget(turn: Turn, others?: number): void {
  const { spent, ending } = turn;
  const limits = turn.workflow.budget;
  const dayIsOver = others !== undefined && isDayUsedUp(limits, spent, others);
  if (ending || !(dayIsOver || isUsedUp(limits, spent))) return;
  skipAll(turn, turn.graph.main);
  if (turn.graph.main.every(({ name }) => isFinal(turn.status(name)))) return;
  turn.epoch++;
  const why = dayIsOver ? "What the workflow may cost in a day was used up" : "The run's budget was used up";
  abandon(turn, { status: "failed", reason: "budget" }, why);
}

/** Nothing more is owed, and nobody is asked about a phase that may not start; all of it comes again on release. */
function hold(turn: Turn, why: NonNullable<Run["hold"]>): void {
  turn.hold = why;
  turn.effects.push({ type: "starts.void" });
  for (const phase of turn.graph.order) {
    const { status, items } = turn.at(phase.name);
    if (items && !isFinal(status)) itemsHeld(turn, phase);
    else if (status === "pending") turn.put(phase.name, { stage: undefined, waits: undefined });
  }
}

function live(run: Run, id: string): LiveExecution {
  return run.live.find((each) => each.id === id) as LiveExecution;
}

function refusal(run: Run, event: RunEvent): Refusal | null {
  if (event.type === "run.retried") {
    if (!isOver(run.status)) return "unfinished";
    if (event.from !== null) return Object.hasOwn(run.phases, event.from) ? null : "stale";
    return Object.values(run.phases).every(stands) ? "terminal" : null;
  }
  if (isOver(run.status)) return event.type === "gate.answered" ? "answered" : "terminal";
  switch (event.type) {
    case "run.created":
      return run.rev === 0 ? null : "stale";
    case "execution.admitted":
      return mayStart(run, event) ? null : "stale";
    case "execution.used":
    case "execution.ended":
      return live(run, event.execution)?.epoch === run.epoch ? null : "stale";
    case "execution.lost":
      return event.executions.length > 0 && event.executions.every((id) => live(run, id)) ? null : "stale";
    case "phase.decided": {
      const phase = run.phases[event.phase];
      const asked = phase?.stage === "deciding" && phase.iteration === event.iteration && event.epoch === run.epoch;
      return asked ? null : "stale";
    }
    case "timer.fired":
      return isAwaited(run, event) ? null : "stale";
    case "child.ended":
    case "action.ended": {
      const phase = run.phases[event.phase];
      const awaited =
        phase?.waits?.for === (event.type === "child.ended" ? "child" : "action") &&
        phase.iteration === event.iteration &&
        phase.attempt === event.attempt &&
        event.epoch === run.epoch;
      return awaited ? null : "stale";
    }
    case "gate.answered": {
      const gate = run.gates.find((each) => each.id === event.approval);
      if (!gate) return "answered";
      return gate.kind === "approve" && event.decision === "reply" ? "unfit" : null;
    }
    case "run.cancelled":
    case "run.suspected":
    case "signal.received":
      return null;
    case "run.held":
      return run.hold === null || (event.hold === "operator" && run.hold === "disk_full") ? null : "stale";
    case "run.released":
      return run.hold === event.hold ? null : "stale";
    case "scratch.written":
      return /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(event.key) && utf8Length(JSON.stringify(event.value)) <= INLINE_LIMIT
        ? null
        : "too_large";
  }
}

function mayStart(run: Run, { phase, iteration, attempt }: Extract<RunEvent, { type: "execution.admitted" }>): boolean {
  const state = run.phases[phase];
  if (run.hold !== null || !state) return false;
  if (state.items) return state.items.owed.some((each) => each.iteration === iteration && each.attempt === attempt);
  return state.stage === "owed" && state.iteration === iteration && state.attempt === attempt;
}

function isAwaited({ phases, deadline }: Run, { phase, due }: Extract<RunEvent, { type: "timer.fired" }>): boolean {
  if (phase === null) return deadline?.since != null && Date.parse(deadline.since) + deadline.left === Date.parse(due);
  const state = phases[phase];
  return (
    state?.waits?.until === due ||
    state?.waits?.deadline === due ||
    state?.items?.again.some(({ at }) => at === due) === true
  );
}
