import { createHash } from "node:crypto";
import { isOver } from "../../src/domain/run.ts";
import { machine } from "../../src/engine/simulation/machine.ts";
import { openWorld } from "../../src/engine/simulation/world.ts";
import { openMemory } from "../../src/store/sqlite/memory.ts";
import type { Grant } from "../../src/store/store.ts";
import { finalAudit, keeps } from "./audit.ts";
import type { Choices, Script } from "./choices.ts";
import { chronicle } from "./chronicle.ts";
import { type House, slip, weatherOf } from "./house.ts";
import { type Violation, violation } from "./invariants.ts";
import { jumps } from "./jumps.ts";
import { openLedger } from "./ledger.ts";
import { openLife } from "./life.ts";
import { openPatience } from "./patience.ts";
import { openPeople } from "./people.ts";
import { play, programs } from "./programs.ts";
import { openRows } from "./rows.ts";
import { DAY, HOUR, MINUTE, SECOND } from "./spans.ts";
import { type Counts, counter } from "./tally.ts";
import { openWatch } from "./watch.ts";
import { inShort, shelf } from "./workflows.ts";

/** What became of one seed. */
export interface Passed {
  readonly script: Script;
  readonly violation: Violation | null;
  readonly counts: Counts;
  readonly simulatedMs: number;
  /** What happened, in words, and the sum of it: equal only where everything was. */
  readonly lines: readonly string[];
  readonly hash: string;
  readonly workflows: string;
  /** The database's bytes, where asked for. */
  readonly image: Buffer | null;
}

const START = "2026-11-21T09:00:00.000Z";
const LONGEST_STORM_STEPS = 20_000;
const MOST_STEPS = 60_000;
const LONGEST_CALM_MS = 90 * DAY;
const STORMS = [2 * HOUR, 12 * HOUR, 36 * HOUR, 72 * HOUR];
/** How long there is no daemon. */
const DOWN = [SECOND, MINUTE, 3 * HOUR];

/** What happened and what it left, in one word. */
export function whole({ hash, image }: Passed): string {
  return createHash("sha256")
    .update(hash)
    .update(image ?? "")
    .digest("hex");
}

interface Options {
  /** Whether the database's bytes are wanted. */
  readonly image?: boolean;
  /** What someone does to the house after each step who should not. */
  readonly meddle?: (house: House) => void;
}

/** One seed: a storm over a house, then calm until everything is over. */
export async function pass(choices: Choices, options: Options = {}): Promise<Passed> {
  const counts: Counts = {};
  const house = openHouse(choices, counts);
  const surprise = (error: unknown): void => house.report("surprise", String(error));
  try {
    process.on("unhandledRejection", surprise);
    await weather(house, options.meddle ?? (() => {}));
    return {
      script: choices.script(),
      violation: house.violation,
      counts,
      simulatedMs: house.world.elapsed(),
      lines: house.chronicle.lines(),
      hash: house.chronicle.hash(),
      workflows: [...house.shelf.values()].map(({ workflow }) => inShort(workflow)).join("\n"),
      image: options.image ? house.db.serialize() : null,
    };
  } finally {
    process.off("unhandledRejection", surprise);
    house.db.close();
  }
}

function openHouse(choices: Choices, counts: Counts): House {
  const { seed } = choices.script();
  let turns = 0;
  const world = openWorld({
    start: START,
    seed,
    choose: (waiting) => choices.pick(`turn ${++turns}`, orderOf(house, waiting)),
  });
  const outside = world.clock();
  const memory = openMemory();
  const seen = programs();
  const house: House = {
    choices,
    world,
    outside,
    db: memory.db,
    statements: [],
    machine: machine({
      clock: outside,
      play: (grant: Grant) => play(house, grant),
      begun: (grant, program) => seen.begun(house, grant, program),
      over: (grant, how) => seen.over(house, grant, how),
    }),
    programs: seen,
    shelf: shelf(choices),
    rows: openRows(memory.db),
    chronicle: chronicle(world.elapsed),
    ledger: openLedger(),
    count: counter(counts),
    weather: weatherOf(choices),
    cap: 1 + choices.of("cap beyond 1", 4),
    life: null,
    lives: 0,
    storm: true,
    full: false,
    lastFull: -1,
    commits: 0,
    fresh: 0,
    suspect: null,
    blamed: new Set(),
    violation: null,
    report: (invariant, detail) => {
      if (house.violation) return;
      house.violation = violation(invariant, detail);
      house.chronicle.tell(`BROKEN ${invariant}: ${detail}`);
    },
    people: null,
    deliveries: new Map(),
    said: new Map(),
    moves: new Map(),
    moved: (run) => void house.moves.set(run, (house.moves.get(run) ?? 0) + 1),
    past: new Map(),
    jumped: null,
    held: null,
  };
  return house;
}

