import type { Json } from "./json.ts";
import { automaton, type State } from "./redaction/automaton.ts";
import { mirrored, patternsOf } from "./redaction/forms.ts";

/**
 * Takes the values of secrets out of what programs say, in the forms of `redaction/forms.ts`; `[secret NAME]` stands in
 * their place. Values of fewer than six characters stay. A net, not a wall: whoever knows a secret can always tell it in other words.
 */
export interface Redactor {
  /** Whether there is anything to look for. */
  readonly isIdle: boolean;
  /** No match is longer, in units of UTF-16. */
  readonly window: number;
  text(text: string): string;
  /** Texts and names within a value, however deep; a value that was redacted in nothing is the same one. */
  json<T extends Json>(value: T): T;
  /** For a text that arrives in pieces: whatever they are, the pieces returned make what `text` returns for the whole. */
  stream(): Redaction;
}

export interface Redaction {
  /** Takes a piece, and returns what can be said now: what may be the beginning of a secret is kept back. */
  push(text: string): string;
  /** Whether more than a few characters are kept back. */
  readonly isWithin: boolean;
  /** Returns what was kept back. The beginning of a secret that goes on is thereby told, its rest is still taken out. */
  flush(): string;
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly secret: string;
  /** Of the longest that this one was made of. */
  readonly length: number;
}

/** So much of a secret is not given away by accident. */
const FEW = 4;
/** Whatever is nested deeper is no value that anyone shows. */
const DEEPEST = 100;

export function redactor(secrets: { readonly [name: string]: string }): Redactor {
  const patterns = Object.entries(secrets).flatMap(([name, value]) => patternsOf(name, value));
  if (patterns.length === 0) return IDLE;
  const ahead = automaton(patterns, true);
  const back = automaton(mirrored(patterns), false);

  /** The longest match that ends here. */
  function spanTo(text: string, to: number): Span | null {
    let span: Span | null = null;
    let state = back.start;
    for (let from = to - 1; from >= 0; from--) {
      state = back.next(state, text.charCodeAt(from));
      if (state.secret !== null) span = { from, to, secret: state.secret, length: to - from };
      if (state.isOver) break;
    }
    return span;
  }

  function stream(): Redaction {
    /** What may still be looked at: the end of what was returned already, then what was not. */
    let text = "";
    let returned = 0;
    let state: State = ahead.start;
    let spans: Span[] = [];

    function search(from: number): void {
      for (let at = from; at < text.length; at++) {
        state = ahead.next(state, text.charCodeAt(at));
        const span = state.secret === null ? null : spanTo(text, at + 1);
        if (span) join(spans, span);
      }
    }

    function release(until: number): string {
      let told = "";
      let to = until;
      const later: Span[] = [];
      for (const span of spans) {
        if (span.to <= until) {
          told += `${text.slice(returned, Math.max(returned, span.from))}[secret ${span.secret}]`;
          returned = span.to;
        } else {
          later.push(span);
          to = Math.min(to, span.from);
        }
      }
      spans = later;
      told += text.slice(returned, Math.max(returned, to));
      returned = Math.max(returned, to);
      return told;
    }

    function forget(): void {
      const over = returned - ahead.longest;
      if (over <= 0) return;
      text = text.slice(over);
      returned -= over;
      spans = spans.map((span) => ({ ...span, from: span.from - over, to: span.to - over }));
    }

    return {
      push: (piece) => {
        const from = text.length;
        text += piece;
        search(from);
        const told = release(text.length - state.depth);
        forget();
        return told;
      },
      get isWithin() {
        return state.found >= FEW;
      },
      flush: () => release(text.length),
    };
  }

  function text(whole: string): string {
    let state: State = ahead.start;
    for (let at = 0; at < whole.length; at++) {
      state = ahead.next(state, whole.charCodeAt(at));
      if (state.secret === null) continue;
      const all = stream();
      return all.push(whole) + all.flush();
    }
    return whole;
  }

  return { isIdle: false, window: ahead.longest, text, json: (value) => within(value, text, DEEPEST), stream };
}

/** Finds nothing, and costs nothing. */
const IDLE: Redactor = {
  isIdle: true,
  window: 0,
  text: (text) => text,
  json: (value) => value,
  stream: () => ({ push: (text) => text, isWithin: false, flush: () => "" }),
};

/** Adds one that ends behind all others; those that overlap are one, by the name of the longest. */
function join(spans: Span[], added: Span): void {
  let one = added;
  for (let last = spans.at(-1); last && last.to > one.from; last = spans.at(-1)) {
    spans.pop();
    const { secret, length } = last.length >= one.length ? last : one;
    one = { from: Math.min(last.from, one.from), to: one.to, secret, length };
  }
  spans.push(one);
}

function within<T extends Json>(value: T, text: Redactor["text"], levels: number): T;
function within(value: Json, text: Redactor["text"], levels: number): Json {
  if (typeof value === "string") return text(value);
  if (typeof value !== "object" || value === null) return value;
  if (levels === 0) return "…";
  if (Array.isArray(value)) {
    const made = value.map((each: Json) => within(each, text, levels - 1));
    return made.every((each, at) => each === value[at]) ? value : made;
  }
  const entries = Object.entries(value as { readonly [name: string]: Json });
  const made = entries.map(([name, each]) => [text(name), within(each, text, levels - 1)] as const);
  const isSame = made.every(([name, each], at) => name === entries[at]?.[0] && each === entries[at]?.[1]);
  return isSame ? value : Object.fromEntries(made);
}
