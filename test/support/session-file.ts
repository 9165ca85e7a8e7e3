import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeLine, type Parsed } from "../../src/store/files/session-line.ts";

/** A session file as a stranger finds it: its lines, and what is wrong with them, a sentence each. */
export interface SessionFound {
  readonly path: string;
  readonly lines: readonly Parsed[];
  readonly wrong: readonly string[];
}

/** The one session file of an execution below a STATE_DIR; null where there is none. */
export function sessionOf(stateDir: string, execution: string): SessionFound | null {
  const root = join(stateDir, "agent-sessions", "projects");
  const [name] = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((each) =>
    each.endsWith(`${execution}.jsonl`),
  );
  return name === undefined ? null : readSession(join(root, name));
}

/** Lines end at byte 0x0A alone; each is whole, numbered, follows the one before it and is no other's twin. */
export function readSession(path: string): SessionFound {
  const bytes = readFileSync(path);
  const lines: Parsed[] = [];
  const wrong: string[] = [];
  const known = new Set<unknown>();
  let at = 0;
  for (let end = bytes.indexOf(0x0a); end >= 0; at = end + 1, end = bytes.indexOf(0x0a, at)) {
    const line = decodeLine(bytes.subarray(at, end)) ?? {};
    const number = lines.length + 1;
    const before = lines.at(-1)?.uuid ?? null;
    if (line.seq !== number) wrong.push(`line ${number} has the number ${line.seq}`);
    if (line.parentUuid !== before) wrong.push(`line ${number} follows ${line.parentUuid}, not ${before}`);
    if (known.has(line.uuid)) wrong.push(`line ${number} is there twice: ${line.uuid}`);
    known.add(line.uuid);
    lines.push(line);
  }
  if (at < bytes.length) wrong.push("it ends within a line");
  return { path, lines, wrong };
}

export const TOKENS = [
  "input_tokens",
  "output_tokens",
  "cache_read_input_tokens",
  "cache_creation_input_tokens",
] as const;
export type Tokens = readonly number[];

/** What the lines of the agent say was used, added up in the order of `TOKENS`. */
export function tokensIn(lines: readonly Parsed[]): Tokens {
  const said = lines.flatMap(({ type, message }) => (type === "assistant" ? [usageIn(message)] : []));
  return TOKENS.map((_, at) => said.reduce((sum, each) => sum + (each[at] ?? 0), 0));
}

/** What the result says it came to, in the same order. */
export function tokensTold(lines: readonly Parsed[]): Tokens {
  return usageIn(lines.at(-1));
}

function usageIn(value: unknown): Tokens {
  const usage = ((value ?? {}) as { usage?: { [name: string]: unknown } }).usage ?? {};
  return TOKENS.map((name) => Number(usage[name] ?? 0));
}
