import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/domain/clock.ts";
import type { WorkflowVersion } from "../../src/domain/workflow.ts";
import type { Log } from "../../src/engine/contracts/log.ts";
import type { PhaseKind } from "../../src/engine/contracts/phase.ts";
import { createEngine, type Engine } from "../../src/engine/engine.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { NewRun, Store } from "../../src/store/store.ts";
import { calm } from "../support/keeper.ts";
import { version, workflow } from "../support/workflow.ts";

/** The workflow of every throughput: three phases, one after the other, each in the daemon's own process. */
export const threePhases: WorkflowVersion = version(
  workflow("bench", [{ name: "a" }, { name: "b", after: ["a"] }, { name: "c", after: ["b"] }]),
);

/** A benchmark of an engine in trouble measures nothing: it ends. */
const alarmed: Log = {
  debug: () => {},
  info: () => {},
  warn: (details, message) => process.stderr.write(`${message} ${JSON.stringify(details)}\n`),
  error: (details, message) => {
    process.stderr.write(`${message} ${JSON.stringify(details)}\n`);
    process.exit(1);
  },
};

/** A real engine on a real store, on the machine's own time. */
export function openEngine(options: { file: string; phases: readonly PhaseKind[]; cap: number }): {
  engine: Engine;
  store: Store;
  clock: Clock;
} {
  const clock = systemClock();
  const store = openSqliteStore({ file: options.file, clock });
  const engine = createEngine({
    store,
    clock,
    log: alarmed,
    ...calm,
    phases: options.phases,
    deliverers: [],
    cap: options.cap,
    restartLimit: 3,
    node: { node: "bench", incarnation: clock.id() },
  });
  return { engine, store, clock };
}

/** Three hundred bytes of JSON, as a webhook's digest has. */
export const CONTEXT = { subject: "x".repeat(286) };

export function requestOf(id: string, trigger: string, of: WorkflowVersion = threePhases): NewRun {
  return {
    id,
    version: of,
    trigger: { type: "api", id: trigger },
    repo: "o/r",
    issueNumber: null,
    context: CONTEXT,
    inputs: {},
    priority: 0,
    once: null,
  };
}

export function freshFolder(inside: string): string {
  return mkdtempSync(join(inside, "s-"));
}
