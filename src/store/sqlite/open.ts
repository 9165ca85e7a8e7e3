import { chmodSync, existsSync } from "node:fs";
import Database from "better-sqlite3";
import type { Clock } from "../../domain/clock.ts";
import { Fault } from "../../domain/fault.ts";
import { graphOf, upstreamOf } from "../../domain/graph.ts";
import type { Json } from "../../domain/json.ts";
import { loopOf, roundOf } from "../../domain/round.ts";
import type { Phase } from "../../domain/workflow.ts";
import type { RunDetail } from "../lines.ts";
import type { RunChange, RunData, Store } from "../store.ts";
import { approvals } from "./approvals.ts";
import { type Batch, changesOf, openBatch } from "./batch.ts";
import { groupCommit } from "./commit.ts";
import { copyTo } from "./copy.ts";
import { crons } from "./crons.ts";
import { deliveries } from "./deliveries.ts";
import { detailOf, parsed } from "./detail.ts";
import { type Executions, executions, grantOf } from "./executions.ts";
import { findings } from "./findings.ts";
import { runLists, toLine } from "./lists.ts";
import { migrate } from "./migrate.ts";
import { outbox } from "./outbox.ts";
import { outputs } from "./outputs.ts";
import { overrides } from "./overrides.ts";
import { people } from "./people.ts";
import { replies } from "./replies.ts";
import { type DetailRow, phasesOf, runs } from "./runs.ts";
import { runtimeSessions } from "./runtime-sessions.ts";
import { transitions } from "./transitions.ts";
import { versions } from "./versions.ts";

