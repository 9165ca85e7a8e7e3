import { Fault } from "../../domain/fault.ts";
import { isOver } from "../../domain/run.ts";
import type { RunBody } from "../../http/api.ts";
import { compared, printCompared } from "../compare.ts";
import type { Desk, Register } from "../desk.ts";
import { findRun } from "../ids.ts";
import { ago, lengthOf } from "../moments.ts";
import { phaseTable } from "../phases.ts";
import { table } from "../table.ts";
import { clean } from "../terminal.ts";

export const show: Register = (program, desk) => {
  program
    .command("show")
    .description("show one run: its phases, what they said, who approved")
    .argument("[run]", "id of the run, or its last 6 or more characters")
    .option("--compare <runs...>", "two runs side by side: inputs, what each phase was given and printed, time, cost")
    .option("--json", "print JSON")
    .action(async (given: string | undefined, { compare, json }: { compare?: readonly string[]; json?: true }) => {
      const client = desk.client();
      const asked = [...(given === undefined ? [] : [given]), ...(compare ?? [])];
      const runs = [];
      for (const each of asked) runs.push(await client.run(await findRun(client, each)));
      const [run, other] = runs;
      if (!run) throw new Fault("usage.invalid", "show takes a run");
      if (compare === undefined) return json ? desk.terminal.json(run) : printRun(desk, run);
      if (!other || runs.length > 2) throw new Fault("usage.invalid", "--compare takes two runs");
      if (json) desk.terminal.json(compared(run, other));
      else printCompared(desk.terminal, run, other);
    });
};

/** A run for people: what it is, how each phase went, who was asked. */
export function printRun({ terminal, clock }: Desk, run: RunBody): void {
  const now = clock.now();
  const status = run.reason ? `${run.status} (${run.reason})` : run.status;
  const took = Date.parse(run.finished_at ?? now) - Date.parse(run.started_at);
  const fact = (name: string, value: string): void =>
    terminal.line(`${terminal.paint("dim", name.padEnd(9))} ${clean(value)}`);
  fact("run", run.id);
  fact("workflow", `${run.workflow_name}${run.workflow_hash ? ` (${run.workflow_hash.slice(0, 12)})` : ""}`);
  fact("status", status);
  fact("started", `${run.started_at}, ${ago(run.started_at, now)}`);
  fact(isOver(run.status) ? "took" : "since", lengthOf(took));
  const used = usedBy(run);
  if (used !== "") fact("used", used);
  for (const [name, value] of Object.entries(run.inputs ?? {})) {
    fact("input", `${name} = ${typeof value === "string" ? value : JSON.stringify(value)}`);
  }
  if (run.label) fact("label", run.label);
  // Rows of another program's making may hold no more than where they were.
  if (Object.keys(run.node_statuses).length === 0) fact("phase", run.current_phase);
  else {
    terminal.line();
    terminal.line(phaseTable(terminal, run, now));
  }
  const sessions = sessionsOf(run);
  if (sessions.length > 0) {
    terminal.line();
    terminal.line(table(terminal, ["AGENT'S SESSION", "TRIES IN IT", "ASKED AGAIN"], sessions));
  }
  if (run.approvals.length === 0) return;
  const rows = run.approvals.map((each) => [
    each.id,
    each.phase ?? each.gate,
    each.status,
    each.responded_by ?? "",
    each.responded_at ?? "",
    each.response ?? each.summary,
  ]);
  terminal.line();
  terminal.line(table(terminal, ["APPROVAL", "PHASE", "ANSWER", "BY", "WHEN", "WORDS"], rows));
}

const MOST_SESSIONS = 20;

/** What runtimes call the sessions of their agents, which tries each held, and how often its model had to be asked again. */
function sessionsOf({ executions }: RunBody): string[][] {
  const sessions = new Map<string, { tries: string[]; retries: number }>();
  for (const { runtime_session_id: id, name, attempt, retries } of executions) {
    if (!id) continue;
    const { tries, retries: before } = sessions.get(id) ?? { tries: [], retries: 0 };
    const again = attempt !== null && attempt > 1 ? ` (try ${attempt})` : "";
    sessions.set(id, { tries: [...tries, `${name ?? "?"}${again}`], retries: before + (retries ?? 0) });
  }
  return [...sessions]
    .slice(-MOST_SESSIONS)
    .map(([id, { tries, retries }]) => [id, tries.join(", "), retries === 0 ? "" : String(retries)]);
}

/** What it has used up so far; a price that nobody knows is not shown as none. */
function usedBy({ cost_usd: usd, turns, tokens, executions }: RunBody): string {
  const unpriced = executions.filter(
    (each) => each.cost_usd === null && (each.input_tokens ?? each.output_tokens),
  ).length;
  if (usd === 0 && turns === 0 && tokens === 0 && unpriced === 0) return "";
  const cost = usd === 0 && unpriced > 0 ? "cost unknown" : `${usd.toFixed(4)} USD`;
  const tries = unpriced === 1 ? "1 try" : `${unpriced} tries`;
  const missing = usd > 0 && unpriced > 0 ? `, without the cost of ${tries} that is unknown` : "";
  return `${cost}${missing}; ${turns} turns, ${tokens} tokens`;
}
