import type { Flaw } from "./flaw.ts";
import { findReread } from "./shell-reading.ts";
import { endOfTemplate, scanShell } from "./shell-scanner.ts";

/** A command whose templates have become references to environment variables: a value is never part of its text. */
export interface Compiled {
  /** What bash gets. */
  readonly command: string;
  /** Variable name → the template whose text it holds, as it was written first, braces included. */
  readonly values: readonly { readonly variable: string; readonly template: string }[];
}

/**
 * Puts a reference, quoted for its place, where each template stands. Where no reference would be exact, or the value
 * would be read as code, it says so as a flaw; with flaws the command must not run. A command without templates is
 * returned as it is, unread.
 */
export function compileCommand(text: string): { readonly compiled: Compiled; readonly flaws: readonly Flaw[] } {
  const unread = { command: text, values: [] };
  const mistaken = flawsOfBraces(text);
  if (mistaken.length > 0) return { compiled: unread, flaws: mistaken };
  if (!text.includes("{{")) return { compiled: unread, flaws: [] };

  if (text.length > LONGEST) {
    const message = "a command with templates may have 16,384 characters. Move it to a file, and give values with env:";
    return { compiled: unread, flaws: [{ offset: 0, length: text.length, message }] };
  }
  const { placed, flaws, pipelines } = scanShell(text);
  const reread = findReread(pipelines).map(({ offset, why }) => ({
    offset,
    length: endOfTemplate(text, offset) - offset,
    message: `${why}. ${USE_ENV}`,
  }));
  const first = new Map<number, Flaw>();
  for (const flaw of [...flaws, ...reread]) if (!first.has(flaw.offset)) first.set(flaw.offset, flaw);
  if (first.size > 0) return { compiled: unread, flaws: [...first.values()].sort((a, b) => a.offset - b.offset) };

  const values = new Map<string, { variable: string; template: string }>();
  let command = "";
  let at = 0;
  for (const { offset, length, reference } of placed) {
    const template = text.slice(offset, offset + length);
    const expression = template.slice(2, -2).trim();
    let value = values.get(expression);
    if (!value) {
      value = { variable: `LASTLIGHT_VALUE_${values.size + 1}`, template };
      values.set(expression, value);
    }
    command += text.slice(at, offset) + reference(value.variable);
    at = offset + length;
  }
  return { compiled: { command: command + text.slice(at), values: [...values.values()] }, flaws: [] };
}

const USE_ENV = "Give the value a name with env: and use that variable";
/** Reading back and forth over unfinished brackets takes time that grows with the square of the text. */
const LONGEST = 16_384;
const TAG = /\{%-?\s*[a-z#][^%]*%\}/g;

/** Braces that make no template here, wherever they stand. */
function flawsOfBraces(text: string): Flaw[] {
  const flaws: Flaw[] = [];
  for (const { index, 0: tag } of text.matchAll(TAG))
    flaws.push({ offset: index, length: tag.length, message: "tags are not available in commands, only {{ … }}" });
  for (let at = text.indexOf("{{"); at >= 0; ) {
    const end = endOfTemplate(text, at);
    const refuse = (message: string): void => {
      flaws.push({ offset: at, length: end < 0 ? 2 : end - at, message });
    };
    if (end < 0) refuse('"{{" is not closed by "}}"');
    else if (text[at + 2] === "{") refuse('"{{{" is no template. Write {{ … }}');
    else if (text[at + 2] === "-" || text[end - 3] === "-")
      refuse("{{- and -}} are not available in commands. Write {{ … }}");
    else if (text.slice(at + 2, end - 2).trim() === "") refuse("this template is empty");
    else if (text.slice(at + 2, end - 2).includes("{{")) refuse('"{{" is not closed by "}}"');
    at = end < 0 ? -1 : text.indexOf("{{", end);
  }
  return flaws;
}
