import { readFileSync } from "node:fs";
import { join } from "node:path";
import { finalAudit } from "./audit.ts";
import { readEffects } from "./effects.ts";
import { type Evidence, gather, integrity } from "./evidence.ts";
import type { Ledger } from "./ledger.ts";
import { orphansOf } from "./orphans.ts";
import { auditSessions } from "./sessions.ts";
import { namesIn } from "./victims.ts";

/** What the phase `large` prints: more than a row holds. */
export const LARGE = { lines: 9_000 } as const;

const MOST_TRIES = 4;

/** What must hold once a disk was full and has room again, and the run is over. */
export function judge(
  world: { stateDir: string; effects: string },
  ledger: Ledger,
): { again: number; violations: readonly string[] } {
  const evidence = gather(world, ledger, { outputs: true });
  const { runs, executions } = evidence;
  const { of: effects } = readEffects(evidence.effects.after);
  // A try whose end found no room is made again once there is, though it may have begun, or ended.
  const stalled = executions.filter(({ status }) => status === "interrupted");
  for (const { id } of stalled) ledger.casualties.add(id);
  const whole = integrity(world.stateDir);
  const orphans = orphansOf(world.stateDir);
  return {
    again: stalled.filter(({ id }) => effects.has(id)).length,
    violations: [
      ...finalAudit(evidence),
      ...(runs.length > 0 ? [] : ["run: there is none"]),
      ...runs
        .filter(({ status }) => status !== "succeeded")
        .map(({ id, status, reason }) => `run: ${id} is ${status} (${reason})`),
      ...(stalled.length < MOST_TRIES ? [] : [`run: ${stalled.length} tries were made again`]),
      ...sessions(world.stateDir, evidence),
      ...orphans.map(({ pid, name, why }) => `orphan: ${pid} ${name} (${why})`),
      ...(whole === "ok" ? [] : [`database: ${whole}`]),
    ],
  };
}

/** The suite's own audit of sessions knows no phase that prints more than a row holds: its words are compared here. */
function sessions(stateDir: string, evidence: Evidence): string[] {
  const isLarge = ({ phase }: { phase: string }): boolean => phase === "large";
  const executions = evidence.executions.map((row) => (isLarge(row) ? { ...row, status: "large" } : row));
  const wanted = Array.from({ length: LARGE.lines }, (_, at) => `large ${at + 1}\n`).join("");
  return [
    ...auditSessions(stateDir, { ...evidence, executions }).violations,
    ...evidence.executions
      .filter((row) => isLarge(row) && row.status === "ok")
      .filter(({ id }) => printed(stateDir, id) !== wanted)
      .map(({ id }) => `session: ${id} does not tell what large printed`),
  ];
}

function printed(stateDir: string, session: string): string {
  const root = join(stateDir, "agent-sessions", "projects");
  const [project] = namesIn(root).filter((each) => namesIn(join(root, each)).includes(`${session}.jsonl`));
  if (project === undefined) return "";
  return readFileSync(join(root, project, `${session}.jsonl`), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { message?: { content?: unknown } })
    .flatMap(({ message }) => (Array.isArray(message?.content) ? (message.content as Told[]) : []))
    .filter(({ type, is_error }) => type === "tool_result" && !is_error)
    .map(({ content }) => content ?? "")
    .join("");
}

interface Told {
  readonly type?: string;
  readonly content?: string;
  readonly is_error?: boolean;
}
