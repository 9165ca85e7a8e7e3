import type { HistoryLine, Run, RunStatus } from "../../domain/run.ts";
import type { Workflow } from "../../domain/workflow.ts";
import type { Grant, NewRun, Take } from "../store.ts";

/** A run inside a batch: as it was loaded, as it stands now, and what is still to be written of it. */
export interface Entry {
  readonly workflow: Workflow;
  readonly row: RunRow;
  /** Set until the row is written for the first time. */
  fresh: NewRun | null;
  /** What the database holds. */
  saved: Run | null;
  run: Run;
  lines: HistoryLine[];
}

/** The unchanging part of a run's row, which its executions repeat. */
export interface RunRow {
  readonly workflow_name: string;
  readonly workflow_hash: string;
  readonly trigger_type: string;
  readonly trigger_id: string;
  readonly repo: string | null;
  readonly issue_number: number | null;
  readonly priority: number;
  readonly starred: boolean;
  readonly label: string | null;
  readonly queued_at: string | null;
  readonly parent_run_id: string | null;
  readonly parent_place: string | null;
  readonly forked_from: string | null;
  readonly inherited: string | null;
  readonly concurrency_key: string | null;
}

/** A phase that may start, owed by an event of this batch and not yet a row. */
export interface Wanted {
  readonly run: string;
  readonly phase: string;
  readonly iteration: number;
  readonly attempt: number;
  readonly priority: number;
}

/** What one transaction remembers, and forgets at its end: no run is cached from one batch to the next. */
export interface Batch {
  readonly runs: Map<string, Entry>;
  readonly once: Map<string, string>;
  readonly versions: Set<string>;
  wanted: Wanted[];
  /** Groups in which a run has ended, so that the next may start. */
  readonly freed: Set<string>;
  take: Take | null;
  granted: Grant[];
}

export function openBatch(): Batch {
  return {
    runs: new Map(),
    once: new Map(),
    versions: new Set(),
    wanted: [],
    freed: new Set(),
    take: null,
    granted: [],
  };
}

/** What the batch changed, for those who watch. */
export function changesOf(batch: Batch): { run: string; rev: number; status: RunStatus }[] {
  const changes = [];
  for (const { run } of batch.runs.values()) changes.push({ run: run.id, rev: run.rev, status: run.status });
  return changes;
}

/** Hands the granted executions to exactly one caller of the batch. */
export function takeGranted(batch: Batch): readonly Grant[] {
  const granted = batch.granted;
  batch.granted = [];
  return granted;
}
