import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { webhooks } from "../../src/triggers/webhook.ts";
import { readSources } from "../../src/workflow/sources.ts";
import { temporaryFolder } from "../support/world.ts";

function file(text: string): string {
  const path = join(temporaryFolder(), "sources.yaml");
  writeFileSync(path, text);
  return path;
}

const read = (text: string) => readSources(file(text), true, ["KEY", "OLD"]);
const NOW = "2026-11-21T09:00:00.000Z";
const STAMP = String(Date.parse(NOW) / 1000);
const BODY = Buffer.from('{"event":{"id":"e-1"}}');

/** Whether a source that a file declares takes a head and a body for signed. */
function takes(text: string, headers: Record<string, string>, body = BODY, now = NOW): boolean {
  const sources = read(text);
  const source = webhooks({ github: [], self: [], sources, secrets: { KEY: "k", OLD: "o" } }).get("ours");
  const head = (name: string): string | null => headers[name] ?? null;
  return source?.couldBe(head, now) === true && source.isSigned(head, body);
}
const sign = (algorithm: string, key: string, encoding: "hex" | "base64", ...parts: (string | Buffer)[]): string => {
  const made = createHmac(algorithm, key);
  for (const part of parts) made.update(part);
  return made.digest(encoding);
};

describe("a source with a signature in a header", () => {
  const plain = "sources:\n  - { name: ours, scheme: hmac, secret: KEY, header: X-Sign }\n";

  test("is believed when the bytes were signed with its secret, and not when one of them was not", () => {
    expect(takes(plain, { "x-sign": sign("sha256", "k", "hex", BODY) })).toBe(true);
    expect(takes(plain, { "x-sign": sign("sha256", "k", "hex", BODY).toUpperCase() })).toBe(true);
    expect(takes(plain, { "x-sign": sign("sha256", "another", "hex", BODY) })).toBe(false);
    expect(takes(plain, { "x-sign": sign("sha256", "k", "hex", BODY) }, Buffer.from("{}"))).toBe(false);
    expect(takes(plain, {})).toBe(false);
  });

  test("says its algorithm, its encoding and what stands before", () => {
    const other =
      "sources: [{ name: ours, scheme: hmac, secret: KEY, header: X-Sign, algorithm: sha512, encoding: base64, prefix: 'v1=' }]\n";
    const right = sign("sha512", "k", "base64", BODY);
    expect(takes(other, { "x-sign": `v1=${right}` })).toBe(true);
    expect(takes(other, { "x-sign": right })).toBe(false);
    expect(takes(other, { "x-sign": `v1=${right.replace(/=+$/, "")}` })).toBe(false);
    expect(takes(other, { "x-sign": `v1=${sign("sha256", "k", "base64", BODY)}` })).toBe(false);
  });

  test("takes the old secret beside the new one while they change", () => {
    const two = "sources: [{ name: ours, scheme: hmac, secret: [KEY, OLD], header: X-Sign }]\n";
    for (const key of ["k", "o"]) expect(takes(two, { "x-sign": sign("sha256", key, "hex", BODY) })).toBe(true);
    expect(takes(two, { "x-sign": sign("sha256", "x", "hex", BODY) })).toBe(false);
  });

  test("with a time is believed for five minutes, and only for the time that was signed", () => {
    const timed =
      "sources: [{ name: ours, scheme: hmac, secret: KEY, header: X-Sign, timestamp: { header: X-Time } }]\n";
    const at = (stamp: string) => ({ "x-time": stamp, "x-sign": sign("sha256", "k", "hex", stamp, ".", BODY) });
    expect(takes(timed, at(STAMP))).toBe(true);
    expect(takes(timed, at(String(Number(STAMP) - 300)))).toBe(true);
    expect(takes(timed, at(String(Number(STAMP) - 301)))).toBe(false);
    expect(takes(timed, at(String(Number(STAMP) + 301)))).toBe(false);
    expect(takes(timed, { ...at(STAMP), "x-time": String(Number(STAMP) - 1) })).toBe(false);
    expect(takes(timed, { ...at(STAMP), "x-time": `${STAMP}x` })).toBe(false);
  });

  test("says itself what is signed", () => {
    const slack =
      "sources: [{ name: ours, scheme: hmac, secret: KEY, header: X-Sign, prefix: 'v0=', timestamp: { header: X-Time, tolerance: 10m }, signs: 'v0:{timestamp}:{body}' }]\n";
    const signed = `v0=${sign("sha256", "k", "hex", `v0:${STAMP}:`, BODY)}`;
    expect(takes(slack, { "x-time": STAMP, "x-sign": signed })).toBe(true);
  });
});

describe("a file of sources", () => {
  const wrong = (text: string): string => {
    try {
      read(text);
    } catch (error) {
      return (error as Error).message.replace(/\S*sources\.yaml/g, "sources.yaml");
    }
    return "it is right";
  };

  test.each([
    [
      "a typo",
      "sources: [{ name: a, scheme: standard-webhooks, secret: KEY, tpye: /x }]",
      ':1:62 unknown key "tpye". Did you mean "type"?',
    ],
    ["no scheme", "sources: [{ name: a, secret: KEY }]", "scheme"],
    [
      "a secret that nobody set",
      "sources: [{ name: a, scheme: standard-webhooks, secret: KEI }]",
      'LASTLIGHT_SECRET_KEI is not set. Did you mean "KEY"?',
    ],
    [
      "GitHub as another source",
      "sources: [{ name: github, scheme: standard-webhooks, secret: KEY }]",
      "cannot be github",
    ],
    [
      "a name twice",
      "sources: [{ name: a, scheme: standard-webhooks, secret: KEY }, { name: a, scheme: standard-webhooks, secret: KEY }]",
      "taken",
    ],
    [
      "a time that is not signed",
      "sources: [{ name: a, scheme: hmac, secret: KEY, header: X, timestamp: { header: T }, signs: '{body}' }]",
      "signs must hold {timestamp} too",
    ],
    [
      "no way into a payload",
      "sources: [{ name: a, scheme: standard-webhooks, secret: KEY, id: event.id }]",
      "JSON Pointer",
    ],
  ])("with %s is refused, with its place", (_what, text, message) => {
    expect(wrong(`${text}\n`)).toContain(message);
  });

  test("need not be there unless it was named", () => {
    expect(readSources("/nowhere/sources.yaml", false, [])).toEqual([]);
    expect(() => readSources("/nowhere/sources.yaml", true, [])).toThrow(
      expect.objectContaining({ code: "config.invalid" }),
    );
  });
});
