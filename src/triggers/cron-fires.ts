import type { Clock, Iso } from "../domain/clock.ts";
import { asFault, Fault, type FaultCode } from "../domain/fault.ts";
import { isOver } from "../domain/run.ts";
import { onceOf, overlapping, type Result, type Schedule, streak } from "../domain/schedule.ts";
import type { Log } from "../engine/contracts/log.ts";
import type { Dispatch } from "../engine/dispatch.ts";
import type { CronFire, Crons, OpenFire } from "../store/crons.ts";
import type { Planned } from "./cron-plan.ts";

/** What lastlight does itself on a schedule; resolves with what came of it, in words. */
export type Handler = (signal: AbortSignal) => Promise<string>;

/** Carries out what the ledger says is to be fired, and notes how it ended. */
export interface Fires {
  /** Looks at every open row once, schedule by schedule, oldest slot first. */
  settle(plans: readonly Planned[]): Promise<void>;
  /** Runs whose end is waited for. */
  awaits(run: string): boolean;
  /** Starts what a schedule starts, whatever else of it is under way; throws what stands in the way. */
  byHand(plan: Planned, asked: { readonly by: string; readonly once: string | null }): Promise<CronFire>;
  stop(): Promise<void>;
}

type Starts = Extract<Schedule["starts"], { readonly workflow: string }>;

/** Stands before the name of a schedule where others have the id of a run. */
const HANDLER = "handler of ";

/** What passes by itself: the slot stays owed. Everything else is the author's or the operator's to mend. */
const PASSING: ReadonlySet<FaultCode> = new Set(["store.trouble", "store.stopped", "disk.full", "internal.error"]);

