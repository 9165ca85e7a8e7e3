import type { Database } from "better-sqlite3";
import type { ExecutionStatus, FailureClass, LiveExecution } from "../../domain/execution.ts";
import { graphOf } from "../../domain/graph.ts";
import type { Json } from "../../domain/json.ts";
import { placeOf } from "../../domain/matrix.ts";
import { loopOf, roundOf } from "../../domain/round.ts";
import type { Effect } from "../../domain/run.ts";
import { type Phase, type PhaseType, PROGRAM_TYPES } from "../../domain/workflow.ts";
import type { ArtefactLine, ExecutionLine, Grant, Lease, PhaseOutput } from "../store.ts";
import type { Entry } from "./batch.ts";
import type { Versions } from "./versions.ts";

type Close = Extract<Effect, { type: "execution.close" }>;

interface LiveRow {
  id: string;
  phase: string;
  name: string | null;
  iteration: number;
  attempt: number;
  epoch: number;
  started_at: string;
}

interface Row extends Omit<ExecutionLine, "success" | "input" | "outputs"> {
  success: number | null;
  input: string | null;
  outputs: string | null;
}

interface EndedRow {
  execution: string;
  phase: string;
  name: string | null;
  iteration: number;
  epoch: number;
  status: PhaseOutput["status"];
  stop_reason: string | null;
  exit_code: number | null;
  bytes: number;
  outputs: string | null;
}

export interface BriefRow extends LiveRow {
  workflow_run_id: string;
}

