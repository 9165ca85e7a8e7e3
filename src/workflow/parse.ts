import {
  Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  visit,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import type { Remark } from "./complaint.ts";
import { type Mark, type Place, type Source, sourceOf } from "./source.ts";

/** What became of a text; `source` is null when an error among the remarks keeps it from being read. */
export interface Parsed {
  readonly source: Source | null;
  readonly remarks: readonly Remark[];
}

/** Reads YAML the strict way grammar 1 asks for: one document, string keys, no surprises kept silent. */
export function parse(text: string): Parsed {
  const early = earlyRefusal(text);
  if (early) return { source: null, remarks: [early] };
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    version: "1.2",
    schema: "core",
    merge: false,
    resolveKnownTags: false,
    stringKeys: true,
    // The library compares every key with every other: 40,000 keys take seconds. `Reading` uses a set.
    uniqueKeys: false,
    // "silent" would also silence the refusal of a second document.
    logLevel: "error",
    prettyErrors: false,
  });
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const refusals = [...document.errors, ...document.warnings];
  if (refusals.length > 0) return { source: null, remarks: fromLibrary(refusals, text, placeOf) };
  return read(document, text, placeOf);
}

/**
 * Writes a value that `parse` reads back the same, long lines unbroken. Characters that no file can hold (NUL, half of a
 * pair) become the mark that stands for them.
 */
export function print(value: unknown): string {
  const document = new Document(value, holdable, { version: "1.2", schema: "core", aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_, node) => {
      // The library takes blank lines for indentation where a block begins with them, and a byte order mark for none.
      if (typeof node.value === "string" && /^\s.*\n|\uFEFF/s.test(node.value)) node.type = "QUOTE_DOUBLE";
    },
  });
  return document.toString({ lineWidth: 0, blockQuote: "literal", doubleQuotedAsJSON: true });
}

function holdable(_: unknown, value: unknown): unknown {
  return typeof value === "string" ? value.toWellFormed().replaceAll("\0", "\uFFFD") : value;
}

const DEPTH = 64;
const TOKENS = 60_000;
const ALIASES = 50;
const VALUES = 100_000;

