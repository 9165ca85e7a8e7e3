import type { Iso } from "./clock.ts";
import { INLINE_LIMIT, type LiveExecution } from "./execution.ts";
import { failureAccepted, type Graph, graphOf, isFinal, judge, type PhaseStatus } from "./graph.ts";
import { utf8Length } from "./json.ts";
import {
  type Effect,
  isOver,
  type PhaseState,
  type Refusal,
  type Run,
  type RunEvent,
  type RunReason,
  type Step,
} from "./run.ts";
import type { Workflow } from "./workflow.ts";

/** The whole life of a run in one place: what was, what happened → what is, what follows. Pure; never throws a refusal. */
export function advance(workflow: Workflow, run: Run, event: RunEvent, now: Iso): Step {
  const why = refusal(run, event);
  if (why) return { ok: false, why };
  const turn = new Turn(graphOf(workflow), run, now);

  switch (event.type) {
    case "run.created":
      turn.settle("first");
      break;
    case "execution.admitted":
      turn.admit(event.execution, event.phase);
      break;
    case "execution.ended": {
      const { outcome } = event;
      const ok = outcome.type === "succeeded";
      turn.close(live(run, event.execution), ok ? "ok" : "error", ok ? null : outcome.error, outcome);
      turn.finish(live(run, event.execution), ok ? "succeeded" : "failed");
      turn.restartCount = 0;
      turn.settle();
      break;
    }
    case "execution.lost":
      for (const id of event.executions) turn.lose(live(run, id), event.attemptLimit);
      turn.settle();
      break;
    case "run.suspected":
      turn.restartCount++;
      if (turn.restartCount >= event.restartLimit) turn.abandon("failed", "crash_loop");
      break;
    case "gate.answered":
      turn.answer(event);
      turn.settle();
      break;
    case "run.held":
      turn.hold = event.hold;
      turn.effects.push({ type: "starts.void" });
      break;
    case "run.released":
      turn.hold = null;
      turn.settle("first");
      break;
    case "run.cancelled":
      turn.epoch++;
      turn.abandon("cancelled", "operator");
      break;
    case "scratch.written":
      turn.effects.push({ type: "scratch", key: event.key, value: event.value, append: event.append });
      break;
  }
  return turn.step();
}

const LOST = "It ended without saying how: its process, or the daemon, was killed";

function live(run: Run, id: string): LiveExecution {
  return run.live.find((each) => each.id === id) as LiveExecution;
}

function refusal(run: Run, event: RunEvent): Refusal | null {
  if (isOver(run.status)) return event.type === "gate.answered" ? "answered" : "terminal";
  switch (event.type) {
    case "run.created":
      return run.rev === 0 ? null : "stale";
    case "execution.admitted": {
      const phase = run.phases[event.phase];
      return run.hold === null && phase?.status === "pending" && phase.attempt === event.attempt ? null : "stale";
    }
    case "execution.ended":
      return live(run, event.execution)?.epoch === run.epoch ? null : "stale";
    case "execution.lost":
      return event.executions.length > 0 && event.executions.every((id) => live(run, id)) ? null : "stale";
    case "gate.answered":
      return run.gates.some((gate) => gate.id === event.approval) ? null : "answered";
    case "run.cancelled":
    case "run.suspected":
      return null;
    case "run.held":
      return run.hold === null ? null : "stale";
    case "run.released":
      return run.hold === event.hold ? null : "stale";
    case "scratch.written":
      return /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(event.key) && utf8Length(JSON.stringify(event.value)) <= INLINE_LIMIT
        ? null
        : "too_large";
  }
}

/** One transition in the making. A class, since it is a thing with a life: from the event to the step. */
class Turn {
  readonly effects: Effect[] = [];
  restartCount: number;
  epoch: number;
  hold: Run["hold"];
  private readonly phases: Record<string, PhaseState>;
  private running: LiveExecution[];
  private gates: Run["gates"];
  private currentPhase: string;
  private ended: { status: "failed" | "cancelled"; reason: RunReason } | null = null;
  private readonly graph: Graph;
  private readonly run: Run;
  private readonly now: Iso;

  constructor(graph: Graph, run: Run, now: Iso) {
    this.graph = graph;
    this.run = run;
    this.now = now;
    this.phases = { ...run.phases };
    this.running = [...run.live];
    this.gates = run.gates;
    this.restartCount = run.restartCount;
    this.epoch = run.epoch;
    this.hold = run.hold;
    this.currentPhase = run.currentPhase;
  }

  admit(id: string, name: string): void {
    const { iteration, attempt } = this.at(name);
    const execution = { id, phase: name, iteration, attempt, epoch: this.epoch, startedAt: this.now };
    this.put(name, { status: "running" });
    this.currentPhase = name;
    this.running.push(execution);
    this.effects.push({ type: "execution.open", execution });
  }

  close(
    execution: LiveExecution,
    status: "ok" | "error" | "cancelled" | "interrupted",
    error: string | null,
    outcome: Extract<RunEvent, { type: "execution.ended" }>["outcome"] | null = null,
  ): void {
    this.running = this.running.filter((each) => each.id !== execution.id);
    this.effects.push({ type: "execution.close", execution, status, error, outcome });
  }

  finish(execution: LiveExecution, status: PhaseStatus): void {
    this.put(execution.phase, { status });
    this.note(execution.phase, execution.id, execution.startedAt);
  }

  /** The try is gone; settling owes the phase another, unless it has had enough of them. */
  lose(execution: LiveExecution, attemptLimit: number | null): void {
    this.close(execution, "interrupted", LOST);
    if (attemptLimit !== null && execution.attempt >= attemptLimit) this.finish(execution, "failed");
    else this.put(execution.phase, { status: "pending", attempt: execution.attempt + 1 });
  }

