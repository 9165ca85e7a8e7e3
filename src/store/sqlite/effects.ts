import type { Clock } from "../../domain/clock.ts";
import type { Effect } from "../../domain/run.ts";
import type { Approvals } from "./approvals.ts";
import type { Batch, Entry } from "./batch.ts";
import type { Executions } from "./executions.ts";
import type { Findings } from "./findings.ts";
import type { Outbox } from "./outbox.ts";
import type { Runs } from "./runs.ts";

/** The tables that what follows from an event is written to. */
export interface EffectRooms {
  readonly runs: Runs;
  readonly executions: Executions;
  readonly approvals: Approvals;
  readonly outbox: Outbox;
  readonly findings: Findings;
}

/** Writes what follows from an event, in the transaction that saves the run; `at` is its place among all that follows. */
export function effects(clock: Clock, { runs, executions, approvals, outbox, findings }: EffectRooms) {
  return (batch: Batch, entry: Entry, effect: Effect, now: string, at: number): void => {
    const { run } = entry;
    switch (effect.type) {
      case "phase.start": {
        const { phase, iteration, attempt } = effect;
        batch.wanted.push({ run: run.id, phase, iteration, attempt, priority: entry.row.priority });
        break;
      }
      case "starts.void":
        batch.wanted = batch.wanted.filter((each) => each.run !== run.id);
        outbox.voidStarts(run.id, entry.row.priority);
        break;
      case "execution.open":
        executions.open(entry, effect.execution, batch.take?.node ?? null);
        break;
      case "execution.tally":
        executions.tally(effect.execution);
        break;
      case "execution.close":
        executions.close(effect, entry, now);
        break;
      case "gate.open": {
        const { phase, iteration, kind, remind, escalate, approval: id = clock.id() } = effect;
        const ask = `${run.id}/${phase}/${iteration}/${run.epoch}/ask`;
        approvals.open(id, run.id, effect, now);
        outbox.owe(ask, run.id, "ask", { approval: id }, now);
        for (const [before, due] of remind.entries())
          outbox.owe(`${ask}/${before + 1}`, run.id, "ask", { approval: id, again: before + 1 }, due);
        if (escalate)
          outbox.owe(`${ask}/escalate`, run.id, "ask", { approval: id, escalate: { ...escalate.to } }, escalate.at);
        entry.run = { ...run, gates: [...run.gates, { id, phase, iteration, kind, createdAt: now }] };
        break;
      }
      case "gate.close":
        approvals.close(effect, now);
        outbox.voidAsks(run.id, effect.approval);
        break;
      case "history":
        entry.lines.push(effect.line);
        break;
      case "decision.owe": {
        const { phase, iteration } = effect;
        const asked = { phase, iteration, epoch: run.epoch };
        outbox.owe(`${run.id}/${phase}/${iteration}/${run.epoch}/decide/${run.rev}`, run.id, "decide", asked, now);
        break;
      }
      case "decision.note": {
        const { phase, iteration, finding } = effect;
        findings.note({ run: run.id, epoch: run.epoch, phase, iteration }, finding, now);
        break;
      }
      case "timer.set": {
        const { phase, due } = effect;
        outbox.owe(`${run.id}/timer/${phase ?? ""}/${due}/${run.rev}`, run.id, "timer", { phase, due }, due);
        break;
      }
      case "timers.void":
        outbox.voidTimers(run.id);
        break;
      case "child.start": {
        const { phase, iteration, attempt } = effect;
        const place = { phase, iteration, attempt, epoch: run.epoch };
        outbox.owe(`${run.id}/${phase}/${iteration}/${run.epoch}/${attempt}/child`, run.id, "child", place, now);
        break;
      }
      case "action.start": {
        const { phase, iteration, attempt } = effect;
        const place = { phase, iteration, attempt, epoch: run.epoch };
        outbox.owe(`${run.id}/${phase}/${iteration}/${run.epoch}/${attempt}/action`, run.id, "action", place, now);
        break;
      }
      case "child.stop": {
        const { phase, iteration, attempt } = effect;
        const place = { phase, iteration, attempt, epoch: run.epoch };
        outbox.owe(`${run.id}/${phase}/${iteration}/${run.rev}/child_stop`, run.id, "child_stop", place, now);
        break;
      }
      case "post": {
        const { event, phase, iteration, execution } = effect;
        // In the order of being said, also where a moment holds several: what is due together goes by id.
        const id = `${run.id}/post/${ordinal(run.rev)}/${ordinal(at)}/${phase ?? ""}/${iteration}/${event}`;
        outbox.owe(id, run.id, "post", { event, phase, iteration, execution }, now);
        break;
      }
      case "signal":
        findings.receive(run.id, effect, now);
        break;
      case "scratch":
        if (entry.fresh) runs.save(entry);
        runs.writeScratch(run.id, effect.key, effect.value, effect.append);
        break;
      case "execution.stop":
        // A process is ended after the commit, by whoever asked: it is in the answer.
        break;
    }
  };
}

/** Ten digits: as text in the order of the numbers. */
function ordinal(of: number): string {
  return String(of).padStart(10, "0");
}
