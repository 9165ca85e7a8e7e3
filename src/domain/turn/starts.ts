import { type Finding, needsDecision } from "../decision.ts";
import { judge } from "../graph.ts";
import type { Axes } from "../matrix.ts";
import { loopOf } from "../round.ts";
import type { AgentPhase, Phase } from "../workflow.ts";
import { openGate } from "./asking.ts";
import { succeed } from "./endings.ts";
import { beginItems, fill } from "./items.ts";
import { beginRounds } from "./loops.ts";
import type { Turn } from "./turn.ts";

type Run = Extract<Finding, { type: "run" }>;

/**
 * Opens every door that the last change unlocked; while the run is held, none. One pass is enough: the order puts causes
 * before consequences.
 */
export function settle(turn: Turn, phases: readonly Phase[]): void {
  for (const phase of phases) {
    const verdict = verdictOn(turn, phase);
    if (verdict === "run" && !turn.hold) begin(turn, phase);
    else if (verdict === "skip") skip(turn, phase);
  }
}

/** Skips what can never start, and opens nothing. */
export function skipAll(turn: Turn, phases: readonly Phase[]): void {
  for (const phase of phases) if (verdictOn(turn, phase) === "skip") skip(turn, phase);
}

function verdictOn(turn: Turn, phase: Phase): ReturnType<typeof judge> {
  const { status, stage } = turn.at(phase.name);
  return status !== "pending" || stage !== undefined ? "wait" : judge(phase, (name) => turn.status(name));
}

export function skip(turn: Turn, phase: Phase): void {
  turn.put(phase.name, { status: "skipped", stage: undefined, waits: undefined });
  turn.note(phase.name, "skipped", turn.now, null);
  turn.say("on_skipped_done", phase);
}

function begin(turn: Turn, phase: Phase): void {
  const { decided, round, items, attempt, iteration } = turn.at(phase.name);
  if (items) fill(turn, phase);
  else if (decided || round || attempt > 1) goAhead(turn, phase);
  else if (needsDecision(phase)) {
    turn.put(phase.name, { stage: "deciding" });
    turn.effects.push({ type: "decision.owe", phase: phase.name, iteration });
  } else start(turn, phase, { type: "run" });
}

/** The phase may start, and everything about it that hangs on the run's data is known. */
export function start(turn: Turn, phase: Phase, finding: Run): void {
  if (phase.matrix) beginItems(turn, phase, finding.axes ?? (phase.matrix.axes as Axes));
  else if (phase.type === "approval") {
    const { timeoutMs, remindMs, escalate } = phase;
    openGate(turn, phase, {
      gate: phase.name,
      kind: "approve",
      summary: finding.summary ?? phase.summary,
      approval: finding.approval,
      timeoutMs,
      remindMs,
      escalate,
    });
  } else if (phase.type === "wait") {
    if ("forMs" in phase.wait) sleep(turn, phase, turn.after(phase.wait.forMs));
    else if ("at" in phase.wait && finding.at !== undefined) sleep(turn, phase, finding.at);
    else succeed(turn, phase, null, turn.at(phase.name).waits?.since ?? turn.now);
  } else {
    if (loopOf(phase)) beginRounds(turn, phase as AgentPhase, finding.maxIterations);
    goAhead(turn, phase);
  }
}

function sleep(turn: Turn, phase: Phase, until: string): void {
  if (until <= turn.now) {
    succeed(turn, phase, null, turn.now);
    return;
  }
  turn.put(phase.name, { status: "waiting", stage: undefined, waits: { for: "timer", until, since: turn.now } });
  turn.currentPhase = phase.name;
  turn.timer(phase.name, until);
}

/** Owes the try that comes next. */
function goAhead(turn: Turn, phase: Phase): void {
  const { iteration, attempt } = turn.at(phase.name);
  if (phase.type !== "workflow" && phase.type !== "action") {
    turn.put(phase.name, { stage: "owed" });
    turn.effects.push({ type: "phase.start", phase: phase.name, iteration, attempt });
    return;
  }
  const deadline = phase.timeoutMs === undefined ? undefined : turn.after(phase.timeoutMs);
  const child = phase.type === "workflow";
  const waits = {
    for: child ? ("child" as const) : ("action" as const),
    since: turn.now,
    ...(deadline === undefined ? {} : { deadline }),
  };
  turn.put(phase.name, { status: "waiting", stage: undefined, waits });
  turn.currentPhase = phase.name;
  turn.effects.push({ type: child ? "child.start" : "action.start", phase: phase.name, iteration, attempt });
  if (deadline !== undefined) turn.timer(phase.name, deadline);
}
