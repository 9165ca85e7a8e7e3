import type { Clock } from "../../domain/clock.ts";

/** What somebody said, as it is put in order. */
export interface Line {
  readonly channel: string;
  readonly thread: string | null;
  readonly user: string;
  /** Slack's: its order is the order of saying, and no two messages of a channel share one. */
  readonly ts: string;
}

/** Messages of one person in one place that came in a burst: one turn, in the order of their saying. */
export type Turn<L extends Line> = readonly [L, ...L[]];

/** Gathers bursts. It remembers nothing beyond them that has to outlive the process. */
export interface Turns<L extends Line> {
  hear(line: L): void;
  /** Calls all timers off, and hands over what has been gathered. */
  stop(): void;
}

interface Burst<L extends Line> {
  readonly lines: Map<string, L>;
  readonly endsBy: number;
  cancel(): void;
}

/** A burst that has so many is a turn at once. */
const MOST_LINES = 50;
const MOST_REMEMBERED = 2_000;

export function turns<L extends Line>(options: {
  readonly clock: Pick<Clock, "now" | "after">;
  /** A burst ends when nothing more has come for so long, */
  readonly quietMs: number;
  /** and at the latest so long after its first message. */
  readonly mostMs: number;
  readonly take: (turn: Turn<L>) => void;
}): Turns<L> {
  const { clock, quietMs, mostMs, take } = options;
  const bursts = new Map<string, Burst<L>>();
  /** Of turns that were taken: Slack tells of one message as two events, and of each of them again. */
  const taken = new Set<string>();

  function hear(line: L): void {
    const known = JSON.stringify([line.channel, line.ts]);
    if (taken.has(known)) return;
    const key = JSON.stringify([line.channel, line.thread, line.user]);
    const now = Date.parse(clock.now());
    const burst = bursts.get(key) ?? { lines: new Map<string, L>(), endsBy: now + mostMs, cancel: () => {} };
    if (burst.lines.has(line.ts)) return;
    burst.lines.set(line.ts, line);
    bursts.set(key, burst);
    burst.cancel();
    const wait = burst.lines.size >= MOST_LINES ? 0 : Math.min(quietMs, burst.endsBy - now);
    if (wait <= 0) end(key, burst);
    else burst.cancel = clock.after(wait, () => end(key, burst));
  }

  function end(key: string, burst: Burst<L>): void {
    bursts.delete(key);
    const lines = [...burst.lines.values()].sort((a, b) => (a.ts < b.ts ? -1 : 1));
    for (const { channel, ts } of lines) remember(JSON.stringify([channel, ts]));
    take(lines as [L, ...L[]]);
  }

  function remember(known: string): void {
    taken.add(known);
    const [oldest] = taken.size > MOST_REMEMBERED ? taken : [];
    if (oldest !== undefined) taken.delete(oldest);
  }

  return {
    hear,
    stop: () => {
      for (const [key, burst] of [...bursts]) {
        burst.cancel();
        end(key, burst);
      }
    },
  };
}