/** A connection with the settings every promise rests on (engine rule 1), to a file or to a database's bytes in memory. */
export function openDatabase(file: string | Buffer): Database.Database {
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
  /** Whether anyone is told outside how runs go that were set off there; owed for nobody, it would cost each of them. */
  reports?: boolean;
}): Store {
  const { file, clock, onUnknown = () => {}, reports = true } = options;
  const isNew = !existsSync(file);
  const db = openDatabase(file);
  try {
    // By name, which opens nothing; SQLite gives the -wal and -shm files the same mode.
    if (isNew) chmodSync(file, 0o600);
    migrate(db, clock.now());
    return storeOn(db, { clock, onUnknown, reports, closed: () => db.close() });
  } catch (error) {
    db.close();
    if (error instanceof Fault) throw error;
    throw new Fault("database.unfit", `${file} cannot serve as the database: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** The store on a database that has this version's schema. */
export function storeOn(
  db: Database.Database,
  options: { clock: Clock; onUnknown: (error: unknown) => void; reports: boolean; closed: () => void },
): Store {
  const { clock, onUnknown, reports, closed } = options;
  const pinned = versions(db);
  const given = outputs(db);
  const rooms = {
    versions: pinned,
    outputs: given,
    executions: executions(db, pinned, given),
    approvals: approvals(db),
    outbox: outbox(db),
    sessions: runtimeSessions(db),
    findings: findings(db),
    overrides: overrides(db),
  };
  const table = { ...rooms, runs: runs(db, rooms) };
  const moves = transitions(clock, table, reports);
  const list = runLists(db);
  const listeners = new Set<(changes: readonly RunChange[]) => void>();
  const commit = groupCommit<Batch>(db, clock, {
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

  /** What people said, oldest first: in the run, and about what it has from the run it is a fork of, until it began. */
  function answersOf({ id, forked_from: from, queued_at: since }: DetailRow, inherited: object): RunData["answers"] {
    const origin = from === null ? null : table.runs.detail(from);
    const elsewhere = origin ? answersOf(origin, inheritedBy(origin)) : [];
    const own = rooms.approvals
      .ofRun(id)
      .flatMap(({ phase, iteration, status, kind, responded_by, responded_at, response }) =>
        phase === null
          ? []
          : [{ phase, iteration: iteration ?? 0, status, kind, by: responded_by, response, at: responded_at }],
      );
    return [
      ...elsewhere.filter(({ phase, at }) => Object.hasOwn(inherited, phase) && at !== null && at <= (since ?? at)),
      ...own,
    ];
  }

  /** For one phase only what is behind it, so that another try sees what the first one saw. */
  function data(id: string, phase: string | null): RunData | null {
    const row = table.runs.detail(id);
    const version = row?.workflow_hash ? rooms.versions.get(row.workflow_hash) : null;
    if (!row || !version) return null;
    const graph = graphOf(version.workflow);
    if (phase !== null && !graph.phase.has(phase)) return null;
    const behind = phase === null ? null : upstreamOf(graph, phase);
    const own = phase !== null && loopOf(graph.phase.get(phase) as Phase) ? phase : null;
    const among = behind && new Set(own === null ? behind : [...behind, own]);
    const inherited = inheritedBy(row);
    const states = phasesOf(row.node_statuses ?? "{}", row.phase_states);
    // A phase that is skipped this time has no word from the time it was not; a loop begins without its own of then.
    const wanted = (name: string, epoch: number | null): boolean =>
      states[name]?.status !== "skipped" &&
      (behind === null || behind.has(name) || (name === own && epoch === row.epoch));
    return {
      run: toLine(row),
      version,
      inputs: parsed(row.inputs) ?? {},
      context: parsed(row.context),
      scratch: parsed(row.scratch) ?? {},
      phases: states,
      outputs: rooms.outputs.of(id, inherited, among, wanted),
      signals: rooms.findings.signals(id),
      answers: answersOf(row, inherited),
    };
  }

  /**
   * An operator's retry is a further try of the same thing, as long as nothing behind the phase has been done anew: it is
   * given what it was given before. A later round of a loop hangs on the rounds before it, and those are new.
   */
  function inputOfEarlier(of: Parameters<Executions["inputOfEarlier"]>[0], { version }: RunData): Json {
    const { run, phase, name, epoch } = of;
    const round = roundOf(phase, name);
    const isFirst = !round || round.part === "review" || (round.part === "iter" && round.n === 1);
    if (epoch === 0 || !isFirst) return null;
    const found = rooms.executions.inputOfEarlier(of);
    if (!found) return null;
    const behind = upstreamOf(graphOf(version.workflow), phase);
    const history = (parsed(table.runs.detail(run)?.phase_history ?? null) ??
      []) as unknown as RunDetail["phase_history"];
    return history.some((line) => behind.has(line.phase) && line.epoch > found.epoch) ? null : found.input;
  }

  return {
    people: people(db, clock, commit),
    crons: crons(db, clock, commit.add),
    replies: replies(db, clock.now, (work) =>
      commit.add(() => {
        const value = work();
        return () => value;
      }),
    ),
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
      const known = row && data(row.workflow_run_id, row.phase);
      if (!row || !known) return null;
      const of = graphOf(known.version.workflow).phase.get(row.phase) as Phase;
      const { workflow_run_id: run, phase, iteration, epoch, attempt } = row;
      return {
        ...known,
        grant: grantOf(run, known.version.name, of.type, row),
        startedAt: row.started_at,
        finding: rooms.findings.one({ run, epoch, phase, iteration }),
        input:
          rooms.executions.input({ run, phase, iteration, epoch, attempt }) ??
          inputOfEarlier({ run, phase, name: row.name ?? phase, iteration, epoch, attempt }, known),
        earlier: of.type === "agent" ? rooms.sessions.earlier(row, of) : null,
      };
    },
    data: async (id, phase) => data(id, phase),
    keepInput: (id, input) =>
      commit.add(() => {
        rooms.executions.keepInput(id, input);
        return () => undefined;
      }),
    keepSession: (id, session) =>
      commit.add(() => {
        rooms.sessions.keep(id, session);
        return () => undefined;
      }),
    children: async (id) => table.runs.children(id),
    costSince: async (workflow, since) => table.runs.costSince(workflow, since),
    costBeside: async (id) => table.runs.costBeside(id),
    version: async (hash) => rooms.versions.get(hash),

    approval: async (id) => rooms.approvals.one(id),
    approvals: async (filter, page) => rooms.approvals.list(filter, page),
    orphans: async (node) => rooms.executions.orphans(node),

    held: async (hold) => table.runs.held(hold),

    reclaim: (node) =>
      commit.add(() => {
        rooms.outbox.reclaim(node);
        return () => undefined;
      }),
    due: (node, limit) =>
      commit.add(() => {
        const held = rooms.outbox.due(node, clock.now(), limit);
        return () => held;
      }),
    settle: (node, id, outcome) =>
      commit.add(() => {
        const settled = rooms.outbox.settle(id, node, outcome, clock.now());
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

    deliveries: deliveries(db, commit, moves),

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
    copyTo: (file, signal) => copyTo(db, file, signal),
    close: async () => {
      commit.close();
      closed();
    },
  };
}

function inheritedBy({ inherited }: DetailRow): Record<string, string | null> {
  return inherited === null ? {} : (JSON.parse(inherited) as Record<string, string | null>);
}
