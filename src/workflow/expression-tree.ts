import type { Flaw } from "./flaw.ts";

/** One node of a parsed expression, as much of it as is read here; `start` and `end` are offsets in `input`. */
export interface Node {
  readonly op: string;
  readonly args: unknown;
  readonly start: number;
  readonly end: number;
  readonly input?: string;
}

/** A path an expression reads: the segments known from its text, and where they stand. */
export interface PathRead {
  readonly path: readonly string[];
  readonly offset: number;
  readonly length: number;
}

/** What is not available although the language has it, and each path that is read. */
export interface Reading {
  readonly flaws: readonly Flaw[];
  readonly paths: readonly PathRead[];
  /** Differences whose parts touch, e.g. `phases.write-test`: likely a name and no subtraction. */
  readonly hyphens: readonly Hyphen[];
}

export interface Hyphen extends PathRead {
  /** Where the whole difference ends; what lies inside says nothing once the name is mended. */
  readonly end: number;
  /** The paths before and after the hyphen, as the language reads them. */
  readonly parts: readonly PathRead[];
}

/** Reads a tree once; iteration variables are no paths. */
export function readTree(root: Node): Reading {
  const flaws: Flaw[] = [];
  const paths: PathRead[] = [];
  const hyphens: Hyphen[] = [];
  const flaw = (node: Node, message: string): void => {
    flaws.push({ offset: node.start, length: node.end - node.start, message });
  };

  function visit(node: Node, bound: ReadonlySet<string>, inside: boolean): void {
    switch (node.op) {
      case "value":
        return;
      case "id":
      case ".":
      case ".?":
      case "[]":
      case "[?]":
        access(node, bound, inside);
        return;
      case "call":
      case "rcall":
        call(node, bound, inside);
        return;
      case "==":
      case "!=":
        for (const side of node.args as readonly Node[]) if (isNull(side)) flaw(node, NO_NULL);
        break;
      case "in": {
        const [left, right] = node.args as readonly [Node, Node];
        const whole = textOf(right);
        if (isText(left) && (isText(right) || whole === "output" || whole?.endsWith(".output")))
          flaw(node, `in looks into lists. For a text write ${whole ?? "…"}.contains(${source(left)})`);
        break;
      }
      case "-": {
        const hyphen = hyphenOf(node);
        if (hyphen) hyphens.push(hyphen);
        break;
      }
    }
    for (const each of childrenOf(node)) visit(each, bound, inside);
  }

  function access(node: Node, bound: ReadonlySet<string>, inside: boolean): void {
    let rest: Node = node;
    while (ACCESS.has(rest.op)) {
      const [left, right] = rest.args as readonly [Node, Node | string];
      if (typeof right !== "string") visit(right, bound, inside);
      rest = left;
    }
    if (rest.op !== "id") {
      visit(rest, bound, inside);
      return;
    }
    const read = pathOf(node);
    if (read && !bound.has(read.path[0]!) && !(node.op === "id" && TYPES.has(read.path[0]!))) paths.push(read);
  }

  function call(node: Node, bound: ReadonlySet<string>, inside: boolean): void {
    const [name, ...rest] = node.args as readonly [string, ...unknown[]];
    const receiver = node.op === "rcall" ? (rest[0] as Node) : null;
    const given = rest.at(-1) as readonly Node[];
    if (receiver && LOOPS.has(name)) {
      const [variable, ...bodies] = given;
      if (inside) flaw(node, `${name} cannot stand inside another ${[...LOOPS].join(", ")}`);
      if (holdsMap(receiver)) flaw(node, `${name} cannot follow map. Say it of the list itself: list.${name}(x, …x…)`);
      visit(receiver, bound, inside);
      const own = variable?.op === "id" ? new Set([...bound, variable.args as string]) : bound;
      for (const each of bodies) visit(each, own, true);
      return;
    }
    const known = receiver ? METHODS : FUNCTIONS;
    if (Object.hasOwn(REFUSED, name)) flaw(node, REFUSED[name]!);
    else if (!known.has(name) && receiver && rootOf(receiver) === "cel") flaw(node, `cel.${name} is not available`);
    else if (!known.has(name)) flaw(node, `${name}() is not available. There are ${[...known].join(", ")}`);
    // Its parser takes time that grows with the cube of the text: an author's own literal is short.
    else if (name === "duration" && !isShortText(given[0])) flaw(node, `duration takes a literal, e.g. "90s"`);
    if (receiver && !(receiver.op === "id" && receiver.args === "optional")) visit(receiver, bound, inside);
    for (const each of given) visit(each, bound, inside);
  }

  visit(root, new Set(), false);
  return { flaws, paths, hyphens };
}

