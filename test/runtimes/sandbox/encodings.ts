/** Ways to write a secret. For inside a sandbox too: nothing but Node's own. */
import { gzipSync } from "node:zlib";

type Encoding = (secret: string) => string;
type Encodings = { readonly [name: string]: Encoding };

/** What the net of redaction says it catches. */
export const PROMISED: Encodings = {
  plain: (secret) => secret,
  base64: (secret) => Buffer.from(secret).toString("base64"),
  "base64 in the midst of other text": (secret) => Buffer.from(`x${secret}yz`).toString("base64"),
  base64url: (secret) => Buffer.from(secret).toString("base64url"),
  base32,
  hexadecimal: (secret) => Buffer.from(secret).toString("hex"),
  "hexadecimal between colons": (secret) => bytes(secret, 16, 2).join(":").toUpperCase(),
  "URL-encoded": (secret) => bytes(secret, 16, 2, "%").join(""),
  "JSON-escaped": (secret) => characters(secret, (code) => `\\u${code.toString(16).padStart(4, "0")}`),
  "HTML-escaped": (secret) => characters(secret, (code) => `&#${code};`),
  octal: (secret) => bytes(secret, 8, 3, "\\").join(""),
  decimal: (secret) => bytes(secret, 10, 1).join(", "),
  reversed: (secret) => [...secret].reverse().join(""),
  "a character to a line": (secret) => [...secret].join("\n"),
};

/** What it does not: whoever knows a secret can tell it in other words. */
export const UNPROMISED: Encodings = {
  "compressed, then base64": (secret) => gzipSync(secret).toString("base64"),
  "base64 twice": (secret) => Buffer.from(Buffer.from(secret).toString("base64")).toString("base64"),
  rot13: (secret) => secret.replace(/[a-z]/gi, rotated),
  "cut short by a character": (secret) => secret.slice(0, -1),
  "every other character": (secret) => [...secret].filter((_, at) => at % 2 === 0).join(""),
};

function bytes(secret: string, base: number, digits: number, before = ""): string[] {
  return [...Buffer.from(secret)].map((byte) => before + byte.toString(base).padStart(digits, "0"));
}

function characters(secret: string, write: (code: number) => string): string {
  return [...secret].map((each) => write(each.charCodeAt(0))).join("");
}

function rotated(letter: string): string {
  const first = letter <= "Z" ? 65 : 97;
  return String.fromCharCode(((letter.charCodeAt(0) - first + 13) % 26) + first);
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

function base32(secret: string): string {
  const bits = bytes(secret, 2, 8).join("");
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => ALPHABET[Number.parseInt(group.padEnd(5, "0"), 2)]).join("");
}
