import type { Flaw } from "../flaw.ts";

/** One stretch of a template's text: what stands between tags, `{{ … }}`, `{% … %}`, or what is never looked into. */
export interface Piece {
  readonly kind: "text" | "output" | "tag" | "verbatim";
  readonly begin: number;
  readonly end: number;
}

/** Large enough for any prompt, small enough that reading one never takes long: the library shifts long lists. */
const MOST_TAGS = 5_000;
const LONGEST_TAG = 8_192;
const DEEPEST_BRACKETS = 16;

const LITERALLY = "Put {% raw %}…{% endraw %} around text that is meant literally";

/** A text cut into its pieces, in one pass and by the library's own rules; at the first piece without an end it stops. */
export function piecesOf(text: string): { readonly pieces: readonly Piece[]; readonly flaw: Flaw | null } {
  const pieces: Piece[] = [];
  const fail = (offset: number, message: string, length = 2) => ({ pieces, flaw: { offset, length, message } });
  let comment: number | null = null;
  let tags = 0;
  for (let at = 0; at < text.length; ) {
    const begin = nextOpening(text, at);
    if (begin > at && comment === null) {
      pieces.push({ kind: "text", begin: at, end: begin });
      tags += outputsOf(text.slice(at, begin)).length;
    }
    if (begin < text.length) tags++;
    if (tags > MOST_TAGS) return fail(begin, "a template may hold 5,000 tags at most", 1);
    if (begin === text.length) break;
    const kind = text[begin + 1] === "{" ? "output" : "tag";
    let end = kind === "output" ? endOfOutput(text, begin) : text.indexOf("%}", begin + 2) + 2;
    if (end < 2) return fail(begin, unclosed(text, begin, kind));
    if (end - begin > LONGEST_TAG) return fail(begin, `${opening(kind)} may hold 8,192 characters at most`);
    if (bracketsOf(text, begin, end) > DEEPEST_BRACKETS)
      return fail(begin, `${opening(kind)} nests more than ${DEEPEST_BRACKETS} brackets`, end - begin);
    const name = kind === "tag" ? tagName(text.slice(begin, end)) : "";
    if (name === "raw") {
      const after = endOfRaw(text, end);
      if (after === null) return fail(begin, "{% raw %} is never closed. Write {% endraw %}", end - begin);
      end = after;
    }
    if (name === "comment") comment ??= begin;
    if (comment === null) pieces.push({ kind: name === "raw" ? "verbatim" : kind, begin, end });
    if (comment !== null && name === "endcomment") {
      pieces.push({ kind: "verbatim", begin: comment, end });
      comment = null;
    }
    at = end;
  }
  if (comment !== null) return fail(comment, "{% comment %} is never closed. Write {% endcomment %}");
  return { pieces, flaw: null };
}

/** Every `${x.output}` of a piece of text: an older way to name what a phase put out. */
export function outputsOf(text: string): RegExpExecArray[] {
  return [...text.matchAll(/\$\{([A-Za-z0-9_-]+)\.output\}/g)];
}

/** The word a `{% … %}` begins with, or nothing. */
export function tagName(tag: string): string {
  const inner = tag.slice(2, -2).replace(/^-/, "").trimStart();
  return /^(?:#|[A-Za-z0-9_\u0080-\uffff-]*)/.exec(inner.endsWith("-") ? inner.slice(0, -1) : inner)![0];
}

function nextOpening(text: string, from: number): number {
  for (let at = text.indexOf("{", from); at !== -1; at = text.indexOf("{", at + 1))
    if (text[at + 1] === "{" || text[at + 1] === "%") return at;
  return text.length;
}

/** Two braces inside quotes do not close. */
function endOfOutput(text: string, begin: number): number {
  for (let at = begin + 2; at < text.length; ) {
    const character = text[at];
    if (character === '"' || character === "'") at = afterQuote(text, at, text.length);
    else if (character === "}" && text[at + 1] === "}") return at + 2;
    else at++;
  }
  return -1;
}

function afterQuote(text: string, begin: number, end: number): number {
  for (let at = begin + 1; at < end; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === text[begin]) return at + 1;
  }
  return end;
}

/** The library takes no `-` at this tag's left, so neither is it looked for. */
function endOfRaw(text: string, from: number): number | null {
  const closing = /\{%[ \t\r\n]*endraw[ \t\r\n]*-?%\}/g;
  closing.lastIndex = from;
  return closing.exec(text) === null ? null : closing.lastIndex;
}

function bracketsOf(text: string, begin: number, end: number): number {
  let depth = 0;
  let deepest = 0;
  for (let at = begin + 2; at < end; ) {
    const character = text[at];
    if (character === '"' || character === "'") {
      at = afterQuote(text, at, end);
      continue;
    }
    if (character === "[" || character === "(") deepest = Math.max(deepest, ++depth);
    else if (character === "]" || character === ")") depth = Math.max(0, depth - 1);
    at++;
  }
  return deepest;
}

function opening(kind: "output" | "tag"): string {
  return kind === "output" ? "{{ … }}" : "{% … %}";
}

function unclosed(text: string, begin: number, kind: "output" | "tag"): string {
  if (kind === "tag") return `"{%" is never closed. Write "%}". ${LITERALLY}`;
  if (text.indexOf("}}", begin) !== -1) return "a quote inside {{ … }} is never closed";
  return `"{{" is never closed. Write "}}". ${LITERALLY}`;
}
