import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { redactor } from "../../src/domain/redaction.ts";

const TOKEN = "ghp_aB3dE/fG+7hIjKlMn0pQrStUvWxYz012345";
const PHRASE = 'p&ss "w\\ord" é😀 <100%>';
const bytes = (text: string) => Buffer.from(text);
const each = (text: string, write: (byte: number) => string) => [...bytes(text)].map(write).join("");
const digits = (byte: number, base: number, length: number) => byte.toString(base).padStart(length, "0");

/** What a hostile program would print, by the name of the encoding. */
const ENCODINGS: Readonly<Record<string, (secret: string) => string>> = {
  "as it is": (secret) => secret,
  base64: (secret) => bytes(secret).toString("base64").replace(/=+$/, ""),
  "base64 behind one byte": (secret) => bytes(`x${secret}`).toString("base64").slice(1).replace(/=+$/, ""),
  "base64 behind two bytes": (secret) => bytes(`xx${secret}`).toString("base64").slice(2).replace(/=+$/, ""),
  "base64 in lines": (secret) =>
    bytes(secret)
      .toString("base64")
      .replace(/=+$/, "")
      .replace(/.{16}(?=.)/g, "$&\n"),
  base64url: (secret) => bytes(secret).toString("base64url"),
  "base64 in an address": (secret) => encodeURIComponent(bytes(secret).toString("base64").replace(/=+$/, "")),
  base32: (secret) => base32(bytes(secret)),
  hex: (secret) => bytes(secret).toString("hex"),
  "hex in capitals": (secret) => bytes(secret).toString("hex").toUpperCase(),
  "hex with colons": (secret) =>
    bytes(secret)
      .toString("hex")
      .replace(/..(?=.)/g, "$&:"),
  "hex as xxd groups it": (secret) =>
    bytes(secret)
      .toString("hex")
      .replace(/.{4}(?=.)/g, "$& "),
  "percents where an address needs them": (secret) => encodeURIComponent(secret),
  "percents everywhere": (secret) => each(secret, (byte) => `%${digits(byte, 16, 2)}`),
  "percents twice": (secret) => encodeURIComponent(each(secret, (byte) => `%${digits(byte, 16, 2).toUpperCase()}`)),
  "a form": (secret) => new URLSearchParams({ "": secret }).toString().slice(1),
  JSON: (secret) => JSON.stringify(secret).slice(1, -1),
  "JSON within JSON": (secret) => JSON.stringify(JSON.stringify(secret)).slice(3, -3),
  "JSON in \\u escapes": (secret) => secret.replace(/./gs, (unit) => `\\u${digits(unit.charCodeAt(0), 16, 4)}`),
  "\\x escapes": (secret) => each(secret, (byte) => `\\x${digits(byte, 16, 2)}`),
  "octal escapes": (secret) => each(secret, (byte) => `\\${digits(byte, 8, 3)}`),
  "the shell's escapes": (secret) => secret.replace(/[^\w]/gu, "\\$&"),
  "HTML entities": (secret) =>
    secret.replace(/[&<>"]/g, (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[one] as string),
  "HTML entities of numbers": (secret) => [...secret].map((one) => `&#${one.codePointAt(0)};`).join(""),
  "HTML entities in hex": (secret) => [...secret].map((one) => `&#x${one.codePointAt(0)?.toString(16)};`).join(""),
  "numbers of bytes": (secret) => bytes(secret).toJSON().data.join(", "),
  "numbers of bytes, one to a line": (secret) => bytes(secret).toJSON().data.join("\n"),
  reversed: (secret) => [...secret].reverse().join(""),
  "a character to a line": (secret) => [...secret].join("\n"),
  "apart by blanks": (secret) => [...secret].join(" "),
  "apart by spaces without width": (secret) => [...secret].join("\u200b"),
  "in pieces that the shell joins": (secret) => secret.replace(/^(...)(...)/u, `$1""$2''`),
  "in pieces that a script joins": (secret) => secret.replace(/^(...)(...)/u, '$1" + "$2"+"'),
  "a list of its characters": (secret) => JSON.stringify([...secret]).slice(2, -2),
};

function base32(of: Buffer): string {
  const bits = [...of].map((byte) => digits(byte, 2, 8)).join("");
  return (bits.match(/.{1,5}/g) ?? [])
    .map((group) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[Number.parseInt(group.padEnd(5, "0"), 2)])
    .join("");
}

describe("a secret is taken out when it is told", () => {
  const { text } = redactor({ TOKEN, PHRASE });
  test.each(Object.entries(ENCODINGS))("%s", (_name, write) => {
    expect(text(`before\t${write(TOKEN)}\tafter`)).toBe("before\t[secret TOKEN]\tafter");
    expect(text(`<${write(PHRASE)}|${write(TOKEN)}>`)).toBe("<[secret PHRASE]|[secret TOKEN]>");
  });

  test("as UTF-16 read for UTF-8", () => {
    const read = bytes(Buffer.from(TOKEN, "utf16le").toString("latin1")).toString();
    expect(text(read)).toBe("[secret TOKEN]\0");
  });

  test("as bytes that are read one by one", () => {
    expect(text(bytes(PHRASE).toString("latin1"))).toBe("[secret PHRASE]");
  });
});

test("what the net lets through, so that nobody takes it for a wall", () => {
  const { text } = redactor({ TOKEN });
  const rot13 = TOKEN.replace(/[a-z]/gi, (one) =>
    String.fromCharCode(one.charCodeAt(0) + (one.toLowerCase() < "n" ? 13 : -13)),
  );
  for (const told of [rot13, TOKEN.toUpperCase(), TOKEN.slice(0, -7), btoa(btoa(TOKEN)), [...TOKEN].join("-")])
    expect(text(told)).toBe(told);
});

const anyText = fc.oneof(fc.string({ unit: "binary", maxLength: 60 }), fc.base64String(), fc.lorem());
const anyWriting = fc.constantFrom(...Object.values(ENCODINGS));
const anySecret = fc
  .string({ unit: "grapheme-composite", minLength: 6, maxLength: 40 })
  .filter((one) => one.trim().length >= 6);
const cuts = fc.array(fc.nat(), { maxLength: 12 });

function inPieces(words: ReturnType<typeof redactor>, text: string, at: readonly number[]): string {
  const stream = words.stream();
  const places = [...at.map((cut) => cut % (text.length + 1)), 0, text.length].sort((one, other) => one - other);
  const told = places.slice(1).map((to, index) => stream.push(text.slice(places[index], to)));
  return told.join("") + stream.flush();
}

test("however a text is cut into pieces, the same is taken out of it", () => {
  const part = fc.oneof(
    anyText,
    anyWriting.map((write) => write(TOKEN)),
    anyWriting.map((write) => write(PHRASE)),
  );
  const words = redactor({ TOKEN, PHRASE });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), cuts, (parts, at) => {
      const text = parts.join("");
      expect(inPieces(words, text, at)).toBe(words.text(text));
    }),
    { numRuns: 500 },
  );
});

