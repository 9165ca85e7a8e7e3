import type { ApprovalKind, People } from "../approval.ts";
import type { LiveExecution } from "../execution.ts";
import type { Phase } from "../workflow.ts";
import type { Turn } from "./turn.ts";

type Ask = Pick<Question, "summary" | "approval">;

interface Question {
  /** What the gate is called on disk: the phase, or the name its author gave. */
  readonly gate: string;
  readonly kind: ApprovalKind;
  readonly summary: string;
  readonly approval?: string | undefined;
  readonly timeoutMs?: number | undefined;
  readonly remindMs?: readonly number[] | undefined;
  readonly escalate?: { readonly afterMs: number; readonly to: People } | undefined;
  /** The execution whose end brought the question. */
  readonly execution?: string;
}

/** The phase waits for a person. */
export function openGate(
  turn: Turn,
  phase: Phase,
  { gate, kind, summary, approval, timeoutMs, remindMs = [], escalate, execution }: Question,
): void {
  const deadline = timeoutMs === undefined ? null : turn.after(timeoutMs);
  turn.put(phase.name, {
    status: "waiting",
    stage: undefined,
    waits: {
      for: "gate",
      since: turn.now,
      ...(deadline === null ? {} : { deadline }),
      ...(execution === undefined ? {} : { execution }),
    },
  });
  turn.currentPhase = phase.name;
  const { iteration } = turn.at(phase.name);
  const id = approval === undefined ? {} : { approval };
  turn.effects.push({
    type: "gate.open",
    gate,
    phase: phase.name,
    iteration,
    kind,
    summary,
    deadline,
    remind: remindMs.map((ms) => turn.after(ms)),
    escalate: escalate ? { at: turn.after(escalate.afterMs), to: escalate.to } : null,
    ...id,
  });
  if (deadline !== null) turn.timer(phase.name, deadline);
}

/** The phase's work is done; whether it counts is for a person to say. */
export function askAfter(turn: Turn, phase: Phase, execution: LiveExecution, ask: Ask): void {
  const gate = phase.approvalGate?.name ?? phase.name;
  openGate(turn, phase, { gate, kind: "approve", ...ask, execution: execution.id });
}
