import type { Database } from "better-sqlite3";
import type { Clock } from "../../src/domain/clock.ts";
import type { RunEvent } from "../../src/domain/run.ts";
import type { WorkflowVersion } from "../../src/domain/workflow.ts";
import type { Machine } from "../../src/engine/simulation/machine.ts";
import type { World } from "../../src/engine/simulation/world.ts";
import type { Choices } from "./choices.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Delivered } from "./delivery.ts";
import type { Statements } from "./disk.ts";
import type { Invariant, Violation } from "./invariants.ts";
import type { Ledger } from "./ledger.ts";
import type { Life } from "./life.ts";
import type { People } from "./people.ts";
import type { Programs } from "./programs.ts";
import type { Rows } from "./rows.ts";
import type { Count } from "./tally.ts";

/** Everything of one seed: a world, a database, a machine, one daemon's life after another, and people around them. */
export interface House {
  readonly choices: Choices;
  readonly world: World;
  /** Of everyone but the daemon. */
  readonly outside: Clock;
  readonly db: Database;
  readonly statements: Statements;
  readonly machine: Machine;
  readonly programs: Programs;
  readonly shelf: ReadonlyMap<string, WorkflowVersion>;
  readonly rows: Rows;
  readonly chronicle: Chronicle;
  readonly ledger: Ledger;
  readonly count: Count;
  readonly weather: Weather;
  readonly cap: number;
  /** The daemon that lives, if one does. */
  life: Life | null;
  /** How many there have been. */
  lives: number;
  /** While it lasts, things go wrong. */
  storm: boolean;
  full: boolean;
  /** Elapsed time at which there last was no room. */
  lastFull: number;
  /** Transactions that have begun, and those that have come to their end since someone last looked. */
  commits: number;
  fresh: number;
  /** The run whose data the last daemon had in hand when it died. */
  suspect: string | null;
  /** Runs that are to be blamed, and have not been told. */
  readonly blamed: Set<string>;
  /** The first promise that was broken. */
  violation: Violation | null;
  report(invariant: Invariant, detail: string): void;
  people: People | null;
  /** By effect. */
  readonly deliveries: Map<string, Delivered>;
  /** Run → the last thing it said. */
  readonly said: Map<string, string>;
  /** Run → transitions that its daemon speaks of, since someone last looked. */
  readonly moves: Map<string, number>;
  moved(run: string): void;
  /** Run → the last events that it might hear again. */
  readonly past: Map<string, readonly RunEvent[]>;
  /** Something is done outside of the world, where no time passes: nothing else happens meanwhile. */
  held: Promise<unknown> | null;
  /** Elapsed time of the last jump of the wall clock forward or back, and whether there was one back. */
  jumped: { readonly at: number; readonly back: boolean } | null;
}

/** How much goes wrong: nothing, little or much, of each kind. */
export interface Weather {
  /** Out of so many transactions one meets a fate; 0 for none. */
  readonly fates: number;
  /** The same for turns, after which the daemon dies. */
  readonly deaths: number;
  /** Of turns, how many are taken out of order: none, some, all. */
  readonly order: 0 | 1 | 2;
  /** For notices, deliveries and results that come late, twice or not at all. */
  readonly slips: number;
  readonly jumps: number;
}

const FATES = [0, 120, 25];
const DEATHS = [0, 700, 150];
const SLIPS = [0, 20, 5];

export function weatherOf(choices: Choices): Weather {
  return {
    fates: FATES[choices.pick("weather: transactions", [1, 2, 1])] as number,
    deaths: DEATHS[choices.pick("weather: deaths", [1, 2, 1])] as number,
    order: choices.of("weather: order", 3) as Weather["order"],
    slips: SLIPS[choices.of("weather: slips", 3)] as number,
    jumps: choices.pick("weather: jumps", [2, 1, 1]),
  };
}

/** One in `oneIn` is not the first; never when that is 0 or the storm is over. */
export function slip(house: House, name: string, oneIn: number, others: readonly number[]): number {
  if (!house.storm) return 0;
  const sum = others.reduce((all, each) => all + each, 0);
  return house.choices.pick(name, oneIn === 0 ? [1, ...others.map(() => 0)] : [sum * (oneIn - 1), ...others]);
}
