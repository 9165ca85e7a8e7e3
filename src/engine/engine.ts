import type { Decision } from "../domain/approval.ts";
import type { Clock } from "../domain/clock.ts";
import { Fault } from "../domain/fault.ts";
import type { Json } from "../domain/json.ts";
import type { Run, RunEvent } from "../domain/run.ts";
import type { Accepted, Arrival } from "../store/deliveries.ts";
import type { Ballast } from "../store/files/ballast.ts";
import type { Blobs } from "../store/files/blobs.ts";
import type { ApprovalLine, RunDetail } from "../store/lines.ts";
import type { Applied, Created, Grant, Lease, NewRun, Store } from "../store/store.ts";
import { admission } from "./admission.ts";
import { type Bus, createBus } from "./bus.ts";
import type { Actor, Deliverer } from "./contracts/deliverer.ts";
import type { Keeper } from "./contracts/keeper.ts";
import type { Log } from "./contracts/log.ts";
import type { PhaseKind } from "./contracts/phase.ts";
import { type DiskGuard, diskGuard } from "./disk.ts";
import { createOutbox } from "./outbox.ts";
import { type ChildWish, createOwed } from "./owed.ts";
import { registry } from "./registry.ts";
import type { Settings } from "./settings.ts";
import { createWorker } from "./worker.ts";

/** Drives runs: every face and every trigger speaks to this, and this speaks to the store. */
export interface Engine {
  readonly bus: Bus;
  readonly disk: Pick<DiskGuard, "state" | "trouble">;
  /**
   * Takes up what the last incarnation left, then opens the valve. `suspects` are the runs whose data it handled when it
   * died. What lives is attached to, what finished is adopted; only what is gone is lost. Rejects when that could not be
   * written: asked again, it goes on from there.
   */
  begin(suspects?: readonly string[]): Promise<Recovery>;
  /** Makes a run; resolves once it is durable. A known key returns the run that exists. */
  create(run: NewRun): Promise<Created>;
  /** Takes in what came from outside with the runs it starts; resolves once all of it is durable. */
  accept(arrival: Omit<Arrival, "take">): Promise<Accepted>;
  /** One event for one run, through the store; what it grants is carried out, what it stops is ended. */
  apply(run: string, event: RunEvent): Promise<Applied>;
  /** Answers a gate; throws `approval.unknown`, or `approval.answered` naming who was first. */
  answer(approval: string, answer: { decision: Decision; by: string; comment: string | null }): Promise<ApprovalLine>;
  /** Throws `run.unknown` or `run.terminal`. */
  cancel(run: string, by: string): Promise<Run>;
  /** Nothing more of the run starts until it is resumed; throws `run.unknown`, `run.terminal` or `run.held`. */
  pause(run: string): Promise<Run>;
  /** Throws `run.unknown`, `run.terminal` or `run.held`. */
  resume(run: string): Promise<Run>;
  /**
   * Has a run that is over go on: from a phase and everything downstream of it, or from whatever did not succeed. Throws
   * `run.unknown`, `run.unfinished` or `phase.unknown`.
   */
  retry(run: string, from: string | null, by: string): Promise<Run>;
  /** Word from outside, kept whether or not the run waits for it; throws `run.unknown` or `run.terminal`. */
  signal(run: string, signal: { id: string; name: string; payload: Json }): Promise<Run>;
  /** Stops taking work, leaves programs alive for the next daemon, and falls silent. */
  stop(): Promise<void>;
}

export interface Recovery {
  /** Still running or finished meanwhile: taken up where they are. */
  readonly attached: number;
  /** Gone: owed again. */
  readonly lost: number;
  /** Processes of executions that nobody wants any more: ended. */
  readonly strays: number;
}

const FLOOR_MS = 5_000;
/** A delivery that takes longer than this when the daemon stops is owed again by the next one. */
const OUTBOX_PATIENCE_MS = 5_000;
const TRIES = 20;
const RECOVERED_AT_ONCE = 200;
/** A phase whose process vanishes this often is not tried again: something on the machine kills it. */
const LOST_LIMIT = 5;

