import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Database } from "better-sqlite3";
import { type DeliveryOutcome, OUTCOMES, type Verdict, type Via } from "../../domain/delivery.ts";
import type { Json } from "../../domain/json.ts";
import type { Accepted, Deliveries, DeliveryFilter, DeliveryLine, NewDelivery, Seen } from "../deliveries.ts";
import type { Created, NewRun, Page, PageRequest, Take } from "../store.ts";
import type { Batch } from "./batch.ts";
import type { Work } from "./commit.ts";
import { fromCursor, toCursor } from "./keyset.ts";

const COLUMNS = `id, source, delivery_id, via, type, repo, issue_number, actor, outcome, reason, replay_of, received_at`;

interface SeenRow extends Omit<Seen, "runs"> {
  verdicts: string | null;
}

interface Keys {
  after: string;
  since: string;
  source: string | null;
  outcome: string | null;
  limit: number;
}

/** What came from outside: rows of `deliveries`, written in the transaction that makes their runs. */
export function deliveries(
  db: Database,
  commit: { add<T>(work: Work<Batch, T>): Promise<T> },
  moves: { create(batch: Batch, run: NewRun, take?: Take): () => Created },
): Deliveries {
  const insert = db.prepare(`
    INSERT INTO deliveries (id, source, delivery_id, via, echo, digest, type, outcome, reason, replay_of, received_at,
                            repo, issue_number, actor, verdicts, payload)
    VALUES (@id, @source, @key, @via, @echo, @digest, @type, @outcome, @reason, @replayOf, @receivedAt,
            @repo, @issueNumber, @actor, @verdicts, @payload)`);
  const byKey = db.prepare<{ source: string; key: string }, SeenRow>(`
    SELECT id, outcome, reason, verdicts, digest FROM deliveries INDEXED BY deliveries_once
     WHERE source = @source AND delivery_id = @key`);
  const byEcho = db.prepare<{ source: string; echo: string; other: Via }, SeenRow>(`
    SELECT id, outcome, reason, verdicts, digest FROM deliveries INDEXED BY deliveries_by_echo
     WHERE source = @source AND echo = @echo AND via = @other LIMIT 1`);
  const one = db.prepare<{ id: string }, DeliveryLine & { verdicts: string | null; payload: Buffer | null }>(
    `SELECT ${COLUMNS}, verdicts, payload FROM deliveries WHERE id = @id`,
  );
  const lists = listStatements(db);

  /** The same by its key; or, where it came another way, the same happening. */
  function known({ source, key, via, echo }: Pick<NewDelivery, "source" | "key" | "via" | "echo">): Seen | null {
    const row =
      byKey.get({ source, key }) ?? (echo === null ? undefined : byEcho.get({ source, echo, other: OTHER[via] }));
    if (!row) return null;
    const { verdicts, ...seen } = row;
    return { ...seen, runs: verdictsOf(verdicts).flatMap(({ run }) => (run === null ? [] : [run])) };
  }

  function part(filter: DeliveryFilter, outcome: DeliveryOutcome | null, page: PageRequest): DeliveryLine[] {
    const keys: Keys = {
      after: page.after === undefined ? LAST : fromCursor("deliveries", page.after).id,
      since: filter.since === undefined ? "" : firstIdAt(filter.since),
      source: filter.source ?? null,
      outcome,
      limit: page.limit,
    };
    if (outcome === null) return lists.all.all(keys);
    return (filter.source === undefined ? lists.outcome : lists.source).all(keys);
  }

  return {
    accept: ({ delivery, runs, take }) =>
      commit.add<Accepted>((batch) => {
        const first = known(delivery);
        if (first) return () => ({ fresh: false, ...first, granted: [], stopped: [] });
        const { started, verdicts, ...row } = delivery;
        insert.run({
          ...row,
          ...(started ? { ...started, payload: packed(started.payload) } : NOTHING),
          verdicts: verdicts === null ? null : JSON.stringify(verdicts),
        });
        const made = runs.map((run) => moves.create(batch, run, take));
        return () => {
          const created = made.map((answer) => answer());
          return {
            fresh: true,
            id: delivery.id,
            outcome: delivery.outcome,
            reason: delivery.reason,
            digest: delivery.digest,
            runs: runs.map(({ id }) => id),
            granted: created.flatMap(({ granted }) => granted),
            stopped: created.flatMap(({ stopped }) => stopped),
          };
        };
      }),

    seen: async (of) => known(of),

    list: async (filter, page): Promise<Page<DeliveryLine>> => {
      // By source alone is a walk for each outcome, merged as one index would have them.
      const outcomes = filter.outcome ? [filter.outcome] : filter.source === undefined ? [null] : OUTCOMES;
      const rows = outcomes
        .flatMap((outcome) => part(filter, outcome, page))
        .sort((a, b) => (a.id < b.id ? 1 : -1))
        .slice(0, page.limit);
      const last = rows.at(-1);
      const next =
        last && rows.length === page.limit ? toCursor("deliveries", { at: last.received_at, id: last.id }) : null;
      return { rows, next };
    },

    one: async (id) => {
      const row = one.get({ id });
      if (!row) return null;
      const payload = row.payload === null ? null : (JSON.parse(unpacked(row.payload)) as Json);
      return { ...row, verdicts: verdictsOf(row.verdicts), payload };
    },
  };
}

const OTHER: Readonly<Record<Via, Via>> = { webhook: "poll", poll: "webhook" };
const LAST = "~";
const NOTHING = { repo: null, issueNumber: null, actor: null, payload: null };

/** Every statement that lists deliveries; a test asks each for its plan and its columns. */
export function listStatements(db: Database) {
  const list = (from: string, key: string) =>
    db.prepare<Keys, DeliveryLine>(`
      SELECT ${COLUMNS} FROM deliveries ${from}
       WHERE ${key} id < @after AND id >= @since
       ORDER BY id DESC LIMIT @limit`);
  return {
    all: list("NOT INDEXED", ""),
    outcome: list("INDEXED BY deliveries_by_outcome", "outcome = @outcome AND"),
    source: list("INDEXED BY deliveries_by_source", "source = @source AND outcome = @outcome AND"),
  };
}

/** The least UUIDv7 of a millisecond. */
function firstIdAt(moment: string): string {
  const time = Math.max(0, Date.parse(moment)).toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}`;
}

/** Payloads say the same addresses over and over: a sixth of the bytes is a sixth of what a commit waits for. */
function packed(text: string): Buffer {
  return deflateRawSync(text, { level: 1 });
}

function unpacked(bytes: Buffer): string {
  return inflateRawSync(bytes, { maxOutputLength: LARGEST }).toString("utf8");
}

const LARGEST = 8 * 1_048_576;

function verdictsOf(text: string | null): readonly Verdict[] {
  return text === null ? [] : (JSON.parse(text) as Verdict[]);
}
