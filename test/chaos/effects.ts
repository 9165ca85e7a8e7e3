/** The lines that programs left of themselves: execution → how often it said that it began, and that it ended. */
export interface Effects {
  readonly of: ReadonlyMap<string, { readonly run: string; start: number; end: number }>;
  readonly lines: number;
  readonly unreadable: readonly string[];
}

const LINE = /^(start|end) (\S+) (\S+) (\S+) (\d+)$/;

export function readEffects(text: string): Effects {
  const of = new Map<string, { run: string; start: number; end: number }>();
  const unreadable: string[] = [];
  const lines = text.split("\n");
  // A line that is being written right now counts once it is whole.
  lines.pop();
  for (const line of lines) {
    const [, what, run, , execution] = LINE.exec(line) ?? [];
    if (!what || !run || !execution) {
      unreadable.push(line);
      continue;
    }
    const counts = of.get(execution) ?? { run, start: 0, end: 0 };
    counts[what as "start" | "end"]++;
    of.set(execution, counts);
  }
  return { of, lines: lines.length, unreadable };
}
