-- An agent that went through without having said or done anything: 1, NULL for all others.
ALTER TABLE executions ADD COLUMN idle INTEGER;
