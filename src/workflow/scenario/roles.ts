import type { ApprovalKind } from "../../domain/approval.ts";
import { combinations, itemName, MATRIX_LIMIT, placeOf } from "../../domain/matrix.ts";
import { type Round, roundName, roundOf } from "../../domain/round.ts";
import type { Phase, Workflow } from "../../domain/workflow.ts";
import { didYouMean } from "../suggest.ts";

/** What was most likely meant by a name that is nobody's, as the end of a complaint. */
export type Advise = (name: string, names: Iterable<string>) => string;

/** For the first few of one file: names are compared letter by letter, and there may be thousands. */
export function advisor(): Advise {
  let left = 20;
  return (name, names) => (left-- > 0 ? didYouMean(name, names) : "");
}

/** A question that a phase may put to people, and the names under which a scenario may answer it. */
export interface Question {
  readonly phase: string;
  readonly names: readonly string[];
  readonly kind: ApprovalKind;
  /** The gate that a configuration must enable before anyone is asked; null where it always stands open. */
  readonly gate: string | null;
}

/** Every question of a workflow. A gate behind a loop or a matrix, or behind what is no program, asks nobody. */
export function questionsOf({ phases }: Workflow): readonly Question[] {
  return phases.flatMap((phase): Question[] => {
    const { name: asker, approvalGate: gate } = phase;
    if (phase.type === "approval") return [{ phase: asker, names: [asker], kind: "approve", gate: null }];
    if (phase.type === "agent" && phase.genericLoop) {
      const { gate: between } = phase.genericLoop;
      return between ? [{ phase: asker, names: [asker], kind: between.kind, gate: null }] : [];
    }
    const asks = phase.type === "agent" || phase.type === "bash" || phase.type === "script";
    if (!gate || !asks || phase.matrix) return [];
    return [{ phase: asker, names: [asker, gate.name], kind: "approve", gate: gate.name }];
  });
}

/** The phase that an act is for, by its own name or by that of an iteration or item; otherwise why there is none. */
export function actorOf({ phases }: Workflow, name: string, advise: Advise): Phase | string {
  const names = phases.map((each) => each.name);
  for (const phase of phases) {
    if (phase.name === name) return phase;
    const round = roundOf(phase.name, name);
    if (round) return misspelt(name, roundName(phase.name, round)) ?? strayRound(phase, round, name) ?? phase;
    const place = placeOf(phase.name, name);
    if (place !== null) return misspelt(name, itemName(phase.name, place)) ?? strayItem(phase, place, name) ?? phase;
  }
  return unknownPhase(name, names, advise);
}

export function unknownPhase(name: string, names: readonly string[], advise: Advise): string {
  return `no phase is called "${name.slice(0, 80)}"${advise(name, names)}`;
}

/** `fix_iter_01` reads as a number and is no name that comes. */
function misspelt(name: string, spelling: string): string | null {
  return name === spelling ? null : `"${name.slice(0, 80)}" is written ${spelling.slice(0, 80)}`;
}

function strayRound(phase: Phase, { part, n }: Pick<Round, "part" | "n">, name: string): string | null {
  const { loop, genericLoop } = phase.type === "agent" ? phase : {};
  const never = `"${name}" never comes:`;
  const reviews = part === "fix" || part === "recheck";
  if (reviews ? !loop : !genericLoop) return `${never} ${phase.name} has no ${reviews ? "loop" : "generic_loop"}`;
  if (part === "retry" && !genericLoop?.softRetries) return `${never} ${phase.name} has no on_soft_failure.retries`;
  if (part === "check" && genericLoop?.untilBash === undefined) return `${never} ${phase.name} has no until_bash`;
  const most = loop?.maxCycles ?? (genericLoop?.maxFrom === undefined ? (genericLoop?.maxIterations ?? 0) : null);
  if (n < 1) return `${never} the first is 1`;
  if (most !== null && n > most) return `${never} ${phase.name} goes round ${most} times at most`;
  return null;
}

function strayItem({ name: phase, matrix }: Phase, place: number, name: string): string | null {
  if (!matrix) return `"${name}" never comes: ${phase} has no matrix`;
  const known = Object.values(matrix.axes).every((values) => typeof values !== "string");
  const total = known ? combinations(matrix.axes as Parameters<typeof combinations>[0]) : MATRIX_LIMIT;
  return place < total ? null : `"${name}" never comes: ${phase} makes ${total} items at most, counted from 0`;
}
