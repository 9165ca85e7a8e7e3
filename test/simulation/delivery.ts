import type { Deliverer } from "../../src/engine/contracts/deliverer.ts";
import type { OwedEffect } from "../../src/store/store.ts";
import { type House, slip } from "./house.ts";
import type { Life } from "./life.ts";

/** How often something was delivered, and what may excuse that it is delivered again. */
export interface Delivered {
  readonly times: number;
  readonly life: number;
  readonly failed: boolean;
  readonly troubles: number;
}

/** Tells people, as far as one life of the daemon does it: late, twice or not at all where chance says so. */
export function delivery(house: House, life: Life, kind: Deliverer["kind"]): Deliverer {
  return {
    kind,
    deliver: (effect, { approval, reminder }) => {
      if (!life.alive()) return new Promise(() => {});
      const words = named(house, effect);
      const way = slip(house, `${words} try ${effect.tries}`, house.weather.slips, [2, 1, 1, 1]);
      if (way > 0)
        house.count(
          `fault delivery ${["", "fails", "is late", "fails after it was made", "is made, and the daemon dies"][way]}`,
        );
      if (way === 1) return Promise.reject(new Error("nobody listens"));
      const hear = (): void => {
        check(house, life, effect, words);
        house.chronicle.tell(`people hear: ${words}${reminder ? " (again)" : ""}`);
        house.count(kind === "ask" ? "asked" : "told");
        note(house, life, effect, way === 3);
        if (approval) house.people?.hear(approval);
      };
      if (way === 2) {
        // What is under way comes, whether or not its sender lives to see it.
        return new Promise((resolve) => {
          house.outside.after(30_000, () => {
            hear();
            if (life.alive()) resolve(undefined);
          });
        });
      }
      hear();
      if (way === 3) return Promise.reject(new Error("it was not said whether it came"));
      if (way === 4) {
        life.die("after a delivery, before it was settled");
        return new Promise(() => {});
      }
      return Promise.resolve(undefined);
    },
  };
}

/** By its run's name in the house, since ids are of chance. */
function named({ rows }: House, { id, run, kind }: OwedEffect): string {
  return `${kind} ${rows.labelOf(run)} ${id.slice(run.length + 1)}`;
}

function check(house: House, life: Life, effect: OwedEffect, words: string): void {
  const row = house.rows.effect(effect.id);
  if (house.db.inTransaction || !row) house.report("owed", `${words} was delivered and no commit owes it`);
  else if (life.alive() && (row.state !== "held" || row.incarnation !== life.node.incarnation))
    house.report("owed", `${words} was delivered while its row says ${row.state}`);
  const before = house.deliveries.get(effect.id);
  if (!before || before.failed || before.life !== life.ordinal || before.troubles !== life.troubles()) return;
  house.report("asked", `${words} was delivered ${before.times + 1} times in one life, and nothing had failed`);
}

function note(house: House, life: Life, effect: OwedEffect, failed: boolean): void {
  const times = (house.deliveries.get(effect.id)?.times ?? 0) + 1;
  house.deliveries.set(effect.id, { times, life: life.ordinal, failed, troubles: life.troubles() });
  if (effect.kind !== "post") return;
  const last = house.said.get(effect.run);
  if (!life.alive()) return;
  // What failed is said later than what came after it; after a step back of the wall clock what comes later is due sooner.
  if (house.jumped?.back) return;
  if (last !== undefined && effect.id < last && times === 1 && effect.tries === 1)
    house.report("order", `${named(house, effect)} was said after ${last.slice(effect.run.length + 1)}`);
  if (last === undefined || effect.id > last) house.said.set(effect.run, effect.id);
}
