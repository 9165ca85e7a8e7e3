import { chmodSync, existsSync } from "node:fs";
import Database from "better-sqlite3";
import type { Clock } from "../../domain/clock.ts";
import { Fault } from "../../domain/fault.ts";
import type { Json } from "../../domain/json.ts";
import type { RunChange, RunDetail, Store } from "../store.ts";
import { approvals } from "./approvals.ts";
import { type Batch, changesOf, openBatch } from "./batch.ts";
import { groupCommit } from "./commit.ts";
import { executions, grantOf } from "./executions.ts";
import { runLists, toLine } from "./lists.ts";
import { migrate } from "./migrate.ts";
import { outbox } from "./outbox.ts";
import { overrides } from "./overrides.ts";
import { type DetailRow, runs } from "./runs.ts";
import { transitions } from "./transitions.ts";
import { versions } from "./versions.ts";

/** A connection with the settings every promise rests on (engine rule 1). */
export function openDatabase(file: string): Database.Database {
  const db = new Database(file);
  db.pragma("journal_mode = WAL");
  // Set, not trusted: the library reports FULL and then runs at NORMAL once WAL is on.
  db.pragma("synchronous = FULL");
  db.pragma("foreign_keys = ON");
  db.pragma("busy_timeout = 5000");
  db.pragma("journal_size_limit = 67108864");
  db.pragma("wal_autocheckpoint = 1000");
  db.pragma("temp_store = MEMORY");
  db.pragma("cache_size = -16384");
  // A delete trigger is not fooled by INSERT OR REPLACE; a hostile schema calls no functions.
  db.pragma("recursive_triggers = ON");
  db.pragma("trusted_schema = OFF");
  return db;
}

/** The store on one SQLite file: the whole contract of `store.ts`, one group commit behind it. */
export function openSqliteStore(options: {
  file: string;
  clock: Clock;
  /** Called when it is not known whether a commit is on disk: the process must end, and recover from what is. */
  onUnknown?: (error: unknown) => void;
}): Store {
  const { file, clock, onUnknown = () => {} } = options;
  const isNew = !existsSync(file);
  const db = openDatabase(file);
  try {
    // By name, which opens nothing; SQLite gives the -wal and -shm files the same mode.
    if (isNew) chmodSync(file, 0o600);
    migrate(db, clock.now());
    return store(db, clock, onUnknown);
  } catch (error) {
    db.close();
    if (error instanceof Fault) throw error;
    throw new Fault("database.unfit", `${file} cannot serve as the database: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function store(db: Database.Database, clock: Clock, onUnknown: (error: unknown) => void): Store {
  const pinned = versions(db);
  const rooms = {
    versions: pinned,
    executions: executions(db, pinned),
    approvals: approvals(db),
    outbox: outbox(db),
    overrides: overrides(db),
  };
  const table = { ...rooms, runs: runs(db, rooms) };
  const moves = transitions(clock, table);
  const list = runLists(db);
  const listeners = new Set<(changes: readonly RunChange[]) => void>();
  const commit = groupCommit<Batch>(db, {
    open: openBatch,
    unknown: onUnknown,
    flush: moves.flush,
    committed: (batch) => {
      if (batch.runs.size > 0) for (const listen of listeners) listen(changesOf(batch));
    },
  });

  rooms.overrides.pulse(clock.now());
  const synchronous = db.pragma("synchronous", { simple: true });
  if (synchronous !== 2)
    throw new Fault("database.unfit", `synchronous is ${synchronous} after the first write, not FULL`);

  return {
    create: (run, take) => commit.add((batch) => moves.create(batch, run, take)),
    apply: (id, event, take) => commit.add((batch) => moves.apply(batch, id, event, take)),
    claim: (take) => commit.add((batch) => moves.claim(batch, take)),

    run: async (id) => {
      const row = table.runs.detail(id);
      return row && detailOf(row, table);
    },
    runs: list,
    brief: async (id) => {
      const row = rooms.executions.brief(id);
      const version = row && rooms.versions.get(row.workflow_hash);
      const phase = version?.workflow.phases.find((each) => each.name === row?.phase);
      if (!row || !version || !phase) return null;
      return {
        grant: grantOf(row.workflow_run_id, version.name, phase.type, row),
        startedAt: row.started_at,
        version,
        inputs: parsed(row.inputs) ?? {},
        context: parsed(row.context),
        outputs: rooms.executions.outputs(row.workflow_run_id),
      };
    },

    approval: async (id) => rooms.approvals.one(id),
    approvals: async (filter, page) => rooms.approvals.list(filter, page),
    orphans: async (node) => rooms.executions.orphans(node),

    held: async (hold) => table.runs.held(hold),

    due: (node, limit) =>
      commit.add(() => {
        rooms.outbox.reclaim(node);
        const held = rooms.outbox.due(node, clock.now(), limit);
        return () => held;
      }),
    settle: (node, id, outcome) =>
      commit.add(() => {
        const settled =
          "done" in outcome
            ? rooms.outbox.done(id, node)
            : rooms.outbox.again(id, node, outcome.retryAt, outcome.error);
        return () => settled;
      }),
    nextDue: async () => rooms.outbox.nextDue(),

    override: (name, enabled, by) =>
      commit.add(() => {
        if (enabled === null) rooms.overrides.revert(name);
        else rooms.overrides.set(name, enabled, by, clock.now());
        return () => undefined;
      }),
    overrides: async () => rooms.overrides.all(),
    mark: (id, marks) =>
      commit.add(() => {
        const known = table.runs.mark(id, marks);
        return () => known;
      }),

    onChange: (listen) => {
      listeners.add(listen);
      return () => listeners.delete(listen);
    },
    pulse: () =>
      commit.add(() => {
        rooms.overrides.pulse(clock.now());
        return () => undefined;
      }),
    counts: async () => ({
      executing: rooms.executions.count(),
      owed: rooms.outbox.countStarts(),
      pending_approvals: rooms.approvals.countPending(),
    }),
    close: async () => {
      commit.close();
      db.close();
    },
  };
}

function detailOf(
  row: DetailRow,
  {
    executions: tries,
    approvals: gates,
  }: { executions: ReturnType<typeof executions>; approvals: ReturnType<typeof approvals> },
): RunDetail {
  return {
    ...toLine(row),
    context: parsed(row.context),
    inputs: parsed(row.inputs),
    scratch: parsed(row.scratch),
    node_statuses: (parsed(row.node_statuses) ?? {}) as RunDetail["node_statuses"],
    phase_history: (parsed(row.phase_history) ?? []) as unknown as RunDetail["phase_history"],
    idempotency_key: row.idempotency_key,
    executions: tries.ofRun(row.id),
    approvals: gates.ofRun(row.id),
  };
}

/** A column of JSON text. Another program's row may hold anything: what does not parse is shown as the text it is. */
function parsed(text: string | null): Json {
  if (text === null) return null;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
