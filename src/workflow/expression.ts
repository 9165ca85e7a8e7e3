import { Environment } from "@marcbachmann/cel-js";
import { Fault } from "../domain/fault.ts";
import type { Json } from "../domain/json.ts";
import { viewOf } from "./expression-scope.ts";
import { isTypeName, type Node, type Reading, readTree } from "./expression-tree.ts";
import type { Flaw } from "./flaw.ts";
import { type Names, unknownName } from "./names.ts";

type Scope = { readonly [name: string]: Json | undefined };

/** What is wrong with a condition at load: its syntax, a type that is not boolean, names that nobody declared. */
export function checkCondition(text: string, names: Names): readonly Flaw[] {
  return check(text, names, "bool", (type) =>
    type.startsWith("optional")
      ? "this may be absent. Say what it counts as then: ….orValue(false)"
      : `a condition is true or false, and this is a ${type}`,
  );
}

/** What is wrong with an expression that must give a list, at load. */
export function checkList(text: string, names: Names): readonly Flaw[] {
  return check(text, names, "list", (type) => `this must be a list, and it is a ${type}`);
}

/**
 * Whether a condition holds; never throws. A condition that cannot be evaluated, as by an absent name or key, counts as
 * false, the whole of it, and `warning` says why.
 */
export function evaluate(text: string, scope: Scope): { readonly value: boolean; readonly warning: string | null } {
  const result = resultOf(text, scope);
  if (!result.ok) return { value: false, warning: `${result.why}; the condition counts as false` };
  if (typeof result.value === "boolean") return { value: result.value, warning: null };
  return { value: false, warning: `it gives ${nounOf(result.value)}, not true or false, and counts as false` };
}

/** The list an expression chooses, as JSON; throws `template.failed` when it chooses none. */
export function evaluateList(text: string, scope: Scope): readonly Json[] {
  const result = resultOf(text, scope);
  if (!result.ok) throw new Fault("template.failed", `"${shortened(text)}" gives no list: ${result.why}`);
  const { value, original } = result;
  if (!Array.isArray(value))
    throw new Fault("template.failed", `"${shortened(text)}" gives ${nounOf(value)}, not a list`);
  try {
    return jsonOf(value, original) as readonly Json[];
  } catch (thrown) {
    throw new Fault("template.failed", `"${shortened(text)}" gives a list that is no JSON`, { cause: thrown });
  }
}

/** The paths an expression reads, as far as its text tells, e.g. `[["phases", "fix", "exit_code"]]`; none when it is flawed. */
export function pathsOfCondition(text: string): readonly (readonly string[])[] {
  const compiled = compile(text);
  if (compiled.flaw) return [];
  const paths = compiled.reading.paths.map(({ path }) => path);
  return [...new Map(paths.map((path) => [JSON.stringify(path), path])).values()];
}

const LONGEST = 2000;
const DEEPEST = 50;
const MOST_NODES = 1000;

const environment = new Environment({
  // Names are judged here, where it is known what may follow them; the library knows only whether they exist.
  unlistedVariablesAreDyn: true,
  enableOptionalTypes: true,
  homogeneousAggregateLiterals: false,
  limits: { maxAstNodes: MOST_NODES, maxDepth: DEEPEST, maxListElements: 200, maxMapEntries: 200 },
});

type Compiled =
  | { readonly flaw: Flaw }
  | {
      readonly flaw: null;
      readonly run: (scope: Record<string, unknown>) => unknown;
      readonly type: () => { readonly type?: string; readonly error?: unknown };
      readonly reading: Reading;
    };

/** By text, the oldest dropped first: a run asks the same few conditions again and again. */
const compiled = new Map<string, Compiled>();
const KEPT = 200;

function compile(text: string): Compiled {
  if (text.length > LONGEST)
    return { flaw: { offset: 0, length: text.length, message: "longer than 2,000 characters" } };
  let result = compiled.get(text);
  if (!result) {
    result = parse(text);
    if (compiled.size >= KEPT) compiled.delete(compiled.keys().next().value!);
    compiled.set(text, result);
  }
  return result;
}

