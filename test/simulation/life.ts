import { Fault } from "../../src/domain/fault.ts";
import type { Keeper } from "../../src/engine/contracts/keeper.ts";
import type { PhaseKind } from "../../src/engine/contracts/phase.ts";
import { type Dispatch, dispatcher } from "../../src/engine/dispatch.ts";
import { createEngine, type Engine } from "../../src/engine/engine.ts";
import { type Fork, forker } from "../../src/engine/fork.ts";
import type { Settings } from "../../src/engine/settings.ts";
import { simulatedRuntime } from "../../src/engine/simulation/agents.ts";
import { agent } from "../../src/phases/agent.ts";
import { bash, script } from "../../src/phases/command.ts";
import { context } from "../../src/phases/context.ts";
import { storeOn } from "../../src/store/sqlite/open.ts";
import type { Created, Lease } from "../../src/store/store.ts";
import type { Library } from "../../src/workflow/library.ts";
import { silent } from "../support/engine.ts";
import { delivery } from "./delivery.ts";
import { disk } from "./disk.ts";
import { fateOf, slow } from "./fates.ts";
import { type House, slip } from "./house.ts";
import { guarded } from "./shell.ts";
import { openVitals, type Vitals } from "./vitals.ts";

/** One life of the daemon: from opening the database to whatever ended it. */
export interface Life extends Vitals {
  readonly ordinal: number;
  readonly node: Lease;
  readonly engine: Engine;
  readonly dispatch: Dispatch;
  readonly fork: Fork;
}

/** No wake-up may be lost: what is owed may not have to wait for anyone's looking round. */
export const FLOOR_MS = 3_600_000;
const RESTART_LIMIT = 3;
const RECOVERY_RETRY_MS = 2_000;

export const SETTINGS: Settings = {
  models: {},
  variants: {},
  approvals: new Set(["after"]),
  sandbox: "none",
  path: "",
  hidden: [],
  unsandboxed: true,
  secrets: {},
  publicUrl: "",
  artefacts: "artefacts",
  agent: "scripted",
};

export function openLife(house: House): Life {
  const ordinal = ++house.lives;
  const clock = house.world.clock();
  const node = { node: "n", incarnation: clock.id() };
  const suspects = house.suspect === null ? [] : [house.suspect];
  house.suspect = null;
  const vitals = openVitals(house, clock, suspects);
  // Its parts ask it whether it lives before it has all of them.
  const life = { ...vitals, ordinal, node } as Life;
  const db = disk(house.db, house.statements, {
    alive: vitals.alive,
    fate: () => {
      const fate = fateOf(house);
      if (fate.type === "full" || fate.type === "unsynced") vitals.trouble();
      return fate;
    },
    die: (when) => vitals.die(`${when} a commit`),
    committed: () => {
      house.fresh++;
      house.count("commits");
    },
  });
  const real = storeOn(db, {
    clock: slow(house, clock),
    reports: true,
    onUnknown: () => vitals.die("after a failed sync"),
    closed: () => {},
  });
  const store = guarded(house, life, real);
  const kept = house.machine.keeper(clock);
  const handling = <T>(run: string, work: () => T): T => {
    const name = `the data of ${house.rows.labelOf(run)} in hand after commit ${house.commits}`;
    if (slip(house, name, house.weather.deaths, [1]) === 0) return work();
    house.suspect = run;
    vitals.die("with a run in hand");
    throw new Error("the daemon died");
  };
  const phases = [bash, script, context, agent([simulatedRuntime("scripted")])].map(
    (kind): PhaseKind => ({
      ...kind,
      execute: (execution) =>
        vitals.alive()
          ? kind.execute({ ...execution, keeper: mortal(kept.for(execution.grant), vitals.alive) })
          : new Promise(() => {}),
    }),
  );
  const engine = createEngine({
    store,
    node,
    clock,
    log: silent,
    keeper: kept.keeper,
    phases,
    deliverers: [delivery(house, life, "ask"), delivery(house, life, "post")],
    ballast: { drop: () => {}, restore: async () => !house.full },
    settings: SETTINGS,
    blobs: house.machine.blobs,
    startChild: ({ workflow, inputs, parent, once }) =>
      dispatch({ workflow, inputs, parent, once, trigger: { type: "api", id: parent.run, by: `run ${parent.run}` } }),
    handling,
    cap: house.cap,
    restartLimit: RESTART_LIMIT,
    floorMs: FLOOR_MS,
  });
  const library = libraryOf(house);
  const dispatch = dispatcher({ library, store, engine, clock, settings: SETTINGS });
  const fork = forking(
    house,
    (create) =>
      forker({
        store,
        engine: { create },
        library,
        clock,
        settings: SETTINGS,
        workspaces: { copy: async () => {}, remove: async () => {} },
      }),
    engine,
  );
  Object.assign(life, { engine, dispatch, fork });
  house.life = life;
  house.chronicle.tell(`daemon ${ordinal} begins`);
  house.count("lives");
  const recover = (): void => {
    void engine.begin(suspects).then(
      (recovery) => {
        vitals.begin();
        house.count("re-attachments", recovery.attached);
        house.count("losses", recovery.lost);
        if (recovery.attached + recovery.lost > 0)
          house.chronicle.tell(`it attaches to ${recovery.attached} and has lost ${recovery.lost}`);
      },
      () => void clock.after(RECOVERY_RETRY_MS, recover),
    );
  };
  recover();
  return life;
}

/** What a dead daemon asks of the machine is not heard. */
function mortal(keeper: Keeper, alive: () => boolean): Keeper {
  return { ...keeper, run: (program, signal) => (alive() ? keeper.run(program, signal) : new Promise(() => {})) };
}

/** A fork copies files, which takes time of ours and none of the world's: nothing else happens until it has. */
function forking(house: House, made: (create: Engine["create"]) => Fork, engine: Engine): Fork {
  return (request) => {
    let copied = (): void => {};
    house.held = new Promise<void>((resolve) => {
      copied = resolve;
    });
    const settled = (): void => copied();
    const work: Promise<Created> = made(async (run) => {
      copied();
      const created = await engine.create(run);
      if (!created.created) house.held = work.then(settled, settled);
      return created;
    })(request);
    work.then(settled, settled);
    return work;
  };
}

function libraryOf({ shelf }: House): Library {
  const none = (): never => {
    throw new Error("this library only gives");
  };
  return {
    get: (name) => {
      const found = shelf.get(name);
      if (!found) throw new Fault("workflow.unknown", `There is no workflow "${name}"`);
      return found;
    },
    list: none,
    reload: none,
    onChange: () => () => {},
    check: none,
    close: async () => {},
  };
}
