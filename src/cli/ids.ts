import { Fault } from "../domain/fault.ts";
import type { Client } from "../http/client.ts";
import type { ApprovalLine } from "../store/lines.ts";

/** The run someone means: a full id, or an ending that only one of the recent runs has. Throws `run.unknown`. */
export async function findRun(client: Pick<Client, "runs">, given: string): Promise<string> {
  if (isFull(given)) return given.toLowerCase();
  const ending = endingOf(given);
  const runs = await recent((cursor) => client.runs({ limit: PAGE, ...cursor }));
  const found = runs.filter((run) => run.id.endsWith(ending));
  if (found[0] && found.length === 1) return found[0].id;
  if (found.length > 1) throw ambiguous(given, found);
  throw new Fault("run.unknown", `No recent run's id ends in ${given}`);
}

/**
 * The gate someone means: by its own id, or by that of its run where only one gate waits; both may be endings. Throws
 * `approval.unknown`, or `usage.invalid` where it could be one of several.
 */
export async function findGate(client: Pick<Client, "approvals">, given: string): Promise<string> {
  const ending = isFull(given) ? given.toLowerCase() : endingOf(given);
  const waiting = await recent((cursor) => client.approvals({ status: "pending", limit: PAGE, ...cursor }));
  const own = waiting.filter((gate) => gate.id.endsWith(ending));
  if (own[0] && own.length === 1) return own[0].id;
  const found = own.length > 1 ? own : waiting.filter((gate) => gate.workflow_run_id.endsWith(ending));
  if (found[0] && found.length === 1) return found[0].id;
  if (found.length > 1) throw ambiguous(given, found);
  // It may wait no longer: the daemon knows who answered it, and when.
  if (isFull(given)) return ending;
  throw new Fault("approval.unknown", `Nothing that waits has an id that ends in ${given}, and neither has its run`);
}

/** How far back an ending is looked for. */
const PAGE = 100;
const PAGES = 5;
const LEAST = 6;

function isFull(given: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(given);
}

/** Endings and not beginnings: ids begin with the time, so those of one minute begin alike. */
function endingOf(given: string): string {
  if (given.length >= LEAST && given.length < 36 && /^[0-9a-f-]+$/i.test(given)) return given.toLowerCase();
  throw new Fault("usage.invalid", `"${given}" is neither an id nor the last ${LEAST} or more characters of one`);
}

async function recent<T>(
  page: (cursor: { cursor?: string }) => Promise<{ readonly items: readonly T[]; readonly next_cursor: string | null }>,
): Promise<T[]> {
  const all: T[] = [];
  let cursor: { cursor?: string } = {};
  for (let read = 0; read < PAGES; read++) {
    const { items, next_cursor: next } = await page(cursor);
    all.push(...items);
    if (next === null) break;
    cursor = { cursor: next };
  }
  return all;
}

function ambiguous(given: string, found: readonly { readonly id: string }[] | readonly ApprovalLine[]): Fault {
  const details = found.map((each) => ({ path: "", message: each.id }));
  return new Fault("usage.invalid", `${given} could be ${found.length} of them. Give more of the one you mean`, {
    details,
  });
}