export function createEngine(options: {
  store: Store;
  node: Lease;
  clock: Clock;
  log: Log;
  keeper: Keeper;
  phases: readonly PhaseKind[];
  deliverers: readonly Deliverer[];
  actors?: readonly Actor[];
  /** After how many tries that failed what is said outside is given up. */
  tries?: number;
  ballast: Ballast;
  settings: Settings;
  blobs: Blobs;
  /** Makes a run for a phase; throws what a person would be told who asked for it. */
  startChild: (wish: ChildWish) => Promise<Created>;
  /** Names a run while its data is handled, for the next daemon to know (engine rule 21). */
  handling: <T>(run: string, work: () => T) => T;
  /** How many executions may run at once. */
  cap: number;
  restartLimit: number;
  /** How long owed work may lie when nobody was woken for it; a simulation, where no wake-up is lost, looks less often. */
  floorMs?: number;
}): Engine {
  const { store, node, clock, log, restartLimit, floorMs = FLOOR_MS, actors = [], tries = TRIES } = options;
  const valve = admission(node, options.cap);
  const bus = createBus();
  const owed = createOwed({ ...options, actors, tries, apply });
  const outbox = createOutbox({
    store: {
      nextDue: () => store.nextDue(),
      due: (holder, limit) => written(store.due(holder, limit)),
      settle: (holder, effect, outcome) => written(store.settle(holder, effect, outcome)),
    },
    node,
    clock,
    log,
    floorMs: 2 * floorMs,
    deliver: owed,
    tries,
  });
  const kinds = registry(options.phases);
  const worker = createWorker({
    store,
    registry: kinds,
    keeper: options.keeper,
    settings: options.settings,
    blobs: options.blobs,
    clock,
    log,
    handling: options.handling,
    trouble: (error) => disk.trouble(error),
    watch: () => disk.watch(),
    stall: async ({ run, execution }) => {
      await hold(run);
      await apply(run, { type: "execution.lost", executions: [execution], vanishedLimit: null });
      return undefined;
    },
    tell: apply,
    report: ({ run, execution }, outcome) =>
      outcome.type === "failed" && outcome.failure === "lost" && outcome.exitCode === undefined
        ? apply(run, { type: "execution.lost", executions: [execution], vanishedLimit: LOST_LIMIT })
        : apply(run, { type: "execution.ended", execution, outcome }),
  });
  const stopListening = store.onChange((changes) => {
    bus.publish(changes);
    // In safe mode nothing begins: what a run's data did to the last daemon, it would do again.
    if (began) outbox.wake();
  });
  const disk = diskGuard({
    ballast: options.ballast,
    clock,
    log,
    begin: () => valve.shut(),
    end: () => {
      if (began && !stopping)
        void resume().catch((error: unknown) => log.error({ err: error }, "held runs could not be released"));
    },
  });
  /** Who has heard of the last crash: a recovery that is made again tells nobody twice. */
  const blamed = new Set<string>();
  let cancelPoll = (): void => {};
  let began = false;
  let stopping = false;

  async function apply(run: string, event: RunEvent): Promise<Applied> {
    const applied = await written(store.apply(run, event, valve.take()));
    if (applied.ok) {
      worker.revoke(applied.stopped);
      worker.offer(applied.granted);
      if (disk.state() !== null && couldGoOn(applied.run)) {
        // The event stands, whether or not there is room to say what follows from it.
        await hold(run).catch((error: unknown) => log.error({ run, err: error }, "a pause could not be recorded"));
      }
    }
    return applied;
  }

  async function hold(run: string): Promise<void> {
    await apply(run, { type: "run.held", hold: "disk_full" });
    // Recorded only once there was room again, when the runs that were held then had been released already.
    if (disk.state() === null) await apply(run, { type: "run.released", hold: "disk_full" });
  }

  /** Every write passes here, so that want of room is noticed wherever it shows first. */
  async function written<T>(write: Promise<T>): Promise<T> {
    try {
      return await write;
    } catch (error) {
      disk.trouble(error);
      throw error;
    }
  }

  /** There is room: what was held for want of it goes on, then whatever else is owed. */
  async function resume(): Promise<void> {
    valve.open();
    for (const run of await store.held("disk_full")) await apply(run, { type: "run.released", hold: "disk_full" });
    await poll();
  }

  /** Waking is in-process; this is the floor under it. */
  async function poll(): Promise<void> {
    try {
      const take = valve.take();
      if (take) worker.offer(await written(store.claim(take)));
      outbox.wake();
    } catch (error) {
      log.error({ err: error }, "owed work could not be claimed; it is tried again");
    } finally {
      cancelPoll();
      if (!stopping) cancelPoll = clock.after(floorMs, () => void poll());
    }
  }

  /** A crash is an event like any other: each run hears what it lost, and owes it again. */
  async function recover(suspects: readonly string[]): Promise<Recovery> {
    for (const run of suspects) {
      if (blamed.has(run)) continue;
      await apply(run, { type: "run.suspected", restartLimit });
      blamed.add(run);
    }
    await written(store.reclaim(node));
    const orphans = await store.orphans(node);
    const strays = options.keeper.strays(new Set(orphans.map((grant) => grant.execution)));
    for (const execution of strays) await options.keeper.clear(execution);
    const alive: Grant[] = [];
    const gone = new Map<string, string[]>();
    for (const grant of orphans) {
      if (kinds.outlives(grant.phaseType) && options.keeper.claimed(grant.execution)) alive.push(grant);
      else gone.set(grant.run, [...(gone.get(grant.run) ?? []), grant.execution]);
    }
    const losses = [...gone];
    for (let at = 0; at < losses.length; at += RECOVERED_AT_ONCE) {
      // The valve is still shut, so nothing starts before all is accounted for; fresh work and old share one cap.
      await Promise.all(
        losses.slice(at, at + RECOVERED_AT_ONCE).map(async ([run, executions]) => {
          const applied = await apply(run, { type: "execution.lost", executions, vanishedLimit: null });
          if (!applied.ok) log.warn({ run, why: applied.why }, "a lost execution was refused");
        }),
      );
    }
    worker.offer(alive);
    return { attached: alive.length, lost: orphans.length - alive.length, strays: strays.length };
  }

  /** What an operator asks of a run; a refusal becomes the fault that says why. */
  async function told(run: string, event: RunEvent): Promise<Run> {
    const applied = await apply(run, event);
    if (applied.ok) return applied.run;
    const known = await store.run(run);
    if (!known) throw new Fault("run.unknown", `There is no run ${run}`);
    if (known.workflow_hash === null) throw foreign(run);
    if (applied.why === "unfinished") throw new Fault("run.unfinished", `Run ${run} is ${known.status}`);
    if (applied.why !== "terminal") throw new Fault("run.held", heldWords(known));
    throw new Fault("run.terminal", `Run ${run} is over: ${known.status}`);
  }

  return {
    bus,
    disk,
    apply,
    begin: async (suspects = []) => {
      const recovery = await recover(suspects);
      if (recovery.attached + recovery.lost + recovery.strays > 0) log.info(recovery, "taken up from the last daemon");
      began = true;
      void disk.keepRoom();
      if (disk.state() === null) await resume();
      return recovery;
    },
    create: async (run) => {
      const created = await written(store.create(run, valve.take()));
      worker.revoke(created.stopped);
      worker.offer(created.granted);
      return created;
    },
    accept: async (arrival) => {
      const accepted = await written(store.deliveries.accept({ ...arrival, take: valve.take() }));
      worker.revoke(accepted.stopped);
      worker.offer(accepted.granted);
      return accepted;
    },
    answer: async (approval, { decision, by, comment }) => {
      const gate = await store.approval(approval);
      if (!gate) throw new Fault("approval.unknown", `There is no approval ${approval}`);
      const applied = await apply(gate.workflow_run_id, { type: "gate.answered", approval, decision, by, comment });
      const now = (await store.approval(approval)) as ApprovalLine;
      if (applied.ok) return now;
      if (applied.why === "unknown") throw foreign(gate.workflow_run_id);
      if (applied.why === "unfit")
        throw new Fault("approval.unfit", `Approval ${approval} is answered with approve or reject, not with a reply`);
      throw new Fault("approval.answered", answered(now));
    },
    cancel: (run, by) => told(run, { type: "run.cancelled", by }),
    pause: (run) => told(run, { type: "run.held", hold: "operator" }),
    resume: (run) => told(run, { type: "run.released", hold: "operator" }),
    retry: async (run, from, by) => {
      if (from !== null) {
        const data = await store.data(run, null);
        const phases = data?.version.workflow.phases.map(({ name }) => name) ?? [];
        if (data && !phases.includes(from))
          throw new Fault("phase.unknown", `Run ${run} has no phase "${from}"; it has ${phases.join(", ")}`);
      }
      return told(run, { type: "run.retried", from, by });
    },
    signal: (run, signal) => told(run, { type: "signal.received", ...signal }),
    stop: async () => {
      stopping = true;
      valve.shut();
      disk.stop();
      cancelPoll();
      const settled = outbox.stop();
      worker.detach();
      await worker.idle();
      await new Promise<void>((resolve) => {
        const impatient = clock.after(OUTBOX_PATIENCE_MS, resolve);
        void settled.then(() => {
          impatient();
          resolve();
        });
      });
      stopListening();
    },
  };
}

function answered(gate: ApprovalLine): string {
  if (gate.status === "void") return `Approval ${gate.id} is void: its run is over`;
  return `Approval ${gate.id} was ${gate.status} by ${gate.responded_by ?? "someone"} at ${gate.responded_at}`;
}

/** Nothing of it executes and something could start: it waits for nothing but the valve (engine rule 10). */
function couldGoOn({ status, live }: Run): boolean {
  return status === "running" && live.length === 0;
}

function heldWords({ id, status, reason }: RunDetail): string {
  return `Run ${id} is ${status}${reason === null ? "" : ` (${reason})`}`;
}

/** Engine rule 8: a run without a version of ours is listed, never driven. */
function foreign(run: string): Fault {
  return new Fault("run.foreign", `Run ${run} was made by another program`);
}