function parse(text: string): Compiled {
  try {
    const run = environment.parse(text);
    // The evaluator marks the tree it runs, and a marked tree is checked no more: each purpose has its own.
    const type = () => environment.parse(text).check();
    return { flaw: null, run, type, reading: readTree(run.ast as Node) };
  } catch (thrown) {
    return { flaw: syntaxFlaw(text, thrown) };
  }
}

function check(text: string, names: Names, wanted: string, otherwise: (type: string) => string): readonly Flaw[] {
  const result = compile(text);
  if (result.flaw) return [result.flaw];
  const { flaws, paths, hyphens } = result.reading;
  const found = [...flaws];
  const mended: { offset: number; end: number }[] = [];
  for (const { path, offset, length, end, parts } of hyphens) {
    if (parts.length > 1 && parts.every((part) => unknownName(names, part.path) === null)) continue;
    if (mended.some((each) => offset < each.end && end > each.offset)) continue;
    mended.push({ offset, end });
    const [name, before] = [path.at(-1)!, path.slice(0, -1).join(".")];
    found.push({
      offset,
      length,
      message: `${before}.${name} is a subtraction. Write ${before}[${JSON.stringify(name)}]`,
    });
  }
  for (const { path, offset, length } of paths) {
    if (mended.some((each) => offset >= each.offset && offset < each.end)) continue;
    const message = isTypeName(path[0]!) ? `${path[0]} is a word of conditions` : unknownName(names, path);
    if (message !== null) found.push({ offset, length: lengthOf(names, path, length), message });
  }
  if (found.length > 0) return found.sort((a, b) => a.offset - b.offset);
  const only = paths.length === 1 && paths[0]!.length === text.trim().length ? paths[0]!.path : null;
  // A closed root by itself is a map whatever a run holds, which the library cannot know.
  if (only?.length === 1 && names.get(only[0]!) instanceof Set)
    return [{ offset: 0, length: text.length, message: otherwise("map") }];
  const { type, error } = result.type();
  if (error) return [typeFlaw(text, error)];
  if (type === wanted || type?.startsWith(`${wanted}<`) || type === "dyn") return [];
  return [{ offset: 0, length: text.length, message: otherwise(wordOf(type ?? "")) }];
}

/** What is unknown is the first name, or the first two; what follows is not at fault. */
function lengthOf(names: Names, path: readonly string[], length: number): number {
  if (!names.has(path[0]!)) return path[0]!.length;
  const dotted = path.slice(0, 2).join(".").length;
  return path.length > 2 ? dotted : length;
}

type Result =
  | { readonly ok: true; readonly value: unknown; readonly original: (value: unknown) => Json | undefined }
  | { readonly ok: false; readonly why: string };

const EXHAUSTED = "it goes over more values than a condition may";

function resultOf(text: string, scope: Scope): Result {
  const compiled = compile(text);
  const flaw = compiled.flaw ?? compiled.reading.flaws[0];
  if (compiled.flaw || flaw) return { ok: false, why: flaw!.message };
  const view = viewOf(scope);
  try {
    const value = compiled.run(view.scope);
    // `||` and `exists` go on after an error in one of their parts, this one included.
    if (view.exhausted) return { ok: false, why: EXHAUSTED };
    return { ok: true, value, original: view.original };
  } catch (thrown) {
    return { ok: false, why: view.exhausted ? EXHAUSTED : whyOf(text, thrown) };
  }
}

/** What the library's errors carry, as far as it is read here. */
interface Thrown {
  readonly code?: string;
  readonly summary?: string;
  readonly range?: { readonly start: number; readonly end: number };
  readonly node?: { readonly start: number; readonly end: number };
}

function whyOf(text: string, thrown: unknown): string {
  const { code, summary, node } = thrown as Thrown;
  switch (code) {
    case "no_such_key":
    case "unknown_variable":
      return `${node ? shortened(text.slice(node.start, node.end)) : "a name"} is absent`;
    case "no_such_overload":
    case "no_matching_overload":
      return `${inWords(summary)}${IN_TEXT.test(summary ?? "") ? ". For a text write text.contains(…)" : ""}`;
    default:
      return summary === undefined ? "it could not be evaluated" : inWords(summary);
  }
}