/** What the parser itself must not be asked to read: it recurses per level and is slow per token; the lexer is neither. */
function earlyRefusal(text: string): Remark | null {
  const directive = /^(?:[ \t]*(?:#[^\n]*)?\r?\n)*(?=%)/.exec(text.slice(0, 16_384));
  if (directive) {
    const line = directive[0].split("\n").length;
    return error({ line, column: 1 }, "directives such as %YAML are not accepted. Remove the line");
  }
  let count = 0;
  let depth = 0;
  let offset = 0;
  for (const token of new Lexer().lex(text)) {
    if (++count > TOKENS) return error(placeIn(text, offset), `more than ${TOKENS} pieces of YAML in one file`);
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    if (depth > DEPTH) return error(placeIn(text, offset), TOO_DEEP);
    // Marks the lexer puts between tokens (document start, scalar, end of flow) stand for no text.
    if (token !== "\x02" && token !== "\x1f" && token !== "\x18") offset += token.length;
  }
  return null;
}

const TOO_DEEP = `nested more than ${DEPTH} levels deep`;

function placeIn(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}

/** One remark per line: what else the library finds on a line is nearly always the same mistake. */
function fromLibrary(refusals: readonly YAMLError[], text: string, placeOf: (offset: number) => Place): Remark[] {
  const remarks = new Map<number, Remark>();
  for (const refusal of [...refusals].sort((a, b) => a.pos[0] - b.pos[0])) {
    const place = placeOf(refusal.pos[0]);
    if (!remarks.has(place.line)) remarks.set(place.line, error(place, explain(refusal, text)));
    if (remarks.size === 50 || refusal.code === "RESOURCE_EXHAUSTION") break;
  }
  return [...remarks.values()];
}

function explain({ code, pos, message }: YAMLError, text: string): string {
  const [from, to] = pos;
  switch (code) {
    case "NON_STRING_KEY": {
      if (text[from - 1] !== "{" || text[from] !== "{") return "a key must be text";
      const close = text.indexOf("}}", from);
      return `"${close < 0 ? "{{" : text.slice(from - 1, close + 2).slice(0, 80)}" needs quotes`;
    }
    case "TAG_RESOLVE_FAILED": {
      const tag = text.slice(from, to).slice(0, 80);
      const condition = tag.includes("(") || /\b(if|skip_if|until):[ \t]*$/.test(text.slice(from - 40, from));
      return `"${tag.replace(/\(.*/s, "(…)")}" is a YAML tag. Quote the ${condition ? "condition" : "text"}`;
    }
    case "TAB_AS_INDENT":
      return "a tab cannot indent YAML. Use spaces";
    case "BLOCK_AS_IMPLICIT_KEY":
      return '": " inside a text makes it a map. Quote the text';
    case "MULTIPLE_DOCS":
      return 'one file holds one document. Remove the second "---"';
    case "RESOURCE_EXHAUSTION":
      return TOO_DEEP;
    default:
      return message;
  }
}

interface Found {
  readonly value: unknown;
  readonly mark: Mark;
  /** How many values it amounts to once aliases are written out. */
  readonly size: number;
}

/** Our own walk rather than the library's `toJS`: duplicates in linear time, aliases and depth bounded, places kept. */
function read(document: Document.Parsed, text: string, placeOf: (offset: number) => Place): Parsed {
  const remarks: Remark[] = [];
  const anchors = new Map<string, Found>();
  let aliases = 0;
  const refuse = (offset: number, message: string): void => {
    if (remarks.length < 1000) remarks.push(error(placeOf(offset), message));
  };

  function found(node: Node | null, key: number, depth: number, name: string): Found {
    const [start, end] = node?.range ?? [key, key];
    const nothing: Found = { value: null, mark: { key, start, end, inside: null }, size: 1 };
    if (!node) return nothing;
    if (depth > DEPTH) {
      refuse(start, TOO_DEEP);
      return nothing;
    }
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (++aliases === ALIASES + 1) refuse(start, `more than ${ALIASES} aliases`);
      if (!target) refuse(start, `"*${node.source}" names no anchor above it. Quote the text if the * is meant`);
      return target ? { ...target, mark: { key, start, end, inside: target.mark.inside } } : nothing;
    }
    let result = nothing;
    if (isMap(node)) result = map(node, nothing.mark, depth);
    else if (isSeq(node)) result = list(node, nothing.mark, depth);
    else if (isScalar(node)) result = { ...nothing, value: scalar(node, start, end, name) };
    if (node.anchor) anchors.set(node.anchor, result);
    return result;
  }

  function map(node: YAMLMap, mark: Mark, depth: number): Found {
    const value: Record<string, unknown> = {};
    const inside = new Map<string | number, Mark>();
    let size = 1;
    for (const pair of node.items) {
      const key = pair.key as Scalar<string> | null;
      const at = key?.range?.[0] ?? mark.start;
      const name = key?.value ?? "";
      const bad = inside.has(name) ? `"${name}" is here twice` : badKey(name, key?.type === "PLAIN");
      if (bad) {
        refuse(at, bad);
        continue;
      }
      const each = found(pair.value as Node | null, at, depth + 1, name);
      value[name] = each.value;
      inside.set(name, each.mark);
      size += each.size;
    }
    return { value, mark: { ...mark, inside }, size };
  }

  function list(node: YAMLSeq, mark: Mark, depth: number): Found {
    const value: unknown[] = [];
    const inside = new Map<string | number, Mark>();
    let size = 1;
    for (const [at, item] of node.items.entries()) {
      const start = (item as Node | null)?.range?.[0] ?? mark.start;
      const each = found(item as Node | null, start, depth + 1, "");
      value.push(each.value);
      inside.set(at, each.mark);
      size += each.size;
    }
    return { value, mark: { ...mark, inside }, size };
  }

  function scalar({ value, type }: Scalar, start: number, end: number, key: string): unknown {
    if (typeof value === "string" && value.includes("\0"))
      refuse(
        Math.max(start, text.slice(0, end).indexOf("\0", start)),
        "a NUL character cannot stand in a text. Remove it",
      );
    if (typeof value === "number" && !(Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)))
      refuse(start, "this number cannot be kept exactly. Quote it");
    // Only ` #x`, never ` # x`: the second is how people write a comment they mean.
    if (type === "PLAIN" && PROSE.has(key) && /^ #[^\s#]/.test(text.slice(end, end + 3))) {
      const message = 'what follows " #" is a comment and not part of the text. Quote the text to keep it';
      remarks.push({ ...placeOf(end + 1), severity: "warning", message });
    }
    return value;
  }

  const root = found(document.contents, 0, 1, "");
  if (root.size > VALUES) refuse(0, `more than ${VALUES} values once aliases are written out`);
  const failed = remarks.some((each) => each.severity === "error");
  return { source: failed ? null : sourceOf(text, root.value, root.mark, placeOf), remarks };
}

const PROSE: ReadonlySet<string> = new Set(["label", "description", "summary", "command", "final_message", "trigger"]);

/** Words that mean something to JavaScript objects: never keys, so that no reader has to remember why. */
const PERILOUS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** A plain key that the core schema would read as null, a boolean or a number. */
const NOT_TEXT =
  /^(?:~|null|true|false|[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:e[-+]?\d+)?|0o[0-7]+|0x[\da-f]+|[-+]?\.inf|\.nan)$/i;

function badKey(key: string, plain: boolean): string | null {
  if (key === "" && plain) return 'there is no key before the ":"';
  if (key === "<<") return '"<<" does not merge here. Write the keys out';
  if (PERILOUS.has(key)) return `"${key}" cannot be a key`;
  if (plain && NOT_TEXT.test(key)) return `the key ${key} is not text. Write "${key}"`;
  return null;
}

function error(place: Place, message: string): Remark {
  return { ...place, severity: "error", message };
}
