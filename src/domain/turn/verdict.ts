import { failureAccepted, judge } from "../graph.ts";
import { type Deadline, type Ending, isOver, type Run, type RunReason, type Step } from "../run.ts";
import type { Phase } from "../workflow.ts";
import type { Turn } from "./turn.ts";

interface Standing {
  readonly status: Run["status"];
  readonly reason: RunReason | null;
}

/** A run is as alive as its liveliest phase (engine rule 10); null when none of these lives. */
export function standing(turn: Turn, phases: readonly Phase[]): Standing | null {
  let pending = false;
  let begun = turn.run.status !== "queued" && turn.run.finishedAt === null;
  const waits = new Set<string>();
  for (const phase of phases) {
    const { status, waits: what } = turn.at(phase.name);
    if (status === "running") return { status: "running", reason: null };
    if (status === "waiting") waits.add(what?.for ?? "gate");
    if (status === "pending" && judge(phase, (each) => turn.status(each)) === "run") pending = true;
    if (status !== "pending" && status !== "skipped") begun = true;
  }
  if (pending && turn.hold === "concurrency") return { status: begun ? "paused" : "queued", reason: turn.hold };
  if (pending && turn.hold) return { status: "paused", reason: turn.hold };
  if (pending) return { status: begun ? "running" : "queued", reason: null };
  if (waits.size === 0) return null;
  return { status: "paused", reason: REASONS.find((each) => waits.has(each)) ?? "timer" };
}

/** Of several things that are waited for, the first of these is named. */
const REASONS = ["gate", "child", "action"] as const;

/** How the phases ended, when all have: judged once. */
export function judged(turn: Turn): Ending {
  let failed = false;
  let reason: RunReason | null = null;
  for (const { name } of turn.graph.main) {
    const { status, cause } = turn.at(name);
    if (cause !== "fix_failed" && (status !== "failed" || failureAccepted(turn.graph, name))) continue;
    failed = true;
    if (cause === "rejected" || cause === "expired") reason ??= cause;
  }
  return failed ? { status: "failed", reason } : { status: "succeeded", reason: null };
}

/** The run as the turn leaves it. */
export function stepOf(turn: Turn): Step {
  const { run, graph, now, workflow } = turn;
  const alive = turn.ending ? null : standing(turn, graph.main);
  const ending = alive ? null : (turn.ending ?? judged(turn));
  const closing = ending ? standing(turn, graph.last) : null;
  const verdict = alive ?? closing ?? (ending as Ending);
  const over = isOver(verdict.status);
  const deadline = ticking(turn, verdict);
  tell(turn, verdict);
  if (over && isOver(run.status) === false && setsTimers(workflow.phases, workflow.timeoutMs))
    turn.effects.push({ type: "timers.void" });
  return {
    ok: true,
    run: {
      ...run,
      status: verdict.status,
      reason: verdict.reason,
      hold: over ? null : turn.hold,
      phases: turn.phases,
      currentPhase: turn.currentPhase,
      restartCount: turn.restartCount,
      rev: run.rev + 1,
      epoch: turn.epoch,
      // A queued run has not started; it starts when it leaves the queue.
      startedAt: run.status === "queued" && verdict.status !== "queued" ? now : run.startedAt,
      updatedAt: now,
      finishedAt: over ? now : null,
      live: turn.live,
      gates: turn.gates,
      ending: closing ? ending : null,
      deadline,
      spent: turn.spent,
    },
    effects: turn.effects,
  };
}

/** Time runs out only while the run could be at work: not in the queue, not while a person has it. */
function ticking(turn: Turn, { status, reason }: Standing): Deadline | null {
  const { deadline } = turn;
  if (deadline === null) return null;
  const runs =
    !turn.ending &&
    (status === "running" ||
      (status === "paused" && (reason === "timer" || reason === "child" || reason === "action")));
  if (runs && deadline.since === null) {
    turn.timer(null, turn.after(deadline.left));
    return { left: deadline.left, since: turn.now };
  }
  if (!runs && deadline.since !== null) {
    const gone = Math.max(0, Date.parse(turn.now) - Date.parse(deadline.since));
    return { left: Math.max(0, deadline.left - gone), since: null };
  }
  return deadline;
}

/** What people are told about the run as a whole. */
function tell(turn: Turn, { status }: Standing): void {
  const { workflow, run, phases } = turn;
  const nothing = { phase: null, iteration: 0, execution: null };
  if (workflow.statusChecklist) {
    const moved = Object.keys(phases).some((name) => phases[name]?.status !== run.phases[name]?.status);
    if (moved) turn.effects.push({ type: "post", event: "status_checklist", ...nothing });
  }
  if (status === "succeeded" && workflow.finalMessage !== undefined)
    turn.effects.push({ type: "post", event: "final_message", ...nothing });
}

function setsTimers(phases: readonly Phase[], timeoutMs: number | undefined): boolean {
  return (
    timeoutMs !== undefined ||
    phases.some(
      (phase) =>
        phase.retry !== undefined ||
        phase.type === "wait" ||
        ((phase.type === "approval" || phase.type === "workflow" || phase.type === "action") &&
          phase.timeoutMs !== undefined),
    )
  );
}
