import { onTestFinished } from "vitest";
import { type Clock, type Iso, uuidv7 } from "../../src/domain/clock.ts";
import type { Outcome } from "../../src/domain/execution.ts";
import { Fault } from "../../src/domain/fault.ts";
import type { Schedule } from "../../src/domain/schedule.ts";
import { type Dispatch, dispatcher } from "../../src/engine/dispatch.ts";
import { createEngine } from "../../src/engine/engine.ts";
import type { CronFire } from "../../src/store/crons.ts";
import type { RunLine } from "../../src/store/lines.ts";
import { openMemory } from "../../src/store/sqlite/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { type Cron, createCron } from "../../src/triggers/cron.ts";
import type { Handler } from "../../src/triggers/cron-fires.ts";
import type { CronSettings } from "../../src/triggers/cron-plan.ts";
import { heldPhases, silent } from "../support/engine.ts";
import { calm } from "../support/keeper.ts";
import { version, workflow } from "../support/workflow.ts";

/** A machine's clock: the time of day can be set, or stand still in a sleep, of which no timer hears. */
export interface WallClock extends Clock {
  /** The time of day is another one by so much; timers go on as they were. */
  jump(ms: number): void;
  /** How often something was put off: it rests while nothing is. */
  activity(): number;
  /** Lets so much time go by; after every timer `settle` is waited for. */
  pass(ms: number, settle: () => Promise<void>): Promise<void>;
}

