import type { RunBody } from "../http/api.ts";
import { lengthOf } from "./moments.ts";
import { table } from "./table.ts";
import { clean, type Terminal } from "./terminal.ts";

type Tried = RunBody["executions"][number];

/** One thing two runs have or lack: what each was given, printed, took and cost. */
export interface Difference {
  readonly what: string;
  readonly left: string;
  readonly right: string;
  readonly same: boolean;
}

/** Two runs side by side: inputs, then each phase's last try. `same` compares whole texts, whatever is shown of them. */
export function compared(left: RunBody, right: RunBody): Difference[] {
  const rows: Difference[] = [];
  const add = (what: string, a: string | null, b: string | null): void => {
    if (a !== null || b !== null) rows.push({ what, left: a ?? "", right: b ?? "", same: a === b });
  };
  add(
    "workflow",
    `${left.workflow_name} ${short(left.workflow_hash)}`,
    `${right.workflow_name} ${short(right.workflow_hash)}`,
  );
  add("status", statusOf(left), statusOf(right));
  const [a, b] = [fieldsOf(left.inputs), fieldsOf(right.inputs)];
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)]))
    add(`input ${name}`, worded(a[name]), worded(b[name]));
  for (const name of namesOf(left, right)) {
    const [one, other] = [lastOf(left, name), lastOf(right, name)];
    add(`${name} status`, one ? one.status : null, other ? other.status : null);
    add(`${name} given`, given(one), given(other));
    add(`${name} output`, one?.output ?? null, other?.output ?? null);
    add(`${name} took`, took(one), took(other));
    add(`${name} cost`, cost(one), cost(other));
  }
  add("took", length(left), length(right));
  add("cost", usd(left.cost_usd), usd(right.cost_usd));
  return rows;
}

export function printCompared(terminal: Terminal, left: RunBody, right: RunBody): void {
  const rows = compared(left, right).map(({ what, same, ...sides }) => [
    what,
    clean(firstLines(sides.left)),
    same ? "=" : clean(firstLines(sides.right)),
  ]);
  terminal.line(table(terminal, ["", left.id.slice(-12), right.id.slice(-12)], rows));
}

function namesOf(left: RunBody, right: RunBody): Set<string> {
  return new Set([...left.executions, ...right.executions].flatMap(({ name }) => (name === null ? [] : [name])));
}

function lastOf({ executions }: RunBody, name: string): Tried | undefined {
  return executions.findLast((each) => each.name === name);
}

/** What a try was given: the prompt where there is one, else the command and its values. */
function given(tried: Tried | undefined): string | null {
  const input = fieldsOf(tried?.input);
  if (!tried || Object.keys(input).length === 0) return null;
  if (typeof input.prompt === "string") return input.prompt;
  const { command, script, values } = input;
  return [command ?? script, values === undefined ? undefined : JSON.stringify(values)].filter(Boolean).join("\n");
}

function took(tried: Tried | undefined): string | null {
  return tried?.duration_ms == null ? null : lengthOf(tried.duration_ms);
}

function cost(tried: Tried | undefined): string | null {
  return tried?.cost_usd == null ? null : usd(tried.cost_usd);
}

function usd(amount: number): string {
  return `${amount.toFixed(4)} USD`;
}

function length({ started_at, finished_at }: RunBody): string | null {
  return finished_at === null ? null : lengthOf(Date.parse(finished_at) - Date.parse(started_at));
}

function statusOf({ status, reason }: RunBody): string {
  return reason === null ? status : `${status} (${reason})`;
}

function short(hash: string | null): string {
  return hash === null ? "" : hash.slice(0, 12);
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function worded(value: unknown): string | null {
  return value === undefined ? null : typeof value === "string" ? value : JSON.stringify(value);
}

const SHOWN_LINES = 6;

function firstLines(text: string): string {
  const lines = text.trimEnd().split("\n");
  return lines.length > SHOWN_LINES
    ? [...lines.slice(0, SHOWN_LINES), `… ${lines.length - SHOWN_LINES} more`].join("\n")
    : lines.join("\n");
}
