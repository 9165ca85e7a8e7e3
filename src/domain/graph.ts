import type { Phase, TriggerRule, Workflow } from "./workflow.ts";

/** Phase words are on disk for ever. */
export const PHASE_STATUSES = ["pending", "running", "waiting", "succeeded", "failed", "skipped", "cancelled"] as const;
export type PhaseStatus = (typeof PHASE_STATUSES)[number];

/** Nothing more happens to a phase in one of these. */
export function isFinal(status: PhaseStatus): boolean {
  return status === "succeeded" || status === "failed" || status === "skipped" || status === "cancelled";
}

/** A workflow's phases as a graph, each after everything it depends on. */
export interface Graph {
  readonly order: readonly Phase[];
  readonly phase: ReadonlyMap<string, Phase>;
  readonly dependants: ReadonlyMap<string, readonly Phase[]>;
  /** `order` in two: what the run is about, and what runs after it on every ending. */
  readonly main: readonly Phase[];
  readonly last: readonly Phase[];
}

const graphs = new WeakMap<Workflow, Graph>();

/** The graph of a checked workflow; kept beside it, since a version never changes. */
export function graphOf(workflow: Workflow): Graph {
  let graph = graphs.get(workflow);
  if (!graph) {
    graph = build(workflow.phases);
    graphs.set(workflow, graph);
  }
  return graph;
}

function build(phases: readonly Phase[]): Graph {
  const phase = new Map(phases.map((each) => [each.name, each]));
  const dependants = new Map<string, Phase[]>(phases.map((each) => [each.name, []]));
  for (const each of phases) for (const name of each.dependsOn) dependants.get(name)?.push(each);
  const order = sorted(phases);
  return {
    order,
    phase,
    dependants,
    main: order.filter((each) => !each.finally),
    last: order.filter((each) => each.finally),
  };
}

/** A phase and everything that waits for it, directly or not. */
export function downstreamOf(graph: Graph, name: string): ReadonlySet<string> {
  const found = new Set([name]);
  for (const { name: each, dependsOn } of graph.order) if (dependsOn.some((above) => found.has(above))) found.add(each);
  return found;
}

/** Everything a phase waits for, directly or not: what is final, and stays as it is, while the phase runs. */
export function upstreamOf(graph: Graph, name: string): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [name];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const above of graph.phase.get(next)?.dependsOn ?? []) {
      if (found.has(above)) continue;
      found.add(above);
      open.push(above);
    }
  }
  // A phase that runs last has the whole run behind it.
  if (graph.phase.get(name)?.finally) for (const each of graph.main) found.add(each.name);
  return found;
}

/** Kahn's algorithm, the file's order kept among equals. A workflow with a cycle is refused at load, never seen here. */
function sorted(phases: readonly Phase[]): readonly Phase[] {
  const order: Phase[] = [];
  const placed = new Set<string>();
  let rest = phases;
  while (rest.length > 0) {
    const left: Phase[] = [];
    for (const each of rest) {
      if (each.dependsOn.every((name) => placed.has(name))) {
        placed.add(each.name);
        order.push(each);
      } else left.push(each);
    }
    if (left.length === rest.length) throw new Error(`phases in a cycle: ${left.map((each) => each.name).join(", ")}`);
    rest = left;
  }
  return order;
}

/**
 * The order rule: a phase without `depends_on` follows the phase above it; an empty list starts at once. Phases that run
 * last follow each other, and are followed by nothing else.
 */
export function orderRule(
  declared: readonly { name: string; dependsOn: readonly string[] | null; finally?: boolean }[],
): string[][] {
  const above = new Map<boolean, string>();
  return declared.map(({ name, dependsOn, finally: last = false }) => {
    const before = above.get(last);
    above.set(last, name);
    if (dependsOn) return [...dependsOn];
    return before === undefined ? [] : [before];
  });
}

/** The names along one cycle, first repeated last, or null: what a person needs to break it. */
export function findCycle(edges: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  for (const start of edges.keys()) {
    const path: string[] = [];
    const onPath = new Set<string>();
    // An explicit stack: a chain of thousands of phases must not exhaust the call stack.
    const stack: { name: string; next: number }[] = [];
    const enter = (name: string): void => {
      stack.push({ name, next: 0 });
      path.push(name);
      onPath.add(name);
    };
    if (!done.has(start)) enter(start);
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as { name: string; next: number };
      const to = edges.get(top.name)?.[top.next++];
      if (to === undefined) {
        stack.pop();
        path.pop();
        onPath.delete(top.name);
        done.add(top.name);
      } else if (onPath.has(to)) return [...path.slice(path.indexOf(to)), to];
      else if (!done.has(to) && edges.has(to)) enter(to);
    }
  }
  return null;
}

/** What the trigger rule says of a phase: not yet, now, or never. */
export function judge(phase: Phase, statusOf: (name: string) => PhaseStatus): "wait" | "run" | "skip" {
  let succeeded = 0;
  let failed = 0;
  for (const name of phase.dependsOn) {
    const status = statusOf(name);
    if (!isFinal(status)) return "wait";
    if (status === "succeeded") succeeded++;
    else if (status !== "skipped") failed++;
  }
  return RULES[phase.triggerRule](succeeded, failed, phase.dependsOn.length) ? "run" : "skip";
}

const RULES: Record<TriggerRule, (succeeded: number, failed: number, all: number) => boolean> = {
  all_success: (succeeded, _failed, all) => succeeded === all,
  one_success: (succeeded, _failed, all) => succeeded > 0 || all === 0,
  none_failed_min_one_success: (succeeded, failed, all) => failed === 0 && (succeeded > 0 || all === 0),
  all_done: () => true,
};

/** Whether a failure of this phase is provided for: it has dependants, and every one's rule can go on after a failure. */
export function failureAccepted(graph: Graph, name: string): boolean {
  const dependants = (graph.dependants.get(name) ?? []).filter((each) => !each.finally);
  return (
    dependants.length > 0 &&
    dependants.every((each) => each.triggerRule === "all_done" || each.triggerRule === "one_success")
  );
}