/** Tries of phases: rows of `executions`, with what they took and gave in `execution_io`. */
export function executions(db: Database, versions: Versions) {
  const open = db.prepare(`
    INSERT INTO executions (id, kind, trigger_type, trigger_id, skill, repo, issue_number, started_at, workflow_run_id,
                            phase, name, iteration, attempt, epoch, status, session_id, node, incarnation)
    VALUES (@id, 'phase', @trigger_type, @trigger_id, @skill, @repo, @issue_number, @started_at, @run,
            @phase, @name, @iteration, @attempt, @epoch, 'running', @session, @node, @incarnation)`);
  const close = db.prepare(`
    UPDATE executions
       SET status = @status, success = @success, error = @error, failure = @failure,
           finished_at = @now, duration_ms = @duration
     WHERE id = @id AND status = 'running'`);
  const spend = db.prepare(`
    UPDATE executions
       SET cost_usd = @usd, turns = @turns, input_tokens = @inputTokens, output_tokens = @outputTokens,
           cache_read_input_tokens = @cacheReadTokens, cache_creation_input_tokens = @cacheCreationTokens
     WHERE id = @id`);
  const bridge = db.prepare("UPDATE executions SET output_text = @text WHERE id = @id");
  const stopReason = db.prepare("UPDATE executions SET stop_reason = @reason WHERE id = @id");
  const keep = db.prepare(`
    INSERT INTO execution_io (execution_id, input, output, output_bytes, exit_code, outputs)
    VALUES (@id, @input, @output, @bytes, @exit_code, @outputs)
        ON CONFLICT (execution_id) DO UPDATE
       SET input = coalesce(input, excluded.input), output = excluded.output, output_bytes = excluded.output_bytes,
           exit_code = excluded.exit_code, outputs = excluded.outputs`);
  const keepInput = db.prepare(`
    INSERT INTO execution_io (execution_id, input) VALUES (@id, @input)
        ON CONFLICT (execution_id) DO UPDATE SET input = coalesce(input, excluded.input)`);
  const inputBefore = db
    .prepare<Try, string>(`
    SELECT io.input
      FROM executions AS e JOIN execution_io AS io ON io.execution_id = e.id
     WHERE e.workflow_run_id = @run AND e.kind = 'phase' AND e.phase = @phase AND e.iteration = @iteration
       AND e.epoch = @epoch AND e.attempt <= @attempt AND io.input IS NOT NULL
     ORDER BY e.attempt LIMIT 1`)
    .pluck();
  const inputOfEarlier = db.prepare<Try & { name: string }, { input: string; epoch: number }>(`
    SELECT io.input, e.epoch
      FROM executions AS e INDEXED BY executions_try JOIN execution_io AS io ON io.execution_id = e.id
     WHERE e.workflow_run_id = @run AND e.kind = 'phase' AND e.phase = @phase AND coalesce(e.name, e.phase) = @name
       AND e.epoch < @epoch AND io.input IS NOT NULL
     ORDER BY e.epoch DESC, e.iteration DESC, e.attempt LIMIT 1`);
  const keepArtefact = db.prepare(`
    INSERT INTO artefacts (run_id, tool_id, output_key, rel_path, filename, mime, size_bytes, sha256, created_at)
    VALUES (@id, @workflow, @name, @path, @filename, 'application/octet-stream', @bytes, @sha256, @now)`);
  const artefactsOfOne = db.prepare<{ id: string }, ArtefactLine>(`
    SELECT run_id AS execution, output_key AS name, rel_path AS path, filename, size_bytes AS bytes, sha256
      FROM artefacts WHERE run_id = @id AND deleted_at IS NULL ORDER BY id`);
  const artefactsOf = db.prepare<{ run: string }, ArtefactLine>(`
    SELECT a.run_id AS execution, a.output_key AS name, a.rel_path AS path, a.filename, a.size_bytes AS bytes, a.sha256
      FROM executions AS e JOIN artefacts AS a ON a.run_id = e.id
     WHERE e.workflow_run_id = @run AND a.deleted_at IS NULL
     ORDER BY a.id`);
  const live = db.prepare<{ run: string }, LiveRow>(`
    SELECT id, phase, name, iteration, attempt, epoch, started_at
      FROM executions INDEXED BY executions_live
     WHERE workflow_run_id = @run AND status = 'running'`);
  const count = db
    .prepare<[], number>("SELECT count(*) FROM executions INDEXED BY executions_live WHERE status = 'running'")
    .pluck();
  const orphans = db.prepare<{ incarnation: string }, LiveRow & { run: string; hash: string }>(`
    SELECT e.id, e.phase, e.name, e.iteration, e.attempt, e.epoch, e.started_at, e.workflow_run_id AS run, r.workflow_hash AS hash
      FROM executions AS e INDEXED BY executions_live
      JOIN workflow_runs AS r ON r.id = e.workflow_run_id
     WHERE e.status = 'running' AND e.incarnation IS NOT @incarnation AND r.workflow_hash IS NOT NULL
     ORDER BY e.workflow_run_id`);
  const brief = db.prepare<{ id: string }, BriefRow>(`
    SELECT id, workflow_run_id, phase, name, iteration, attempt, epoch, started_at
      FROM executions
     WHERE id = @id AND status = 'running'`);
  const ended = db.prepare<{ run: string }, EndedRow>(`
    SELECT e.id AS execution, e.phase, e.name, e.iteration, e.epoch, e.status, e.stop_reason, io.exit_code, io.outputs,
           coalesce(io.output_bytes, 0) AS bytes
      FROM executions AS e INDEXED BY executions_try LEFT JOIN execution_io AS io ON io.execution_id = e.id
     WHERE e.workflow_run_id = @run AND e.kind = 'phase' AND e.status IN ('ok', 'error')
     ORDER BY e.phase, e.epoch, e.iteration, e.attempt`);
  // By phase, since a matrix or loop beside them may have thousands of tries that nobody asked for.
  const endedOf = db.prepare<{ run: string; phases: string }, EndedRow>(`
    SELECT e.id AS execution, e.phase, e.name, e.iteration, e.epoch, e.status, e.stop_reason, io.exit_code, io.outputs,
           coalesce(io.output_bytes, 0) AS bytes
      FROM json_each(@phases) AS wanted
      CROSS JOIN executions AS e INDEXED BY executions_try
        ON e.workflow_run_id = @run AND e.phase = wanted.value AND e.kind = 'phase' AND e.status IN ('ok', 'error')
      LEFT JOIN execution_io AS io ON io.execution_id = e.id
     ORDER BY e.phase, e.epoch, e.iteration, e.attempt`);
  const endedOne = db.prepare<{ id: string }, EndedRow>(`
    SELECT e.id AS execution, e.phase, e.name, e.iteration, e.epoch, e.status, e.stop_reason, io.exit_code, io.outputs,
           coalesce(io.output_bytes, 0) AS bytes
      FROM executions AS e LEFT JOIN execution_io AS io ON io.execution_id = e.id
     WHERE e.id = @id`);
  const endedBeside = db.prepare<{ id: string }, EndedRow>(`
    SELECT e.id AS execution, e.phase, e.name, e.iteration, e.epoch, e.status, e.stop_reason, io.exit_code, io.outputs,
           coalesce(io.output_bytes, 0) AS bytes
      FROM executions AS one
      JOIN executions AS e INDEXED BY executions_try
        ON e.workflow_run_id = one.workflow_run_id AND e.kind = 'phase' AND e.phase = one.phase
       AND e.epoch = one.epoch AND e.status IN ('ok', 'error')
      LEFT JOIN execution_io AS io ON io.execution_id = e.id
     WHERE one.id = @id
     ORDER BY e.iteration, e.attempt`);
  const textOf = db
    .prepare<{ id: string }, string | null>("SELECT output FROM execution_io WHERE execution_id = @id")
    .pluck();
  const ofRun = db.prepare<{ run: string }, Row>(`
    SELECT e.id, e.workflow_run_id, e.skill, e.phase, coalesce(e.name, e.phase) AS name, e.iteration, e.attempt, e.epoch, e.status, e.success, e.error,
           e.failure, e.started_at, e.finished_at, e.duration_ms, e.session_id,
           e.cost_usd, e.turns, e.input_tokens, e.output_tokens,
           io.exit_code, io.input, io.output, io.output_bytes, io.outputs
      FROM executions AS e LEFT JOIN execution_io AS io ON io.execution_id = e.id
     WHERE e.workflow_run_id = @run
     ORDER BY e.started_at, e.id`);

  return {
    /** `node` is null for what no worker carries out: a child run's end. */
    open: ({ run, row, workflow }: Entry, execution: LiveExecution, node: Lease | null): void => {
      const { type } = graphOf(workflow).phase.get(execution.phase) as Phase;
      open.run({
        id: execution.id,
        trigger_type: row.trigger_type,
        trigger_id: row.trigger_id,
        skill: `${row.workflow_name}:${execution.name}`,
        repo: row.repo,
        issue_number: row.issue_number,
        started_at: execution.startedAt,
        run: run.id,
        phase: execution.phase,
        name: execution.name === execution.phase ? null : execution.name,
        iteration: execution.iteration,
        attempt: execution.attempt,
        epoch: execution.epoch,
        session: PROGRAM_TYPES.has(type) ? execution.id : null,
        node: node?.node ?? null,
        incarnation: node?.incarnation ?? null,
      });
    },
    close: ({ execution, status, error, outcome }: Close, { row, workflow }: Entry, now: string): void => {
      const { id } = execution;
      close.run({
        id,
        status,
        success: status === "ok" ? 1 : 0,
        error,
        failure: failureOf(status, outcome),
        now,
        duration: Math.max(0, Date.parse(now) - Date.parse(execution.startedAt)),
      });
      if (!outcome) return;
      if (outcome.usage) spend.run({ id, ...UNKNOWN, ...outcome.usage });
      for (const { name, path, sha256, bytes } of outcome.artefacts ?? []) {
        const filename = path.slice(path.lastIndexOf("/") + 1);
        keepArtefact.run({ id, workflow: row.workflow_name, name, path: pathOf(sha256), filename, bytes, sha256, now });
      }
      const outputs = outcome.type === "succeeded" ? outcome.outputs : undefined;
      const { output, exitCode, input } = outcome;
      if (output === undefined && exitCode === undefined && input === undefined && outputs === undefined) return;
      keep.run({
        id,
        input: input === undefined ? null : JSON.stringify(input),
        output: output?.text ?? null,
        bytes: output?.bytes ?? null,
        exit_code: exitCode ?? null,
        outputs: outputs === undefined ? null : JSON.stringify(outputs),
      });
      const round = roundOf(execution.phase, execution.name);
      if (!loopOf(graphOf(workflow).phase.get(execution.phase) as Phase)) return;
      const until = outcome.type === "succeeded" ? outcome.seen?.until : undefined;
      if (until !== undefined || round?.part === "check") stopReason.run({ id, reason: until ? ENOUGH : "continue" });
      if (round?.part !== "check") bridge.run({ id, text: output?.text ?? "" });
    },
    keepInput: (id: string, input: Json): void => {
      keepInput.run({ id, input: JSON.stringify(input) });
    },
    /** What the first try of this iteration was given. */
    input: (of: Try): Json => {
      const text = inputBefore.get(of);
      return text === undefined ? null : (JSON.parse(text) as Json);
    },
    /** What the same was given the last time, before an operator had the run go on; and in which epoch that was. */
    inputOfEarlier: (of: Try & { name: string }): { input: Json; epoch: number } | null => {
      const found = inputOfEarlier.get(of);
      return found ? { input: JSON.parse(found.input) as Json, epoch: found.epoch } : null;
    },
    artefacts: (run: string): ArtefactLine[] => artefactsOf.all({ run }),
    live: (run: string): LiveExecution[] => live.all({ run }).map(toLive),
    count: (): number => count.get() as number,
    orphans: ({ incarnation }: Lease): Grant[] =>
      orphans.all({ incarnation }).flatMap(({ run, hash, ...row }) => {
        const version = versions.get(hash);
        const phase = version && graphOf(version.workflow).phase.get(row.phase);
        return version && phase ? [grantOf(run, version.name, phase.type, row)] : [];
      }),
    brief: (id: string): BriefRow | undefined => brief.get({ id }),
    /**
     * The newest ended try of each phase and iteration, and of the phases that a fork has from elsewhere: of the phases
     * `among` (null is all of them), where `wanted` says so of phase and epoch (null: elsewhere). Texts come newest first
     * until they make TEXTS_LIMIT bytes, so that a thousand items fit in memory.
     */
    outputs: (
      run: string,
      inherited: Record<string, string | null>,
      among: ReadonlySet<string> | null,
      wanted: (phase: string, epoch: number | null) => boolean,
    ): PhaseOutput[] => {
      const newest = new Map<string, Map<number, EndedRow>>();
      const put = (row: EndedRow): void => {
        const before = newest.get(row.phase);
        // What a phase said in an earlier epoch, or in the run this is a fork of, is gone once it says something anew.
        const rows = before?.values().next().value?.epoch === row.epoch ? before : new Map<number, EndedRow>();
        newest.set(row.phase, rows.set(row.iteration, row));
      };
      for (const [phase, id] of Object.entries(inherited)) {
        const row = id === null || !wanted(phase, null) ? undefined : endedOne.get({ id });
        if (!row || id === null) continue;
        const place = placeOf(row.phase, row.name ?? row.phase);
        if (row.name === null) put({ ...row, phase, iteration: 0, epoch: ELSEWHERE });
        else if (place === null) {
          // The last round stands for all that the loop had, and for the command that was asked about it.
          for (const round of endedBeside.all({ id })) {
            const isCheck = roundOf(round.phase, round.name ?? round.phase)?.part === "check";
            if (round.iteration <= row.iteration + (isCheck ? 1 : 0)) put({ ...round, phase, epoch: ELSEWHERE });
          }
        }
        // The last item stands for all that the matrix had.
        else
          for (const item of endedBeside.all({ id })) {
            const iteration = item.iteration - row.iteration + place;
            if (iteration >= 0 && iteration <= place) put({ ...item, phase, iteration, epoch: ELSEWHERE });
          }
      }
      const elsewhere = flat(newest).flatMap(({ execution: id }) => artefactsOfOne.all({ id }));
      const own = among ? endedOf.all({ run, phases: JSON.stringify([...among]) }) : ended.all({ run });
      for (const row of own) if (wanted(row.phase, row.epoch)) put(row);
      const files = new Map<string, ArtefactLine[]>();
      for (const file of [...elsewhere, ...artefactsOf.all({ run })])
        files.set(file.execution, [...(files.get(file.execution) ?? []), file]);
      let left = TEXTS_LIMIT;
      const kept = withoutChecks(flat(newest));
      const rows = kept.reverse().map(({ name, exit_code, outputs, stop_reason, epoch: _, ...row }) => {
        const text = left > 0 ? (textOf.get({ id: row.execution }) ?? "") : "";
        left -= text.length;
        return {
          ...row,
          name: name ?? row.phase,
          exitCode: exit_code,
          text,
          enough: stop_reason === ENOUGH,
          outputs: outputs === null ? null : (JSON.parse(outputs) as PhaseOutput["outputs"]),
          artefacts: files.get(row.execution) ?? [],
        };
      });
      return rows.reverse();
    },
    ofRun: (run: string): ExecutionLine[] =>
      ofRun.all({ run }).map((row) => ({
        ...row,
        success: row.success === null ? null : row.success === 1,
        input: row.input === null ? null : (JSON.parse(row.input) as Json),
        outputs: row.outputs === null ? null : (JSON.parse(row.outputs) as Json),
      })),
  };
}
export type Executions = ReturnType<typeof executions>;

