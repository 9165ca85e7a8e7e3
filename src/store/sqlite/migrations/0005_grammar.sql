-- What the whole grammar needs of the tables. A statement per paragraph.

-- How a run ends once its last phases are over, and how much of its time is left: JSON, NULL for most.
ALTER TABLE workflow_runs ADD COLUMN ending TEXT;

ALTER TABLE workflow_runs ADD COLUMN deadline TEXT;

-- The phase of another run that this run is the work of: JSON with phase, iteration, attempt and epoch.
ALTER TABLE workflow_runs ADD COLUMN parent_run_id TEXT;

ALTER TABLE workflow_runs ADD COLUMN parent_place TEXT;

-- A fork: the run it began as, and the executions whose outputs it has from there (JSON, phase to id).
ALTER TABLE workflow_runs ADD COLUMN forked_from TEXT;

ALTER TABLE workflow_runs ADD COLUMN inherited TEXT;

ALTER TABLE workflow_runs ADD COLUMN concurrency_key TEXT;

ALTER TABLE workflow_runs ADD COLUMN cost_usd REAL NOT NULL DEFAULT 0;

ALTER TABLE workflow_runs ADD COLUMN turns INTEGER NOT NULL DEFAULT 0;

ALTER TABLE workflow_runs ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0;

-- The phase's name with what its loop or matrix adds; NULL where that is nothing.
ALTER TABLE executions ADD COLUMN name TEXT;

-- Named outputs of a try: JSON.
ALTER TABLE execution_io ADD COLUMN outputs TEXT;

ALTER TABLE workflow_approvals ADD COLUMN deadline TEXT;

-- What was found in the run's data before a phase started: why it was skipped, what it was given.
CREATE TABLE decisions (
  run_id     TEXT NOT NULL,
  epoch      INTEGER NOT NULL,
  phase      TEXT NOT NULL,
  iteration  INTEGER NOT NULL,
  finding    TEXT NOT NULL CHECK (json_valid(finding)),
  created_at TEXT NOT NULL,
  PRIMARY KEY (run_id, epoch, phase, iteration)
) STRICT, WITHOUT ROWID;

-- Word from outside, kept whether or not a run waits for it yet; the first under an id stands (engine rule 3).
CREATE TABLE signals (
  run_id      TEXT NOT NULL,
  id          TEXT NOT NULL,
  name        TEXT NOT NULL,
  payload     TEXT NOT NULL CHECK (json_valid(payload)),
  received_at TEXT NOT NULL,
  PRIMARY KEY (run_id, id)
) STRICT, WITHOUT ROWID;

-- Files that phases declare, their bytes in the content store under their sha256 (tool-runner seed: artefacts).
CREATE TABLE IF NOT EXISTS artefacts (
  id INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL,
  tool_id TEXT NOT NULL,
  output_key TEXT NOT NULL,
  rel_path TEXT NOT NULL, -- under artefacts/
  filename TEXT NOT NULL,
  mime TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL,
  starred INTEGER NOT NULL DEFAULT 0,
  label TEXT,
  tags TEXT, -- comma-separated
  thumb_path TEXT,
  deleted_at TIMESTAMP, -- soft delete
  FOREIGN KEY (run_id) REFERENCES executions(id)
);

CREATE INDEX artefacts_by_execution ON artefacts(run_id);

-- What is owed besides the start of a phase: questions, decisions, timers, messages, child runs. Any kind of word, since
-- the list of kinds grows with the code.
CREATE TABLE outbox (
  id          TEXT PRIMARY KEY,
  run_id      TEXT NOT NULL,
  kind        TEXT NOT NULL,
  payload     TEXT NOT NULL CHECK (json_valid(payload)),
  due         TEXT NOT NULL,
  state       TEXT NOT NULL DEFAULT 'owed' CHECK (state IN ('owed', 'held', 'done')),
  node        TEXT,
  incarnation TEXT,
  tries       INTEGER NOT NULL DEFAULT 0,
  error       TEXT,
  CHECK ((state = 'held') = (incarnation IS NOT NULL))
) STRICT;

INSERT INTO outbox (id, run_id, kind, payload, due, state, tries, error)
SELECT id, run_id, kind, payload, due, 'owed', tries, error
  FROM effects
 WHERE kind = 'ask' AND state IN ('owed', 'held');

UPDATE effects SET state = 'void', node = NULL, incarnation = NULL WHERE kind = 'ask' AND state IN ('owed', 'held');

CREATE INDEX outbox_due ON outbox(due, id) WHERE state = 'owed';

CREATE INDEX outbox_held ON outbox(incarnation) WHERE state = 'held';

CREATE INDEX outbox_of_run ON outbox(run_id, kind) WHERE state = 'owed';

-- Runs of one group that are not over: how many are under way, and who is next.
CREATE INDEX runs_by_group ON workflow_runs(concurrency_key, priority DESC, id) WHERE concurrency_key IS NOT NULL AND finished_at IS NULL;

CREATE INDEX runs_by_parent ON workflow_runs(parent_run_id) WHERE parent_run_id IS NOT NULL;

-- What runs of a workflow cost on one day.
CREATE INDEX runs_cost ON workflow_runs(workflow_name, started_at, cost_usd) WHERE cost_usd > 0;

CREATE TRIGGER runs_descent_immutable
BEFORE UPDATE OF parent_run_id, parent_place, forked_from, inherited, concurrency_key ON workflow_runs
WHEN OLD.workflow_hash IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a run keeps its parent, its origin and its group');
END;

CREATE TRIGGER signals_first_stands
BEFORE UPDATE ON signals
BEGIN
  SELECT RAISE(ABORT, 'a signal is received once');
END;
