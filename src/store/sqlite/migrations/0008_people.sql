-- People and what stands for them, and the record of what was asked of the daemon. A statement per paragraph.

-- A person without password_hash comes by the identity provider alone; `subject` is its issuer and its word for them.
CREATE TABLE users (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 64),
  role          TEXT NOT NULL CHECK (role IN ('viewer', 'approver', 'operator', 'admin')),
  password_hash TEXT,
  email         TEXT UNIQUE,
  subject       TEXT UNIQUE,
  disabled_at   TEXT,
  created_at    TEXT NOT NULL,
  created_by    TEXT NOT NULL,
  last_login_at TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE groups (
  name       TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE user_groups (
  user_id    TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  group_name TEXT NOT NULL REFERENCES groups(name),
  PRIMARY KEY (user_id, group_name)
) STRICT, WITHOUT ROWID;

-- Only the sha-256 of a token is kept. Without a user it is the machine's own, made by whoever holds STATE_DIR.
CREATE TABLE tokens (
  id           TEXT PRIMARY KEY,
  hash         TEXT NOT NULL UNIQUE CHECK (length(hash) = 64),
  user_id      TEXT REFERENCES users(id) ON DELETE CASCADE,
  owner        TEXT NOT NULL,
  name         TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
  role         TEXT NOT NULL CHECK (role IN ('viewer', 'approver', 'operator', 'admin')),
  workflows    TEXT CHECK (json_valid(workflows)),
  created_at   TEXT NOT NULL,
  expires_at   TEXT,
  last_used_at TEXT,
  revoked_at   TEXT
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX tokens_by_owner ON tokens(owner, name) WHERE revoked_at IS NULL;

CREATE INDEX tokens_of_user ON tokens(user_id);

-- What an execution may say of itself: good while it runs, for its own run alone.
CREATE TABLE execution_tokens (
  hash         TEXT PRIMARY KEY CHECK (length(hash) = 64),
  execution_id TEXT NOT NULL,
  run_id       TEXT NOT NULL,
  created_at   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A browser that someone logged in with: sha-256 of its cookie and of its CSRF word. Without a user it is the machine's own.
CREATE TABLE web_sessions (
  hash       TEXT PRIMARY KEY CHECK (length(hash) = 64),
  user_id    TEXT REFERENCES users(id) ON DELETE CASCADE,
  owner      TEXT NOT NULL,
  created_at TEXT NOT NULL,
  seen_at    TEXT NOT NULL,
  expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX web_sessions_of_user ON web_sessions(user_id, created_at);

CREATE INDEX web_sessions_by_expiry ON web_sessions(expires_at);

-- Who did what, on what, from where, and what came of it. No bodies and no secrets; ids rise with time.
CREATE TABLE audit (
  id      TEXT PRIMARY KEY,
  at      TEXT NOT NULL,
  who     TEXT NOT NULL,
  what    TEXT NOT NULL,
  subject TEXT,
  address TEXT,
  agent   TEXT,
  outcome TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_by_who ON audit(who, id);

CREATE TRIGGER audit_append_only
BEFORE DELETE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TRIGGER audit_unchanged
BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit is append-only');
END;
