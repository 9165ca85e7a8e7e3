import { branchesOf } from "../domain/branches.ts";
import { graphOf } from "../domain/graph.ts";
import { loopOf, roundOf } from "../domain/round.ts";
import type { Phase } from "../domain/workflow.ts";
import type { Origin } from "../store/files/workspaces/repositories.ts";
import type { Own, Workplace } from "../store/files/workspaces.ts";
import type { Brief, RunData } from "../store/store.ts";
import { isFields, repositoryOf } from "./scope.ts";

/** Where a try works: in the run's workspace, or in a copy of its own where others may be at work beside it. */
export function workplaceOf(brief: Brief): Workplace {
  const own = ownOf(brief);
  const origin = originOf(brief);
  return { run: brief.grant.run, ...(own ? { own } : {}), ...(origin ? { origin } : {}) };
}

function ownOf(brief: Brief): Own | null {
  const { grant, version } = brief;
  const graph = graphOf(version.workflow);
  const phase = graph.phase.get(grant.phase) as Phase;
  const branches = branchesOf(graph, phase.name);
  const [first, ...names] = phase.matrix ? [grant.name, ...branches] : branches;
  if (first === undefined) return null;
  const begins = phase.matrix || first === phase.name;
  return { names: [first, ...names], since: begins ? beginningOf(brief, phase) : null };
}

/** Tries of one iteration have one beginning, and so have the rounds of a loop since it last began. */
function beginningOf({ grant, outputs }: Brief, phase: Phase): string {
  const isFirst = (name: string): boolean => {
    const round = loopOf(phase) ? roundOf(phase.name, name) : null;
    return !round || round.part === "review" || (round.part === "iter" && round.n === 1);
  };
  const first = isFirst(grant.name)
    ? grant
    : outputs.findLast(({ phase: of, iteration, name }) => {
        return of === phase.name && iteration < grant.iteration && isFirst(name);
      });
  return `${grant.epoch}.${first?.iteration ?? 0}`;
}

/** What the run is about, as its context tells; as a template reads it. */
function originOf(data: RunData): Origin | null {
  const repository = repositoryOf(data);
  if (repository === null) return null;
  const context = isFields(data.context) ? data.context : {};
  const { sha, branch, baseBranch } = context;
  return {
    repository,
    ...(isFilled(sha) ? { sha } : {}),
    ...(isFilled(branch) ? { branch } : {}),
    ...(isFilled(baseBranch) ? { baseBranch } : {}),
  };
}

function isFilled(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
