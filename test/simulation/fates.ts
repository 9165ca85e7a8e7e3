import type { Clock } from "../../src/domain/clock.ts";
import type { Fate } from "./disk.ts";
import { type House, slip } from "./house.ts";

/** What becomes of the transaction that begins now. */
export function fateOf(house: House): Fate {
  const { choices, weather } = house;
  const name = `commit ${++house.commits}`;
  if (house.full) {
    const room = choices.pick(`${name}: no room`, [1, 3, 2]);
    if (room === 0) return { type: "lives" };
    house.count("fault no room for a commit");
    house.chronicle.tell(`${name} finds no room`);
    const undone = choices.rarely(`${name}: rolled back by SQLite`, 2);
    return { type: "full", statement: room === 1 ? 1 + choices.of(`${name}: at statement`, 8) : null, undone };
  }
  const way = slip(house, name, weather.fates, [2, 4, 4, 1, 1, 2]);
  if (way === 0) return { type: "lives" };
  const words = WAYS[way] as string;
  house.count(`fault ${words}`);
  house.chronicle.tell(`${name}: ${words}`);
  switch (way) {
    case 1:
      return { type: "dies", when: "before" };
    case 2:
      return { type: "dies", when: "within", statement: 1 + choices.of(`${name}: at statement`, 10) };
    case 3:
      return { type: "dies", when: "after" };
    case 4:
      return { type: "unsynced", kept: true };
    case 5:
      return { type: "unsynced", kept: false };
    default: {
      house.full = true;
      const lasts = [5_000, 300_000, 7_200_000][choices.of(`${name}: no room for`, 3)] as number;
      house.outside.after(lasts, () => {
        house.full = false;
        house.chronicle.tell("there is room again");
      });
      return { type: "full", statement: 1 + choices.of(`${name}: at statement`, 8), undone: false };
    }
  }
}

const WAYS = [
  "",
  "the daemon dies before it",
  "the daemon dies within it",
  "the daemon dies after it, before anyone hears",
  "its sync fails and it is on disk",
  "its sync fails and it is not on disk",
  "the disk is full",
];

/** Now and then the disk takes its time, and everyone else goes on meanwhile. */
export function slow(house: House, clock: Clock): Clock {
  return {
    ...clock,
    soon: (work) => {
      const way = slip(
        house,
        `flush after commit ${house.commits} of life ${house.lives}`,
        house.weather.slips,
        [3, 1],
      );
      if (way === 0) return clock.soon(work);
      house.count("fault slow disk");
      clock.after(way === 1 ? 20 : 10_000, work);
    },
  };
}
