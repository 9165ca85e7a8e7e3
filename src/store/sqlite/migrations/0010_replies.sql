-- What is said outside: what became of it, and what could not be said. A statement per paragraph.

-- Given up: when, and by whom it was let go for good. Tries before an operator had it tried anew do not count.
ALTER TABLE outbox ADD COLUMN died_at TEXT;

ALTER TABLE outbox ADD COLUMN dropped_by TEXT;

ALTER TABLE outbox ADD COLUMN forgiven INTEGER NOT NULL DEFAULT 0;

CREATE INDEX outbox_dead ON outbox(died_at DESC, id DESC) WHERE died_at IS NOT NULL;

-- Failed, and owed again.
CREATE INDEX outbox_late ON outbox(due, id) WHERE state = 'owed' AND error IS NOT NULL;

-- What was said outside under a key, noted before it is said: without a remote id nobody knows whether it was.
CREATE TABLE receipts (
  key       TEXT PRIMARY KEY,
  run_id    TEXT NOT NULL,
  target    TEXT NOT NULL,
  begun_at  TEXT NOT NULL,
  remote_id TEXT,
  url       TEXT,
  state     TEXT,
  CHECK (remote_id IS NOT NULL OR (url IS NULL AND state IS NULL))
) STRICT, WITHOUT ROWID;

-- How far a source has been read that is asked again and again.
CREATE TABLE cursors (
  source     TEXT PRIMARY KEY,
  cursor     TEXT NOT NULL CHECK (json_valid(cursor)),
  updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
