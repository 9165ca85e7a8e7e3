import type { Database } from "better-sqlite3";
import type { Clock } from "../../domain/clock.ts";
import { Fault } from "../../domain/fault.ts";

/** Does its writes inside the batch and returns what to answer; the answer is given after COMMIT, never before. */
export type Work<Batch, T> = (batch: Batch) => () => T;

interface Queued<Batch> {
  readonly work: Work<Batch, unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

interface Commit<Batch> {
  /** Runs `work` in the next transaction, with everything else that asked in this turn of the event loop. */
  add<T>(work: Work<Batch, T>): Promise<T>;
  /** Commits what waits, now. */
  flush(): void;
  /** Refuses everything that comes after. */
  close(): void;
}

const LARGEST_BATCH = 1_000;

/**
 * Group commit (engine rule 2): one fsync for all the applies of a turn. `room.open` makes what a batch may remember,
 * `room.flush` writes what it left for last, `room.committed` hears of it once it is durable. Work may run twice, since
 * a batch that a constraint spoils is rolled back and replayed with a savepoint each.
 */
export function groupCommit<Batch>(
  db: Database,
  clock: Pick<Clock, "soon">,
  room: {
    open(): Batch;
    flush(batch: Batch): void;
    committed(batch: Batch): void;
    /** A sync failed: whether the commit is on disk is not known, and asking again would be told a lie. */
    unknown(error: unknown): void;
  },
): Commit<Batch> {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const rollback = db.prepare("ROLLBACK");
  const savepoint = db.prepare("SAVEPOINT one");
  const release = db.prepare("RELEASE one");
  const rollbackOne = db.prepare("ROLLBACK TO one");

  let queue: Queued<Batch>[] = [];
  let scheduled = false;
  let closed = false;

  function flush(): void {
    scheduled = false;
    while (queue.length > 0) {
      const items = queue.splice(0, LARGEST_BATCH);
      try {
        try {
          together(items);
        } catch (error) {
          abandon();
          if (isTrouble(error)) throw error;
          apart(items);
        }
      } catch (error) {
        abandon();
        if (/^SQLITE_IOERR_(FSYNC|DIR_FSYNC)$/.test(codeOf(error))) room.unknown(error);
        const fault = troubleFault(error);
        for (const item of items) item.reject(fault);
      }
    }
  }

  function together(items: readonly Queued<Batch>[]): void {
    begin.run();
    const batch = room.open();
    const answers: (() => unknown)[] = [];
    for (const item of items) answers.push(item.work(batch));
    room.flush(batch);
    commit.run();
    // The commit above is what makes all of it true; only now may anyone hear of it.
    room.committed(batch);
    items.forEach((item, at) => {
      item.resolve((answers[at] as () => unknown)());
    });
  }

  function apart(items: readonly Queued<Batch>[]): void {
    begin.run();
    const after: (() => void)[] = [];
    for (const item of items) {
      savepoint.run();
      try {
        const batch = room.open();
        const answer = item.work(batch);
        room.flush(batch);
        release.run();
        after.push(() => {
          room.committed(batch);
          item.resolve(answer());
        });
      } catch (error) {
        // A statement that ended the transaction took the savepoints with it: going on would write row by row.
        if (!db.inTransaction || isTrouble(error)) throw error;
        rollbackOne.run();
        release.run();
        after.push(() => item.reject(constraintFault(error)));
      }
    }
    commit.run();
    for (const each of after) each();
  }

  function abandon(): void {
    if (db.inTransaction) rollback.run();
  }

  return {
    add: <T>(work: Work<Batch, T>) =>
      new Promise<T>((resolve, reject) => {
        if (closed) {
          reject(new Fault("store.stopped", "The store is closed"));
          return;
        }
        queue.push({ work, resolve: resolve as (value: unknown) => void, reject });
        if (scheduled) return;
        scheduled = true;
        clock.soon(flush);
      }),
    flush,
    close: () => {
      flush();
      closed = true;
      queue = [];
    },
  };
}

const TROUBLE = /^SQLITE_(FULL|IOERR|NOMEM|CORRUPT|NOTADB|READONLY|CANTOPEN|BUSY|LOCKED|PROTOCOL)/;

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Trouble with the file itself, where replaying item by item could only make it worse. */
function isTrouble(error: unknown): boolean {
  return TROUBLE.test(codeOf(error));
}

function troubleFault(error: unknown): Fault {
  const code = codeOf(error);
  if (code === "SQLITE_FULL") return new Fault("disk.full", "The database could not grow", { cause: error });
  return new Fault("store.trouble", `The database could not be written (${code || "unknown"})`, { cause: error });
}

function constraintFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  if (codeOf(error).startsWith("SQLITE_CONSTRAINT"))
    return new Fault("store.constraint", (error as Error).message, { cause: error });
  return new Fault("internal.error", "A transition failed unexpectedly", { cause: error });
}
