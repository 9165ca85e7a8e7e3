import { advance } from "../../domain/advance.ts";
import type { Clock } from "../../domain/clock.ts";
import type { LiveExecution } from "../../domain/execution.ts";
import { Fault } from "../../domain/fault.ts";
import { graphOf } from "../../domain/graph.ts";
import type { Json } from "../../domain/json.ts";
import { type Effect, isOver, type Refusal, type RunEvent, type RunStatus } from "../../domain/run.ts";
import type { Phase } from "../../domain/workflow.ts";
import type { Applied, Created, NewRun, Take } from "../store.ts";
import { type Batch, type Entry, takeGranted, type Wanted } from "./batch.ts";
import { type EffectRooms, effects } from "./effects.ts";
import { grantOf } from "./executions.ts";
import { groups } from "./groups.ts";
import type { Versions } from "./versions.ts";

interface Rooms extends EffectRooms {
  readonly versions: Versions;
}

/** The only way a run changes: load, advance, write what follows, all inside the batch's transaction. */
export function transitions(clock: Clock, rooms: Rooms, reports: boolean) {
  const { runs, executions, outbox, versions } = rooms;
  const write = effects(clock, rooms);
  const group = groups(runs, entryOf, (batch, entry, event) => {
    const taken = step(batch, entry, event);
    return "why" in taken ? [] : stoppedBy(taken.effects);
  });

  function entryOf(batch: Batch, id: string): Entry | null {
    const known = batch.runs.get(id);
    if (known) return known;
    const loaded = runs.load(id);
    if (loaded) batch.runs.set(id, loaded);
    return loaded;
  }

  function step(batch: Batch, entry: Entry, event: RunEvent): { why: Refusal } | { effects: readonly Effect[] } {
    const now = clock.now();
    const before = entry.run.status;
    const next = advance(entry.workflow, entry.run, event, now);
    if (!next.ok) return next;
    entry.run = next.run;
    for (const [at, effect] of next.effects.entries()) write(batch, entry, effect, now, at);
    if (isOver(next.run.status) && !isOver(before)) ended(batch, entry, now);
    report(entry, before, event, now);
    return next;
  }

  /** Whoever set it off sees there that it was heard, that it is at work, and how it ended. */
  function report({ run, row }: Entry, before: RunStatus, event: RunEvent, now: string): void {
    if (!reports || row.trigger_type !== "webhook" || row.repo === null) return;
    const owe = (what: string): void =>
      outbox.owe(`${run.id}/report/${run.rev}/${what}`, run.id, "report", { what }, now);
    if (event.type === "run.created") owe("reaction");
    if (stageOf(run.status) !== stageOf(before) && run.status !== "queued") owe("check");
  }

  /** Whoever waits for this run's end hears of it: the next of its group at once, its parent by the outbox. */
  function ended(batch: Batch, { run, row }: Entry, now: string): void {
    if (row.concurrency_key !== null) batch.freed.add(row.concurrency_key);
    if (row.parent_run_id === null) return;
    const place = JSON.parse(row.parent_place as string) as Json;
    outbox.owe(`${run.id}/${run.epoch}/ended`, row.parent_run_id, "child_ended", { run: run.id, place }, now);
  }

  /** Starts what is owed while there is room: oldest run first, what this batch owes among what waits already. */
  function admit(batch: Batch): void {
    let wanted = batch.wanted;
    batch.wanted = [];
    let free = batch.take ? batch.take.cap - executions.count() : 0;
    let room: number;
    let waiting: ReturnType<typeof outbox.startable>;
    do {
      room = free;
      waiting = room > 0 ? outbox.startable(room) : [];
      const queue: (Wanted & { id?: string })[] =
        waiting.length > 0 ? [...waiting, ...wanted].sort(oldestFirst) : wanted;
      for (const want of queue) {
        if (free > 0) {
          if (want.id !== undefined) outbox.started(want.id);
          if (start(batch, want)) free--;
        } else if (want.id === undefined) {
          const entry = batch.runs.get(want.run) as Entry;
          outbox.oweStart(want, entry.run.epoch, entry.run.updatedAt);
        }
      }
      wanted = [];
      // What a run has moved past since it was owed takes nobody's place: the next in line has it.
    } while (free > 0 && waiting.length === room);
  }

  function start(batch: Batch, want: Wanted): boolean {
    const entry = entryOf(batch, want.run);
    if (!entry) return false;
    const id = clock.id();
    const admitted = step(batch, entry, {
      type: "execution.admitted",
      execution: id,
      phase: want.phase,
      iteration: want.iteration,
      attempt: want.attempt,
    });
    if ("why" in admitted) return false;
    const execution = entry.run.live.find((each) => each.id === id) as LiveExecution;
    const { type } = graphOf(entry.workflow).phase.get(want.phase) as Phase;
    batch.granted.push(grantOf(want.run, entry.row.workflow_name, type, execution));
    return true;
  }

  return {
    create: (batch: Batch, request: NewRun, take?: Take): (() => Created) => {
      if (take) batch.take = take;
      const { version, once } = request;
      const existing = once === null ? null : (batch.once.get(once) ?? runs.byOnce(once));
      if (existing !== null) {
        const known = batch.runs.get(existing);
        return () => ({
          created: false,
          run: known ? runs.line(known) : (runs.lineById(existing) as Created["run"]),
          granted: takeGranted(batch),
          stopped: [],
        });
      }
      // Two runs of one id in one batch: the row decides, as it would have in two.
      if (batch.runs.has(request.id)) throw new Fault("store.constraint", `There is a run ${request.id} already`);
      const now = clock.now();
      if (!versions.known(version.hash) && !batch.versions.has(version.hash)) {
        versions.save(version, now);
        batch.versions.add(version.hash);
      }
      const entry = runs.fresh(request, version, now);
      batch.runs.set(request.id, entry);
      if (once !== null) batch.once.set(once, request.id);
      const { busy, stopped } = group.enter(batch, request);
      const inherited = request.origin?.inherited;
      step(batch, entry, { type: "run.created", ...(inherited ? { inherited } : {}), ...(busy ? { busy } : {}) });
      return () => {
        versions.keep(version);
        return { created: true, run: runs.line(entry), granted: takeGranted(batch), stopped };
      };
    },

    apply: (batch: Batch, id: string, event: RunEvent, take?: Take): (() => Applied) => {
      if (take) batch.take = take;
      const entry = entryOf(batch, id);
      if (!entry) return () => ({ ok: false, why: "unknown" });
      const busy = event.type === "run.retried" && group.isFull(batch, entry);
      const taken = step(batch, entry, busy ? { ...event, busy } : event);
      if ("why" in taken) return () => ({ ok: false, why: taken.why });
      const stopped = stoppedBy(taken.effects);
      return () => ({ ok: true, run: entry.run, granted: takeGranted(batch), stopped });
    },

    claim: (batch: Batch, take: Take) => {
      batch.take = take;
      return () => takeGranted(batch);
    },

    /** The end of a batch: admission first, since it moves runs too, then each run is written once. */
    flush: (batch: Batch): void => {
      if (batch.freed.size > 0) group.release(batch);
      if (batch.wanted.length > 0 || batch.take) admit(batch);
      for (const entry of batch.runs.values()) if (entry.fresh || entry.run !== entry.saved) runs.save(entry);
    },
  };
}

/** What those who look from outside tell apart. */
function stageOf(status: RunStatus): string {
  return status === "queued" || isOver(status) ? status : "running";
}

function stoppedBy(effects: readonly Effect[]): string[] {
  return effects.flatMap((effect) => (effect.type === "execution.stop" ? [effect.execution] : []));
}

function oldestFirst(a: Wanted, b: Wanted): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  return a.run < b.run ? -1 : a.run > b.run ? 1 : 0;
}
