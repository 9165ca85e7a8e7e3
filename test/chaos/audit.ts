import { readEffects } from "./effects.ts";
import type { Evidence, ExecutionRow, RunRow } from "./evidence.ts";
import { MEANT_TO_FAIL, streamed, WITHOUT_PROGRAM } from "./mix.ts";

/** What must hold at every instant: each violation is a sentence that names the row. */
export function audit(evidence: Evidence): string[] {
  return [...evidence.ledger.violations, ...promises(evidence), ...completions(evidence), ...sideEffects(evidence)];
}

/** What must hold besides once every run is over. */
export function finalAudit(evidence: Evidence): string[] {
  const torn = evidence.effects.after.length > 0 && !evidence.effects.after.endsWith("\n");
  return [
    ...audit(evidence),
    ...(torn ? ["effect: the file ends within a line"] : []),
    ...endings(evidence),
    ...outputs(evidence),
  ];
}

/** Everything acknowledged is there and stands. */
function promises({ runs, approvals, ledger }: Evidence): string[] {
  const found: string[] = [];
  const byId = new Map(runs.map((run) => [run.id, run]));
  for (const [key, id] of ledger.created) if (!byId.has(id)) found.push(`lost: ${key} was acknowledged as run ${id}`);
  const gates = new Map(approvals.map((gate) => [gate.id, gate.status]));
  for (const [id, decision] of ledger.answered) {
    const status = gates.get(id);
    if (status !== (decision === "approve" ? "approved" : "rejected"))
      found.push(`lost: approval ${id} was acknowledged as "${decision}" and is ${status ?? "not there"}`);
  }
  for (const id of ledger.cancelled) {
    const { status, ending } = byId.get(id) ?? {};
    // What runs last of a cancelled run still runs.
    if (status !== "cancelled" && ending !== "cancelled")
      found.push(`lost: run ${id} was acknowledged as cancelled and is ${status}`);
  }
  return found;
}

/** No (phase, iteration, epoch) completes twice, in what is remembered or in what was tried. */
function completions({ runs, executions }: Evidence): string[] {
  const twice = (what: string, keys: readonly string[]): string[] => {
    const seen = new Set<string>();
    return keys.flatMap((key) => {
      if (seen.has(key)) return [`twice: ${what} ${key}`];
      seen.add(key);
      return [];
    });
  };
  return [
    ...twice(
      "history of run/phase/iteration/epoch",
      runs.flatMap(({ id, history }) => history.map((line) => [id, line.phase, line.iteration, line.epoch].join("/"))),
    ),
    ...twice(
      "ok execution of run/phase/iteration/epoch",
      executions
        .filter(({ status }) => status === "ok")
        .map((each) => [each.run, each.phase, each.iteration, each.epoch].join("/")),
    ),
  ];
}

/** A completed execution left its effects exactly once; one that recovery judged gone left none. */
function sideEffects({ executions, effects: { before, after }, ledger }: Evidence): string[] {
  const effects = readEffects(after);
  const found = effects.unreadable.map((line) => `effect: unreadable line "${line}"`);
  const rows = new Map(executions.map((row) => [row.id, row]));
  for (const [id, { run }] of readEffects(before).of)
    if (!rows.has(id)) found.push(`effect: execution ${id} of run ${run} ran without a row`);
  for (const [id, { start, end }] of effects.of) {
    const row = rows.get(id);
    if (!row) continue;
    if (start !== 1 || end > 1) found.push(`effect: ${name(row)} began ${start} times and ended ${end} times`);
    else if (row.status === "interrupted" && !ledger.casualties.has(id)) {
      const how = end === 1 ? "ran to its end" : "began";
      found.push(`effect: ${name(row)} ${how} though recovery judged it gone (${row.error})`);
    }
  }
  for (const row of executions) {
    if (row.status !== "ok" || WITHOUT_PROGRAM.has(row.phase)) continue;
    const { start, end } = effects.of.get(row.id) ?? { start: 0, end: 0 };
    if (start !== 1 || end !== 1) found.push(`effect: ${name(row)} is ok, began ${start} times and ended ${end} times`);
  }
  return found;
}

