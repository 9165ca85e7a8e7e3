import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Clock } from "../../src/domain/clock.ts";
import type { Outcome } from "../../src/domain/execution.ts";
import type { WorkflowVersion } from "../../src/domain/workflow.ts";
import type { Actor, Deliverer } from "../../src/engine/contracts/deliverer.ts";
import type { Keeper } from "../../src/engine/contracts/keeper.ts";
import type { Log } from "../../src/engine/contracts/log.ts";
import type { PhaseExecution, PhaseKind } from "../../src/engine/contracts/phase.ts";
import { createEngine, type Engine } from "../../src/engine/engine.ts";
import type { Ballast } from "../../src/store/files/ballast.ts";
import type { RunDetail } from "../../src/store/lines.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { NewRun, Store } from "../../src/store/store.ts";
import { type FakeClock, fakeClock } from "./clock.ts";
import { calm } from "./keeper.ts";
import { temporaryFolder } from "./world.ts";

export const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A phase that ends when the test says so. */
export interface Held {
  readonly execution: PhaseExecution;
  readonly name: string;
  end(outcome?: Outcome): void;
}

/** Phases of type `context` that wait for the test: what is under way stands in `held`, in order of starting. */
export function heldPhases(): { kind: PhaseKind; held: Held[] } {
  const held: Held[] = [];
  const kind: PhaseKind = {
    type: "context",
    execute: (execution) =>
      new Promise((resolve) => {
        const end = (outcome: Outcome = { type: "succeeded" }): void => {
          held.splice(held.indexOf(entry), 1);
          resolve(outcome);
        };
        const entry: Held = { execution, name: execution.grant.phase, end };
        held.push(entry);
        execution.signal.addEventListener("abort", () => end());
      }),
  };
  return { kind, held };
}

export interface EngineWorld {
  readonly store: Store;
  readonly clock: FakeClock;
  readonly folder: string;
  /** A daemon's life on this store; several may follow one another. */
  engine(options?: {
    phases?: readonly PhaseKind[];
    deliverers?: readonly Deliverer[];
    actors?: readonly Actor[];
    tries?: number;
    cap?: number;
    store?: Store;
    ballast?: Ballast;
    keeper?: Keeper;
    log?: Log;
  }): Engine;
  request(version: WorkflowVersion, more?: Partial<NewRun>): NewRun;
  /** The run, once `ready` holds for it: asked again at every commit. */
  until(run: string, ready: (run: RunDetail) => boolean): Promise<RunDetail>;
}

export function engineWorld(): EngineWorld {
  const clock = fakeClock();
  const folder = temporaryFolder();
  const store = openSqliteStore({ file: join(folder, "lastlight.db"), clock });
  onTestFinished(() => store.close());
  return {
    store,
    clock,
    folder,
    engine: ({
      phases = [],
      deliverers = [],
      actors = [],
      tries = 20,
      cap = 4,
      store: over = store,
      ballast = calm.ballast,
      keeper = calm.keeper,
      log = silent,
    } = {}) =>
      createEngine({
        ...calm,
        store: over,
        clock,
        log,
        keeper,
        ballast,
        phases,
        deliverers,
        actors,
        tries,
        cap,
        restartLimit: 3,
        node: { node: "n", incarnation: clock.id() },
      }),
    request: (version, more = {}) => requestFor(clock, version, more),
    until: (run, ready) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          store.run(run).then((detail) => {
            if (!detail || !ready(detail)) return;
            stop();
            resolve(detail);
          }, reject);
        };
        const stop = store.onChange(look);
        look();
      }),
  };
}

function requestFor(clock: Clock, version: WorkflowVersion, more: Partial<NewRun>): NewRun {
  const id = clock.id();
  return {
    id,
    version,
    trigger: { type: "api", id },
    repo: null,
    issueNumber: null,
    context: {},
    inputs: {},
    priority: 0,
    once: null,
    ...more,
  };
}
