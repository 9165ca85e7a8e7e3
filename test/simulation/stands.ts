import { type Graph, graphOf, isFinal, judge } from "../../src/domain/graph.ts";
import { isOver, type Run } from "../../src/domain/run.ts";
import type { Phase, Workflow } from "../../src/domain/workflow.ts";

/** How a run should stand, worked out from its phases alone; null where that is how it stands. */
export function standsWrongly(workflow: Workflow, run: Run): string | null {
  const graph = graphOf(workflow);
  const said = words(run.status, run.reason);
  const right = isOver(run.status) ? ended(graph, run) : alive(run.ending ? graph.last : graph.main, run);
  return right.includes(said) ? null : `it is ${said} and should be ${right.join(" or ")}`;
}

function words(status: string, reason: string | null): string {
  return reason === null ? status : `${status} (${reason})`;
}

function alive(phases: readonly Phase[], run: Run): string[] {
  const at = (name: string) => run.phases[name]!.status;
  const statuses = phases.map(({ name }) => at(name));
  if (statuses.includes("running")) return ["running"];
  const ready = phases.some((phase) => at(phase.name) === "pending" && judge(phase, at) === "run");
  const begun = statuses.some((status) => status !== "pending" && status !== "skipped");
  if (ready && run.hold === "concurrency")
    return begun ? ["paused (concurrency)"] : ["queued (concurrency)", "paused (concurrency)"];
  if (ready && run.hold) return [`paused (${run.hold})`];
  if (ready) return begun ? ["running"] : ["queued", "running"];
  const waits = new Set(
    phases.filter(({ name }) => at(name) === "waiting").map(({ name }) => run.phases[name]!.waits?.for ?? "gate"),
  );
  if (waits.has("gate")) return ["paused (gate)"];
  if (waits.has("child")) return ["paused (child)"];
  if (waits.has("action")) return ["paused (action)"];
  return waits.size > 0 ? ["paused (timer)"] : ["over"];
}

/** What is against a run's phases needs a reason that says so; all else follows from how they ended. */
function ended({ main, dependants }: Graph, run: Run): string[] {
  let failed = false;
  let reason: string | null = null;
  for (const { name } of main) {
    const { status, cause } = run.phases[name]!;
    const after = (dependants.get(name) ?? []).filter((each) => !each.finally);
    const minded =
      after.length > 0 && after.every(({ triggerRule: rule }) => rule === "all_done" || rule === "one_success");
    if (cause !== "fix_failed" && (status !== "failed" || minded)) continue;
    failed = true;
    if (cause === "rejected" || cause === "expired") reason ??= cause;
  }
  const against = [
    "failed (timeout)",
    "failed (budget)",
    "failed (crash_loop)",
    "cancelled (operator)",
    "cancelled (concurrency)",
  ];
  const cut = main.some(({ name }) => run.phases[name]!.status === "cancelled");
  const whole = main.every(({ name }) => isFinal(run.phases[name]!.status)) && !cut;
  return [...(whole ? [words(failed ? "failed" : "succeeded", reason)] : []), ...against];
}