  answer(event: Extract<RunEvent, { type: "gate.answered" }>): void {
    const gate = this.gates.find((each) => each.id === event.approval);
    if (!gate) return;
    const approved = event.decision === "approve";
    this.gates = this.gates.filter((each) => each !== gate);
    this.effects.push({
      type: "gate.close",
      approval: gate.id,
      status: approved ? "approved" : "rejected",
      by: event.by,
      response: event.comment,
    });
    this.put(gate.phase, approved ? { status: "succeeded" } : { status: "failed", cause: "rejected" });
    this.note(gate.phase, null, gate.createdAt);
  }

  /** Ends the run against its phases: whatever is under way is stopped, whatever waits is void. */
  abandon(status: "failed" | "cancelled", reason: RunReason): void {
    this.ended = { status, reason };
    const startedAt = new Map(this.gates.map((gate) => [gate.phase, gate.createdAt]));
    for (const execution of this.running) {
      startedAt.set(execution.phase, execution.startedAt);
      this.close(execution, status === "cancelled" ? "cancelled" : "interrupted", status === "cancelled" ? null : LOST);
      this.effects.push({ type: "execution.stop", execution: execution.id });
    }
    for (const gate of this.gates) {
      this.effects.push({ type: "gate.close", approval: gate.id, status: "void", by: null, response: null });
    }
    this.gates = [];
    this.effects.push({ type: "starts.void" });
    for (const { name } of this.graph.order) {
      const was = this.at(name).status;
      if (isFinal(was)) continue;
      this.put(name, { status: was === "running" ? status : "cancelled" });
      const since = startedAt.get(name);
      if (since) {
        const execution = this.run.live.find((each) => each.phase === name);
        this.note(name, execution?.id ?? null, since);
      }
    }
  }

  /** Opens every door that the last change unlocked. One pass is enough: the order puts causes before consequences. */
  settle(first?: "first"): void {
    const before = (name: string): PhaseStatus => (this.run.phases[name] as PhaseState).status;
    const after = (name: string): PhaseStatus => this.at(name).status;
    for (const phase of this.graph.order) {
      if (after(phase.name) !== "pending") continue;
      const verdict = judge(phase, after);
      if (verdict === "wait") continue;
      if (verdict === "skip") {
        this.put(phase.name, { status: "skipped" });
        this.note(phase.name, null, this.now);
      } else if (phase.type === "approval") {
        this.put(phase.name, { status: "waiting" });
        this.currentPhase = phase.name;
        this.effects.push({
          type: "gate.open",
          phase: phase.name,
          iteration: this.at(phase.name).iteration,
          summary: phase.summary,
        });
      } else {
        // Whatever could start before this event is owed already; owing it twice would start it twice.
        const owed = !first && before(phase.name) === "pending" && judge(phase, before) === "run";
        if (!owed) this.owe(phase.name);
      }
    }
  }

  step(): Step {
    const verdict = this.ended ?? this.verdict();
    const over = isOver(verdict.status);
    return {
      ok: true,
      run: {
        ...this.run,
        status: verdict.status,
        reason: verdict.reason,
        hold: this.hold,
        phases: this.phases,
        currentPhase: this.currentPhase,
        restartCount: this.restartCount,
        rev: this.run.rev + 1,
        epoch: this.epoch,
        // A queued run has not started; it starts when it leaves the queue.
        startedAt: this.run.status === "queued" && verdict.status !== "queued" ? this.now : this.run.startedAt,
        updatedAt: this.now,
        finishedAt: over ? this.now : null,
        live: this.running,
        gates: this.gates,
      },
      effects: this.effects,
    };
  }

  /** A run is as alive as its liveliest phase; only when none lives is it judged by how they ended (engine rule 10). */
  private verdict(): { status: Run["status"]; reason: RunReason | null } {
    let waiting = false;
    let pending = false;
    let begun = this.run.status !== "queued";
    let failed = false;
    let rejected = false;
    for (const { name } of this.graph.order) {
      const { status, cause } = this.at(name);
      if (status === "running") return { status: "running", reason: null };
      if (status === "waiting") waiting = true;
      if (status === "pending" && judge(this.graph.phase.get(name)!, (each) => this.at(each).status) === "run")
        pending = true;
      if (status !== "pending" && status !== "skipped") begun = true;
      if (status === "failed" && !failureAccepted(this.graph, name)) {
        failed = true;
        rejected ||= cause === "rejected";
      }
    }
    if (pending && this.hold) return { status: "paused", reason: this.hold };
    if (pending) return { status: begun ? "running" : "queued", reason: null };
    if (waiting) return { status: "paused", reason: "gate" };
    return failed ? { status: "failed", reason: rejected ? "rejected" : null } : { status: "succeeded", reason: null };
  }

  private owe(name: string): void {
    // Released, it owes everything that can start then.
    if (this.hold) return;
    const { iteration, attempt } = this.at(name);
    this.effects.push({ type: "phase.start", phase: name, iteration, attempt });
  }

  private note(phase: string, execution: string | null, since: Iso): void {
    const { status, iteration } = this.at(phase);
    this.effects.push({
      type: "history",
      line: {
        phase,
        iteration,
        epoch: this.run.epoch,
        status,
        execution_id: execution,
        started_at: since,
        finished_at: this.now,
      },
    });
  }

  private at(name: string): PhaseState {
    return this.phases[name] as PhaseState;
  }

  private put(name: string, change: Partial<PhaseState>): void {
    this.phases[name] = { ...this.at(name), ...change };
  }
}
