import { downstreamOf, type Graph, upstreamOf } from "./graph.ts";
import type { Phase, PhaseType } from "./workflow.ts";

const known = new WeakMap<Graph, Lineage>();

interface Lineage {
  /** The last phase that every way to a phase leads through; null where there is none. */
  readonly gateways: ReadonlyMap<string, string | null>;
  readonly beside: Map<string, number>;
}

/**
 * The branches of a workflow that a phase's files lie in, innermost first, each called after the phase it begins with;
 * none where nothing ever runs beside it. Phases of one branch never run beside each other, so that they may share a
 * workspace. A branch begins with the files of the next one out, the last with those of the run. Of a matrix, whose items
 * run beside each other, these are the branches around it.
 */
export function branchesOf(graph: Graph, name: string): readonly string[] {
  const lineage = lineageOf(graph);
  const branches: string[] = [];
  for (let at: string | null = name; at !== null; ) {
    const many = beside(graph, lineage, at);
    if (many === 0) break;
    const before = predecessor(graph, lineage, at);
    // Whatever runs beside the one before runs beside this one too: as many are the same ones.
    const isSame = before !== null && beside(graph, lineage, before) === many;
    if (!isSame && leavesFiles(graph.phase.get(at) as Phase)) branches.push(at);
    at = before;
  }
  return branches;
}

/** The nearest phase before this one, on every way to it, that leaves files behind for those who come after. */
function predecessor(graph: Graph, { gateways }: Lineage, name: string): string | null {
  let at = gateways.get(name) ?? null;
  while (at !== null && !leavesFiles(graph.phase.get(at) as Phase)) at = gateways.get(at) ?? null;
  return at;
}

const WITHOUT_FILES: ReadonlySet<PhaseType> = new Set(["context", "approval", "wait", "workflow"]);

/** What the items of a matrix made stays with each of them. */
function leavesFiles(phase: Phase): boolean {
  return worksInFiles(phase) && !phase.matrix;
}

function worksInFiles({ type }: Phase): boolean {
  return !WITHOUT_FILES.has(type);
}

/** How many others may be at work in files while a phase is. */
function beside(graph: Graph, { beside: counted }: Lineage, name: string): number {
  const before = counted.get(name);
  if (before !== undefined) return before;
  const above = upstreamOf(graph, name);
  const below = downstreamOf(graph, name);
  const group = graph.phase.get(name)?.finally ? graph.last : graph.main;
  const count = group.filter((each) => worksInFiles(each) && !above.has(each.name) && !below.has(each.name)).length;
  counted.set(name, count);
  return count;
}

function lineageOf(graph: Graph): Lineage {
  let lineage = known.get(graph);
  if (!lineage) {
    lineage = { gateways: gatewaysOf(graph), beside: new Map() };
    known.set(graph, lineage);
  }
  return lineage;
}

/** Immediate dominators, in one pass since the order puts causes first (Cooper, Harvey, Kennedy 2001). */
function gatewaysOf({ order }: Graph): Map<string, string | null> {
  const gateways = new Map<string, string | null>();
  const depth = new Map<string, number>();
  const depthOf = (name: string | null): number => (name === null ? 0 : (depth.get(name) as number));
  const meeting = (one: string | null, other: string | null): string | null => {
    while (one !== other) {
      if (depthOf(one) >= depthOf(other)) one = gateways.get(one as string) ?? null;
      else other = gateways.get(other as string) ?? null;
    }
    return one;
  };
  for (const { name, dependsOn } of order) {
    const [first = null, ...others] = dependsOn;
    const gateway = others.reduce<string | null>(meeting, first);
    gateways.set(name, gateway);
    depth.set(name, depthOf(gateway) + 1);
  }
  return gateways;
}
