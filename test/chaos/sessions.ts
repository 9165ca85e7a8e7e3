import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { expectedOutput } from "./audit.ts";
import type { Evidence } from "./evidence.ts";
import { WITHOUT_PROGRAM } from "./mix.ts";
import { namesIn } from "./victims.ts";

/** The session files of a STATE_DIR held against the executions they tell of. */
export interface SessionAudit {
  readonly sessions: number;
  readonly lines: number;
  readonly violations: readonly string[];
}

interface Line {
  readonly type?: string;
  readonly seq?: number;
  readonly subtype?: string;
  readonly message?: { readonly content?: readonly Block[] | string };
}
interface Block {
  readonly type?: string;
  readonly content?: string;
  readonly is_error?: boolean;
}

/** Runs once every run is over; where there are no session files at all, nothing is said about missing ones. */
export function auditSessions(stateDir: string, { runs, executions }: Evidence): SessionAudit {
  const violations: string[] = [];
  const root = join(stateDir, "agent-sessions", "projects");
  const files = namesIn(root).flatMap((project) =>
    namesIn(join(root, project))
      .filter((file) => file.endsWith(".jsonl"))
      .map((file) => ({ id: file.slice(0, -".jsonl".length), path: join(root, project, file) })),
  );
  const rows = new Map(executions.map((row) => [row.id, row]));
  const byId = new Map(runs.map((run) => [run.id, run]));
  const told = new Set<string>();
  let count = 0;
  for (const { id, path } of files) {
    if (told.has(id)) violations.push(`session: ${id} has two files`);
    told.add(id);
    const row = rows.get(id);
    if (!row) violations.push(`session: ${id} tells of no execution`);
    const lines = read(id, readFileSync(path), violations);
    count += lines.length;
    if (row?.status !== "ok") continue;
    const ends = lines.filter(({ type }) => type === "result");
    if (ends.length !== 1 || lines.at(-1) !== ends[0] || ends[0]?.subtype !== "success")
      violations.push(`session: ${id} is ok and has ${ends.length} results, its last line ${lines.at(-1)?.type}`);
    const wanted = expectedOutput(byId.get(row.run), row.phase) ?? "";
    const printed = stdoutOf(lines);
    if (printed !== wanted)
      violations.push(
        `session: ${id} tells ${printed.split("\n").length - 1} lines, ${row.phase} printed ${wanted.split("\n").length - 1}${order(printed, wanted)}`,
      );
  }
  if (files.length > 0)
    for (const { id, phase, status } of executions)
      if (status === "ok" && !WITHOUT_PROGRAM.has(phase) && !told.has(id))
        violations.push(`session: ${id} (${phase}) has no file`);
  return { sessions: files.length, lines: count, violations };
}

/** Lines end at byte 0x0A alone; each carries its number and the checksum of itself without it. */
function read(id: string, bytes: Buffer, violations: string[]): Line[] {
  const lines: Line[] = [];
  let at = 0;
  for (let end = bytes.indexOf(0x0a); end >= 0; at = end + 1, end = bytes.indexOf(0x0a, at)) {
    const text = bytes.toString("utf8", at, end);
    const number = lines.length + 1;
    let line: Line = {};
    try {
      line = JSON.parse(text) as Line;
      const [, body, told] = /^(.*),"crc":"([0-9a-f]{8})"\}$/s.exec(text) ?? [];
      const sum = crc32(`${body}}`).toString(16).padStart(8, "0");
      if (told !== sum) violations.push(`session: ${id} line ${number} has checksum ${told}, not ${sum}`);
      if (line.seq !== number) violations.push(`session: ${id} line ${number} has seq ${line.seq}`);
    } catch {
      violations.push(`session: ${id} line ${number} is no JSON: ${text.slice(0, 80)}`);
    }
    lines.push(line);
  }
  if (at < bytes.length) violations.push(`session: ${id} ends within a line`);
  return lines;
}

function stdoutOf(lines: readonly Line[]): string {
  return lines
    .flatMap(({ message }) => (Array.isArray(message?.content) ? (message.content as readonly Block[]) : []))
    .filter(({ type, is_error }) => type === "tool_result" && !is_error)
    .map(({ content }) => content ?? "")
    .join("");
}

function order(printed: string, wanted: string): string {
  const sorted = (text: string): string => text.split("\n").sort().join("\n");
  return sorted(printed) === sorted(wanted) ? ", the same in another order" : "";
}
