import { join } from "node:path";
import { systemClock } from "../../../src/domain/clock.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import type { RunFilter, Store } from "../../../src/store/store.ts";
import { BUSY_TRIGGER, generate, metAt, startOf, triggerOf } from "../generate.ts";
import type { Row } from "../row.ts";
import { percentile, rounded } from "../sample.ts";

const PAGE = 20;
const DEEP = 50_000;
const SAMPLES = 300;
const WARM_UP = 20;
const HEAVY = 50_000;
const MOST_P99_MS = 5;
const MOST_HELD_MS = 10;
/** A filter that takes seconds a page says so after a few. */
const PATIENCE_MS = 3_000;

/** Row 5: twenty runs under every filter, on the first page and deep down. A list holds the event loop while it reads. */
export const lists: Row = {
  row: 5,
  title: "lists",
  measure: async ({ folder, listRows }) => {
    const file = join(folder, "lastlight.db");
    generate({ file, runs: listRows, heavy: Math.min(HEAVY, Math.floor(listRows / 2)), executions: false });
    const store = openSqliteStore({ file, clock: systemClock() });
    const pages: Measured[] = [];
    for (const [name, filter] of Object.entries(filtersOver(listRows))) {
      pages.push(await measure(store, `${name}, first page`, filter));
      const deep = await deepCursor(store, filter);
      if (deep) pages.push(await measure(store, `${name}, page at row ${deep.row}`, filter, deep.after));
    }
    await store.close();
    const worst = pages.reduce((a, b) => (b.p99_ms > a.p99_ms ? b : a));
    const held = Math.max(...pages.map((each) => each.max_ms));
    const inWords = listRows.toLocaleString("en");
    return [
      {
        name: `list of ${PAGE} runs of ${inWords}, worst p99 of ${pages.length} filters × pages`,
        value: rounded(worst.p99_ms),
        unit: "ms",
        target: `≤ ${MOST_P99_MS} at 1,000,000`,
        met: metAt(listRows, worst.p99_ms <= MOST_P99_MS),
        worst: worst.name,
        list_rows: listRows,
        pages: pages.map((each) => ({
          ...each,
          p50_ms: rounded(each.p50_ms),
          p99_ms: rounded(each.p99_ms),
          max_ms: rounded(each.max_ms),
        })),
      },
      {
        name: `list of ${PAGE} runs of ${inWords}, event loop held at most`,
        value: rounded(held),
        unit: "ms",
        target: `≤ ${MOST_HELD_MS} at 1,000,000`,
        met: metAt(listRows, held <= MOST_HELD_MS),
      },
    ];
  },
};

interface Measured {
  readonly name: string;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
  readonly rows: number;
}

function filtersOver(runs: number): Record<string, RunFilter> {
  const workflow = "workflow-7";
  const trigger = triggerOf(0.5);
  const lately = startOf(Math.floor(runs * 0.9), runs);
  const longAgo = startOf(Math.floor(runs * 0.1), runs);
  return {
    all: {},
    "a common status": { status: ["succeeded"] },
    "a rare status": { status: ["running"] },
    "two rare statuses": { status: ["running", "paused"] },
    "five statuses": { status: ["succeeded", "failed", "cancelled", "paused", "running"] },
    workflow: { workflow },
    "workflow, common status": { workflow, status: ["succeeded"] },
    "workflow, rare status": { workflow, status: ["running"] },
    "workflow, three statuses": { workflow, status: ["failed", "paused", "running"] },
    trigger: { trigger },
    "trigger, status": { trigger, status: ["failed"] },
    "busy trigger": { trigger: BUSY_TRIGGER },
    "busy trigger, rare status": { trigger: BUSY_TRIGGER, status: ["running"] },
    "busy trigger, workflow": { trigger: BUSY_TRIGGER, workflow },
    "busy trigger, no such workflow": { trigger: BUSY_TRIGGER, workflow: "none" },
    label: { label: "flaky" },
    "label, rare status": { label: "flaky", status: ["running"] },
    "label, workflow": { label: "flaky", workflow },
    starred: { starred: true },
    "starred, rare status": { starred: true, status: ["running"] },
    "starred, workflow, trigger": { starred: true, workflow, trigger },
    "not starred": { starred: false },
    lately: { since: lately },
    "lately, rare status": { since: lately, status: ["paused"] },
    "since long ago, workflow, rare status": { since: longAgo, workflow, status: ["paused"] },
    "a workflow that is not there": { workflow: "none" },
    "a trigger that is not there": { trigger: "none" },
  };
}

async function measure(store: Store, name: string, filter: RunFilter, after?: string): Promise<Measured> {
  const page = after === undefined ? { limit: PAGE } : { limit: PAGE, after };
  const times: number[] = [];
  let rows = 0;
  const until = performance.now() + PATIENCE_MS;
  for (let at = -WARM_UP; at < SAMPLES && performance.now() < until; at++) {
    const start = performance.now();
    const found = await store.runs(filter, page);
    if (at >= 0) times.push(performance.now() - start);
    rows = found.rows.length;
  }
  if (times.length === 0) times.push(PATIENCE_MS);
  return {
    name,
    p50_ms: percentile(times, 0.5),
    p99_ms: percentile(times, 0.99),
    max_ms: Math.max(...times),
    rows,
  };
}

/** The cursor at row 50,000, or half-way down where there are fewer: found as a client would, page by page. */
async function deepCursor(store: Store, filter: RunFilter): Promise<{ row: number; after: string } | null> {
  for (const limit of [1_000, PAGE]) {
    const cursors: string[] = [];
    while (cursors.length * limit < DEEP) {
      const after = cursors.at(-1);
      const { next } = await store.runs(filter, after === undefined ? { limit } : { limit, after });
      if (next === null) break;
      cursors.push(next);
    }
    const at = cursors.length * limit >= DEEP ? cursors.length - 1 : Math.floor((cursors.length - 1) / 2);
    const after = cursors[at];
    if (after !== undefined && cursors.length > 1) return { row: (at + 1) * limit, after };
  }
  return null;
}
