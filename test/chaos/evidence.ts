import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { Json } from "../../src/domain/json.ts";
import type { Ledger } from "./ledger.ts";

/** Everything that the audit judges: the rows, the side effects, and what was promised. */
export interface Evidence {
  readonly runs: readonly RunRow[];
  readonly executions: readonly ExecutionRow[];
  readonly approvals: readonly ApprovalRow[];
  /** The file of effects as it was before the rows were read, and after. */
  readonly effects: { readonly before: string; readonly after: string };
  readonly ledger: Ledger;
}

export interface RunRow {
  readonly id: string;
  readonly workflow: string;
  readonly status: string;
  readonly reason: string | null;
  /** How it ends once its last phases are over. */
  readonly ending: string | null;
  readonly parent: string | null;
  readonly inputs: { readonly [name: string]: Json };
  readonly history: readonly { phase: string; iteration: number; epoch: number; status: string }[];
  readonly statuses: { readonly [phase: string]: string };
}

export interface ExecutionRow {
  readonly id: string;
  readonly run: string;
  readonly phase: string;
  readonly iteration: number;
  readonly epoch: number;
  readonly attempt: number;
  readonly status: string;
  readonly error: string | null;
  readonly exit_code: number | null;
  readonly output: string | null;
  readonly started_at: string;
  readonly finished_at: string | null;
}

export interface ApprovalRow {
  readonly id: string;
  readonly run: string;
  readonly phase: string;
  readonly status: string;
}

interface RawRun extends Omit<RunRow, "inputs" | "history" | "statuses"> {
  readonly inputs: string;
  readonly history: string;
  readonly statuses: string;
}

/** What the database and the file of effects say; `outputs` reads what the phases printed, too. */
export function gather(
  world: { stateDir: string; effects: string },
  ledger: Ledger,
  { outputs }: { outputs: boolean },
): Evidence {
  // Around the rows: what stood before has a row since its program started, and what a row says ended stands after.
  const before = readFileSync(world.effects, "utf8");
  const rows = readRows(world.stateDir, outputs);
  return { ...rows, effects: { before, after: readFileSync(world.effects, "utf8") }, ledger };
}

function readRows(stateDir: string, outputs: boolean): Pick<Evidence, "runs" | "executions" | "approvals"> {
  const db = openDatabase(stateDir);
  if (!db) return { runs: [], executions: [], approvals: [] };
  try {
    const runs = db
      .prepare<[], RawRun>(`
        SELECT id, workflow_name AS workflow, status, reason, ending ->> 'status' AS ending, parent_run_id AS parent, inputs, phase_history AS history, node_statuses AS statuses
          FROM workflow_runs`)
      .all()
      .map((row) => ({
        ...row,
        inputs: JSON.parse(row.inputs) as RunRow["inputs"],
        history: JSON.parse(row.history) as RunRow["history"],
        statuses: JSON.parse(row.statuses) as RunRow["statuses"],
      }));
    const executions = db
      .prepare<[], ExecutionRow>(`
        SELECT e.id, e.workflow_run_id AS run, e.phase, e.iteration, e.epoch, e.attempt, e.status, e.error,
               e.started_at, e.finished_at, ${outputs ? "io.exit_code, io.output" : "NULL AS exit_code, NULL AS output"}
          FROM executions AS e ${outputs ? "LEFT JOIN execution_io AS io ON io.execution_id = e.id" : ""}`)
      .all();
    const approvals = db
      .prepare<[], ApprovalRow>("SELECT id, workflow_run_id AS run, phase, status FROM workflow_approvals")
      .all();
    return { runs, executions, approvals };
  } finally {
    db.close();
  }
}

/** What SQLite itself says of the file: `ok`, or what is wrong with it. */
export function integrity(stateDir: string): string {
  const db = openDatabase(stateDir);
  try {
    return db ? String(db.pragma("integrity_check", { simple: true })) : "there is no database";
  } finally {
    db?.close();
  }
}

/** Read-only; null while no daemon has lived long enough to make its tables. */
function openDatabase(stateDir: string): Database.Database | null {
  // Killed early enough, a daemon has not even made its folder.
  if (!existsSync(join(stateDir, "lastlight.db"))) return null;
  let db: Database.Database | null = null;
  try {
    db = new Database(join(stateDir, "lastlight.db"), { readonly: true, fileMustExist: true });
    const tables = db.prepare("SELECT count(*) FROM sqlite_master WHERE name = 'workflow_versions'").pluck().get();
    if (tables === 1) return db;
  } catch (error) {
    if ((error as { code?: string }).code !== "SQLITE_CANTOPEN") throw error;
  }
  db?.close();
  return null;
}
