import { type House, slip } from "./house.ts";
import { DAY, HOUR, MINUTE, SECOND } from "./spans.ts";

const MOST = 3;
const AT = [10 * MINUTE, 2 * HOUR, 9 * HOUR, 30 * HOUR];
const BY = [MINUTE, HOUR, DAY, -SECOND, -10 * MINUTE, -DAY];
/** One in so many, by how unsteady the clock is. */
const UNSTEADY = [0, 4, 2];

/** The wall clock is set, by hand or by a time server. */
export function jumps(house: House): void {
  for (let number = 1; number <= MOST; number++) {
    const at = AT[house.choices.of(`jump ${number}: at`, AT.length)] as number;
    const way = slip(house, `jump ${number}`, UNSTEADY[house.weather.jumps] as number, [1, 1, 1, 2, 1, 1]);
    const by = BY[way - 1];
    if (by !== undefined) house.outside.after(at, () => jump(house, by));
  }
}

function jump(house: House, by: number): void {
  house.world.jump(by);
  house.jumped = { at: house.world.elapsed(), back: by < 0 || house.jumped?.back === true };
  // What has become due is seen at the next look: nobody is told that the clock was set.
  house.life?.deafen();
  house.count(`fault clock jumps ${by > 0 ? "forward" : "back"}`);
  house.chronicle.tell(`the wall clock jumps by ${by / SECOND} s`);
}
