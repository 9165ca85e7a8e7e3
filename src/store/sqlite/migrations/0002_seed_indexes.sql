-- The state spec's indexes, after the columns they name are sure to exist in a database made by another program.

CREATE INDEX IF NOT EXISTS idx_executions_trigger ON executions(trigger_type, trigger_id);

CREATE INDEX IF NOT EXISTS idx_executions_skill ON executions(skill, started_at);

CREATE INDEX IF NOT EXISTS idx_executions_workflow_run ON executions(workflow_run_id, skill);

CREATE INDEX IF NOT EXISTS idx_workflow_runs_trigger ON workflow_runs(trigger_id, status);

CREATE INDEX IF NOT EXISTS idx_workflow_runs_status ON workflow_runs(status);

CREATE INDEX IF NOT EXISTS idx_workflow_runs_started_at ON workflow_runs(started_at DESC);

CREATE INDEX IF NOT EXISTS idx_workflow_runs_name_started ON workflow_runs(workflow_name, started_at DESC);

CREATE INDEX IF NOT EXISTS idx_msg_sessions_lookup ON messaging_sessions(platform, channel_id, thread_id, user_id);

-- Where another program left several active sessions under one key, only the newest stays active.
UPDATE messaging_sessions
   SET active = 0
 WHERE active = 1
   AND EXISTS (SELECT 1
                 FROM messaging_sessions AS newer
                WHERE newer.active = 1
                  AND newer.platform = messaging_sessions.platform
                  AND newer.channel_id = messaging_sessions.channel_id
                  AND newer.thread_id = messaging_sessions.thread_id
                  AND newer.user_id = messaging_sessions.user_id
                  AND (newer.last_activity_at, newer.id) > (messaging_sessions.last_activity_at, messaging_sessions.id));

CREATE UNIQUE INDEX IF NOT EXISTS idx_msg_sessions_unique_active
ON messaging_sessions(platform, channel_id, thread_id, user_id) WHERE active = 1;

CREATE INDEX IF NOT EXISTS idx_msg_messages_session ON messaging_messages(session_id, timestamp);
