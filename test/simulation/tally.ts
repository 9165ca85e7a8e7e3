/** What a simulation has seen, by kind: to be added up over seeds. */
export type Counts = { [what: string]: number };

/** Once more of this kind. */
export type Count = (what: string, times?: number) => void;

export function counter(counts: Counts): Count {
  return (what, times = 1) => {
    counts[what] = (counts[what] ?? 0) + times;
  };
}

export function add(to: Counts, more: Counts): void {
  for (const [what, times] of Object.entries(more)) to[what] = (to[what] ?? 0) + times;
}

/** Those whose name begins so, without that beginning. */
export function among(counts: Counts, beginning: string): Counts {
  return Object.fromEntries(
    Object.entries(counts)
      .filter(([what]) => what.startsWith(beginning))
      .map(([what, times]) => [what.slice(beginning.length), times] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
