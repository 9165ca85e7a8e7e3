import type { Pattern, Place } from "./forms.ts";

/** Finds patterns in a text: each character is looked at once, however many patterns there are. */
export interface Automaton {
  readonly start: State;
  /** How far apart beginning and end of a match may be. */
  readonly longest: number;
  next(state: State, unit: number): State;
}

/** How far all matches that are under way have come. */
export interface State {
  readonly after: (State | undefined)[];
  /** No match is under way, but for those that may begin anywhere. */
  readonly isOver: boolean;
  /** At most so many units ago the oldest match that is under way began. */
  readonly depth: number;
  /** So many characters of a secret the match furthest under way has found. */
  readonly found: number;
  /** The secret that was found here. */
  readonly secret: string | null;
  readonly marks: readonly Mark[];
}

/** One match: in which pattern, at which place, and how far into it. */
interface Mark {
  readonly pattern: Compiled;
  readonly at: number;
  readonly node: Node;
  readonly id: number;
}

interface Compiled {
  readonly secret: string;
  readonly places: readonly Node[];
  /** By place: how many units at most, and how many places that cannot be empty, stand before it. */
  readonly before: readonly number[];
  readonly solid: readonly number[];
  readonly number: number;
}

/** What may stand at one place, as a tree. */
interface Node {
  readonly next: Map<number, Node>;
  readonly depth: number;
  readonly id: number;
  whole: boolean;
}

/** So many states are remembered: a text that leads to more of them is only slower. */
const MOST_STATES = 10_000;
/** No place has as many nodes, no pattern as many places. */
const MOST_NODES = 4_096;
const MOST_PLACES = 4_096;

/** `anywhere`: a match may begin at every character; otherwise only at the first. */
export function automaton(patterns: readonly Pattern[], anywhere: boolean): Automaton {
  const compiled = compile(patterns);
  const { classes, count } = classesOf(compiled);
  const known = new Map<string, State>();
  const beginnings = compiled.flatMap((each) => entered(each, 0));
  const start = stateOf(beginnings);

  function stateOf(marks: readonly Mark[]): State {
    const ended = marks.find(({ pattern, at }) => at === pattern.places.length);
    const most = (measure: (mark: Mark) => number): number =>
      marks.reduce((highest, mark) => Math.max(highest, measure(mark)), 0);
    return {
      after: new Array<State | undefined>(count).fill(undefined),
      isOver: marks.length === 0,
      depth: most(({ pattern, at, node }) => (pattern.before[at] as number) + node.depth),
      found: most(({ pattern, at }) => pattern.solid[at] as number),
      secret: ended?.pattern.secret ?? null,
      marks,
    };
  }

  function moved(marks: readonly Mark[], unit: number): Mark[] {
    return marks.flatMap(({ pattern, at, node }) => {
      const to = node.next.get(unit);
      if (!to) return [];
      return [...(to.next.size > 0 ? [markOf(pattern, at, to)] : []), ...(to.whole ? entered(pattern, at + 1) : [])];
    });
  }

  const first = new Map<number, Mark[]>();
  function begun(unit: number): readonly Mark[] {
    if (!anywhere) return [];
    const of = classes[unit] as number;
    const found = first.get(of) ?? moved(beginnings, unit);
    first.set(of, found);
    return found;
  }

  function make(state: State, unit: number): State {
    const unique = new Map([...moved(state.marks, unit), ...begun(unit)].map((mark) => [mark.id, mark]));
    const key = [...unique.keys()].sort((one, other) => one - other).join();
    if (key === "" && anywhere) return start;
    const made = known.get(key) ?? stateOf([...unique.values()]);
    if (known.size >= MOST_STATES) {
      known.clear();
      start.after.fill(undefined);
    }
    known.set(key, made);
    return made;
  }

  return {
    start,
    longest: compiled.reduce((most, { before }) => Math.max(most, before.at(-1) as number), 0),
    next: (state, unit) => {
      const of = classes[unit] as number;
      const known = state.after[of];
      if (known) return known;
      const made = make(state, unit);
      state.after[of] = made;
      return made;
    },
  };
}

const ENDED: Node = { next: new Map(), depth: 0, id: 0, whole: false };

/** The marks of a match that has come to a place: also behind it, where nothing need stand there. */
function entered(pattern: Compiled, at: number): Mark[] {
  const node = pattern.places[at];
  if (!node) return [markOf(pattern, at, ENDED)];
  return [markOf(pattern, at, node), ...(node.whole ? entered(pattern, at + 1) : [])];
}

function markOf(pattern: Compiled, at: number, node: Node): Mark {
  return { pattern, at, node, id: (pattern.number * MOST_PLACES + at) * MOST_NODES + node.id };
}

function compile(patterns: readonly Pattern[]): Compiled[] {
  const trees = new Map<Place, { tree: Node; longest: number }>();
  const treeOf = (place: Place): { tree: Node; longest: number } => {
    const found = trees.get(place) ?? { tree: grown(place), longest: Math.max(...place.map((each) => each.length)) };
    trees.set(place, found);
    return found;
  };
  return patterns.map(({ secret, places }, number) => {
    const before = [0];
    const solid = [0];
    const nodes = places.map((place) => {
      const { tree, longest } = treeOf(place);
      before.push((before.at(-1) as number) + longest);
      solid.push((solid.at(-1) as number) + (tree.whole ? 0 : 1));
      return tree;
    });
    return { secret, places: nodes, before, solid, number };
  });
}

function grown(place: Place): Node {
  let nodes = 0;
  const fresh = (depth: number): Node => ({ next: new Map(), depth, id: nodes++, whole: false });
  const root = fresh(0);
  for (const text of place) {
    let at = root;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      const to = at.next.get(unit) ?? fresh(at.depth + 1);
      at.next.set(unit, to);
      at = to;
    }
    at.whole = true;
  }
  return root;
}

/** A number for every unit that some pattern holds, and one for all others. */
function classesOf(patterns: readonly Compiled[]): { classes: Uint16Array; count: number } {
  const classes = new Uint16Array(65_536);
  const seen = new Set<Node>();
  let last = 0;
  const visit = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    for (const [unit, to] of node.next) {
      if (classes[unit] === 0) classes[unit] = ++last;
      visit(to);
    }
  };
  for (const { places } of patterns) for (const each of places) visit(each);
  return { classes, count: last + 1 };
}