const LOST_LIMIT = 5;

/** Every run is over, and nothing failed but what was meant to, asked to, or hit by the suite itself. */
function endings(evidence: Evidence): string[] {
  const { runs, executions, ledger } = evidence;
  const found: string[] = [];
  const acknowledged = new Set(ledger.created.values());
  for (const run of runs) {
    const tries = executions.filter((each) => each.run === run.id);
    if (!acknowledged.has(run.id) && run.parent === null)
      found.push(`ending: run ${run.id} exists though nobody was ever told`);
    for (const each of tries) if (each.status === "running") found.push(`ending: ${name(each)} still says it runs`);
    if (run.status === "cancelled" ? ledger.cancelAsked.has(run.parent ?? run.id) : run.status === "succeeded")
      continue;
    if (run.status !== "failed") found.push(`ending: run ${run.id} is ${run.status} (${run.reason})`);
    else if (run.reason === "crash_loop") found.push(`ending: run ${run.id} was blamed: crash_loop`);
    else
      for (const [phase, status] of Object.entries(run.statuses))
        if (status === "failed" && !excused(run, phase, tries, evidence))
          found.push(
            `ending: phase ${phase} of run ${run.id} failed: ${JSON.stringify(tries.filter((each) => each.phase === phase).at(-1))}`,
          );
  }
  return found;
}

function excused(run: RunRow, phase: string, tries: readonly ExecutionRow[], { approvals, ledger }: Evidence): boolean {
  const gate = approvals.find((each) => each.run === run.id && each.phase === phase);
  if (gate) return gate.status === "rejected" && ledger.asked.get(gate.id) === "reject";
  const own = tries.filter((each) => each.phase === phase);
  const last = own.find(({ status }) => status === "error") ?? own.at(-1);
  if (!last) return false;
  if (MEANT_TO_FAIL[phase] !== undefined && last.exit_code === MEANT_TO_FAIL[phase]) return true;
  if (last.exit_code === 137 && ledger.casualties.has(last.id)) return true;
  // The engine's own rule: a phase whose process vanishes five times is not tried again. Some of the five may have died
  // before the suite could read whom it had hit; but where it hit nobody there is no excuse.
  const lost = own.filter(({ status }) => status === "interrupted").length;
  return lost >= LOST_LIMIT && own.some(({ id }) => ledger.casualties.has(id));
}

/** What a completed phase printed is in its row, whole and in order. */
function outputs({ runs, executions }: Evidence): string[] {
  const byId = new Map(runs.map((run) => [run.id, run]));
  return executions.flatMap((row) => {
    const wanted = expectedOutput(byId.get(row.run), row.phase);
    return row.status !== "ok" || wanted === null || row.output === wanted
      ? []
      : [`output: ${name(row)} printed ${JSON.stringify(row.output?.slice(-60))}, not what its phase prints`];
  });
}

/** What a phase of the mix prints on stdout when it completes; null for one that prints nothing. */
export function expectedOutput(run: RunRow | undefined, phase: string): string | null {
  const [left, right] = [Number(run?.inputs.left), Number(run?.inputs.right)];
  switch (phase) {
    case "left":
      return streamed("left", left);
    case "right":
      return streamed("right", right);
    case "join":
      return streamed("left", left) + streamed("right", right);
    case "after":
    case "first":
    case "second":
    case "steady":
    case "even":
    case "fan":
    case "last":
      return `${phase}\n`;
    case "again":
      return `again ${run?.inputs.number}\n`;
    case "child":
      return "second\n";
    default:
      return null;
  }
}

function name({ id, run, phase, attempt, status }: ExecutionRow): string {
  return `execution ${id} (${phase} #${attempt} of run ${run}, ${status})`;
}
