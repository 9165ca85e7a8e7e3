-- The seven tables of the state spec, as it prints them. A statement per paragraph.

CREATE TABLE IF NOT EXISTS executions (
id TEXT PRIMARY KEY,
trigger_type TEXT NOT NULL, -- "webhook" | "cron" | "chat" | "api"
trigger_id TEXT NOT NULL, -- issue URL, Slack thread id, etc.
skill TEXT NOT NULL, -- "workflow-name:phase-name" or "chat"
repo TEXT,
issue_number INTEGER,
started_at TEXT NOT NULL,
finished_at TEXT,
success INTEGER, -- 1 | 0 | NULL (still running)
error TEXT,
turns INTEGER,
duration_ms INTEGER,
session_id TEXT, -- agentic-pi session id; key into JSONL filename
cost_usd REAL,
input_tokens INTEGER,
cache_creation_input_tokens INTEGER,
cache_read_input_tokens INTEGER,
output_tokens INTEGER,
api_duration_ms INTEGER,
stop_reason TEXT,
workflow_run_id TEXT, -- → workflow_runs.id
output_text TEXT -- large final assistant text for loop iterations
);

CREATE TABLE IF NOT EXISTS workflow_runs (
id TEXT PRIMARY KEY,
workflow_name TEXT NOT NULL,
trigger_id TEXT NOT NULL,
repo TEXT,
issue_number INTEGER,
current_phase TEXT NOT NULL,
phase_history TEXT NOT NULL DEFAULT '[]', -- JSON array of completed phases
status TEXT NOT NULL DEFAULT 'running', -- running | paused | succeeded | failed | cancelled
context TEXT, -- immutable trigger context (JSON)
scratch TEXT, -- mutable phase-to-phase state (JSON)
node_statuses TEXT, -- DAG node status map (JSON)
restart_count INTEGER NOT NULL DEFAULT 0,
started_at TEXT NOT NULL,
updated_at TEXT NOT NULL,
finished_at TEXT
);

CREATE TABLE IF NOT EXISTS workflow_approvals (
id TEXT PRIMARY KEY,
workflow_run_id TEXT NOT NULL, -- → workflow_runs.id
gate TEXT NOT NULL, -- "post_architect", "post_reviewer", etc.
summary TEXT NOT NULL,
status TEXT NOT NULL DEFAULT 'pending', -- pending | approved | rejected
kind TEXT NOT NULL DEFAULT 'approve', -- "approve" or "reply" (Socratic loop)
requested_by TEXT,
responded_by TEXT,
response TEXT,
responded_at TEXT,
created_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS cron_overrides (
name TEXT PRIMARY KEY,
enabled INTEGER NOT NULL DEFAULT 1,
schedule TEXT, -- override the YAML schedule
updated_at TEXT NOT NULL,
updated_by TEXT
);

CREATE TABLE IF NOT EXISTS workflow_overrides (
name TEXT PRIMARY KEY,
enabled INTEGER NOT NULL DEFAULT 1,
updated_at TEXT NOT NULL,
updated_by TEXT
);

CREATE TABLE IF NOT EXISTS messaging_sessions (
id TEXT PRIMARY KEY,
platform TEXT NOT NULL, -- "slack"
channel_id TEXT NOT NULL,
thread_id TEXT,
user_id TEXT NOT NULL,
agent_session_id TEXT, -- pi-ai session id → JSONL filename
created_at TEXT NOT NULL,
last_activity_at TEXT NOT NULL,
message_count INTEGER DEFAULT 0,
active INTEGER DEFAULT 1
);

CREATE TABLE IF NOT EXISTS messaging_messages (
id INTEGER PRIMARY KEY AUTOINCREMENT,
session_id TEXT NOT NULL REFERENCES messaging_sessions(id),
role TEXT NOT NULL, -- "user" | "assistant"
content TEXT NOT NULL,
timestamp TEXT NOT NULL,
platform_message_id TEXT
);
