import { settled, spend } from "../budget.ts";
import type { Iso } from "../clock.ts";
import type { LiveExecution, Outcome } from "../execution.ts";
import type { Graph, PhaseStatus } from "../graph.ts";
import type { MessageEvent } from "../message.ts";
import type { PhaseState } from "../phase-state.ts";
import type { Effect, Ending, HistoryLine, Run } from "../run.ts";
import type { Phase, Workflow } from "../workflow.ts";

/** What a line of history names; a matrix as a whole has no execution of its own. */
export type Noted = Pick<LiveExecution, "iteration" | "epoch" | "name"> & { readonly id: string | null };

/** One transition in the making. A class, since it is a thing with a life: from the event to the step. */
export class Turn {
  readonly effects: Effect[] = [];
  readonly workflow: Workflow;
  readonly graph: Graph;
  readonly run: Run;
  readonly now: Iso;
  restartCount: number;
  epoch: number;
  hold: Run["hold"];
  spent: Run["spent"];
  ending: Ending | null;
  deadline: Run["deadline"];
  live: readonly LiveExecution[];
  gates: Run["gates"];
  currentPhase: string;
  readonly phases: Record<string, PhaseState>;

  constructor(workflow: Workflow, graph: Graph, run: Run, now: Iso) {
    this.workflow = workflow;
    this.graph = graph;
    this.run = run;
    this.now = now;
    this.restartCount = run.restartCount;
    this.epoch = run.epoch;
    this.hold = run.hold;
    this.spent = run.spent;
    this.ending = run.ending;
    this.deadline = run.deadline;
    this.live = run.live;
    this.gates = run.gates;
    this.currentPhase = run.currentPhase;
    this.phases = { ...run.phases };
  }

  at(name: string): PhaseState {
    return this.phases[name] as PhaseState;
  }

  status(name: string): PhaseStatus {
    return this.at(name).status;
  }

  /** What is put as `undefined` is taken away, so that a state that is saved and read again is the same state. */
  put(name: string, change: { [Key in keyof PhaseState]?: PhaseState[Key] | undefined }): void {
    const next = { ...this.at(name), ...change } as Record<string, unknown>;
    for (const key in next) if (next[key] === undefined) delete next[key];
    this.phases[name] = next as unknown as PhaseState;
  }

  /** A moment `ms` from now. */
  after(ms: number): Iso {
    return new Date(Date.parse(this.now) + ms).toISOString();
  }

  /** Wakes the run, or one phase of it, at that moment. A timer that is no longer waited for changes nothing. */
  timer(phase: string | null, due: Iso): void {
    this.effects.push({ type: "timer.set", phase, due });
  }

  close(
    execution: LiveExecution,
    status: "ok" | "error" | "cancelled" | "interrupted",
    error: string | null,
    outcome: Outcome | null = null,
  ): void {
    const used = settled(execution.used, outcome?.usage);
    this.spent = spend(this.spent, used, execution.used);
    this.live = this.live.filter((each) => each.id !== execution.id);
    const closed = used === execution.used ? execution : { ...execution, ...(used ? { used } : {}) };
    this.effects.push({ type: "execution.close", execution: closed, status, error, outcome });
  }

  /** Ends an execution that is no longer wanted. */
  stop(execution: LiveExecution, status: "cancelled" | "interrupted", error: string | null): void {
    this.close(execution, status, error);
    this.effects.push({ type: "execution.stop", execution: execution.id });
  }

  /** A line of history. */
  note(
    phase: string,
    status: PhaseStatus,
    since: Iso,
    execution: Noted | null,
    more: Pick<HistoryLine, "retried_by"> = {},
  ): void {
    const name = execution && execution.name !== phase ? { name: execution.name } : {};
    this.effects.push({
      type: "history",
      line: {
        phase,
        iteration: execution?.iteration ?? this.at(phase).iteration,
        epoch: execution?.epoch ?? this.epoch,
        status,
        execution_id: execution?.id ?? null,
        started_at: since,
        finished_at: this.now,
        ...name,
        ...more,
      },
    });
  }

  /** Tells people, where the author wrote what to tell. */
  say(event: MessageEvent, phase: Phase, execution: string | null = null): void {
    const texts: Partial<Record<MessageEvent, string>> = { ...phase.messages };
    if (phase.type === "agent" && phase.blocked) {
      texts.on_blocked = phase.blocked.message ?? texts.on_blocked;
      texts.on_blocked_bypassed = phase.blocked.bypassMessage ?? texts.on_blocked_bypassed;
    }
    if (texts[event] === undefined) return;
    const { iteration } = this.at(phase.name);
    this.effects.push({ type: "post", event, phase: phase.name, iteration, execution });
  }
}
