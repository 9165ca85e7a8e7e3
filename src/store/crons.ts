import type { Iso } from "../domain/clock.ts";
import type { RunStatus } from "../domain/run.ts";
import type { Outcome, Result } from "../domain/schedule.ts";
import type { Page, PageRequest } from "./store.ts";

/** What came of the slots of schedules, and what people said over the files. Every promise resolves after the write is durable. */
export interface Crons {
  /**
   * Since when a schedule's slots count: from now on where it is new, was off until now, or has another calendar than
   * before. With `active: false` none count from now on. Where the clock was set back, slots are looked at anew from now.
   */
  keep(name: string, now: { readonly calendar: string; readonly active: boolean }): Promise<CronState>;
  states(): Promise<readonly CronState[]>;
  /** The schedule pauses itself: it is off until someone overrides it. False when it was paused already. */
  pause(name: string, reason: string): Promise<boolean>;

  /**
   * Rows for slots that have none yet, and that every slot up to `through` has one now, in one commit; resolves with the
   * rows that were made, so that of two askers one fires.
   */
  add(name: string, fires: readonly NewFire[], through: Iso): Promise<readonly CronFire[]>;
  /** What becomes of a row that was open; false when it was not. */
  settle(name: string, slot: Iso, to: Settled): Promise<boolean>;
  /** Rows that are to be fired or under way, by name and slot, with how their runs stand. */
  open(): Promise<readonly OpenFire[]>;
  /** A fire that a person asked for, once per run. */
  byHand(fire: { readonly name: string; readonly run: string | null; readonly by: string }): Promise<CronFire>;

  /** Newest first, by keyset. */
  fires(name: string, page: PageRequest): Promise<Page<CronFire>>;
  /** The newest results since a moment, newest first. */
  results(name: string, since: Iso, limit: number): Promise<readonly Result[]>;

  /** A person's word over the file; null deletes it, which reverts to the file. What paused itself and is on goes on. */
  override(
    name: string,
    word: { readonly enabled: boolean; readonly schedule: string | null } | null,
    by: string,
  ): Promise<void>;
  overrides(): Promise<readonly CronOverride[]>;
}

export interface CronState {
  readonly name: string;
  readonly calendar: string;
  readonly active: boolean;
  readonly since: Iso;
  /** Every slot up to here has its row, or counts for nobody. */
  readonly through: Iso;
  readonly paused_at: Iso | null;
  readonly paused_reason: string | null;
}

export interface NewFire {
  readonly slot: Iso;
  readonly outcome: Exclude<Outcome, "fired">;
  readonly reason: string | null;
  readonly slots?: number;
}

export interface CronFire {
  readonly name: string;
  readonly slot: Iso;
  readonly outcome: Outcome;
  /** In words: why it was skipped or missed, what a handler did. */
  readonly reason: string | null;
  readonly run_id: string | null;
  /** Who asked for it out of turn; null for the clock's own. */
  readonly fired_by: string | null;
  /** How many slots the row tells of: more than one where old misses are told together. */
  readonly slots: number;
  readonly decided_at: Iso;
  readonly result: Result | null;
  readonly finished_at: Iso | null;
}

export interface OpenFire extends CronFire {
  readonly run_status: RunStatus | null;
  /** The run went through, and its agents did nothing. */
  readonly idle: boolean;
}

export type Settled =
  | { readonly outcome: "queued"; readonly reason: string | null }
  | { readonly outcome: "fired"; readonly run: string | null; readonly reason?: string | null }
  | { readonly outcome: "skipped"; readonly reason: string }
  | { readonly outcome: "over"; readonly result: Result; readonly reason?: string };

export interface CronOverride {
  readonly name: string;
  readonly enabled: boolean;
  readonly schedule: string | null;
  readonly updated_at: Iso;
  readonly updated_by: string | null;
}
