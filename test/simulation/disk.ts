import type { Database, Statement } from "better-sqlite3";

/** What becomes of one transaction. `statement` counts its writes from 1. */
export type Fate =
  | { readonly type: "lives" }
  | { readonly type: "dies"; readonly when: "before" | "after" }
  | { readonly type: "dies"; readonly when: "within"; readonly statement: number }
  /** Out of room: at a write, or at the COMMIT; SQLite may have rolled the whole back by itself. */
  | { readonly type: "full"; readonly statement: number | null; readonly undone: boolean }
  /** The sync failed: what was written is there after all, or it is not. */
  | { readonly type: "unsynced"; readonly kept: boolean };

/** What stands between a life of the daemon and the database: here its transactions meet their fates. */
export interface DiskHooks {
  alive(): boolean;
  /** A transaction begins. */
  fate(): Fate;
  /** The daemon dies here. */
  die(when: "before" | "within" | "after"): void;
  committed(): void;
}

/** Statements of a store are the same in each life of a house, and making them is what takes time. */
export type Statements = Statement[];

const WRITES = /^\s*(INSERT|UPDATE|DELETE)/i;

/** The database as one life sees it: a dead one can change nothing, whatever of it is still on the stack. */
export function disk(db: Database, made: Statements, hooks: DiskHooks): Database {
  let prepared = 0;
  let fate: Fate = { type: "lives" };
  let writes = 0;

  function enter(): void {
    if (!hooks.alive()) throw new Error("the daemon is dead");
  }

  function die(when: "before" | "within" | "after"): never {
    if (db.inTransaction) db.exec("ROLLBACK");
    hooks.die(when);
    throw new Error("the daemon died");
  }

  function begin(): void {
    writes = 0;
    fate = hooks.fate();
    if (fate.type === "dies" && fate.when === "before") die("before");
  }

  function write(): void {
    writes++;
    if (fate.type === "dies" && fate.when === "within" && writes === fate.statement) die("within");
    if (fate.type === "full" && writes === fate.statement) full(fate.undone);
  }

  function full(undone: boolean): never {
    if (undone && db.inTransaction) db.exec("ROLLBACK");
    throw coded("SQLITE_FULL", "database or disk is full");
  }

  function commit(real: () => unknown): unknown {
    // A transaction that wrote less than was meant to kill it dies at its end.
    if (fate.type === "dies" && fate.when === "within") die("within");
    if (fate.type === "full") full(fate.undone);
    if (fate.type === "unsynced" && !fate.kept) db.exec("ROLLBACK");
    const done = fate.type === "unsynced" && !fate.kept ? undefined : real();
    if (done !== undefined) hooks.committed();
    if (fate.type === "unsynced") throw coded("SQLITE_IOERR_FSYNC", "disk I/O error");
    if (fate.type === "dies") die("after");
    return done;
  }

  function guarded(statement: Statement): Statement {
    const { source } = statement;
    const through: Statement["run"] = (...values) => {
      enter();
      if (source === "BEGIN IMMEDIATE") begin();
      else if (source === "COMMIT") return commit(() => statement.run()) as ReturnType<Statement["run"]>;
      else if (WRITES.test(source) && db.inTransaction) write();
      return statement.run(...values);
    };
    const isWrite = WRITES.test(source);
    const isPlain = !isWrite && source !== "BEGIN IMMEDIATE" && source !== "COMMIT";
    const shell = {
      source,
      run: isPlain
        ? (...values: unknown[]) => {
            enter();
            return statement.run(...values);
          }
        : through,
      get: (...values: unknown[]) => {
        enter();
        return statement.get(...values);
      },
      all: (...values: unknown[]) => {
        enter();
        return statement.all(...values);
      },
      pluck: () => {
        statement.pluck();
        return shell;
      },
      columns: () => statement.columns(),
    };
    return shell as unknown as Statement;
  }

  const seen = {
    prepare: (source: string) => {
      const at = prepared++;
      const known = made[at];
      if (known && known.source === source) return guarded(known);
      const fresh = db.prepare(source);
      made[at] = fresh;
      return guarded(fresh);
    },
    pragma: (source: string, options?: Parameters<Database["pragma"]>[1]) => db.pragma(source, options),
    get inTransaction() {
      return hooks.alive() && db.inTransaction;
    },
  };
  return seen as unknown as Database;
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
