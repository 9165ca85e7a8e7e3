import type { Database } from "better-sqlite3";
import type { Usage } from "../../domain/execution.ts";
import type { Json } from "../../domain/json.ts";
import type { AgentPhase } from "../../domain/workflow.ts";
import type { SessionBefore } from "../store.ts";
import type { BriefRow } from "./executions.ts";
import { type UsageRow, usageOf } from "./usage.ts";

interface Place {
  run: string;
  phase: string;
  iteration: number;
  epoch: number;
  attempt: number;
}

interface Row extends Omit<SessionBefore, "input" | "used"> {
  input: string | null;
}

/** What runtimes call the sessions of their agents, and which of them a try may go on with. */
export function runtimeSessions(db: Database) {
  const keep = db.prepare("UPDATE executions SET runtime_session_id = @session WHERE id = @id");
  const earlier = db.prepare<Place & { name: string | null }, Row>(`
    SELECT e.id AS execution, e.runtime_session_id AS session, e.status, io.input
      FROM executions AS e INDEXED BY executions_try LEFT JOIN execution_io AS io ON io.execution_id = e.id
     WHERE e.workflow_run_id = @run AND e.kind = 'phase' AND e.phase = @phase AND e.epoch = @epoch
       AND (e.iteration, e.attempt) < (@iteration, @attempt) AND (@name IS NULL OR e.name = @name)
       AND e.status <> 'running' AND e.runtime_session_id IS NOT NULL
     ORDER BY e.iteration DESC, e.attempt DESC LIMIT 1`);
  const usedIn = db.prepare<Place & { session: string }, UsageRow>(`
    SELECT sum(cost_usd) AS cost_usd, sum(turns) AS turns, sum(input_tokens) AS input_tokens,
           sum(output_tokens) AS output_tokens, sum(cache_read_input_tokens) AS cache_read_input_tokens,
           sum(cache_creation_input_tokens) AS cache_creation_input_tokens
      FROM executions INDEXED BY executions_try
     WHERE workflow_run_id = @run AND kind = 'phase' AND phase = @phase AND epoch = @epoch
       AND (iteration, attempt) < (@iteration, @attempt) AND runtime_session_id = @session`);

  return {
    keep: (id: string, session: string): void => {
      keep.run({ id, session });
    },
    /** An operator's retry begins another epoch, and with it another conversation; an item of a matrix has its own. */
    earlier: ({ workflow_run_id: run, ...row }: BriefRow, { session, matrix }: AgentPhase): SessionBefore | null => {
      if (session !== "continue") return null;
      const { phase, iteration, epoch, attempt } = row;
      const place = { run, phase, iteration, epoch, attempt };
      const found = earlier.get({ ...place, name: matrix ? row.name : null });
      if (!found) return null;
      const used: Usage = usageOf(usedIn.get({ ...place, session: found.session }) as UsageRow) ?? {};
      return { ...found, input: found.input === null ? null : (JSON.parse(found.input) as Json), used };
    },
  };
}