test("a secret is found wherever it is cut in two", () => {
  const words = redactor({ TOKEN });
  for (const write of Object.values(ENCODINGS)) {
    const text = `before\t${write(TOKEN)}\tafter`;
    for (let cut = 0; cut <= text.length; cut++)
      expect(inPieces(words, text, [cut])).toBe("before\t[secret TOKEN]\tafter");
  }
});

test("any secret is found in any words, however it is written", () => {
  fc.assert(
    fc.property(anySecret, anyWriting, (secret, write) => {
      const told = write(secret.trim());
      expect(redactor({ NAME: secret }).text(`\t\t${told}\t\t`)).toContain("[secret NAME]");
      expect(redactor({ NAME: secret }).text(`\t\t${told}\t\t`)).not.toContain(told);
    }),
    { numRuns: 300 },
  );
});

test("a text that tells no secret stays as it is, in pieces too", () => {
  const words = redactor({ TOKEN, PHRASE });
  fc.assert(
    fc.property(fc.array(anyText, { maxLength: 20 }), cuts, (parts, at) => {
      const text = parts.join("");
      expect(words.text(text)).toBe(text);
      expect(inPieces(words, text, at)).toBe(text);
    }),
  );
});

test("beginnings of a secret that do not go on are told in the end", () => {
  const words = redactor({ TOKEN });
  for (let length = 0; length < TOKEN.length; length++) {
    const text = `${TOKEN.slice(0, length)}${TOKEN.slice(0, length)}!${TOKEN.slice(0, length)}`;
    expect(inPieces(words, text, [length])).toBe(text);
  }
});

