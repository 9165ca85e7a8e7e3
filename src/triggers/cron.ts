import type { Clock, Iso } from "../domain/clock.ts";
import { Fault } from "../domain/fault.ts";
import { isOver } from "../domain/run.ts";
import { type CatchUp, catchUp, dueOf, MOST_MADE_UP, type Overlap, type Schedule } from "../domain/schedule.ts";
import type { Bus } from "../engine/bus.ts";
import type { Log } from "../engine/contracts/log.ts";
import type { Dispatch } from "../engine/dispatch.ts";
import type { CronFire, CronOverride, CronState, Crons, NewFire } from "../store/crons.ts";
import { readCalendar } from "../workflow/calendar.ts";
import { createFires, type Handler } from "./cron-fires.ts";
import { type CronSettings, calendarOf, nextOf, type Planned, planner } from "./cron-plan.ts";

/** The clockwork of a daemon: every slot of every schedule comes to one row in the ledger, and to one run at most. */
export interface Cron {
  /** From now on slots are fired; those that passed since the last one are caught up with. */
  begin(): void;
  /** Every schedule with its next slots, by name. */
  list(count: number): Promise<readonly CronLine[]>;
  /** Throws `cron.unknown`. */
  one(name: string, count: number): Promise<CronLine>;
  /** A person's word over the file, null to take it back; throws `cron.unknown` or `cron.invalid`. */
  override(name: string, word: { enabled?: boolean; schedule?: string | null } | null, by: string): Promise<void>;
  /** Now and out of turn; throws `cron.unknown`, `cron.busy`, or what stands in the way of the run. */
  trigger(name: string, asked: { readonly by: string; readonly once: string | null }): Promise<CronFire>;
  /** Resolves when nothing is being looked at. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

/** A schedule as faces show it. */
export interface CronLine {
  readonly name: string;
  readonly workflow: string | null;
  readonly handler: string | null;
  /** In force: by the override where there is one. */
  readonly schedule: string;
  /** As the file has it. */
  readonly declared: string;
  readonly timezone: string;
  readonly jitter_ms: number;
  readonly overlap: Overlap;
  readonly catch_up: CatchUp;
  readonly window_ms: number;
  readonly status: Planned["status"];
  /** Why it is not on. */
  readonly reason: string | null;
  readonly override: Omit<CronOverride, "name"> | null;
  readonly last: CronFire | null;
  /** Also those of a schedule that is off: what would come. `due` is the slot and its part of the jitter. */
  readonly next: readonly { readonly slot: Iso; readonly due: Iso }[];
}

/** A clock that is set and a machine that sleeps are noticed this soon; no timer hears of either. */
const LONGEST_SLEEP_MS = 60_000;
/** Slots looked at before others get their turn. */
const STRIDE = 1_000;

export function createCron(options: {
  crons: Crons;
  schedules: () => readonly Schedule[];
  /** Called when files change what `schedules` gives. */
  onSchedules: (listen: () => void) => () => void;
  dispatch: Dispatch;
  cancel: (run: string, by: string) => Promise<unknown>;
  bus: Pick<Bus, "subscribe">;
  handlers: { readonly [name: string]: Handler };
  settings: CronSettings;
  pauseAfter: number;
  clock: Clock;
  log: Log;
}): Cron {
  const { crons, clock, log } = options;
  const fires = createFires({ ...options, wake });
  const planOf = planner(options.settings);
  let cancelTimer = (): void => {};
  let looking: Promise<void> | null = null;
  let again = false;
  let began = false;
  let stopped = false;
  const forget = [
    options.onSchedules(wake),
    options.bus.subscribe(null, ({ run, status }) => {
      if (isOver(status) && fires.awaits(run)) wake();
    }),
  ];

  function wake(): void {
    if (!began || stopped) return;
    if (looking) {
      again = true;
      return;
    }
    cancelTimer();
    looking = look()
      .catch((error: unknown) => {
        log.error({ err: error }, "schedules could not be looked at; it is tried again");
        return LONGEST_SLEEP_MS;
      })
      .then((sleep) => {
        looking = null;
        if (stopped) return;
        cancelTimer = clock.after(sleep, wake);
        if (!again) return;
        again = false;
        wake();
      });
  }

  /** Everything once: what is open, what is due. Resolves with how long nothing more is. */
  async function look(): Promise<number> {
    const plans = await plan();
    await retire(plans);
    let sleep = LONGEST_SLEEP_MS;
    for (const each of plans) {
      if (stopped) return sleep;
      const state = await kept(each);
      if (each.status !== "on") continue;
      const due = await record(each, state);
      if (due !== null) sleep = Math.min(sleep, Math.max(1, Date.parse(due) - Date.parse(clock.now())));
    }
    if (!stopped) await fires.settle(plans);
    return sleep;
  }

  async function plan(): Promise<Planned[]> {
    return planOf(options.schedules(), await crons.overrides(), await crons.states());
  }

  /** Schedules that no file has any more: what passes until one has them again is nobody's miss. */
  async function retire(plans: readonly Planned[]): Promise<void> {
    const names = new Set(plans.map(({ schedule }) => schedule.name));
    for (const { name, calendar, active } of await crons.states())
      if (active && !names.has(name)) await crons.keep(name, { calendar, active: false });
  }

  async function kept(each: Planned): Promise<CronState> {
    const { schedule, status, state } = each;
    const now = { calendar: calendarOf(each), active: status === "on" };
    const stands =
      state && state.calendar === now.calendar && state.active === now.active && state.through <= clock.now();
    return stands ? state : crons.keep(schedule.name, now);
  }

  /** A row for each slot that has come since those that have one; resolves with when the next one fires. */
  async function record(each: Planned, { through }: CronState): Promise<Iso | null> {
    const { schedule, calendar } = each;
    const { name } = schedule;
    if (!calendar) return null;
    for (let from = through; ; ) {
      const now = clock.now();
      const slots: Iso[] = [];
      let next = calendar.next(from);
      while (next !== null && dueOf(schedule, next) <= now && slots.length < STRIDE) {
        slots.push(next);
        next = calendar.next(next);
      }
      const due = next === null ? null : dueOf(schedule, next);
      if (slots.length === 0) return due;
      if (due !== null && due <= now) {
        // However long nobody looked: the newest are judged one by one, and those before them told together.
        from = await missTogether(name, slots.slice(0, -MOST_MADE_UP));
        await new Promise<void>((resolve) => clock.soon(resolve));
        if (stopped) return null;
        continue;
      }
      await tell(await crons.add(name, rowsOf(schedule, slots, now), slots.at(-1) as Iso));
      return due;
    }
  }

  async function missTogether(name: string, slots: readonly Iso[]): Promise<Iso> {
    const slot = slots.at(-1) as Iso;
    const reason = `with ${slots.length - 1} before it, since ${slots[0]}: too many have passed to be made up`;
    await tell(await crons.add(name, [{ slot, outcome: "missed", reason, slots: slots.length }], slot));
    return slot;
  }

  async function tell(rows: readonly CronFire[]): Promise<void> {
    const missed = rows.filter(({ outcome }) => outcome === "missed");
    const count = missed.reduce((sum, { slots }) => sum + slots, 0);
    if (count > 0)
      log.warn({ schedule: missed[0]?.name, count, reason: missed.at(-1)?.reason }, "slots of a schedule were missed");
  }

  async function known(name: string): Promise<Planned> {
    const found = (await plan()).find(({ schedule }) => schedule.name === name);
    if (!found) throw new Fault("cron.unknown", `No schedule is called "${name.slice(0, 80)}"`);
    return found;
  }

  async function lineOf(each: Planned, count: number): Promise<CronLine> {
    const { schedule, cron, timezone, override, status, reason } = each;
    const { name, starts } = schedule;
    const [last = null] = (await crons.fires(name, { limit: 1 })).rows;
    const { name: _, ...word } = override ?? { name };
    return {
      name,
      workflow: "workflow" in starts ? starts.workflow : null,
      handler: "handler" in starts ? starts.handler : null,
      schedule: cron,
      declared: schedule.cron,
      timezone,
      jitter_ms: schedule.jitterMs,
      overlap: schedule.overlap,
      catch_up: schedule.catchUp,
      window_ms: schedule.windowMs,
      status,
      reason,
      override: override && (word as Omit<CronOverride, "name">),
      last,
      next: nextOf(each, clock.now(), count),
    };
  }

  return {
    begin: () => {
      began = true;
      wake();
    },
    list: async (count) => {
      const plans = [...(await plan())].sort((a, b) => (a.schedule.name < b.schedule.name ? -1 : 1));
      return Promise.all(plans.map((each) => lineOf(each, count)));
    },
    one: async (name, count) => lineOf(await known(name), count),
    override: async (name, word, by) => {
      const { override, timezone } = await known(name);
      const merged = word && {
        enabled: word.enabled ?? override?.enabled ?? true,
        schedule: word.schedule === undefined ? (override?.schedule ?? null) : word.schedule,
      };
      if (merged?.schedule) readCalendar(merged.schedule, timezone);
      await crons.override(name, merged, by);
      wake();
    },
    trigger: async (name, asked) => fires.byHand(await known(name), asked),
    idle: async () => {
      while (looking) await looking;
    },
    stop: async () => {
      stopped = true;
      cancelTimer();
      for (const each of forget) each();
      await looking;
      await fires.stop();
    },
  };
}

function rowsOf(schedule: Schedule, slots: readonly Iso[], now: Iso): NewFire[] {
  return catchUp(schedule, slots, now).map(({ slot, fires, reason }) => ({
    slot,
    outcome: fires ? "owed" : "missed",
    reason,
  }));
}
