import type { RunEvent } from "../../domain/run.ts";
import { isOver } from "../../domain/run.ts";
import type { NewRun } from "../store.ts";
import type { Batch, Entry } from "./batch.ts";
import type { Runs } from "./runs.ts";

type Tell = (batch: Batch, entry: Entry, event: RunEvent) => readonly string[];

/**
 * Concurrency groups: how many runs of one key may be under way, judged where every run is seen. A batch is asked before
 * the tables, since it knows what they will say.
 */
export function groups(runs: Runs, entryOf: (batch: Batch, id: string) => Entry | null, tell: Tell) {
  const isActive = ({ run }: Entry): boolean => !isOver(run.status) && run.hold !== "concurrency";

  function active(batch: Batch, key: string): string[] {
    const stored = runs.active(key).filter((id) => !batch.runs.has(id));
    const here = [...batch.runs.values()].filter((each) => each.row.concurrency_key === key && isActive(each));
    return [...stored, ...here.map(({ run }) => run.id)];
  }

  return {
    /** Whether a run of this group would be one too many. */
    isFull: (batch: Batch, { row, workflow }: Entry): boolean =>
      row.concurrency_key !== null && active(batch, row.concurrency_key).length >= (workflow.concurrency?.max ?? 1),

    /** What a newcomer of a full group does; one that replaces others ends them first, and waits for their last phases. */
    enter: (batch: Batch, { id, group }: NewRun): { busy?: "queue" | "skip"; stopped: readonly string[] } => {
      if (!group) return { stopped: [] };
      const others = active(batch, group.key).filter((each) => each !== id);
      if (others.length < group.max) return { stopped: [] };
      if (group.onConflict !== "replace") return { busy: group.onConflict, stopped: [] };
      const stopped = others.flatMap((other) => {
        const entry = entryOf(batch, other);
        return entry ? tell(batch, entry, { type: "run.cancelled", by: `run ${id}`, reason: "concurrency" }) : [];
      });
      const left = active(batch, group.key).filter((each) => each !== id);
      return left.length < group.max ? { stopped } : { busy: "queue", stopped };
    },

    /** Room in a group goes to whoever has waited longest among the most urgent. */
    release: (batch: Batch): void => {
      for (const key of batch.freed) {
        for (let entry = next(batch, key); entry; entry = next(batch, key)) {
          if (active(batch, key).length >= (entry.workflow.concurrency?.max ?? 1)) break;
          tell(batch, entry, { type: "run.released", hold: "concurrency" });
          // A refusal would be offered again for ever.
          if (entry.run.hold === "concurrency") break;
        }
      }
      batch.freed.clear();
    },
  };

  function next(batch: Batch, key: string): Entry | null {
    const here = [...batch.runs.values()].filter(({ row }) => row.concurrency_key === key);
    // The tables do not know yet whom this batch has let go: one more than those is sure to hold the first.
    const stored = runs.waiting(key, here.length + 1).find((id) => !batch.runs.has(id));
    const waiting = here.filter(({ run }) => run.hold === "concurrency" && !isOver(run.status));
    const found = stored === undefined ? null : entryOf(batch, stored);
    return [...waiting, ...(found ? [found] : [])].sort(mostUrgent)[0] ?? null;
  }
}

function mostUrgent(a: Entry, b: Entry): number {
  return b.row.priority - a.row.priority || (a.run.id < b.run.id ? -1 : 1);
}
