import type { Iso } from "../domain/clock.ts";
import type { Json } from "../domain/json.ts";
import type { EffectKind, Page, PageRequest } from "./store.ts";

/** What is said outside: what became of it, what could not be said, and how far outside has been read. */
export interface Replies {
  receipt(key: string): Promise<Receipt | null>;
  /** Noted before anything is sent: from now on it may have been said. The first note under a key stands. */
  begin(key: string, run: string, target: string): Promise<Receipt>;
  /** It has been said, or said anew: under which id, where, and in which words it stands there now. */
  keep(key: string, said: Said): Promise<void>;

  /** Newest first: what was given up, or what failed and is owed again (soonest first). */
  letters(state: LetterState, page: PageRequest): Promise<Page<Letter>>;
  /** Has a letter tried anew, at once; false when there is no such letter. */
  retry(id: string): Promise<boolean>;
  /** Lets a dead letter go for good; false when there is no such letter. */
  drop(id: string, by: string): Promise<boolean>;

  /** Null before anything was read. */
  cursor(source: string): Promise<Json>;
  moveCursor(source: string, cursor: Json): Promise<void>;
}

export interface Receipt {
  readonly key: string;
  /** What it is said to, e.g. an issue or a commit. */
  readonly target: string;
  readonly begunAt: Iso;
  /** Null while nobody knows whether it was said. */
  readonly said: Said | null;
}

export interface Said {
  readonly id: string;
  readonly url: string | null;
  readonly state: string | null;
}

export const LETTER_STATES = ["dead", "late"] as const;
export type LetterState = (typeof LETTER_STATES)[number];

/** Something that could not be said: a line of a list, named as the columns are. */
export interface Letter {
  readonly id: string;
  readonly run_id: string;
  readonly kind: EffectKind;
  readonly state: LetterState;
  readonly tries: number;
  readonly error: string | null;
  readonly due: Iso;
  readonly died_at: Iso | null;
}
