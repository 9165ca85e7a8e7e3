import type { Database } from "better-sqlite3";
import type { Iso } from "../../domain/clock.ts";
import type { Finding } from "../../domain/decision.ts";
import type { Json } from "../../domain/json.ts";
import type { DecisionLine, SignalLine } from "../lines.ts";

interface Place {
  run: string;
  epoch: number;
  phase: string;
  iteration: number;
}

interface Row extends Omit<DecisionLine, "finding"> {
  finding: string;
}

/** What was found in a run's data, and what came to it from outside: rows of `decisions` and `signals`. */
export function findings(db: Database) {
  const note = db.prepare(`
    INSERT INTO decisions (run_id, epoch, phase, iteration, finding, created_at)
    VALUES (@run, @epoch, @phase, @iteration, @finding, @now)
        ON CONFLICT DO NOTHING`);
  const one = db
    .prepare<Place, string>(`
    SELECT finding FROM decisions
     WHERE run_id = @run AND epoch = @epoch AND phase = @phase AND iteration <= @iteration
     ORDER BY iteration DESC LIMIT 1`)
    .pluck();
  const ofRun = db.prepare<{ run: string }, Row>(`
    SELECT epoch, phase, iteration, finding, created_at FROM decisions WHERE run_id = @run
     ORDER BY created_at, epoch, phase, iteration`);
  const receive = db.prepare(`
    INSERT INTO signals (run_id, id, name, payload, received_at)
    VALUES (@run, @id, @name, @payload, @now)
        ON CONFLICT DO NOTHING`);
  const newest = db
    .prepare<{ run: string }, string | null>("SELECT max(received_at) FROM signals WHERE run_id = @run")
    .pluck();
  const signals = db.prepare<{ run: string }, Omit<SignalLine, "payload"> & { payload: string }>(
    "SELECT id, name, payload, received_at FROM signals WHERE run_id = @run ORDER BY received_at, id",
  );

  return {
    note: (place: Place, finding: Finding, now: Iso): void => {
      note.run({ ...place, finding: JSON.stringify(finding), now });
    },
    /** Found once for all iterations of a loop or matrix, so the newest that is not later holds. */
    one: (place: Place): Finding | null => {
      const text = one.get(place);
      return text === undefined ? null : (JSON.parse(text) as Finding);
    },
    ofRun: (run: string): DecisionLine[] =>
      ofRun.all({ run }).map((row) => ({ ...row, finding: JSON.parse(row.finding) as Finding })),
    receive: (run: string, { id, name, payload }: { id: string; name: string; payload: Json }, now: Iso): void => {
      // The last word of a name is what counts: what comes in the same instant, or after the clock stepped back, is later.
      const last = newest.get({ run }) ?? "";
      const at = last < now ? now : new Date(Date.parse(last) + 1).toISOString();
      receive.run({ run, id, name, payload: JSON.stringify(payload), now: at });
    },
    signals: (run: string): SignalLine[] =>
      signals.all({ run }).map((row) => ({ ...row, payload: JSON.parse(row.payload) as Json })),
  };
}
export type Findings = ReturnType<typeof findings>;
