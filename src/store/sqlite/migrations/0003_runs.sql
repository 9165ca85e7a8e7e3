-- What a run needs beyond the seed (engine rule 3). Every column is additive; NULL workflow_hash marks a foreign run.

ALTER TABLE workflow_runs ADD COLUMN workflow_hash TEXT;

ALTER TABLE workflow_runs ADD COLUMN trigger_type TEXT;

ALTER TABLE workflow_runs ADD COLUMN reason TEXT;

ALTER TABLE workflow_runs ADD COLUMN inputs TEXT;

-- Why nothing of a run may start, until it is released.
ALTER TABLE workflow_runs ADD COLUMN hold TEXT;

-- Attempt, iteration and cause of the phases that have any; NULL while every phase is in its first try.
ALTER TABLE workflow_runs ADD COLUMN phase_states TEXT;

ALTER TABLE workflow_runs ADD COLUMN rev INTEGER NOT NULL DEFAULT 0;

ALTER TABLE workflow_runs ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;

ALTER TABLE workflow_runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;

ALTER TABLE workflow_runs ADD COLUMN idempotency_key TEXT;

ALTER TABLE workflow_runs ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;

ALTER TABLE workflow_runs ADD COLUMN label TEXT;

ALTER TABLE workflow_runs ADD COLUMN queued_at TEXT;

ALTER TABLE executions ADD COLUMN kind TEXT CHECK (kind IN ('phase', 'chat', 'tool'));

ALTER TABLE executions ADD COLUMN phase TEXT;

ALTER TABLE executions ADD COLUMN iteration INTEGER;

ALTER TABLE executions ADD COLUMN attempt INTEGER;

ALTER TABLE executions ADD COLUMN epoch INTEGER;

ALTER TABLE executions ADD COLUMN status TEXT CHECK (status IN ('running', 'ok', 'error', 'cancelled', 'interrupted'));

ALTER TABLE executions ADD COLUMN failure TEXT;

ALTER TABLE executions ADD COLUMN node TEXT;

ALTER TABLE executions ADD COLUMN incarnation TEXT;

ALTER TABLE workflow_approvals ADD COLUMN phase TEXT;

ALTER TABLE workflow_approvals ADD COLUMN iteration INTEGER;

-- A version's YAML, and the checked declaration made from it: a run never needs the parser again.
CREATE TABLE workflow_versions (
  hash       TEXT PRIMARY KEY CHECK (length(hash) = 64),
  name       TEXT NOT NULL,
  yaml       TEXT NOT NULL,
  definition TEXT NOT NULL CHECK (json_valid(definition)),
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What a try was given and what it produced, beside the narrow row that lists read.
CREATE TABLE execution_io (
  execution_id TEXT PRIMARY KEY,
  input        TEXT CHECK (json_valid(input)),
  output       TEXT,
  output_bytes INTEGER,
  exit_code    INTEGER
) STRICT, WITHOUT ROWID;

-- What is owed: a row in the transaction that owes it. A phase that may start leaves the table as it becomes an execution.
CREATE TABLE effects (
  id          TEXT PRIMARY KEY,
  run_id      TEXT NOT NULL,
  kind        TEXT NOT NULL CHECK (kind IN ('phase', 'ask')),
  payload     TEXT NOT NULL CHECK (json_valid(payload)),
  priority    INTEGER NOT NULL DEFAULT 0,
  due         TEXT NOT NULL,
  state       TEXT NOT NULL DEFAULT 'owed' CHECK (state IN ('owed', 'held', 'done', 'void')),
  node        TEXT,
  incarnation TEXT,
  tries       INTEGER NOT NULL DEFAULT 0,
  error       TEXT,
  CHECK ((state = 'held') = (incarnation IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX runs_once ON workflow_runs(idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE INDEX runs_by_status ON workflow_runs(status, started_at DESC);

CREATE INDEX runs_by_workflow_status ON workflow_runs(workflow_name, status, started_at DESC);

CREATE INDEX runs_by_trigger ON workflow_runs(trigger_id, started_at DESC);

CREATE INDEX runs_by_label ON workflow_runs(label, started_at DESC) WHERE label IS NOT NULL;

CREATE INDEX runs_held ON workflow_runs(hold) WHERE hold IS NOT NULL;

CREATE INDEX runs_starred ON workflow_runs(started_at DESC) WHERE starred = 1;

-- What executes now: counted by admission, read with every transition, swept after a crash.
CREATE INDEX executions_live ON executions(workflow_run_id) WHERE status = 'running';

-- A phase is tried once under one number, and completed once (engine rule 11).
CREATE UNIQUE INDEX executions_try ON executions(workflow_run_id, phase, iteration, epoch, attempt) WHERE kind = 'phase';

CREATE UNIQUE INDEX executions_completed ON executions(workflow_run_id, phase, iteration, epoch) WHERE kind = 'phase' AND status = 'ok';

CREATE INDEX approvals_by_status ON workflow_approvals(status, created_at DESC);

CREATE INDEX approvals_by_created ON workflow_approvals(created_at DESC);

CREATE INDEX approvals_by_run ON workflow_approvals(workflow_run_id);

-- First in, first out by run: ids rise with time, so an older run's next phase goes before a younger run's first.
CREATE INDEX effects_startable ON effects(priority DESC, run_id, id) WHERE kind = 'phase' AND state = 'owed';

CREATE INDEX effects_due ON effects(due, id) WHERE kind <> 'phase' AND state = 'owed';

CREATE INDEX effects_held ON effects(incarnation) WHERE state = 'held';

-- A flat key-value store for process-wide state and preferences (tool-runner seed: settings).
CREATE TABLE IF NOT EXISTS settings (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