const IN_TEXT = / in (dyn<)?string/;

function typeFlaw(text: string, error: unknown): Flaw {
  const { summary, range } = error as Thrown;
  const { start, end } = range ?? { start: 0, end: text.length };
  const hint = IN_TEXT.test(summary ?? "") ? ". For a text write text.contains(…)" : "";
  return { offset: start, length: end - start, message: `${inWords(summary)}${hint}` };
}

function syntaxFlaw(text: string, thrown: unknown): Flaw {
  const { code, summary, range } = thrown as Thrown;
  // A syntax error has a place; without one the text has exhausted the stack.
  if (!range) return { offset: 0, length: text.length, message: "nested too deeply" };
  const start = Math.min(range.start, text.length);
  const length = Math.max(0, Math.min(range.end, text.length) - start);
  const flaw = (message: string): Flaw => ({ offset: start, length, message });
  if (text.trim() === "") return { offset: 0, length: text.length, message: "the expression is empty" };
  if (text.includes("{{")) {
    const message = "this is an expression already. Write it without {{ }}";
    return { offset: text.indexOf("{{"), length: 2, message };
  }
  const word = WORD.exec(text.slice(start))?.[0] ?? "";
  if (Object.hasOwn(OPERATORS, word)) return flaw(`"${word}" is written ${OPERATORS[word]}`);
  const before = WORD.exec(text.slice(0, start).trimEnd().split(/\s/).at(-1) ?? "")?.[0];
  if (before === "not") return { offset: text.lastIndexOf("not", start), length: 3, message: '"not" is written !' };
  switch (code) {
    case "limit_exceeded":
      return flaw(/maxDepth/.test(summary ?? "") ? `nested more than ${DEEPEST} levels deep` : "too many parts");
    case "reserved_identifier":
      return flaw(
        `${text.slice(start, start + length)} is a reserved word. As a key write ["${text.slice(start, start + length)}"]`,
      );
    case "unexpected_token":
    case "expected_token":
      return flaw(
        length === 0 ? "the expression ends too early" : `"${text.slice(start, start + length)}" does not belong here`,
      );
    case "unexpected_character":
      if (text[start] === "=") return flaw("to compare, write ==");
      return flaw(`"${text.slice(start, start + length)}" does not belong here`);
    default:
      return flaw(inWords(summary));
  }
}

const WORD = /^(?:[A-Za-z]+|&+|\|+)/;
const OPERATORS: Readonly<Record<string, string>> = { and: "&&", or: "||", not: "!", "&": "&&", "|": "||" };

/** The library's sentence in the style of ours. */
function inWords(summary: string | undefined): string {
  const text = (summary ?? "it could not be read").replaceAll("dyn<", "<").replace(/<(\w+)>/g, "$1");
  return shortened(text.charAt(0).toLowerCase() + text.slice(1));
}

function wordOf(type: string): string {
  return type === "string" ? "text" : type === "int" || type === "double" ? "number" : type;
}

function nounOf(value: unknown): string {
  if (typeof value === "string") return "a text";
  if (typeof value === "bigint" || typeof value === "number") return "a number";
  if (typeof value === "boolean") return `${value}`;
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : "an object";
}

function shortened(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function jsonOf(value: unknown, original: (value: unknown) => Json | undefined): Json {
  const known = original(value);
  if (known !== undefined) return known;
  if (typeof value === "bigint") {
    if (!Number.isSafeInteger(Number(value))) throw new RangeError("a whole number beyond 2^53");
    return Number(value);
  }
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError("not a finite number");
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value;
  if (Array.isArray(value)) return Array.from(value, (each) => jsonOf(each, original));
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError("not JSON");
  return Object.fromEntries(Object.entries(value as object).map(([key, each]) => [key, jsonOf(each, original)]));
}
