-- What came of each slot of a schedule: one row however often it is asked about. `slots` are more than one where old
-- misses are told together. Open rows, still to be fired or under way, have no finished_at.
CREATE TABLE cron_fires (
  name        TEXT NOT NULL,
  slot        TEXT NOT NULL,
  outcome     TEXT NOT NULL CHECK (outcome IN ('owed', 'queued', 'fired', 'skipped', 'missed')),
  reason      TEXT,
  run_id      TEXT,
  fired_by    TEXT,
  slots       INTEGER NOT NULL DEFAULT 1 CHECK (slots >= 1),
  decided_at  TEXT NOT NULL,
  result      TEXT CHECK (result IN ('succeeded', 'failed', 'cancelled', 'idle')),
  finished_at TEXT,
  PRIMARY KEY (name, slot),
  CHECK (outcome <> 'fired' OR (result IS NULL) = (finished_at IS NULL)),
  CHECK (outcome = 'fired' OR (result IS NULL AND run_id IS NULL)),
  CHECK (outcome NOT IN ('owed', 'queued') OR finished_at IS NULL),
  CHECK (outcome NOT IN ('skipped', 'missed') OR (finished_at IS NOT NULL AND reason IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX cron_fires_open ON cron_fires(name, slot) WHERE finished_at IS NULL;

CREATE INDEX cron_fires_results ON cron_fires(name, slot) WHERE result IS NOT NULL;

CREATE UNIQUE INDEX cron_fires_by_run ON cron_fires(run_id) WHERE run_id IS NOT NULL;

-- Since when the slots of a schedule count, by which expression, up to where each has its row, and whether it paused itself.
CREATE TABLE cron_states (
  name          TEXT PRIMARY KEY,
  calendar      TEXT NOT NULL,
  active        INTEGER NOT NULL CHECK (active IN (0, 1)),
  since         TEXT NOT NULL,
  through       TEXT NOT NULL,
  paused_at     TEXT,
  paused_reason TEXT,
  CHECK ((paused_at IS NULL) = (paused_reason IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER cron_fires_append_only
BEFORE DELETE ON cron_fires
BEGIN
  SELECT RAISE(ABORT, 'cron_fires is append-only');
END;

CREATE TRIGGER cron_fires_decided_once
BEFORE UPDATE ON cron_fires
WHEN OLD.finished_at IS NOT NULL OR NEW.name <> OLD.name OR NEW.slot <> OLD.slot OR NEW.run_id IS NOT OLD.run_id AND OLD.run_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'what came of a slot is decided once');
END;
