import type { Probe } from "./probe.ts";

/** One measurement of the table of targets. */
export interface Row {
  readonly row: number;
  readonly title: string;
  /** Runs in a process of its own; returns a line per figure, the row's headline first. */
  measure(options: Options): Promise<readonly Line[]>;
}

export interface Options {
  /** The row's own folder, empty; removed by whoever started it. */
  readonly folder: string;
  /** Runs per sample of throughput. */
  readonly runs: number;
  /** Stored runs that lists are asked over. */
  readonly listRows: number;
  /** Whether growth goes to 10⁶ stored runs. */
  readonly million: boolean;
}

/** A figure beside its target; what a reader may want besides stands in further fields. */
export interface Line {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target: string;
  /** Null where the target is for more stored runs than were there, and is not missed already. */
  readonly met: boolean | null;
  readonly [more: string]: unknown;
}

/** What the process of a row answers. */
export interface Measured {
  readonly lines: readonly Line[];
  /** Before the row and after it. */
  readonly probes: readonly [Probe, Probe];
}
