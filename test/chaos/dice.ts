/** Chance that a seed repeats: every party draws from a stream of its own, so that none shifts another's. */
export interface Dice {
  /** From `least` up to, not including, `most`. */
  between(least: number, most: number): number;
  whole(least: number, most: number): number;
  chance(share: number): boolean;
  pick<T>(from: readonly [T, ...T[]]): T;
}

export function dice(seed: number, stream: string): Dice {
  let state = seed >>> 0;
  for (const letter of stream) state = Math.imul(state ^ letter.charCodeAt(0), 0x01000193) >>> 0;
  const roll = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least: number, most: number): number => least + roll() * (most - least);
  return {
    between,
    whole: (least, most) => Math.floor(between(least, most + 1)),
    chance: (share) => roll() < share,
    pick: (from) => from[Math.floor(roll() * from.length)] as (typeof from)[number],
  };
}
