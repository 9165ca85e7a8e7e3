/** One thing wrong inside a text of a workflow file; offset and length in UTF-16 units of that text. */
export interface Flaw {
  readonly offset: number;
  readonly length: number;
  readonly message: string;
}
