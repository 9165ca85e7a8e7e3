import type { Decision } from "../../src/domain/approval.ts";
import type { ApprovalLine } from "../../src/store/lines.ts";
import type { Doors } from "./doors.ts";
import type { House } from "./house.ts";
import { HOUR, MINUTE, SECOND } from "./spans.ts";

/** What people say at gates: soon, late, twice, at the last moment, or never. */
export interface Answers {
  /** A gate was brought up to them. */
  hear(approval: ApprovalLine): void;
  /** Whoever still has it answers now. */
  give(approval: ApprovalLine): void;
  /** Whether anyone ever heard of it. */
  heardOf(approval: string): boolean;
}

interface Word {
  readonly afterMs: number;
  readonly decision: Decision;
  readonly by: string;
}

export function openAnswers(house: House, doors: Doors): Answers {
  const { ledger, rows } = house;
  const heard = new Set<string>();

  function answer(approval: ApprovalLine, decision: Decision, by: string): void {
    const name = nameOf(approval);
    doors.say(
      `${name} is answered ${decision} by ${by}`,
      (life) => life.engine.answer(approval.id, { decision, by, comment: by }),
      () => {
        const before = ledger.answered.get(approval.id);
        if (before !== undefined && before.by !== by)
          house.report(
            "answer",
            `${name} was taken as ${before.decision} by ${before.by}, then as ${decision} by ${by}`,
          );
        ledger.answered.set(approval.id, { decision, by });
      },
    );
  }

  function nameOf({ workflow_run_id: run, phase, iteration, gate }: ApprovalLine): string {
    return `the gate ${gate} (${phase}/${iteration}) of ${rows.labelOf(run)}`;
  }

  /** The dullest first: somebody says yes within a minute. */
  function plans({ kind, deadline }: ApprovalLine): readonly (readonly Word[])[] {
    const yes = kind === "reply" ? "reply" : "approve";
    const left = deadline === null ? HOUR : Math.max(0, Date.parse(deadline) - Date.parse(house.world.now()));
    const at = (afterMs: number, decision: Decision, by = "ana"): Word => ({ afterMs, decision, by });
    return [
      [at(MINUTE, yes)],
      [at(MINUTE, "reject")],
      [at(12 * HOUR, yes)],
      [],
      [at(MINUTE, yes), at(MINUTE + SECOND, "reject", "lee")],
      [at(left, yes)],
      [at(MINUTE, "reject", "lee"), at(MINUTE, yes)],
      [at(5, kind === "reply" ? "approve" : "reply")],
    ];
  }

  function give(approval: ApprovalLine): void {
    answer(approval, approval.kind === "reply" ? "reply" : "approve", "zoe");
  }

  return {
    give,
    heardOf: (approval) => heard.has(approval),
    hear: (approval) => {
      if (heard.has(approval.id)) return;
      heard.add(approval.id);
      if (!house.storm) {
        house.outside.after(MINUTE, () => give(approval));
        return;
      }
      const way = house.choices.pick(`answer to ${nameOf(approval)}`, [4, 2, 2, 2, 1, 2, 1, 1]);
      for (const { afterMs, decision, by } of plans(approval)[way] ?? [])
        house.outside.after(afterMs, () => answer(approval, decision, by));
    },
  };
}