function wallClock(start: Iso): WallClock {
  let elapsed = 0;
  let ahead = Date.parse(start);
  let seed = 7;
  let soons = 0;
  const timers = new Set<{ at: number; wake: () => void }>();
  return {
    now: () => new Date(elapsed + ahead).toISOString(),
    id: uuidv7(
      () => elapsed + ahead,
      (bytes) => {
        for (let at = 0; at < bytes.length; at++) {
          seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
          bytes[at] = seed >>> 16;
        }
      },
    ),
    after: (ms, wake) => {
      const timer = { at: elapsed + ms, wake };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    soon: (work) => {
      soons++;
      setImmediate(work);
    },
    activity: () => soons,
    jump: (ms) => {
      ahead += ms;
    },
    pass: async (ms, settle) => {
      const until = elapsed + ms;
      for (;;) {
        const due = [...timers].filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers.delete(due);
        elapsed = Math.max(elapsed, due.at);
        due.wake();
        await settle();
      }
      elapsed = until;
    },
  };
}

export interface CronWorld {
  readonly store: Store;
  readonly clock: WallClock;
  readonly dispatch: Dispatch;
  /** In force; a test may change them and say so. */
  schedules: Schedule[];
  changed(): void;
  /** Workflows that cannot start now, by the words that are told. */
  readonly refused: Map<string, Fault>;
  /** How runs that are held end, oldest first. */
  end(outcome?: Outcome): Promise<void>;
  running(): string[];
  handlers: { [name: string]: Handler };
  logged: string[];
  /**
   * A daemon's clockwork; another one after it, or beside it. It dies at what it would do `diesAt` next, which is done
   * where `late` says that only the answer is lost.
   */
  start(fate?: { diesAt: number; late: boolean }): Cron;
  /** One in safe mode: it has not begun. */
  open(): Cron;
  stop(cron: Cron): Promise<void>;
  pass(ms: number): Promise<void>;
  settle(): Promise<void>;
  /** The ledger of a schedule, oldest first, as `slot outcome`. */
  ledger(name?: string): Promise<string[]>;
  fires(name?: string): Promise<readonly CronFire[]>;
  runs(): Promise<readonly RunLine[]>;
  /** Ends everything, before the test does. */
  close(): Promise<void>;
}

const HOUR = 3_600_000;

/** Schedules on a clock of their own, over a real store and engine. Runs end at once unless they are held. */
export async function cronWorld({
  start = "2026-11-21T09:00:00.000Z",
  schedules = [],
  held = false,
  pauseAfter = 5,
  settings = {},
}: {
  start?: Iso;
  schedules?: readonly Schedule[];
  held?: boolean;
  pauseAfter?: number;
  settings?: Partial<CronSettings>;
} = {}): Promise<CronWorld> {
  const clock = wallClock(start);
  // The store as it is, without a disk under it: what is written is not waited for.
  const memory = openMemory();
  const store = memory.open(clock);
  const phases = heldPhases();
  const engine = createEngine({
    ...calm,
    store,
    clock,
    log: silent,
    node: { node: "n", incarnation: "i" },
    phases: [held ? phases.kind : { type: "context", execute: async () => ({ type: "succeeded" }) }],
    deliverers: [],
    cap: 1_000,
    restartLimit: 3,
    floorMs: 24 * HOUR,
  });
  const known = version(workflow("greet", [{ name: "hello" }]));
  const refused = new Map<string, Fault>();
  const library = {
    get: (name: string) => {
      const fault = refused.get(name);
      if (fault) throw fault;
      if (name !== "greet") throw new Fault("workflow.unknown", `No workflow is called "${name}"`);
      return known;
    },
  };
  const dispatch = dispatcher({ library, store, engine, clock, settings: calm.settings });
  const crons = new Set<Cron>();
  const listeners = new Set<() => void>();
  const logged: string[] = [];
  const say = (_: object, text: string): void => void logged.push(text);

  function made(fate?: { diesAt: number; late: boolean }): Cron {
    const mortal = mortality(fate);
    const cron = createCron({
      crons: mortal.room(store.crons),
      schedules: () => world.schedules,
      onSchedules: (listen) => {
        listeners.add(listen);
        return () => listeners.delete(listen);
      },
      dispatch: mortal.act(dispatch),
      cancel: mortal.act(engine.cancel),
      bus: engine.bus,
      handlers: world.handlers,
      settings: { timezone: "UTC", webhooks: false, agent: false, ...settings },
      pauseAfter,
      clock,
      log: { debug: say, info: say, warn: say, error: say },
    });
    crons.add(cron);
    return cron;
  }

  let closed = false;
  const world: CronWorld = {
    store,
    clock,
    dispatch,
    schedules: [...schedules],
    changed: () => {
      for (const listen of listeners) listen();
    },
    refused,
    handlers: {},
    logged,
    end: async (outcome) => {
      phases.held[0]?.end(outcome);
      await world.settle();
    },
    running: () => phases.held.map(({ execution }) => execution.grant.run),
    start: (fate) => {
      const cron = made(fate);
      cron.begin();
      return cron;
    },
    open: () => made(),
    stop: async (cron) => {
      crons.delete(cron);
      await cron.stop();
    },
    settle: async () => {
      // A run goes through several commits, and each may wake someone.
      for (let quiet = 0; quiet < 3; ) {
        const before = clock.activity();
        await new Promise<void>((resolve) => void setImmediate(resolve));
        for (const cron of crons) await cron.idle();
        quiet = clock.activity() === before ? quiet + 1 : 0;
      }
    },
    pass: async (ms) => {
      await world.settle();
      await clock.pass(ms, world.settle);
      await world.settle();
    },
    fires: async (name = "s") => {
      const rows: CronFire[] = [];
      let after: string | undefined;
      do {
        const page = await store.crons.fires(name, { limit: 200, ...(after !== undefined && { after }) });
        rows.push(...page.rows);
        after = page.next ?? undefined;
      } while (after !== undefined);
      return rows.reverse();
    },
    ledger: async (name) =>
      (await world.fires(name)).map(
        ({ slot, outcome, slots }) => `${slot.slice(11, 16)} ${outcome}${slots > 1 ? ` ×${slots}` : ""}`,
      ),
    close: async () => {
      if (closed) return;
      closed = true;
      for (const cron of crons) await cron.stop();
      await engine.stop();
      await store.close();
      memory.close();
    },
    runs: async () => (await store.runs({}, { limit: 200 })).rows.toReversed(),
  };
  await engine.begin();
  onTestFinished(world.close);
  return world;
}

/** Lets so many things be done, and nothing after them. */
function mortality(fate: { diesAt: number; late: boolean } | undefined) {
  let left = fate?.diesAt ?? Number.POSITIVE_INFINITY;
  const act =
    <Args extends unknown[], T>(work: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      left--;
      const dead = new Fault("store.stopped", "this daemon is dead");
      if (left < 0 && !(left === -1 && fate?.late)) throw dead;
      const done = await work(...args);
      if (left < 0) throw dead;
      return done;
    };
  return {
    act,
    room: <Room extends object>(room: Room): Room =>
      Object.fromEntries(Object.entries(room).map(([name, work]) => [name, act(work)])) as Room,
  };
}

/** A schedule of workflow `greet`, hourly unless told otherwise. */
export function schedule(more: Partial<Schedule> = {}): Schedule {
  return {
    name: "s",
    cron: "0 * * * *",
    timezone: null,
    jitterMs: 0,
    overlap: "allow",
    catchUp: "latest",
    windowMs: 24 * HOUR,
    starts: { workflow: "greet", inputs: {} },
    context: {},
    unless: null,
    ...more,
  };
}
