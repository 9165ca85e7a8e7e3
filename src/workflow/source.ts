/** The way to a value inside a file: keys of maps, positions in lists. */
export type Path = readonly (string | number)[];

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Where one value stands in the text: offsets of its key, its own start and end, and the same for what is inside. */
export interface Mark {
  readonly key: number;
  readonly start: number;
  readonly end: number;
  readonly inside: ReadonlyMap<string | number, Mark> | null;
}

/** What a file says, and where it says it. */
export interface Source {
  readonly value: unknown;
  /** The place of a value, or of the nearest thing around it when the value is absent. */
  valueAt(path: Path): Place;
  /** A value as it is spelt in the file. */
  spelling(path: Path): string;
  /** The place of the key that introduces a value. */
  keyAt(path: Path): Place;
  /**
   * The place of a piece of text inside a value, or of the value when it is spelt differently there; `skip` says how
   * often the same piece stands before it.
   */
  textAt(path: Path, text: string, skip?: number): Place;
}

/** Joins a value to the text it came from. */
export function sourceOf(text: string, value: unknown, root: Mark, placeOf: (offset: number) => Place): Source {
  const markOf = (path: Path): Mark => {
    let mark = root;
    for (const each of path) {
      const next = mark.inside?.get(each);
      if (!next) break;
      mark = next;
    }
    return mark;
  };
  return {
    value,
    valueAt: (path) => placeOf(markOf(path).start),
    spelling: (path) => {
      const { start, end } = markOf(path);
      return text.slice(start, end).trim();
    },
    keyAt: (path) => placeOf(markOf(path).key),
    textAt(path, wanted, skip = 0) {
      const { start, end } = markOf(path);
      let at = text.indexOf(wanted, start);
      for (let left = skip; left > 0 && at >= 0; left--) at = text.indexOf(wanted, at + 1);
      return placeOf(at >= 0 && at < end ? at : start);
    },
  };
}
