/** A way of writing a secret: what may stand at each of its places, in order. */
export interface Pattern {
  readonly secret: string;
  readonly places: readonly Place[];
}
/** Any of these texts; an empty one where nothing need stand here. Equal places are one and the same, since there are many. */
export type Place = readonly string[];

/** Anything shorter would be found in words that give nothing away. */
export const SHORTEST = 6;
const SHORTEST_LINE = 16;
/** A longer value is looked for in pieces, so that the window stays small; each begins with the end of the one before. */
const PIECE = 256;

/** Every form in which a secret is looked for. What is compressed, encrypted, cut short or told in other words is not. */
export function patternsOf(secret: string, value: string): Pattern[] {
  return partsOf(value.trim())
    .flatMap(piecesOf)
    .flatMap((characters) => {
      const bytes = new TextEncoder().encode(characters.join(""));
      return [
        spaced(characters),
        ...(bytes.length > characters.length ? [spaced([...bytes].map((byte) => String.fromCharCode(byte)))] : []),
        characters.toReversed().map(only),
        hex(bytes),
        decimal(bytes),
        ...[0, 2, 4].map((lead) => grouped(bytes, BASE64, 6, lead)),
        ...[0, 1, 2, 3, 4].map((lead) => grouped(bytes, BASE32, 5, lead)),
      ].map((places) => ({ secret, places }));
    });
}

/** The whole, and of several lines each that says something: a key is seldom printed with its line ends as they were. */
function partsOf(value: string): string[] {
  if (value.length < SHORTEST) return [];
  const lines = value.split("\n").map((line) => line.trim());
  const telling = lines.filter((line) => line.length >= SHORTEST_LINE && !line.startsWith("-----"));
  return [value, ...(lines.length > 1 ? telling : [])];
}

function piecesOf(part: string): string[][] {
  const characters = [...part];
  const pieces: string[][] = [];
  for (let from = 0; pieces.length === 0 || from + 1 < characters.length; from += PIECE - 1) {
    // A short rest belongs to the piece before it, since alone it might be anything.
    const to = characters.length - from < PIECE + SHORTEST_LINE ? characters.length : from + PIECE;
    pieces.push(characters.slice(from, to));
    if (to === characters.length) break;
  }
  return pieces;
}

/** One after the other in whatever escapes, or apart: a character to a line, between quotes, with NULs as in UTF-16. */
function spaced(characters: readonly string[]): Place[] {
  return characters.flatMap((each, at) => (at === 0 ? [written(each)] : [APART, written(each)]));
}

const APART: Place = [
  ...["", "\n", "\r\n", " ", "  ", "   ", "\t", "\0", "\u200b", ",", ", ", "\\n", "\\\n"],
  ...["'", '"'].flatMap((quote) => ["", quote, ",", ", ", "+", " + "].map((sign) => quote + sign + quote)),
  ...["'", '"', '\\",\\"', '\\", \\"'],
];

const NAMED: { readonly [character: string]: readonly string[] } = {
  "&": ["&amp;"],
  "<": ["&lt;"],
  ">": ["&gt;"],
  '"': ["&quot;"],
  "'": ["&apos;", "&#039;"],
  " ": ["+"],
  "\n": ["\r\n", "\\n", "\\\\n", "\\r\\n"],
  "\t": ["\\t", "\\\\t"],
};
const singles = new Map<string, Place>();

function only(text: string): Place {
  const found = singles.get(text) ?? [text];
  singles.set(text, found);
  return found;
}

const known = new Map<string, Place>();