/** What a row says of an iteration, or of the command asked about it, when its loop need not go round again. */
const ENOUGH = "until";

/** In place of an epoch: before any of the run's own. */
const ELSEWHERE = -1;

const flat = (newest: ReadonlyMap<string, ReadonlyMap<number, EndedRow>>): EndedRow[] =>
  [...newest.values()].flatMap((rows) => [...rows.values()]);

/** The command's verdict belongs to the iteration before it; its own words are nobody's output. */
function withoutChecks(rows: readonly EndedRow[]): EndedRow[] {
  const kept: EndedRow[] = [];
  for (const row of rows) {
    const last = kept.at(-1);
    if (roundOf(row.phase, row.name ?? row.phase)?.part !== "check") kept.push(row);
    else if (last?.phase === row.phase) kept[kept.length - 1] = { ...last, stop_reason: row.stop_reason };
  }
  return kept;
}

const TEXTS_LIMIT = 4 * 1024 * 1024;

const UNKNOWN = {
  usd: null,
  turns: null,
  inputTokens: null,
  outputTokens: null,
  cacheReadTokens: null,
  cacheCreationTokens: null,
};

interface Try {
  run: string;
  phase: string;
  iteration: number;
  epoch: number;
  attempt: number;
}

/** Where a blob lies under STATE_DIR/artefacts. */
export function pathOf(sha256: string): string {
  return `${sha256.slice(0, 2)}/${sha256}`;
}

function failureOf(status: ExecutionStatus, outcome: Close["outcome"]): FailureClass | null {
  if (outcome?.type === "failed") return outcome.failure;
  return status === "interrupted" ? "lost" : null;
}

function toLive(row: LiveRow): LiveExecution {
  return {
    id: row.id,
    phase: row.phase,
    name: row.name ?? row.phase,
    iteration: row.iteration,
    attempt: row.attempt,
    epoch: row.epoch,
    startedAt: row.started_at,
  };
}

/** What a worker is handed for an execution that was just opened. */
export function grantOf(
  run: string,
  workflow: string,
  phaseType: PhaseType,
  execution: Omit<LiveExecution, "startedAt" | "name"> & { readonly name: string | null },
): Grant {
  return {
    execution: execution.id,
    run,
    workflow,
    phase: execution.phase,
    name: execution.name ?? execution.phase,
    phaseType,
    iteration: execution.iteration,
    attempt: execution.attempt,
    epoch: execution.epoch,
  };
}