export function createFires(options: {
  crons: Crons;
  dispatch: Dispatch;
  cancel: (run: string, by: string) => Promise<unknown>;
  handlers: { readonly [name: string]: Handler };
  /** After so many failures or empty runs in a row a schedule pauses itself; 0 is never. */
  pauseAfter: number;
  clock: Pick<Clock, "now">;
  log: Log;
  /** Something ended here: there may be more to do. */
  wake: () => void;
}): Fires {
  const { crons, dispatch, cancel, handlers, pauseAfter, clock, log, wake } = options;
  const abort = new AbortController();
  const working = new Map<string, Promise<void>>();
  let awaited = new Set<string>();

  async function settle(plans: readonly Planned[]): Promise<void> {
    const planned = new Map(plans.map((plan) => [plan.schedule.name, plan]));
    const open = new Map<string, OpenFire[]>();
    for (const row of await crons.open()) open.set(row.name, [...(open.get(row.name) ?? []), row]);
    const live = new Set<string>();
    for (const [name, rows] of open) {
      if (abort.signal.aborted) break;
      for (const run of await settleOne(name, rows, planned.get(name) ?? null)) live.add(run);
    }
    awaited = live;
  }

  /** Resolves with the runs of the schedule that are under way. */
  async function settleOne(name: string, rows: readonly OpenFire[], plan: Planned | null): Promise<string[]> {
    const live: string[] = [];
    let ended = false;
    for (const row of rows.filter(({ outcome }) => outcome === "fired")) {
      const result = resultOf(row);
      if (result === null) live.push(row.run_id ?? `${HANDLER}${name}`);
      else ended = (await crons.settle(name, row.slot, { outcome: "over", ...result })) || ended;
    }
    if (ended) await judge(name);
    let waiting = rows.filter(({ outcome }) => outcome === "queued");
    for (const row of waiting) {
      const gone =
        plan === null ? "there is no schedule of that name any more" : plan.status === "on" ? null : plan.reason;
      if (gone !== null) await skip(row, gone);
      else if (live.length === 0) live.push(...(await fire(plan!.schedule, row)));
      else continue;
      waiting = waiting.filter((each) => each !== row);
    }
    for (const row of rows.filter(({ outcome }) => outcome === "owed")) {
      if (abort.signal.aborted) return live;
      if (plan === null) {
        await skip(row, "there is no schedule of that name any more");
        continue;
      }
      const verdict = overlapping(plan.schedule.overlap, { live, waiting: waiting.length });
      if (verdict.do === "skip") await skip(row, verdict.reason as string);
      else if (verdict.do === "queue") {
        await crons.settle(name, row.slot, { outcome: "queued", reason: verdict.reason });
        waiting.push(row);
      } else {
        if (verdict.do === "replace") for (const run of live.splice(0)) await replace(run, name);
        live.push(...(await fire(plan.schedule, row, verdict.reason)));
      }
    }
    return live.filter((each) => !each.startsWith(HANDLER));
  }

  function resultOf({ name, run_id, run_status: status, idle }: OpenFire): { result: Result; reason?: string } | null {
    if (run_id === null)
      return working.has(name) ? null : { result: "failed", reason: "the daemon ended before it was done" };
    if (status === null || !isOver(status)) return null;
    return { result: idle ? "idle" : status };
  }

  async function skip({ name, slot }: CronFire, reason: string): Promise<void> {
    if (await crons.settle(name, slot, { outcome: "skipped", reason }))
      log.info({ schedule: name, slot, reason }, "a slot was skipped");
  }

  async function replace(run: string, name: string): Promise<void> {
    // It may have ended by itself meanwhile, which serves as well.
    await cancel(run, `schedule ${name}`).catch((error: unknown) => log.debug({ run, err: error }, "not cancelled"));
  }

  /** Resolves with what is under way since then. What passes by itself leaves the row owed. */
  async function fire(schedule: Schedule, row: CronFire, reason: string | null = null): Promise<string[]> {
    const { name, slot } = row;
    const { starts } = schedule;
    try {
      if ("workflow" in starts) return [await start(schedule, starts, row, reason)];
      const handler = handlerOf(starts.handler);
      if (!(await crons.settle(name, slot, { outcome: "fired", run: null }))) return [];
      begin(name, slot, handler);
      return [`${HANDLER}${name}`];
    } catch (error) {
      const fault = asFault(error);
      if (PASSING.has(fault.code)) log.error({ schedule: name, slot, err: error }, "a slot could not be fired yet");
      else await skip(row, fault.message);
      return [];
    }
  }

  async function start(
    schedule: Schedule,
    starts: Starts,
    { name, slot }: CronFire,
    reason: string | null,
  ): Promise<string> {
    const run = await ask(schedule, starts, { slot, once: onceOf(name, slot), by: `schedule ${name}` });
    await crons.settle(name, slot, { outcome: "fired", run, reason });
    return run;
  }

  async function ask(
    { name, context }: Schedule,
    { workflow, inputs }: Starts,
    { slot, once, by }: { slot: Iso; once: string | null; by: string },
  ): Promise<string> {
    const trigger = { type: "cron" as const, id: name, by };
    const { run } = await dispatch({
      workflow,
      inputs,
      trigger,
      once,
      context: { ...context, schedule: { name, slot } },
    });
    awaited.add(run.id);
    if (isOver(run.status)) wake();
    return run.id;
  }

  function handlerOf(name: string): Handler {
    const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
    if (!handler) throw new Fault("cron.invalid", `no handler is called "${name}"`);
    return handler;
  }

  function begin(name: string, slot: string, handler: Handler): void {
    const work = handler(abort.signal)
      .then(
        (words) => ({ result: "succeeded" as const, reason: words }),
        (error: unknown) => {
          if (!abort.signal.aborted) log.error({ schedule: name, slot, err: error }, "a handler failed");
          return { result: "failed" as const, reason: error instanceof Error ? error.message : String(error) };
        },
      )
      .then(async (end) => {
        log.info({ schedule: name, slot, ...end }, "a handler is done");
        await crons.settle(name, slot, { outcome: "over", ...end });
        await judge(name);
      })
      .catch((error: unknown) => log.error({ schedule: name, slot, err: error }, "a handler's end could not be noted"))
      .finally(() => {
        working.delete(name);
        wake();
      });
    working.set(name, work);
  }

  async function judge(name: string): Promise<void> {
    const state = (await crons.states()).find((each) => each.name === name);
    if (!state || state.paused_at !== null || pauseAfter === 0) return;
    const reason = streak(await crons.results(name, state.since, 10 * pauseAfter), pauseAfter);
    if (reason !== null && (await crons.pause(name, reason)))
      log.warn({ schedule: name, reason }, `a schedule pauses itself; \`lastlight crons enable ${name}\` resumes it`);
  }

  return {
    settle,
    awaits: (run) => awaited.has(run),
    byHand: async ({ schedule }, { by, once }) => {
      const { name, starts } = schedule;
      if ("workflow" in starts) {
        const run = await ask(schedule, starts, { slot: clock.now(), once, by });
        const fired = await crons.byHand({ name, run, by });
        wake();
        return fired;
      }
      const handler = handlerOf(starts.handler);
      if (working.has(name)) throw new Fault("cron.busy", `${starts.handler} is at work already`);
      const fired = await crons.byHand({ name, run: null, by });
      begin(name, fired.slot, handler);
      return fired;
    },
    stop: async () => {
      abort.abort();
      await Promise.all(working.values());
    },
  };
}
