/** What made one life of a house other than the dullest one: enough to live it again, to the last id. */
export interface Script {
  readonly seed: number;
  /** Every choice that was not the dull one, by its name; in the order of being made. */
  readonly choices: { readonly [name: string]: number };
}

/** Chance by name. Option 0 is always the dull one: no fault, no delay, the oldest first, success. */
export interface Choices {
  /** One of so many, all as likely. */
  of(name: string, sides: number): number;
  /** By weight; the first stands for nothing special. */
  pick(name: string, weights: readonly number[]): number;
  /** True once in so many times. */
  rarely(name: string, oneIn: number): boolean;
  /** What was chosen otherwise than dully so far. */
  script(): Script;
}

/** Each choice hangs on the seed and its own name alone, so that to take one away changes no other. */
export function drawn(seed: number): Choices {
  const draw = (name: string): number => hash(seed, name);
  const made = new Map<string, number>();
  const note = (name: string, value: number): number => {
    if (value !== 0) made.set(name, value);
    return value;
  };
  return {
    of: (name, sides) => note(name, draw(name) % sides),
    pick: (name, weights) => {
      let rest = draw(name) % weights.reduce((sum, each) => sum + each, 0);
      for (const [at, weight] of weights.entries()) {
        if (rest < weight) return note(name, at);
        rest -= weight;
      }
      return 0;
    },
    rarely: (name, oneIn) => note(name, draw(name) % oneIn === 1 % oneIn ? 1 : 0) === 1,
    script: () => ({ seed, choices: Object.fromEntries(made) }),
  };
}

/** Only what the script says; all else is dull. Its own script holds what was asked for. */
export function replayed(script: Script): Choices {
  const asked = new Map<string, number>();
  const said = (name: string, sides: number): number => {
    const value = Object.hasOwn(script.choices, name) ? Math.min(script.choices[name] as number, sides - 1) : 0;
    if (value > 0) asked.set(name, value);
    return value;
  };
  return {
    of: said,
    pick: (name, weights) => said(name, weights.length),
    rarely: (name) => said(name, 2) > 0,
    script: () => ({ seed: script.seed, choices: Object.fromEntries(asked) }),
  };
}

/** FNV-1a over the name, stirred (murmur3's last step) so that names which differ in a digit have nothing in common. */
function hash(seed: number, name: string): number {
  let value = Math.imul(seed + 1, 0x9e3779b1) ^ 0x811c9dc5;
  for (let at = 0; at < name.length; at++) value = Math.imul(value ^ name.charCodeAt(at), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
