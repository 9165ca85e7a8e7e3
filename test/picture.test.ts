import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { isOver, type Run, type RunEvent } from "../src/domain/run.ts";
import type { Workflow } from "../src/domain/workflow.ts";
import {
  admitted,
  answered,
  born,
  cancelled,
  created,
  failed,
  happen,
  lost,
  succeeded,
  suspected,
} from "./support/play.ts";
import { workflow } from "./support/workflow.ts";

const SHAPES: Workflow[] = [
  workflow("chain", [{ name: "a" }, { name: "b", after: ["a"] }]),
  workflow("fork", [{ name: "a" }, { name: "b" }, { name: "c", after: ["a", "b"], rule: "all_done" }]),
  workflow("gate between", [{ name: "a" }, { name: "g", type: "approval", after: ["a"] }, { name: "b", after: ["g"] }]),
  workflow("gate last", [{ name: "a" }, { name: "g", type: "approval", after: ["a"] }]),
  workflow("gate beside", [{ name: "a" }, { name: "g", type: "approval" }]),
  workflow("gates", [
    { name: "g", type: "approval" },
    { name: "h", type: "approval", after: ["g"] },
  ]),
];

function possible(run: Run): RunEvent[] {
  return [
    cancelled,
    suspected(2),
    { type: "run.held", hold: "disk_full" },
    { type: "run.released", hold: "disk_full" },
    ...Object.entries(run.phases).flatMap(([name, { status, attempt }]) =>
      status === "pending" ? [admitted(name, attempt)] : [],
    ),
    ...run.live.flatMap(({ id }) => [succeeded(id), failed(id), lost([id], 2)]),
    ...run.gates.flatMap(({ id }) => [answered(id, "approve"), answered(id, "reject")]),
    { type: "scratch.written", key: "k", value: 1, append: false },
  ];
}

/** Every change of status that any order of events can bring about in these shapes. */
function walk(): { arrows: Set<string>; events: Set<string> } {
  const arrows = new Set<string>();
  const events = new Set<string>();
  for (const of of SHAPES) {
    const seen = new Set<string>();
    const open: { run: Run; ready: Set<string> }[] = [];
    const visit = (from: string, run: Run, ready: Set<string>, event: RunEvent): void => {
      const { step, run: now } = happen(of, run, event);
      if (!step.ok) return;
      const owed = new Set(ready);
      for (const effect of step.effects) {
        if (effect.type === "phase.start") owed.add(effect.phase);
        if (effect.type === "execution.open") owed.delete(effect.execution.phase);
        if (effect.type === "starts.void") owed.clear();
      }
      events.add(event.type);
      if (from !== now.status) arrows.add(`${from} --> ${now.status}: ${event.type}`);
      const key = JSON.stringify([now.status, now.reason, now.hold, now.phases, now.restartCount, [...owed]]);
      if (seen.has(key)) return;
      seen.add(key);
      if (isOver(now.status)) arrows.add(`${now.status} --> [*]`);
      else open.push({ run: now, ready: owed });
    };
    visit("[*]", born(of), new Set(), created);
    for (let next = open.pop(); next; next = open.pop()) {
      for (const event of possible(next.run)) {
        // Only what is owed can be admitted: the store never offers anything else.
        if (event.type === "execution.admitted" && !next.ready.has(event.phase)) continue;
        visit(next.run.status, next.run, next.ready, event);
      }
    }
  }
  return { arrows, events };
}

test("the picture of a run in src/README.md shows every change of status that can happen, and no other", () => {
  const text = readFileSync(new URL("../src/README.md", import.meta.url), "utf8");
  const drawn = [...text.matchAll(/^ {4}(\S+ --> \S+?(?:: \S+)?)$/gm)].map((match) => match[1] as string);
  expect(drawn.length).toBeGreaterThan(10);
  expect(new Set(drawn).size).toBe(drawn.length);
  const { arrows, events } = walk();
  expect([...drawn].sort()).toEqual([...arrows].sort());
  for (const event of events) expect(text).toContain(event);
});

test("the picture knows every event there is", () => {
  const union = readFileSync(new URL("../src/domain/run.ts", import.meta.url), "utf8");
  const declared = [
    ...(/export type RunEvent =([\s\S]*?);\n\n/.exec(union)?.[1] ?? "").matchAll(/type: "([\w.]+)"/g),
  ].map((match) => match[1]);
  expect(declared.length).toBeGreaterThan(5);
  expect([...walk().events].sort()).toEqual([...declared].sort());
});
