-- What came from outside, each once. Ids rise with time, so the table itself is the list; of what started nothing only id and outcome are kept. Payloads are JSON, deflated.
CREATE TABLE deliveries (
  id           TEXT PRIMARY KEY CHECK (length(id) = 36),
  source       TEXT NOT NULL,
  delivery_id  TEXT NOT NULL CHECK (length(delivery_id) BETWEEN 1 AND 256),
  via          TEXT NOT NULL DEFAULT 'webhook' CHECK (via IN ('webhook', 'poll')),
  echo         TEXT,
  digest       TEXT,
  type         TEXT NOT NULL,
  outcome      TEXT NOT NULL CHECK (outcome IN ('started', 'nothing_matched', 'ignored', 'refused')),
  reason       TEXT,
  replay_of    TEXT,
  received_at  TEXT NOT NULL,
  repo         TEXT,
  issue_number INTEGER,
  actor        TEXT,
  verdicts     TEXT,
  payload      BLOB CHECK (length(payload) <= 2097152),
  CHECK ((payload IS NOT NULL) = (outcome = 'started'))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX deliveries_once ON deliveries(source, delivery_id);

CREATE INDEX deliveries_by_outcome ON deliveries(outcome, id);

CREATE INDEX deliveries_by_source ON deliveries(source, outcome, id);

-- A poll and a webhook tell of the same happening.
CREATE INDEX deliveries_by_echo ON deliveries(source, echo, via) WHERE echo IS NOT NULL;
