-- What a seed table cannot say with CHECK. Foreign runs (no workflow_hash) are spared: their rows are not ours to judge.

CREATE TRIGGER runs_context_immutable
BEFORE UPDATE OF context, inputs, workflow_hash ON workflow_runs
WHEN OLD.workflow_hash IS NOT NULL
 AND (NEW.context IS NOT OLD.context OR NEW.inputs IS NOT OLD.inputs OR NEW.workflow_hash IS NOT OLD.workflow_hash)
BEGIN
  SELECT RAISE(ABORT, 'a run keeps its context, inputs and version');
END;

CREATE TRIGGER runs_terminal_final
BEFORE UPDATE OF status ON workflow_runs
WHEN OLD.workflow_hash IS NOT NULL
 AND OLD.status IN ('succeeded', 'failed', 'cancelled')
 AND NEW.status IS NOT OLD.status
 AND NEW.epoch <= OLD.epoch
BEGIN
  SELECT RAISE(ABORT, 'a terminal status is final within its epoch');
END;

CREATE TRIGGER runs_status_word
BEFORE UPDATE OF status ON workflow_runs
WHEN OLD.workflow_hash IS NOT NULL
 AND (NEW.status NOT IN ('queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled')
      OR (NEW.finished_at IS NULL) <> (NEW.status IN ('queued', 'running', 'paused')))
BEGIN
  SELECT RAISE(ABORT, 'finished_at is set exactly when the status is terminal');
END;

CREATE TRIGGER runs_restart_cap
BEFORE UPDATE OF restart_count ON workflow_runs
WHEN OLD.workflow_hash IS NOT NULL AND NEW.restart_count > 10
BEGIN
  SELECT RAISE(ABORT, 'restart_count is capped at 10');
END;

CREATE TRIGGER runs_scratch_bounded
BEFORE UPDATE OF scratch ON workflow_runs
WHEN OLD.workflow_hash IS NOT NULL AND length(NEW.scratch) > 1048576
BEGIN
  SELECT RAISE(ABORT, 'scratch holds pointers, at most 1 MiB of them');
END;

CREATE TRIGGER runs_born_well
BEFORE INSERT ON workflow_runs
WHEN NEW.workflow_hash IS NOT NULL
 AND (NEW.restart_count > 10
      OR NEW.status NOT IN ('queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled')
      OR length(CAST(NEW.context AS BLOB)) > 65536)
BEGIN
  SELECT RAISE(ABORT, 'a run is born with a known status and a context of at most 64 KiB');
END;

CREATE TRIGGER runs_append_only
BEFORE DELETE ON workflow_runs
BEGIN
  SELECT RAISE(ABORT, 'workflow_runs is append-only');
END;

CREATE TRIGGER executions_append_only
BEFORE DELETE ON executions
BEGIN
  SELECT RAISE(ABORT, 'executions is append-only');
END;

CREATE TRIGGER executions_ending_final
BEFORE UPDATE OF status ON executions
WHEN OLD.status IS NOT NULL AND OLD.status <> 'running' AND NEW.status IS NOT OLD.status
BEGIN
  SELECT RAISE(ABORT, 'an execution ends once');
END;

CREATE TRIGGER approvals_append_only
BEFORE DELETE ON workflow_approvals
BEGIN
  SELECT RAISE(ABORT, 'workflow_approvals is append-only');
END;

CREATE TRIGGER approvals_answered_once
BEFORE UPDATE OF status ON workflow_approvals
WHEN OLD.phase IS NOT NULL AND OLD.status <> 'pending' AND NEW.status IS NOT OLD.status
BEGIN
  SELECT RAISE(ABORT, 'an approval is answered once');
END;

CREATE TRIGGER messaging_sessions_append_only
BEFORE DELETE ON messaging_sessions
BEGIN
  SELECT RAISE(ABORT, 'messaging_sessions is append-only');
END;

CREATE TRIGGER messaging_messages_append_only
BEFORE DELETE ON messaging_messages
BEGIN
  SELECT RAISE(ABORT, 'messaging_messages is append-only');
END;

CREATE TRIGGER versions_immutable
BEFORE UPDATE ON workflow_versions
BEGIN
  SELECT RAISE(ABORT, 'a version never changes');
END;
