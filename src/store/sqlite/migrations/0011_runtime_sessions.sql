-- What an agent's runtime calls its own session, by which it may be gone on with.
ALTER TABLE executions ADD COLUMN runtime_session_id TEXT;

-- How often the runtime asked its model again by itself; NULL where it is none of an agent's, or cannot be known.
ALTER TABLE executions ADD COLUMN retries INTEGER;

-- Chats as they are listed, and what was said in one in the order in which it came.
CREATE INDEX IF NOT EXISTS chats_by_activity ON messaging_sessions(last_activity_at);

CREATE INDEX IF NOT EXISTS messages_by_chat ON messaging_messages(session_id);
