import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Iso } from "../src/domain/clock.ts";
import type { Outcome } from "../src/domain/execution.ts";
import { isOver, type Run, type RunEvent } from "../src/domain/run.ts";
import type { Workflow } from "../src/domain/workflow.ts";
import {
  admitted,
  answered,
  born,
  cancelled,
  created,
  decided,
  fired,
  happen,
  held,
  lost,
  NOW,
  released,
  retried,
  signalled,
  suspected,
  used,
} from "./support/play.ts";
import { type Sketch, workflow } from "./support/workflow.ts";

/** Every kind of phase as the only one, as the first and as the second of two, and beside another. */
const KINDS: Partial<Sketch>[] = [
  {},
  { if: "x" },
  { type: "approval", timeoutMs: 1_000 },
  { type: "approval", summary: "{{x}}?", onTimeout: "continue" },
  { wait: { forMs: 1_000 } },
  { wait: { until: "x", everyMs: 1_000 } },
  { child: "other", timeoutMs: 1_000 },
  { action: "github.comment", timeoutMs: 1_000 },
  { retry: { times: 1, pauseMs: 1_000 } },
  { matrix: 1, retry: { times: 1, pauseMs: 1_000 } },
  { iterate: { maxIterations: 2, gate: { kind: "reply" } } },
  { budget: { turns: 1 }, retry: { times: 1, pauseMs: 1_000 } },
  { budget: { turns: 1 }, iterate: { maxIterations: 2, thenComplete: true } },
];

const SHAPES: Workflow[] = [
  ...KINDS.flatMap((kind, at) => [
    workflow(`alone ${at}`, [{ name: "a", ...kind }], { budget: { usd: 1 } }),
    workflow(
      `first ${at}`,
      [
        { name: "a", ...kind },
        { name: "b", after: ["a"] },
      ],
      { budget: { usd: 1 } },
    ),
    workflow(`second ${at}`, [{ name: "a" }, { name: "b", ...kind, after: ["a"], rule: "all_done" }]),
    workflow(`beside ${at}`, [{ name: "a" }, { name: "b", ...kind }]),
    workflow(`timed ${at}`, [{ name: "a", ...kind }], { timeoutMs: 1_000 }),
    workflow(`last ${at}`, [{ name: "a" }, { name: "z", ...kind, finally: true }]),
    workflow(`last after ${at}`, [
      { name: "a", ...kind },
      { name: "z", finally: true },
    ]),
  ]),
  workflow("gates", [
    { name: "a", type: "approval" },
    { name: "b", type: "approval", after: ["a"] },
  ]),
  workflow("rework", [{ name: "a" }, { name: "b", type: "approval", after: ["a"], rework: { phase: "a", max: 1 } }]),
];

const ENDINGS: Outcome[] = [
  { type: "succeeded" },
  { type: "succeeded", usage: { usd: 1 } },
  { type: "failed", failure: "exit", error: "exit 1" },
];

/** A second, so that time has two moments: before whatever is waited for, and after. */
const LATER: Iso = "2026-11-21T09:00:01.000Z";