/** The oldest errand first, or any: as likely as the weather says. */
function orderOf({ weather: { order }, storm }: House, waiting: number): number[] {
  const others = order === 0 || !storm ? 0 : 1;
  const first = order === 1 ? 12 * (waiting - 1) : 1;
  return Array.from({ length: waiting }, (_, at) => (at === 0 ? Math.max(first, 1) : others));
}

async function weather(house: House, meddle: (house: House) => void): Promise<void> {
  const { choices, world } = house;
  const watch = openWatch(house);
  const patience = openPatience(house);
  house.people = openPeople(house, 1 + choices.of("runs beyond the first", 3));
  jumps(house);
  const stormMs = STORMS[choices.of("the storm lasts", STORMS.length)] as number;
  let steps = 0;
  let up: (() => void) | null = null;

  const begin = (): void => {
    up = null;
    keeps(house);
    openLife(house);
  };

  const step = async (untilMs: number): Promise<boolean> => {
    steps++;
    const { life } = house;
    const moved = await surprised(house, world.step(untilMs));
    if (house.full) house.lastFull = world.elapsed();
    while (house.held) {
      const until = house.held;
      house.held = null;
      await until;
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
    meddle(house);
    if (house.fresh > 0) {
      house.fresh = 0;
      watch.look(life !== null && house.life === life);
    }
    if (!world.busy()) patience.look();
    if (house.storm && house.life) interrupt(house, steps);
    if (!house.life && !up) {
      const name = `after the end of daemon ${house.lives}`;
      if (house.storm) bereave(house, name);
      up = house.outside.after(DOWN[slip(house, `${name}: the next comes`, 2, [2, 1])] as number, begin);
    }
    return moved;
  };

  begin();
  while (world.elapsed() < stormMs && steps < LONGEST_STORM_STEPS && !house.violation)
    if (!(await step(stormMs))) break;
  calm(house);
  const until = world.elapsed() + LONGEST_CALM_MS;
  let quiet = 0;
  while (!house.violation && steps < MOST_STEPS && world.elapsed() < until) {
    if (!world.busy() && isDone(house)) quiet++;
    if (quiet > 3) break;
    if (!(await step(until))) break;
  }
  house.count("steps", steps);
  if (!house.violation) finalAudit(house);
  for (const { status, reason } of house.rows.endings())
    house.count(`run ${reason === null ? status : `${status} (${reason})`}`);
}

/** What the daemon's own code does not catch would end a real one. */
async function surprised(house: House, step: Promise<boolean>): Promise<boolean> {
  try {
    return await step;
  } catch (error) {
    house.report("surprise", String(error));
    return true;
  }
}

function interrupt(house: House, step: number): void {
  const way = slip(house, `after step ${step}`, house.weather.deaths, [5, 1]);
  if (way === 1) house.life?.die("between two turns");
  else if (way === 2) house.life?.stop(house.life.engine.stop);
}

/** Programs outlive their daemon, unless whatever killed it takes them too. */
function bereave(house: House, name: string): void {
  const way = slip(house, `${name}: programs are killed`, 3, [1, 1]);
  const alive = house.machine.alive();
  const killed = way === 0 ? [] : way === 1 ? alive.slice(0, 1) : alive;
  for (const execution of killed) {
    house.machine.lose(execution);
    house.count("fault program lost");
  }
  if (killed.length > 0) house.chronicle.tell(`${killed.length} programs are killed`);
}

/** Nothing goes wrong any more, and everybody does what is left to do. */
function calm(house: House): void {
  house.storm = false;
  house.full = false;
  house.chronicle.tell("the storm is over");
  house.people?.finish();
}

function isDone({ rows, machine: { alive } }: House): boolean {
  return rows.glances().every(({ status }) => isOver(status)) && rows.waiting().length === 0 && alive().length === 0;
}
