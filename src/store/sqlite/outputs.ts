import type { Database } from "better-sqlite3";
import type { KeptArtefact } from "../../domain/execution.ts";
import { placeOf } from "../../domain/matrix.ts";
import { roundOf } from "../../domain/round.ts";
import type { ArtefactLine } from "../lines.ts";
import type { PhaseOutput } from "../store.ts";

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

/** What tries gave: their texts and values in `execution_io`, their files in `artefacts`. */
export function outputs(db: Database) {
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

  return {
    keepArtefacts: (id: string, workflow: string, kept: readonly KeptArtefact[], now: string): void => {
      for (const { name, path, sha256, bytes } of kept) {
        const filename = path.slice(path.lastIndexOf("/") + 1);
        keepArtefact.run({ id, workflow, name, path: pathOf(sha256), filename, bytes, sha256, now });
      }
    },
    artefacts: (run: string): ArtefactLine[] => artefactsOf.all({ run }),
    /**
     * The newest ended try of each phase and iteration, and of the phases that a fork has from elsewhere: of the phases
     * `among` (null is all of them), where `wanted` says so of phase and epoch (null: elsewhere). Texts come newest first
     * until they make TEXTS_LIMIT bytes, so that a thousand items fit in memory.
     */
    of: (
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
      const rounds = new Map<string, number>();
      const rows = kept.reverse().map(({ name, exit_code, outputs, stop_reason, epoch: _, ...row }) => {
        // A loop looks back a little way, however often it has gone round; of a matrix everything is asked for.
        const round = rounds.get(row.phase) ?? 0;
        if (name !== null && placeOf(row.phase, name) === null) rounds.set(row.phase, round + 1);
        const text = left > 0 && round < ROUNDS_LIMIT ? (textOf.get({ id: row.execution }) ?? "") : "";
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
  };
}
export type Outputs = ReturnType<typeof outputs>;

/** What a row says of an iteration, or of the command asked about it, when its loop need not go round again. */
export const ENOUGH = "until";

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
const ROUNDS_LIMIT = 50;

/** Where a blob lies under STATE_DIR/artefacts. */
function pathOf(sha256: string): string {
  return `${sha256.slice(0, 2)}/${sha256}`;
}
