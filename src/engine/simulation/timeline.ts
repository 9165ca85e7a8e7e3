import type { PhaseState } from "../../domain/phase-state.ts";
import type { ExecutionLine, RunDetail } from "../../store/lines.ts";
import type { Store } from "../../store/store.ts";
import type { Happening, Moment } from "./moment.ts";
import type { World } from "./world.ts";

/** Tells what happens from what the rows say after each commit: nothing here drives a run. */
export interface Timeline {
  readonly moments: readonly Moment[];
  note(run: string | null, happening: Happening): void;
  /** Whatever is new about a run since it was looked at last. */
  look(run: string): Promise<void>;
}

interface Seen {
  readonly detail: RunDetail;
  readonly phases: { readonly [name: string]: PhaseState };
}

export function openTimeline({ store, world }: { store: Pick<Store, "run" | "data">; world: World }): Timeline {
  const moments: Moment[] = [];
  const before = new Map<string, Seen>();

  const note = (run: string | null, happening: Happening): void => {
    moments.push({ at: world.now(), afterMs: world.elapsed(), run, ...happening });
  };

  return {
    moments,
    note,
    look: async (run) => {
      const [detail, data] = await Promise.all([store.run(run), store.data(run, null)]);
      if (!detail || !data) return;
      const last = before.get(run);
      const now: Seen = { detail, phases: data.phases };
      before.set(run, now);
      if (!last) {
        const { by } = (data.context as { trigger?: { by?: string } } | null)?.trigger ?? {};
        const parent = detail.parent_run_id;
        note(run, { type: "run.begun", workflow: detail.workflow_name, by: by ?? "", parent });
      }
      for (const each of news(last, now)) note(run, each);
    },
  };
}

/** In the order in which one thing brings the next: what ended, how its phase stands, what begins, what is waited for. */
function news(last: Seen | undefined, now: Seen): Happening[] {
  const { detail } = now;
  const { status, reason } = detail;
  const moved = status !== (last?.detail.status ?? "running") || reason !== (last?.detail.reason ?? null);
  return [
    ...ended(last, detail),
    ...closed(last, detail),
    ...settled(last, now),
    ...begun(last, detail),
    ...asked(last, detail),
    ...waiting(last, now),
    ...(moved ? [{ type: "run.status", status, reason } as const] : []),
  ];
}

function ended(last: Seen | undefined, { executions }: RunDetail): Happening[] {
  const open = new Set(last?.detail.executions.filter(({ status }) => status === "running").map(({ id }) => id));
  const known = new Set(last?.detail.executions.map(({ id }) => id));
  return executions.flatMap((each): Happening[] => {
    const { status } = each;
    if (status === null || status === "running" || (known.has(each.id) && !open.has(each.id))) return [];
    const { error, duration_ms: took, cost_usd: usd } = each;
    return [{ type: "try.ended", ...tryOf(each), status, error, tookMs: took ?? 0, usd }];
  });
}

function begun(last: Seen | undefined, { executions }: RunDetail): Happening[] {
  const known = new Set(last?.detail.executions.map(({ id }) => id));
  return executions
    .filter(({ id, status }) => status === "running" && !known.has(id))
    .map((each) => ({ type: "try.begun", ...tryOf(each) }));
}

function tryOf({ id, phase, name, attempt }: ExecutionLine) {
  return { phase: phase ?? "", name: name ?? phase ?? "", attempt: attempt ?? 1, execution: id };
}

function closed(last: Seen | undefined, { approvals }: RunDetail): Happening[] {
  const pending = new Set(last?.detail.approvals.filter(({ status }) => status === "pending").map(({ id }) => id));
  return approvals.flatMap(({ id, status, phase, responded_by: by, response }): Happening[] =>
    status === "pending" || !pending.has(id) ? [] : [{ type: "gate.closed", phase: phase ?? "", status, by, response }],
  );
}

function asked(last: Seen | undefined, { approvals }: RunDetail): Happening[] {
  const known = new Set(last?.detail.approvals.map(({ id }) => id));
  return approvals.flatMap(({ id, phase, kind, summary, deadline }): Happening[] =>
    known.has(id) ? [] : [{ type: "gate.asks", phase: phase ?? "", approval: id, kind, summary, deadline }],
  );
}

const TOLD = new Set(["succeeded", "failed", "skipped", "cancelled"]);

function settled(last: Seen | undefined, { detail }: Seen): Happening[] {
  return Object.entries(detail.node_statuses).flatMap(([phase, status]): Happening[] => {
    if (!TOLD.has(status) || last?.detail.node_statuses[phase] === status) return [];
    const decision = detail.decisions.findLast((each) => each.phase === phase);
    const found = decision?.epoch === detail.epoch ? decision.finding : null;
    const why = found?.type === "skip" ? found.why : found?.type === "fail" ? found.error : null;
    return [{ type: "phase.status", phase, status, why }];
  });
}

function waiting(last: Seen | undefined, { phases }: Seen): Happening[] {
  return Object.entries(phases).flatMap(([phase, { waits }]): Happening[] => {
    const old = last?.phases[phase]?.waits;
    // A gate has said so itself; a condition that is looked at again and again would fill the page.
    if (!waits || waits.for === "gate") return [];
    if (old?.for === waits.for && (waits.for === "condition" || old.until === waits.until)) return [];
    return [{ type: "phase.waits", phase, for: waits.for, until: waits.until ?? waits.deadline ?? null }];
  });
}
