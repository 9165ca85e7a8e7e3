import type { Evidence } from "./evidence.ts";
import { WITHOUT_PROGRAM } from "./mix.ts";

/** When a kill lands: named by what was true at the instant. */
export const WINDOWS = ["start", "recovery", "spawn", "commit", "stream"] as const;
export type Window = (typeof WINDOWS)[number];
export const VICTIMS = ["daemon", "keeper", "command", "all", "stop"] as const;
export type Victim = (typeof VICTIMS)[number];

/** What a storm did and what was left of it. */
export interface Tally {
  readonly victim: Victim;
  readonly seed: number;
  readonly kills: number;
  readonly windows: { readonly [window in Window]: number };
  /** Daemons that were started. */
  readonly daemons: number;
  readonly runs: number;
  readonly ended: { readonly [status: string]: number };
  readonly executions: number;
  readonly effects: number;
  /** Programs under way when a daemon was killed: how many went on, how many were tried again. */
  readonly attached: number;
  readonly rerun: number;
  readonly sessions: number;
  readonly session_lines: number;
  readonly orphans: number;
  readonly seconds: number;
  readonly violations: readonly string[];
}

/** A program that a kill of the daemon found under way was attached to, unless that very kill cost it its try. */
export function survived({ executions, ledger }: Evidence): { attached: number; rerun: number } {
  const count = { attached: 0, rerun: 0 };
  for (const { phase, status, started_at, finished_at } of executions) {
    if (WITHOUT_PROGRAM.has(phase) || status === "cancelled") continue;
    // A row whose program was never started has lost nothing: it is counted as tried again all the same.
    const through = ledger.strikes.filter((at) => started_at <= at && (finished_at === null || at < finished_at));
    const lost = status === "interrupted" && through.length > 0 ? 1 : 0;
    count.rerun += lost;
    count.attached += through.length - lost;
  }
  return count;
}

/** One line per storm, and under it what went wrong: the first ten by name. */
export function table(tallies: readonly Tally[]): string {
  const head = [
    "victim",
    "seed",
    "kills",
    ...WINDOWS,
    "runs",
    "tries",
    "attached",
    "rerun",
    "sessions",
    "orphans",
    "s",
    "violations",
  ];
  const rows = tallies.map((each) => [
    each.victim,
    each.seed,
    each.kills,
    ...WINDOWS.map((window) => each.windows[window]),
    each.runs,
    each.executions,
    each.attached,
    each.rerun,
    each.sessions,
    each.orphans,
    each.seconds,
    each.violations.length,
  ]);
  const lines = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  return [
    ...lines.map((line) => line.map((cell, column) => cell.padStart(widths[column] ?? 0)).join("  ")),
    ...tallies.flatMap(({ violations }) => violations.slice(0, 10).map((each) => `  ! ${each}`)),
  ].join("\n");
}