/** A character as shells, JSON, addresses and HTML write it, also when one of them quotes another. */
function written(character: string): Place {
  const found = known.get(character);
  if (found) return found;
  const bytes = [...new TextEncoder().encode(character)];
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  const code = character.codePointAt(0) as number;
  const all = (of: readonly number[], digits: number, base: number, before: string): string[] => {
    const text = of.map((each) => before + each.toString(base).padStart(digits, "0")).join("");
    const upper = of.map((each) => before + each.toString(base).padStart(digits, "0").toUpperCase()).join("");
    return [text, upper];
  };
  const place = new Set([
    character,
    ...["\\", "\\\\", "\\\\\\"].map((slashes) => slashes + character),
    ...(NAMED[character] ?? []),
    ...["\\u", "\\\\u"].flatMap((before) => all(units, 4, 16, before)),
    ...["\\x", "\\\\x", "%", "%25"].flatMap((before) => all(bytes, 2, 16, before)),
    ...all(bytes, 3, 8, "\\"),
    ...[code.toString(16), code.toString(16).toUpperCase()].flatMap((digits) => [`&#x${digits};`, `\\u{${digits}}`]),
    `&#${code};`,
  ]);
  known.set(character, [...place]);
  return known.get(character) as Place;
}

const BETWEEN_BYTES: Place = ["", " ", ":", "-", "\n", "\r\n", ", ", "\\x", " 0x", ",0x", ", 0x"];

function hex(bytes: Uint8Array): Place[] {
  return [...bytes].flatMap((byte, at) => {
    const digits = [...byte.toString(16).padStart(2, "0")].flatMap((each) => [CASED.get(each) ?? only(each)]);
    return at === 0 ? digits : [BETWEEN_BYTES, ...digits];
  });
}

const CASED = new Map([..."0123456789abcdef"].map((each) => [each, [...new Set([each, each.toUpperCase()])]]));

const BETWEEN_NUMBERS: Place = [" ", "  ", "\n", ",", ", ", ...[2, 4, 6, 8].map((deep) => `,\n${" ".repeat(deep)}`)];

function decimal(bytes: Uint8Array): Place[] {
  return [...bytes].flatMap((byte, at) => (at === 0 ? [only(String(byte))] : [BETWEEN_NUMBERS, only(String(byte))]));
}

const ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64: readonly Place[] = [
  ...[...ALPHANUMERIC].map((each) => [each]),
  ["+", "-", "%2B", "%2b", "\\u002b", "\\u002B"],
  ["/", "_", "%2F", "%2f", "\\/", "\\u002f", "\\u002F"],
];
const BASE32: readonly Place[] = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"].map((each) => [each, each.toLowerCase()]);

/** Lines of such text are broken anywhere; but a break behind its first letters would make every line a beginning. */
const BREAK: Place = ["", "\n", "\r\n", "\\n", "\\r\\n"];
const UNBROKEN = 8;

/**
 * Bytes in groups of so many bits, in the midst of others: of the first group the `lead` bits belong to what stands
 * before, of the last one what is left over to what follows.
 */
function grouped(bytes: Uint8Array, alphabet: readonly Place[], width: number, lead: number): Place[] {
  const bits = "?".repeat(lead) + [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const places: Place[] = [];
  for (let at = 0; at < bits.length; at += width) {
    const group = bits.slice(at, at + width).padEnd(width, "?");
    if (at >= UNBROKEN * width) places.push(BREAK);
    places.push(lettersOf(group, alphabet));
  }
  return places;
}

const letters = new Map<readonly Place[], Map<string, Place>>();

function lettersOf(group: string, alphabet: readonly Place[]): Place {
  const seen = letters.get(alphabet) ?? new Map<string, Place>();
  letters.set(alphabet, seen);
  const found =
    seen.get(group) ??
    alphabet.flatMap((texts, index) => {
      const own = index.toString(2).padStart(group.length, "0");
      return [...group].every((bit, at) => bit === "?" || bit === own[at]) ? texts : [];
    });
  seen.set(group, found);
  return found;
}

/** The same read from its end. */
export function mirrored(patterns: readonly Pattern[]): Pattern[] {
  const turned = new Map<Place, Place>();
  const turn = (place: Place): Place => {
    const found = turned.get(place) ?? place.map((text) => text.split("").toReversed().join(""));
    turned.set(place, found);
    return found;
  };
  return patterns.map(({ secret, places }) => ({ secret, places: places.toReversed().map(turn) }));
}
