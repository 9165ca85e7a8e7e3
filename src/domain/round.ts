import type { AgentPhase, Phase } from "./workflow.ts";

/** Where a loop stands: which time round, and which part of it. `max` is settled when the loop begins. */
export interface Round {
  readonly n: number;
  readonly part: Part;
  readonly max: number;
  /** Soft failures of this iteration that were forgiven. */
  readonly soft?: number;
  /** Whether the iteration that is being checked held the marker it must. */
  readonly marked?: boolean;
}

/** `review` is a review loop's first look, under the phase's own name. */
export type Part = "review" | "fix" | "recheck" | "iter" | "retry" | "check";

const SUFFIX: Record<Part, (n: number) => string> = {
  review: () => "",
  fix: (n) => `_fix_${n}`,
  recheck: (n) => `_recheck_${n}`,
  iter: (n) => `_iter_${n}`,
  retry: (n) => `_iter_${n}_retry`,
  check: (n) => `_iter_${n}_check`,
};

/** What one iteration is called on disk: `fix_iter_2_check`. No phase may be named like that (grammar: name). */
export function roundName(phase: string, { n, part }: Pick<Round, "n" | "part">): string {
  return `${phase}${SUFFIX[part](n)}`;
}

/** The way back from a name; null for a name that no loop makes. */
export function roundOf(phase: string, name: string): Pick<Round, "n" | "part"> | null {
  if (!name.startsWith(phase)) return null;
  const found = /^_(fix|recheck|iter)_(\d+)(?:_(retry|check))?$/.exec(name.slice(phase.length));
  if (!found) return name === phase ? { n: 0, part: "review" } : null;
  return { n: Number(found[2]), part: (found[3] ?? found[1]) as Part };
}

export function loopOf(phase: Phase): Pick<AgentPhase, "loop" | "genericLoop"> | null {
  return phase.type === "agent" && (phase.loop || phase.genericLoop) ? phase : null;
}
