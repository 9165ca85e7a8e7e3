import type { ExecutionStatus } from "../../src/domain/execution.ts";
import { isOver } from "../../src/domain/run.ts";
import type { Phase, Workflow } from "../../src/domain/workflow.ts";
import { audit, auditHistory } from "../domain/books.ts";
import type { House } from "./house.ts";
import type { Glance, Recorded } from "./rows.ts";
import { standsWrongly } from "./stands.ts";

/** Looks at what changed after each step that committed something. */
export interface Watch {
  /** `whole` says that the daemon of the step lived through it, so that it has told all it did. */
  look(whole: boolean): void;
}

/** A run as it was when last looked at. */
interface Known {
  readonly glance: Glance;
  readonly recorded: Recorded;
  readonly executions: ReadonlyMap<string, ExecutionStatus>;
}

export function openWatch(house: House): Watch {
  const { rows } = house;
  const known = new Map<string, Known>();
  const answers = new Map<string, string>();
  const byHash = new Map([...house.shelf.values()].map((version) => [version.hash, version.workflow]));
  const grouped = [...house.shelf.values()].some(({ workflow }) => workflow.concurrency);

  function changed(glance: Glance, whole: boolean): void {
    const recorded = rows.recorded(glance.id) as Recorded;
    const name = rows.labelOf(glance.id);
    const before = known.get(glance.id);
    const workflow = byHash.get(recorded.workflow) as Workflow;
    const admitted = recorded.executions.filter(
      ({ id, phase }) => !before?.executions.has(id) && phaseOf(workflow, phase)?.type !== "workflow",
    );
    counted(name, glance, before, admitted.length, whole);
    if (before && isOver(before.glance.status) && glance.epoch <= before.glance.epoch)
      house.report(
        "final",
        `${name} was ${before.glance.status} and has changed: ${before.glance.sign} → ${glance.sign}`,
      );
    try {
      audit(workflow, recorded.run, recorded.books);
    } catch (error) {
      house.report("attended", `${name}: ${(error as Error).message}`);
    }
    try {
      auditHistory(workflow, recorded.run, recorded.books);
    } catch (error) {
      house.report("once", `${name}: ${(error as Error).message}`);
    }
    const wrong = standsWrongly(workflow, recorded.run);
    if (wrong !== null) house.report("stands", `${name}: ${wrong}`);
    because(house, name, recorded);
    starts(name, workflow, recorded, before, admitted);
    for (const each of recorded.executions) {
      const was = before?.executions.get(each.id);
      if (was !== undefined && was !== "running" && was !== each.status)
        house.report("fence", `${each.name}#${each.attempt} of ${name} was ${was} and is ${each.status}`);
    }
    for (const gate of recorded.approvals) {
      const was = answers.get(gate.id);
      if (was !== undefined && was !== gate.status)
        house.report("answer", `the gate ${gate.phase}/${gate.iteration} of ${name} was ${was} and is ${gate.status}`);
      if (gate.status !== "pending") answers.set(gate.id, gate.status);
    }
    known.set(glance.id, {
      glance,
      recorded,
      executions: new Map(recorded.executions.map(({ id, status }) => [id, status])),
    });
  }

  /** What the daemon answered, what it admitted, and what a group moved by itself is all that may count. */
  function counted(name: string, glance: Glance, before: Known | undefined, admitted: number, whole: boolean): void {
    const revs = glance.rev - (before?.glance.rev ?? 0);
    if (revs < 1) {
      house.report("counted", `${name} changed and its rev went from ${before?.glance.rev} to ${glance.rev}`);
      return;
    }
    if (!whole) return;
    const told = (house.moves.get(glance.id) ?? 0) + admitted;
    const byGroup = glance.grp === null ? 0 : 2;
    if (revs < told || revs > told + byGroup)
      house.report("counted", `${name} went ${revs} revs on, by ${told} transitions that anyone knows of`);
  }

  function starts(
    name: string,
    workflow: Workflow,
    { run }: Recorded,
    before: Known | undefined,
    begun: Recorded["executions"],
  ): void {
    const was = before?.recorded.run;
    if (begun.length === 0) return;
    const words = begun.map((each) => each.name).join(", ");
    for (const left of rows.running())
      if (house.life && left.incarnation !== house.life.node.incarnation && house.programs.fate(left.id) === null)
        house.report(
          "recovery",
          `${words} of ${name} began while ${left.name} of ${rows.labelOf(left.run)} was neither lost nor taken up`,
        );
    if (!was) return;
    if (was.hold !== null && was.hold === run.hold)
      house.report("pause", `${words} of ${name} began while it was held (${run.hold})`);
    const ends = (of: typeof run): boolean => of.ending?.status === "cancelled" || of.status === "cancelled";
    if (!ends(was) || was.epoch !== run.epoch) return;
    for (const each of begun)
      if (!phaseOf(workflow, each.phase)?.finally)
        house.report("cancel", `${each.name} of ${name} began after the cancel`);
  }

  function groups(glances: readonly Glance[]): void {
    const active = new Map<string, Glance[]>();
    for (const each of glances) {
      if (each.grp === null || isOver(each.status) || each.hold === "concurrency") continue;
      active.set(each.grp, [...(active.get(each.grp) ?? []), each]);
    }
    for (const [key, runs] of active) {
      const max = Math.max(...runs.map(({ workflow }) => byHash.get(workflow)?.concurrency?.max ?? 1));
      if (runs.length > max)
        house.report("group", `${key}: ${runs.map(({ id }) => rows.labelOf(id)).join(", ")} of ${max}`);
    }
  }

  return {
    look: (whole) => {
      const glances = rows.glances();
      for (const glance of glances) {
        const before = known.get(glance.id)?.glance;
        if (!before || before.rev !== glance.rev || before.sign !== glance.sign) changed(glance, whole);
      }
      house.moves.clear();
      if (grouped) groups(glances);
      const executing = rows.executing();
      if (executing > house.cap) house.report("cap", `${executing} executions run, of ${house.cap}`);
    },
  };
}

function phaseOf({ phases }: Workflow, name: string): Phase | undefined {
  return phases.find((phase) => phase.name === name);
}

/** A reason that stands against a run's phases has its ground outside of them. */
function because(house: House, name: string, { run, parent, group, workflow }: Recorded): void {
  const { status, reason } = run.ending ?? run;
  if (status === "cancelled" && reason === "operator" && parent === null && !house.ledger.cancelAsked.has(run.id))
    house.report("stands", `${name} is cancelled and nobody asked for it`);
  if (status === "cancelled" && reason === "concurrency" && group === null)
    house.report("stands", `${name} is cancelled for a group that it has no part in`);
  if (status !== "failed") return;
  const of = [...house.shelf.values()].find(({ hash }) => hash === workflow)?.workflow;
  if (reason === "timeout" && of?.timeoutMs === undefined)
    house.report("stands", `${name} has no time limit and ran out of time`);
  if (reason === "budget" && !of?.budget) house.report("stands", `${name} has no budget and used it up`);
  if (reason === "crash_loop" && run.restartCount < 3)
    house.report("stands", `${name} is blamed after ${run.restartCount} crashes`);
}
