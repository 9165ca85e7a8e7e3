import type { House } from "./house.ts";
import { MINUTE } from "./spans.ts";

/** Sees to it that what is owed and due is done while the daemon lives, has room and hears its news. */
export interface Patience {
  /** Nothing waits for its turn now. */
  look(): void;
}

export function openPatience(house: House): Patience {
  const { rows, world } = house;
  /** Since when it has been so, and whose life it is. */
  let well: { since: number; life: number } | null = null;
  let looked = -1;
  let idle: number | null = null;
  const silent = new Map<string, number>();
  const seen = new Set<string>();

  function isWell(): boolean {
    const { life, full } = house;
    return life?.begun() === true && !life.stopping() && !life.deaf() && !full;
  }

  function owed(incarnation: string): void {
    const late = new Date(Date.parse(world.now()) - MINUTE).toISOString();
    for (const row of rows.waiting()) {
      const words = `${row.kind} ${rows.labelOf(row.run)} ${row.id.slice(row.run.length + 1)}, due ${row.due}`;
      if (row.state === "owed" && row.due <= late) house.report("prompt", `${words}, is still owed at ${world.now()}`);
      if (row.state === "held" && row.incarnation !== incarnation)
        house.report("prompt", `${words}, is held by a daemon that is dead`);
    }
  }

  function starts(): void {
    const free = rows.startable() > 0 && rows.executing() < house.cap;
    if (!free) idle = null;
    else if (idle === null) idle = world.elapsed();
    else if (world.elapsed() - idle > MINUTE)
      house.report("prompt", "a phase may start, there is room for it, and it does not");
  }

  /** Whether it has been so for longer than anyone may be kept waiting. */
  function lasts(what: string): boolean {
    const since = silent.get(what) ?? world.elapsed();
    silent.set(what, since);
    seen.add(what);
    return world.elapsed() - since > MINUTE;
  }

  function strays(alive: ReadonlySet<string>): void {
    for (const id of alive) {
      const row = rows.execution(id);
      if (row?.status !== "running" && lasts(`stray ${id}`))
        house.report(
          "cancel",
          `${row?.name}#${row?.attempt} of ${rows.labelOf(row?.run ?? "")} is ${row?.status}, and its program runs`,
        );
    }
  }

  /** Children that nobody waits for. */
  function children(): void {
    for (const { id, parent, place } of rows.youngsters()) {
      const { phases, epoch } = rows.recorded(parent)!.run;
      const state = phases[place.phase]!;
      const awaited =
        state.waits?.for === "child" &&
        state.iteration === place.iteration &&
        state.attempt === place.attempt &&
        epoch === place.epoch;
      if (!awaited && lasts(`child ${id}`))
        house.report("children", `${rows.labelOf(id)} goes on, and its parent does not wait for it`);
    }
  }

  function endings(alive: ReadonlySet<string>): void {
    const running = rows.running();
    for (const each of running) {
      if (!alive.has(each.id) && lasts(each.id))
        house.report(
          "prompt",
          `${each.name}#${each.attempt} of ${rows.labelOf(each.run)} says that it runs, and no program of it does`,
        );
    }
  }

  return {
    look: () => {
      const now = world.elapsed();
      if (!isWell() || (house.jumped && now - house.jumped.at < MINUTE)) {
        well = null;
        return;
      }
      if (well?.life !== house.lives) {
        well = { since: now, life: house.lives };
        idle = null;
        silent.clear();
      }
      if (now === looked || now - well.since <= MINUTE) return;
      looked = now;
      const alive = new Set(house.machine.alive());
      owed(house.life!.node.incarnation);
      starts();
      endings(alive);
      strays(alive);
      children();
      for (const what of silent.keys()) if (!seen.has(what)) silent.delete(what);
      seen.clear();
    },
  };
}
