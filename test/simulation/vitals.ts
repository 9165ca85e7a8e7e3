import { isOver } from "../../src/domain/run.ts";
import type { MortalClock } from "../../src/engine/simulation/world.ts";
import type { House } from "./house.ts";

/** How it stands with one life of the daemon, and what can end it. */
export interface Vitals {
  /** False from the instant of its death: nothing of it may do anything then. */
  alive(): boolean;
  /** Whether it has taken up what the last one left. */
  begun(): boolean;
  begin(): void;
  stopping(): boolean;
  /** How often something could not be written so far. */
  troubles(): number;
  trouble(): void;
  /** It may have missed news, so that what is owed may wait for its next look. */
  deaf(): boolean;
  hear(): void;
  deafen(): void;
  die(how: string): void;
  /** In good order, as an upgrade would: `work` is what it still has to do. */
  stop(work: () => Promise<void>): void;
  /** Called when it is over. */
  onEnd(hear: () => void): void;
}

export function openVitals(house: House, clock: MortalClock, suspects: readonly string[]): Vitals {
  // A daemon that dies before it has blamed anyone leaves word of its own crash alone.
  house.blamed.clear();
  for (const run of suspects) house.blamed.add(run);
  let living = true;
  let begun = false;
  let stopping = false;
  let deaf = false;
  let troubles = 0;
  const ends: (() => void)[] = [];

  function end(): void {
    living = false;
    clock.end();
    if (house.db.inTransaction) house.db.exec("ROLLBACK");
    house.life = null;
    for (const hear of ends) hear();
  }

  return {
    alive: () => living,
    begun: () => begun,
    begin: () => {
      begun = true;
      unblamed(house);
    },
    stopping: () => stopping,
    troubles: () => troubles,
    trouble: () => {
      troubles++;
    },
    deaf: () => deaf,
    hear: () => {
      deaf = false;
    },
    deafen: () => {
      deaf = true;
    },
    die: (how) => {
      if (!living) return;
      const when = begun ? how : `${how}, in recovery`;
      house.chronicle.tell(`the daemon dies: ${when}`);
      house.count(`death ${when}`);
      end();
    },
    stop: (work) => {
      if (!living || stopping || !begun) return;
      stopping = true;
      house.chronicle.tell("the daemon stops in good order");
      house.count("death none: it stopped");
      void work().then(() => {
        if (living) end();
      });
    },
    onEnd: (hear) => void ends.push(hear),
  };
}

/** Whoever is over by now hears of no blame. */
function unblamed(house: House): void {
  for (const run of house.blamed) {
    const now = house.rows.recorded(run)?.run;
    if (now && !isOver(now.status))
      house.report("blame", `${house.rows.labelOf(run)} killed a daemon and was not blamed`);
  }
  house.blamed.clear();
}
