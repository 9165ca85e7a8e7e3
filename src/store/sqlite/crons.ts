import type { Database } from "better-sqlite3";
import type { Clock, Iso } from "../../domain/clock.ts";
import type { Result } from "../../domain/schedule.ts";
import type { CronFire, CronOverride, CronState, Crons, NewFire, OpenFire, Settled } from "../crons.ts";
import type { Batch } from "./batch.ts";
import type { Work } from "./commit.ts";
import { fromCursor, toCursor } from "./keyset.ts";

const COLUMNS = "name, slot, outcome, reason, run_id, fired_by, slots, decided_at, result, finished_at";
const STATE = "name, calendar, active, since, through, paused_at, paused_reason";

/** Schedules' ledger, states and overrides: rows of `cron_fires`, `cron_states` and `cron_overrides`. */
export function crons(db: Database, clock: Clock, write: <T>(work: Work<Batch, T>) => Promise<T>): Crons {
  const anew = "calendar <> excluded.calendar OR active < excluded.active";
  const keep = db.prepare(`
    INSERT INTO cron_states (name, calendar, active, since, through) VALUES (@name, @calendar, @active, @now, @now)
        ON CONFLICT (name) DO UPDATE
       SET since = CASE WHEN ${anew} OR since > excluded.since THEN excluded.since ELSE since END,
           through = CASE WHEN ${anew} OR through > excluded.through THEN excluded.through ELSE through END,
           calendar = excluded.calendar, active = excluded.active`);
  const reach = db.prepare("UPDATE cron_states SET through = @through WHERE name = @name AND through < @through");
  const states = db.prepare<[], StateRow>(`SELECT ${STATE} FROM cron_states ORDER BY name`);
  const state = db.prepare<{ name: string }, StateRow>(`SELECT ${STATE} FROM cron_states WHERE name = @name`);
  const pause = db.prepare(`
    UPDATE cron_states SET paused_at = @now, paused_reason = @reason, active = 0
     WHERE name = @name AND paused_at IS NULL`);
  const resume = db.prepare(
    "UPDATE cron_states SET paused_at = NULL, paused_reason = NULL, active = 0 WHERE name = @name AND paused_at IS NOT NULL",
  );

  const add = db.prepare(`
    INSERT INTO cron_fires (name, slot, outcome, reason, fired_by, slots, decided_at, finished_at)
    VALUES (@name, @slot, @outcome, @reason, NULL, @slots, @now, @finished)
        ON CONFLICT (name, slot) DO NOTHING`);
  const addByHand = db.prepare(`
    INSERT INTO cron_fires (name, slot, outcome, run_id, fired_by, decided_at)
    VALUES (@name, @slot, 'fired', @run, @by, @now)`);
  const move = db.prepare(`
    UPDATE cron_fires SET outcome = @outcome, run_id = @run, reason = coalesce(@reason, reason), finished_at = @finished
     WHERE name = @name AND slot = @slot AND outcome IN ('owed', 'queued')`);
  const finish = db.prepare(`
    UPDATE cron_fires SET result = @result, reason = coalesce(@reason, reason), finished_at = @now
     WHERE name = @name AND slot = @slot AND outcome = 'fired' AND finished_at IS NULL`);
  const one = db.prepare<{ name: string; slot: Iso }, CronFire>(
    `SELECT ${COLUMNS} FROM cron_fires WHERE name = @name AND slot = @slot`,
  );
  const byRun = db.prepare<{ run: string }, CronFire>(`SELECT ${COLUMNS} FROM cron_fires WHERE run_id = @run`);
  // Of a run that went through: some agent did nothing, and none did anything.
  const open = db.prepare<[], OpenRow>(`
    SELECT f.name, f.slot, f.outcome, f.reason, f.run_id, f.fired_by, f.slots, f.decided_at, f.result, f.finished_at,
           r.status AS run_status,
           r.status = 'succeeded'
           AND EXISTS (SELECT 1 FROM executions AS e WHERE e.workflow_run_id = r.id AND e.kind = 'phase' AND e.idle = 1)
           AND NOT EXISTS (SELECT 1 FROM executions AS e WHERE e.workflow_run_id = r.id AND e.kind = 'phase'
                              AND e.idle IS NULL AND e.status = 'ok' AND e.turns > 0) AS idle
      FROM cron_fires AS f INDEXED BY cron_fires_open LEFT JOIN workflow_runs AS r ON r.id = f.run_id
     WHERE f.finished_at IS NULL
     ORDER BY f.name, f.slot`);
  const page = db.prepare<{ name: string; before: Iso; limit: number }, CronFire>(`
    SELECT ${COLUMNS} FROM cron_fires WHERE name = @name AND slot < @before ORDER BY slot DESC LIMIT @limit`);
  const results = db
    .prepare<{ name: string; since: Iso; limit: number }, Result>(`
    SELECT result FROM cron_fires INDEXED BY cron_fires_results WHERE name = @name AND slot >= @since AND result IS NOT NULL
     ORDER BY slot DESC LIMIT @limit`)
    .pluck();

  const override = db.prepare(`
    INSERT INTO cron_overrides (name, enabled, schedule, updated_at, updated_by)
    VALUES (@name, @enabled, @schedule, @now, @by)
        ON CONFLICT (name) DO UPDATE
       SET enabled = @enabled, schedule = @schedule, updated_at = @now, updated_by = @by`);
  const revert = db.prepare("DELETE FROM cron_overrides WHERE name = @name");
  const overrides = db.prepare<[], Omit<CronOverride, "enabled"> & { enabled: number }>(
    "SELECT name, enabled, schedule, updated_at, updated_by FROM cron_overrides ORDER BY name",
  );

  function addOne(name: string, { slot, outcome, reason, slots = 1 }: NewFire, now: Iso): boolean {
    const finished = outcome === "skipped" || outcome === "missed" ? now : null;
    return add.run({ name, slot, outcome, reason, slots, now, finished }).changes > 0;
  }

  function settle(name: string, slot: Iso, to: Settled, now: Iso): boolean {
    if (to.outcome === "over")
      return finish.run({ name, slot, result: to.result, reason: to.reason ?? null, now }).changes > 0;
    const { outcome } = to;
    const run = outcome === "fired" ? to.run : null;
    const { reason = null } = to;
    return move.run({ name, slot, outcome, run, reason, finished: outcome === "skipped" ? now : null }).changes > 0;
  }

  return {
    keep: (name, { calendar, active }) =>
      write(() => {
        keep.run({ name, calendar, active: active ? 1 : 0, now: clock.now() });
        const kept = toState(state.get({ name }) as StateRow);
        return () => kept;
      }),
    states: async () => states.all().map(toState),
    pause: (name, reason) =>
      write(() => {
        const paused = pause.run({ name, reason, now: clock.now() }).changes > 0;
        return () => paused;
      }),
    add: (name, fires, through) =>
      write(() => {
        const now = clock.now();
        const made = fires
          .filter((fire) => addOne(name, fire, now))
          .map(({ slot }) => one.get({ name, slot }) as CronFire);
        reach.run({ name, through });
        return () => made;
      }),
    settle: (name, slot, to) =>
      write(() => {
        const settled = settle(name, slot, to, clock.now());
        return () => settled;
      }),
    open: async () => open.all().map((row): OpenFire => ({ ...row, idle: row.idle === 1 })),
    byHand: ({ name, run, by }) =>
      write(() => {
        const now = clock.now();
        const known = run === null ? undefined : byRun.get({ run });
        if (known) return () => known;
        let slot = now;
        while (one.get({ name, slot })) slot = new Date(Date.parse(slot) + 1).toISOString();
        addByHand.run({ name, slot, run, by, now });
        const made = one.get({ name, slot }) as CronFire;
        return () => made;
      }),
    fires: async (name, { limit, after }) => {
      const before = after === undefined ? LAST : fromCursor(`fires of ${name}`, after).at;
      const rows = page.all({ name, before, limit });
      const end = rows.at(-1);
      const next = end && rows.length === limit ? toCursor(`fires of ${name}`, { at: end.slot, id: name }) : null;
      return { rows, next };
    },
    results: async (name, since, limit) => results.all({ name, since, limit }),
    override: (name, word, by) =>
      write(() => {
        const now = clock.now();
        if (word === null) revert.run({ name });
        else override.run({ name, enabled: word.enabled ? 1 : 0, schedule: word.schedule, by, now });
        if (word === null || word.enabled) resume.run({ name });
        return () => undefined;
      }),
    overrides: async () => overrides.all().map((row) => ({ ...row, enabled: row.enabled === 1 })),
  };
}

const LAST = "9999-12-31T23:59:59.999Z";

type StateRow = Omit<CronState, "active"> & { active: number };
type OpenRow = Omit<OpenFire, "idle"> & { idle: number | null };

function toState(row: StateRow): CronState {
  return { ...row, active: row.active === 1 };
}
