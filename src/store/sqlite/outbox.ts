import type { Database } from "better-sqlite3";
import type { Iso } from "../../domain/clock.ts";
import type { Json } from "../../domain/json.ts";
import type { EffectKind, Lease, OwedEffect, Settled } from "../store.ts";
import type { Wanted } from "./batch.ts";

interface StartRow {
  id: string;
  run_id: string;
  priority: number;
  payload: string;
}

interface DueRow {
  id: string;
  run_id: string;
  kind: EffectKind;
  payload: string;
  due: Iso;
  tries: number;
  forgiven: number;
}

/**
 * What is owed, each row written in the transaction that owes it and done after its commit: starts of phases in
 * `effects`, where admission looks; everything else in `outbox`, by the moment it falls due.
 */
export function outbox(db: Database) {
  const oweStart = db.prepare(`
    INSERT INTO effects (id, run_id, kind, payload, priority, due)
    VALUES (@id, @run, @kind, @payload, @priority, @due)
        ON CONFLICT (id) DO NOTHING`);
  const startable = db.prepare<{ limit: number }, StartRow>(`
    SELECT id, run_id, priority, payload
      FROM effects INDEXED BY effects_startable
     WHERE kind = 'phase' AND state = 'owed'
     ORDER BY priority DESC, run_id, id
     LIMIT @limit`);
  const started = db.prepare("DELETE FROM effects WHERE id = @id");
  const voidStarts = db.prepare(`
    DELETE FROM effects
     WHERE priority = @priority AND run_id = @run AND kind = 'phase' AND state = 'owed'`);
  const countStarts = db
    .prepare<[], number>(
      "SELECT count(*) FROM effects INDEXED BY effects_startable WHERE kind = 'phase' AND state = 'owed'",
    )
    .pluck();
  const owe = db.prepare(`
    INSERT INTO outbox (id, run_id, kind, payload, due)
    VALUES (@id, @run, @kind, @payload, @due)
        ON CONFLICT (id) DO NOTHING`);
  const reclaim = db.prepare(`
    UPDATE outbox SET state = 'owed', node = NULL, incarnation = NULL
     WHERE state = 'held' AND incarnation <> @incarnation`);
  const due = db.prepare<{ now: Iso; limit: number }, DueRow>(`
    SELECT id, run_id, kind, payload, due, tries, forgiven
      FROM outbox INDEXED BY outbox_due
     WHERE state = 'owed' AND due <= @now
     ORDER BY due, id
     LIMIT @limit`);
  const hold = db.prepare(`
    UPDATE outbox SET state = 'held', node = @node, incarnation = @incarnation, tries = tries + 1
     WHERE id = @id AND state = 'owed'`);
  const done = db.prepare(`
    UPDATE outbox SET state = 'done', node = NULL, incarnation = NULL, error = NULL
     WHERE id = @id AND state = 'held' AND incarnation = @incarnation AND kind IN ('ask', 'post')`);
  // What only moves a run has left its trace in the run; what was said to people stays as a record of it.
  const gone = db.prepare(`
    DELETE FROM outbox
     WHERE id = @id AND state = 'held' AND incarnation = @incarnation AND kind NOT IN ('ask', 'post')`);
  const again = db.prepare(`
    UPDATE outbox SET state = 'owed', node = NULL, incarnation = NULL, due = @due, error = @error
     WHERE id = @id AND state = 'held' AND incarnation = @incarnation`);
  const die = db.prepare(`
    UPDATE outbox SET state = 'done', node = NULL, incarnation = NULL, died_at = @now, error = @error
     WHERE id = @id AND state = 'held' AND incarnation = @incarnation`);
  const { voidTimers, voidAsks } = voidStatements(db);
  const next = db
    .prepare<[], Iso>("SELECT due FROM outbox INDEXED BY outbox_due WHERE state = 'owed' ORDER BY due, id LIMIT 1")
    .pluck();

  return {
    oweStart: ({ run, phase, iteration, attempt, priority }: Wanted, epoch: number, now: Iso): void => {
      oweStart.run({
        id: startId(run, phase, iteration, epoch, attempt),
        run,
        kind: "phase",
        payload: JSON.stringify({ phase, iteration, attempt }),
        priority,
        due: now,
      });
    },
    owe: (id: string, run: string, kind: EffectKind, payload: Json, now: Iso): void => {
      owe.run({ id, run, kind, payload: JSON.stringify(payload), due: now });
    },
    voidTimers: (run: string): void => {
      voidTimers.run({ run });
    },
    /** Nobody needs to hear of this gate any more. */
    voidAsks: (run: string, approval: string): void => {
      voidAsks.run({ run, approval });
    },
    startable: (limit: number): (Wanted & { id: string })[] =>
      startable.all({ limit }).map(({ id, run_id, priority, payload }) => {
        const { phase, iteration, attempt } = JSON.parse(payload) as Omit<Wanted, "run" | "priority">;
        return { id, run: run_id, priority, phase, iteration, attempt };
      }),
    started: (id: string): void => {
      started.run({ id });
    },
    voidStarts: (run: string, priority: number): void => {
      voidStarts.run({ run, priority });
    },
    countStarts: (): number => countStarts.get() as number,
    /** What a dead incarnation held is owed again. */
    reclaim: ({ incarnation }: Lease): void => {
      reclaim.run({ incarnation });
    },
    due: ({ node, incarnation }: Lease, now: Iso, limit: number): OwedEffect[] =>
      due.all({ now, limit }).map(({ run_id, payload, tries, forgiven, ...row }) => {
        hold.run({ id: row.id, node, incarnation });
        const owed = { ...row, run: run_id, payload: JSON.parse(payload) as Json, tries: tries + 1 };
        return forgiven === 0 ? owed : { ...owed, forgiven };
      }),
    settle: (id: string, { incarnation }: Lease, outcome: Settled, now: Iso): boolean => {
      const mine = { id, incarnation };
      if ("done" in outcome) return done.run(mine).changes + gone.run(mine).changes === 1;
      const { error } = outcome;
      if ("dead" in outcome) return die.run({ ...mine, now, error }).changes === 1;
      return again.run({ ...mine, due: outcome.retryAt, error }).changes === 1;
    },
    nextDue: (): Iso | null => next.get() ?? null,
  };
}
export type Outbox = ReturnType<typeof outbox>;

/** What takes back what is owed, of one run among many; a test asks each for its plan. */
export function voidStatements(db: Database) {
  return {
    voidTimers: db.prepare<{ run: string }>(`
      DELETE FROM outbox INDEXED BY outbox_of_run WHERE run_id = @run AND kind = 'timer' AND state = 'owed'`),
    voidAsks: db.prepare<{ run: string; approval: string }>(`
      DELETE FROM outbox INDEXED BY outbox_of_run
       WHERE run_id = @run AND kind = 'ask' AND state = 'owed' AND payload ->> 'approval' = @approval`),
  };
}

/** The effect's idempotency key: one try of one phase, owed once however often the event comes. */
function startId(run: string, phase: string, iteration: number, epoch: number, attempt: number): string {
  return `${run}/${phase}/${iteration}/${epoch}/${attempt}`;
}
