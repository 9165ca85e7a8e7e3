import type { Stage } from "./stage.ts";

/** One thing that is shown with what others made: their programs are fetched for it, and gone afterwards. */
export interface Row {
  readonly row: string;
  readonly title: string;
  /** Fields of its lines that stand in the table beside the usual ones. */
  readonly columns: readonly string[];
  show(stage: Stage): Promise<readonly Line[]>;
}

/** A figure beside its target. */
export interface Line {
  readonly name: string;
  /** Null where it was not run. */
  readonly value: number | null;
  readonly unit: string;
  readonly target: string;
  /** Null where it was not run, for the reason in `not_run`. */
  readonly met: boolean | null;
  readonly not_run?: string;
  /** Broken promises, a sentence each. */
  readonly broken?: readonly string[];
  readonly [more: string]: unknown;
}

const UNIT = "promises broken";

/** How many promises were broken, of those that were looked at. */
export function kept(name: string, broken: readonly string[], more: { readonly [name: string]: unknown } = {}): Line {
  return { name, value: broken.length, unit: UNIT, target: "0", met: broken.length === 0, broken, ...more };
}

export function notRun(name: string, why: string): Line {
  return { name, value: null, unit: UNIT, target: "0", met: null, not_run: why };
}