test("values of fewer than six characters are left, and blanks around a value are none of it", () => {
  expect(redactor({ SHORT: "12345", EMPTY: "", BLANK: "       " }).isIdle).toBe(true);
  expect(redactor({ LINE: "  123456\n" }).text("a 123456 b")).toBe("a [secret LINE] b");
});

test("of values that hold one another the longest is taken out, and nothing of it is left", () => {
  const { text } = redactor({ INNER: "abcdef", OUTER: "xxabcdefyy", LATE: "yyzzzzzz" });
  expect(text("xxabcdefyy")).toBe("[secret OUTER]");
  expect(text("1abcdef2")).toBe("1[secret INNER]2");
  expect(text("xxabcdefyyzzzzzz!")).toBe("[secret OUTER]!");
});

describe("a key of several lines", () => {
  const lines = Array.from({ length: 20 }, (_, at) => bytes(`${at}:${"key".repeat(15)}`).toString("base64"));
  const PEM = `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\nshort=\n-----END PRIVATE KEY-----\n`;
  const words = redactor({ PEM });

  test("is found as a whole, on one line, in JSON and in base64, wherever it is cut", () => {
    const text = `a ${PEM}b ${PEM.replaceAll("\n", "\\n")}b`;
    expect(words.text(text)).toBe("a [secret PEM]\nb [secret PEM]\\nb");
    expect(words.text(JSON.stringify({ PEM }))).toBe('{"PEM":"[secret PEM]\\n"}');
    expect(words.text(bytes(`xx${PEM}`).toString("base64"))).toMatch(/^.{2,4}\[secret PEM\].{0,4}$/);
    for (let cut = 0; cut < text.length; cut += 7) expect(inPieces(words, text, [cut])).toBe(words.text(text));
  });

  test("is found by any line of it, and the marks around it are no secret", () => {
    for (const line of lines) expect(words.text(`> ${line} <`)).toBe("> [secret PEM] <");
    expect(words.text("-----BEGIN PRIVATE KEY-----")).toBe("-----BEGIN PRIVATE KEY-----");
    expect(words.text("short=")).toBe("short=");
  });
});

test("a value of thousands of characters is found, in its encodings too, and whoever reads holds little of it back", () => {
  const LONG = Array.from({ length: 800 }, (_, at) => `${at}é`).join(".");
  const words = redactor({ LONG });
  expect(words.window).toBeLessThan(8_192);
  for (const write of [ENCODINGS["as it is"], ENCODINGS.base64url, ENCODINGS.hex, ENCODINGS.JSON])
    expect(words.text(`<${write?.(LONG)}>`)).toBe("<[secret LONG]>");
  expect(words.text(LONG.slice(0, 1_000))).toMatch(/^\[secret LONG\].{0,255}$/);
});

test("of a value the texts and the names in it are looked through, and it stays the same where there is nothing", () => {
  const { json } = redactor({ TOKEN });
  expect(json({ a: [1, true, null, { [`x${TOKEN}`]: `${TOKEN}!` }] })).toEqual({
    a: [1, true, null, { "x[secret TOKEN]": "[secret TOKEN]!" }],
  });
  const plain = { a: [1, { b: "c" }] };
  expect(json(plain)).toBe(plain);
  const hostile = JSON.parse(`{"__proto__":{"x":"${TOKEN}"}}`);
  expect(JSON.stringify(json(hostile))).toBe('{"__proto__":{"x":"[secret TOKEN]"}}');
  expect(JSON.stringify(json(JSON.parse(`${"[".repeat(50_000)}"${TOKEN}"${"]".repeat(50_000)}`)))).not.toContain(TOKEN);
});

test("who takes what was kept back before the secret was whole has the rest of it redacted", () => {
  const stream = redactor({ TOKEN }).stream();
  expect(stream.push(TOKEN.slice(0, 3))).toBe("");
  expect(stream.isWithin).toBe(false);
  expect(stream.flush()).toBe(TOKEN.slice(0, 3));
  expect(stream.push(TOKEN.slice(3, 8))).toBe("");
  expect(stream.isWithin).toBe(true);
  expect(stream.push(`${TOKEN.slice(8)}y`) + stream.flush()).toBe("[secret TOKEN]y");
});
