import type { Iso } from "../domain/clock.ts";
import type { PhaseStatus } from "../domain/graph.ts";
import type { RunStatus } from "../domain/run.ts";
import type { RunBody } from "../http/api.ts";
import { lengthOf } from "./moments.ts";
import { type Cell, table } from "./table.ts";
import type { Style, Terminal } from "./terminal.ts";

/** One phase of a run as a person wants to see it: where it stands, how long it took, what came of it. */
export interface PhaseView {
  readonly name: string;
  readonly status: PhaseStatus;
  readonly attempt: number | null;
  readonly tookMs: number | null;
  /** One line: what it found, why it failed, who answered. */
  readonly said: string;
}

/** The phases in the order of the workflow. */
export function phasesOf(run: RunBody, now: Iso): PhaseView[] {
  return Object.entries(run.node_statuses).map(([name, status]) => {
    const last = latest(run.executions.filter((each) => each.phase === name));
    const gate = latest(run.approvals.filter((each) => each.phase === name));
    const past = run.phase_history.filter((each) => each.phase === name).at(-1);
    const since = last?.started_at ?? gate?.created_at ?? past?.started_at;
    const until = last?.finished_at ?? gate?.responded_at ?? past?.finished_at ?? now;
    return {
      name,
      status,
      attempt: last?.attempt ?? null,
      tookMs: since && status !== "skipped" ? Date.parse(until) - Date.parse(since) : null,
      said: gate && (status === "waiting" || gate.id > (last?.id ?? "")) ? answerTo(gate) : saidOf(run, name, status),
    };
  });
}

function saidOf(run: RunBody, name: string, status: PhaseStatus): string {
  const tries = run.executions.filter((each) => each.phase === name);
  const found = run.decisions.filter((each) => each.phase === name).at(-1)?.finding;
  if (found?.type === "skip") return found.why;
  if (found?.type === "fail") return found.error;
  if (status === "skipped") return "what it depends on did not come to that";
  const last = latest(tries);
  const words = last?.error ?? (last?.idle ? "did nothing" : gist(last?.output ?? ""));
  const items = new Map(
    tries.flatMap((each) => (each.name === `${name}[${each.iteration}]` ? [[each.name, each]] : [])),
  );
  if (items.size > 0) {
    const good = [...items.values()].filter((each) => each.status === "ok").length;
    const last = good === items.size ? "" : `: ${words}`;
    return `${good} of ${items.size} items${last}`;
  }
  return last?.name && last.name !== name ? `${last.name}: ${words}` : words;
}

export function phaseTable(terminal: Terminal, run: RunBody, now: Iso): string {
  const rows = phasesOf(run, now).map((each): Cell[] => [
    each.name,
    statusCell(each.status),
    each.attempt === null ? "" : String(each.attempt),
    each.tookMs === null ? "" : lengthOf(each.tookMs),
    each.said,
  ]);
  return table(terminal, ["PHASE", "STATUS", "TRY", "TOOK", "WHAT CAME OF IT"], rows);
}

const STYLES: Record<RunStatus | PhaseStatus, Style> = {
  queued: "dim",
  pending: "dim",
  skipped: "dim",
  running: "cyan",
  paused: "yellow",
  waiting: "yellow",
  succeeded: "green",
  failed: "red",
  cancelled: "red",
};

/** A status word, coloured, with its reason where it has one. */
export function statusCell(status: RunStatus | PhaseStatus, reason: string | null = null): Cell {
  return { text: reason ? `${status} (${reason})` : status, style: STYLES[status] };
}

/** Ids made later sort later. */
function latest<T extends { readonly id: string }>(of: readonly T[]): T | null {
  return of.reduce<T | null>((found, each) => (found && found.id > each.id ? found : each), null);
}

function answerTo(gate: RunBody["approvals"][number]): string {
  if (gate.status === "pending") return gate.summary;
  const who = gate.responded_by ? ` by ${gate.responded_by}` : "";
  return `${gate.status}${who}${gate.response ? `: ${gate.response}` : ""}`;
}

/** The first line that says something: headings announce, they do not tell. */
export function gist(output: string): string {
  for (const line of output.split("\n")) if (line.trim() !== "" && !line.startsWith("#")) return line.trim();
  return "";
}