function possible(of: Workflow, run: Run): RunEvent[] {
  const conditional = new Set(
    of.phases.flatMap((phase) => (phase.type === "wait" && "until" in phase.wait ? [phase.name] : [])),
  );
  const events: RunEvent[] = [
    cancelled,
    suspected(2),
    held("operator"),
    released("operator"),
    released("concurrency"),
    signalled("go"),
    { type: "scratch.written", key: "k", value: 1, append: false },
    retried(),
    retried(null, true),
    ...Object.keys(run.phases).map((phase) => retried(phase)),
  ];
  for (const [phase, { iteration, attempt, items, waits, stage }] of Object.entries(run.phases)) {
    if (stage === "owed") events.push(admitted(phase, attempt, iteration));
    for (const item of items?.owed ?? []) events.push(admitted(phase, item.attempt, item.iteration));
    if (stage === "deciding") {
      for (const finding of [{ type: "run" }, { type: "skip", why: "x" }, { type: "fail", error: "x" }] as const)
        events.push(decided(phase, finding, iteration, run.epoch));
      if (conditional.has(phase)) events.push(decided(phase, { type: "wait" }, iteration, run.epoch));
    }
    for (const due of [waits?.until, waits?.deadline]) if (due !== undefined) events.push(fired(phase, due));
    for (const outcome of waits?.for === "child" ? ENDINGS : [])
      events.push({ type: "child.ended", phase, iteration, attempt, epoch: run.epoch, execution: "child", outcome });
    for (const outcome of waits?.for === "action" ? ENDINGS : [])
      events.push({ type: "action.ended", phase, iteration, attempt, epoch: run.epoch, execution: "act", outcome });
  }
  for (const { id } of run.live) {
    for (const outcome of ENDINGS) events.push({ type: "execution.ended", execution: id, outcome });
    events.push(lost([id], 2), used(id, { usd: 1 }), used(id, { turns: 1 }));
  }
  for (const { id } of run.gates) events.push(answered(id, "approve"), answered(id, "reject"));
  if (run.deadline?.since) {
    const due = Date.parse(run.deadline.since) + run.deadline.left;
    events.push(fired(null, new Date(due).toISOString()));
  }
  return events;
}

/** The same state at another time is the same state: moments are told apart only as passed and to come. */
function keyOf({ rev: _, updatedAt: __, startedAt: ___, live, phases, ...run }: Run): string {
  return JSON.stringify(
    [
      run.status,
      run.reason,
      run.hold,
      run.epoch,
      run.restartCount,
      run.ending,
      run.deadline === null,
      run.spent.usd > 0,
      run.finishedAt === null,
      live.map(({ name }) => name),
      run.gates.length,
      phases,
    ],
    (key, value) => (key === "since" || key === "until" || key === "deadline" || key === "at" ? typeof value : value),
  );
}

/** Every change of status that any order of events can bring about in these shapes. */
function walk(): { arrows: Set<string>; events: Set<string> } {
  const arrows = new Set<string>();
  const events = new Set<string>();
  for (const of of SHAPES) {
    const seen = new Set<string>();
    const open: Run[] = [];
    const visit = (from: string, run: Run, event: RunEvent): void => {
      const { step, run: now } = happen(of, run, event, event.type === "timer.fired" ? LATER : NOW);
      if (!step.ok) return;
      events.add(event.type);
      if (from !== now.status) arrows.add(`${from} --> ${now.status}: ${event.type}`);
      if (isOver(now.status)) arrows.add(`${now.status} --> [*]`);
      const key = keyOf(now);
      // One retry or one cancel: after another, a run can do nothing that it could not do after the first.
      if (seen.has(key) || now.epoch > 1) return;
      seen.add(key);
      open.push(now);
    };
    visit("[*]", born(of), created);
    for (const busy of ["queue", "skip"] as const) visit("[*]", born(of), { type: "run.created", busy });
    for (let next = open.pop(); next; next = open.pop()) {
      for (const event of possible(of, next)) visit(next.status, next, event);
    }
  }
  return { arrows, events };
}

const walked = walk();

test("the picture of a run in src/README.md shows every change of status that can happen, and no other", () => {
  const text = readFileSync(new URL("../src/README.md", import.meta.url), "utf8");
  const drawn = [...text.matchAll(/^ {4}(\S+ --> \S+?)(?:: (.+))?$/gm)].flatMap(([, arrow, events]) =>
    events === undefined ? [arrow as string] : events.split(", ").map((event) => `${arrow}: ${event}`),
  );
  expect(drawn.length).toBeGreaterThan(10);
  expect(new Set(drawn).size).toBe(drawn.length);
  expect([...drawn].sort()).toEqual([...walked.arrows].sort());
  for (const event of walked.events) expect(text).toContain(event);
});

test("the picture knows every event there is", () => {
  const union = readFileSync(new URL("../src/domain/run.ts", import.meta.url), "utf8");
  const declared = [
    ...(/export type RunEvent =([\s\S]*?);\n\n/.exec(union)?.[1] ?? "").matchAll(/type: "([\w.]+)"/g),
  ].map((match) => match[1]);
  expect(declared.length).toBeGreaterThan(5);
  expect([...walked.events].sort()).toEqual([...declared].sort());
});