const ACCESS: ReadonlySet<string> = new Set([".", ".?", "[]", "[?]"]);
/** Every one goes over a list; one inside another multiplies their lengths. */
const LOOPS: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "filter", "map"]);
const FUNCTIONS: ReadonlySet<string> = new Set(
  "has size string int double bool type dyn timestamp duration".split(" "),
);
const METHODS: ReadonlySet<string> = new Set(
  `contains startsWith endsWith size lowerAscii upperAscii trim indexOf lastIndexOf substring
  orValue or hasValue value of none all exists exists_one filter map`.split(/\s+/),
);
const TYPES: ReadonlySet<string> = new Set(
  "string bool int uint double map list bytes null_type type google cel optional".split(" "),
);
const REFUSED: Readonly<Record<string, string>> = {
  // A pattern such as (a+)+$ takes seconds on a few characters, and nothing could interrupt it.
  matches: "matches is not available: a pattern could stop the daemon. Use contains, startsWith, endsWith or ==",
};
const NO_NULL = "nothing is ever null here: what is missing is absent. Write has(path) or !has(path)";

/** A name that the language itself takes; a root called so could never be read. */
export function isTypeName(name: string): boolean {
  return TYPES.has(name);
}

function childrenOf({ op, args }: Node): readonly Node[] {
  if (op === "map") return (args as readonly (readonly Node[])[]).flat();
  if (Array.isArray(args)) return args as Node[];
  return args !== null && typeof args === "object" ? [args as Node] : [];
}

/** `a.b["c"]` → a, b, c; it ends where a segment is not known from the text. */
function pathOf(node: Node): PathRead | null {
  const nodes: Node[] = [];
  let rest = node;
  for (; ACCESS.has(rest.op); rest = (rest.args as readonly Node[])[0]!) nodes.unshift(rest);
  if (rest.op !== "id") return null;
  const path = [rest.args as string];
  let last = rest;
  for (const each of nodes) {
    const right = (each.args as readonly unknown[])[1] as string | Node;
    const segment = typeof right === "string" ? right : isText(right) ? (right.args as string) : null;
    if (segment === null) break;
    path.push(segment);
    last = each;
  }
  return { path, offset: rest.start, length: last.end - rest.start };
}

function textOf(node: Node): string | null {
  const path = pathOf(node);
  return path && path.offset + path.length === node.end ? path.path.join(".") : isText(node) ? source(node) : null;
}

function rootOf(node: Node): string | null {
  return node.op === "id" ? (node.args as string) : null;
}

function source(node: Node): string {
  return node.input?.slice(node.start, node.end) ?? "";
}

function isText(node: Node): boolean {
  return node.op === "value" && typeof node.args === "string";
}

function isShortText(node: Node | undefined): boolean {
  return node !== undefined && isText(node) && (node.args as string).length <= 32;
}

function isNull(node: Node): boolean {
  return node.op === "value" && node.args === null;
}

/** Lists of lists made by map, and mapped again, would grow without a bound that anyone could name. */
function holdsMap(node: Node): boolean {
  if (node.op === "rcall" && (node.args as readonly unknown[])[0] === "map") return true;
  if (node.op === "rcall" || node.op === "call") {
    const [, ...rest] = node.args as readonly unknown[];
    return (rest.flat() as Node[]).some(holdsMap);
  }
  return childrenOf(node)
    .filter((each) => typeof each === "object")
    .some(holdsMap);
}

/** From the end of a path, what a person may have meant as the rest of its last name. */
const TAIL = /(?:-[A-Za-z0-9_]+)+/y;

function hyphenOf(node: Node): Hyphen | null {
  let left = node;
  const parts: PathRead[] = [];
  while (left.op === "-") {
    const [before, after] = left.args as readonly [Node, Node];
    const part = pathOf(after);
    if (part) parts.unshift(part);
    left = before;
  }
  if (left.op !== ".") return null;
  const path = pathOf(left);
  if (!path || path.offset + path.length !== left.end) return null;
  TAIL.lastIndex = left.end;
  const tail = TAIL.exec(node.input ?? "")?.[0];
  if (tail === undefined) return null;
  const name = path.path.at(-1)! + tail;
  return {
    path: [...path.path.slice(0, -1), name],
    offset: path.offset,
    length: path.length + tail.length,
    end: node.end,
    parts: [path, ...parts],
  };
}
