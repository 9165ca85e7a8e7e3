import type { Iso } from "./clock.ts";
import type { Json } from "./json.ts";

/**
 * How far a matrix has come, in a size that depends on how many items go side by side and not on how many there are.
 * An item's ordinal is `base` + its place.
 */
export interface Items {
  readonly base: number;
  readonly total: number;
  /** Items begun so far: they begin in order. */
  readonly begun: number;
  readonly done: number;
  readonly failed: number;
  /** Tries that may start as soon as there is room. */
  readonly owed: readonly Item[];
  /** Tries that come again: at once, or after a pause, during which they keep their place. */
  readonly again: readonly (Item & { readonly at?: Iso })[];
  /** Of those that execute, the ones that have been through something before. */
  readonly trying: readonly Item[];
  /** Set when the first failure ended it. */
  readonly stopped?: true;
  readonly since: Iso;
}

/** One try of one item. */
export interface Item {
  readonly iteration: number;
  readonly attempt: number;
  /** Tries that failed and were forgiven. */
  readonly failures?: number;
  /** Processes that vanished. */
  readonly vanished?: number;
}

/** What an item that executes has been through before. */
export function trialsOf({ trying }: Items, iteration: number): Pick<Item, "failures" | "vanished"> {
  const { failures, vanished } = trying.find((each) => each.iteration === iteration) ?? {};
  return { ...(failures && { failures }), ...(vanished && { vanished }) };
}

export type Axes = { readonly [name: string]: readonly Json[] };

/** How many combinations there are; no axis at all, or an empty one, gives none. */
export function combinations(axes: Axes): number {
  const sizes = Object.values(axes).map((values) => values.length);
  return sizes.length === 0 ? 0 : sizes.reduce((product, size) => product * size, 1);
}

/** The values of one combination: the last axis turns fastest. */
export function combination(axes: Axes, place: number): { readonly [name: string]: Json } {
  const chosen: [string, Json][] = [];
  let rest = place;
  for (const [name, values] of Object.entries(axes).reverse()) {
    chosen.push([name, values[rest % values.length] as Json]);
    rest = Math.floor(rest / values.length);
  }
  return Object.fromEntries(chosen.reverse());
}

/** What one item is called: `build[3]`, counted from 0. */
export function itemName(phase: string, place: number): string {
  return `${phase}[${place}]`;
}

export function placeOf(phase: string, name: string): number | null {
  const found = name.startsWith(phase) ? /^\[(\d+)\]$/.exec(name.slice(phase.length)) : null;
  return found ? Number(found[1]) : null;
}

/** The most items a matrix may have; beyond it the phase fails and says so. */
export const MATRIX_LIMIT = 10_000;
