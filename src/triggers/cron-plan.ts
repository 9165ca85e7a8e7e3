import type { Iso } from "../domain/clock.ts";
import { asFault } from "../domain/fault.ts";
import { dueOf, offBecause, type Schedule } from "../domain/schedule.ts";
import type { CronOverride, CronState } from "../store/crons.ts";
import { type Calendar, readCalendar } from "../workflow/calendar.ts";

/** A schedule as it is in force: the file, what people said over it, and whether it has slots now. */
export interface Planned {
  readonly schedule: Schedule;
  /** By the override where there is one. */
  readonly cron: string;
  readonly timezone: string;
  readonly override: CronOverride | null;
  readonly state: CronState | null;
  readonly status: "on" | "off" | "paused";
  /** Why it is not on. */
  readonly reason: string | null;
  /** Null where the override's expression is none. */
  readonly calendar: Calendar | null;
}

/** What schedules look at of the daemon's settings. */
export interface CronSettings {
  readonly timezone: string;
  readonly webhooks: boolean;
  readonly agent: boolean;
}

/** Makes plans; calendars are kept from one plan to the next. */
export function planner(settings: CronSettings) {
  let calendars = new Map<string, Calendar>();

  return (
    schedules: readonly Schedule[],
    overrides: readonly CronOverride[],
    states: readonly CronState[],
  ): Planned[] => {
    const [over, known] = [byName(overrides), byName(states)];
    const kept = new Map<string, Calendar>();
    const plans = schedules.map((schedule): Planned => {
      const override = over.get(schedule.name) ?? null;
      const state = known.get(schedule.name) ?? null;
      const cron = override?.schedule ?? schedule.cron;
      const timezone = schedule.timezone ?? settings.timezone;
      const key = calendarOf({ cron, timezone });
      let calendar = calendars.get(key) ?? kept.get(key) ?? null;
      let flaw: string | null = null;
      try {
        calendar ??= readCalendar(cron, timezone);
        kept.set(key, calendar);
      } catch (error) {
        flaw = asFault(error).message;
      }
      return {
        schedule,
        cron,
        timezone,
        override,
        state,
        calendar,
        ...standing(schedule, override, state, flaw, settings),
      };
    });
    calendars = kept;
    return plans;
  };
}

/** What tells one calendar of a schedule from another. */
export function calendarOf({ cron, timezone }: Pick<Planned, "cron" | "timezone">): string {
  return `${cron} ${timezone}`;
}

/** The next slots after a moment, and when each fires. */
export function nextOf({ calendar, schedule }: Planned, after: Iso, count: number): { slot: Iso; due: Iso }[] {
  const slots: { slot: Iso; due: Iso }[] = [];
  for (let slot = calendar?.next(after) ?? null; slot !== null && slots.length < count; slot = calendar!.next(slot))
    slots.push({ slot, due: dueOf(schedule, slot) });
  return slots;
}

function standing(
  schedule: Schedule,
  override: CronOverride | null,
  state: CronState | null,
  flaw: string | null,
  settings: CronSettings,
): Pick<Planned, "status" | "reason"> {
  if (override && !override.enabled)
    return { status: "off", reason: `switched off${override.updated_by ? ` by ${override.updated_by}` : ""}` };
  if (state?.paused_reason) return { status: "paused", reason: `it paused itself: ${state.paused_reason}` };
  const reason = flaw ?? offBecause(schedule, settings);
  return reason === null ? { status: "on", reason } : { status: "off", reason };
}

function byName<Row extends { readonly name: string }>(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [row.name, row]));
}
