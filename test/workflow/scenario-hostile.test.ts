import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { complaintsAbout, FULL, reading } from "./scenario-world.ts";

const deep = (levels: number): string => `trigger: { inputs: { a: ${"[".repeat(levels)}${"]".repeat(levels)} } }\n`;

const refusals: [string, string | Uint8Array, string][] = [
  ["a file of 300 KiB", `description: ${"x".repeat(300 * 1024)}\n`, "s.yaml:1:1 larger than 256 KiB"],
  ["inputs 100 levels deep", deep(100), "s.yaml:1:87 nested more than 64 levels deep"],
  ["__proto__ for a phase", "phases: { __proto__: ok }\n", 's.yaml:1:11 "__proto__" cannot be a key'],
  ["constructor for a child", "children: { constructor: {} }\n", 's.yaml:1:13 "constructor" cannot be a key'],
  ["__proto__ in inputs", 'trigger: { inputs: { "__proto__": 1 } }\n', 's.yaml:1:22 "__proto__" cannot be a key'],
  [
    "bytes that are not UTF-8",
    new Uint8Array([...new TextEncoder().encode("name: "), 0xff, 0x0a]),
    "s.yaml:1:7 not UTF-8. Save the file as UTF-8",
  ],
  ["a name of 201 characters", `name: ${"x".repeat(201)}\n`, "s.yaml:1:7 name may be at most 200 characters long"],
  ["a NUL", "name: a\0b\n", "s.yaml:1:8 a NUL character cannot stand in a text. Remove it"],
  [
    "aliases that blow up",
    `trigger: { context: { a: &a [${"1,".repeat(99)}], b: &b [${"*a,".repeat(20)}], c: &c [${"*b,".repeat(20)}], d: [${"*c,".repeat(9)}] } }\n`,
    "s.yaml:1:1 more than 100000 values once aliases are written out",
  ],
  [
    "20,000 phases",
    `phases: {${Array.from({ length: 20_000 }, (_, at) => `p${at}: a`).join(",")}}\n`,
    "more than 60000 pieces of YAML in one file",
  ],
];

test.for(refusals)("%s is a complaint", ([, text, message]) => {
  expect(complaintsAbout(text).join("\n")).toContain(message);
  expect(reading(text).scenario).toBeNull();
});

test.for(["toString", "hasOwnProperty", "valueOf", "x".repeat(10_000)])("a name like any other: %#", (name) => {
  const everywhere = `phases: { ${name}: a }\nanswers: { ${name}: approve }\nchildren: { ${name}: {} }\nexpect: { never: [${name}], order: [${name}], phases: { ${name}: { tries: 1 } } }\n`;
  const complaints = complaintsAbout(everywhere);
  expect(complaints).toHaveLength(6);
  expect(complaints.every((each) => each.length < 200)).toBe(true);
});

test("no more is said about a file than a person reads", () => {
  expect(complaintsAbout(`phases: { fix: [${"1,".repeat(5_000)}] }\n`)).toHaveLength(50);
  expect(
    complaintsAbout(`phases: {${Array.from({ length: 5_000 }, (_, at) => `p${at}: a`).join(",")}}\n`),
  ).toHaveLength(50);
});

test("the first names that nobody has come with advice; for thousands of them it would take too long", () => {
  const names = Array.from({ length: 30 }, (_, at) => `dignose${at}`);
  const advised = complaintsAbout(`expect: { never: [${names.join(", ")}] }\n`).map((each) =>
    each.endsWith('"diagnose"?'),
  );
  expect(advised).toEqual(names.map((_, at) => at < 20));
});

/** Complaints with places, and a scenario exactly when none of them is an error; whether there is one. */
function isRead(text: string | Uint8Array): boolean {
  const { scenario, complaints } = reading(text);
  for (const { file, line, column, message } of complaints) {
    expect([file, line >= 1, column >= 1, message.length > 5]).toEqual(["s.yaml", true, true, true]);
    expect(message).not.toContain("undefined");
  }
  expect(scenario === null).toBe(complaints.some((each) => each.severity === "error"));
  return scenario !== null;
}

const PIECES = [
  ..."{}[]:,-#&*!|>'\"%@`? \n\t\0",
  "\r\n",
  "null",
  "~",
  "- ",
  "? ",
  "&a ",
  "*a",
  "<<: *a",
  "!!map ",
  "---\n",
  "never",
  "99999999999",
  "[]",
  "{}",
];

test("a scenario that was damaged anywhere is read or complained of, and never thrown at", () => {
  const read: boolean[] = [];
  const damage = fc.record({
    at: fc.nat(FULL.length),
    cut: fc.nat(12),
    put: fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: "binary", maxLength: 4 })),
  });
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), (damages) => {
      read.push(
        isRead(damages.reduce((text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut), FULL)),
      );
    }),
    { numRuns: 200 },
  );
  expect(new Set(read)).toEqual(new Set([true, false]));
});

test("any value in any other's place is read or complained of", () => {
  const read: boolean[] = [];
  const places: (string | number)[][] = [];
  const visit = (value: unknown, path: (string | number)[]): void => {
    places.push(path);
    if (value === null || typeof value !== "object") return;
    for (const [key, each] of Object.entries(value)) visit(each, [...path, Array.isArray(value) ? Number(key) : key]);
  };
  visit(parse(FULL), []);
  const put = (value: unknown, [first, ...rest]: (string | number)[], other: unknown): unknown => {
    if (first === undefined) return other;
    const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string | number, unknown>;
    copy[first] = put(copy[first], rest, other);
    return copy;
  };
  const values = fc.oneof(
    fc.constantFrom<unknown[]>(null, [], {}, 0, -1, 1.5, true, "", "x", "approve", "1h", [null], [[]], { a: null }),
    fc
      .constantFrom(...places)
      .map((path) => path.reduce((value, key) => (value as never)[key], parse(FULL) as unknown)),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(fc.constantFrom(...places), values, (path, value) => {
      read.push(isRead(JSON.stringify(put(parse(FULL), path, value))));
    }),
    { numRuns: 300 },
  );
  expect(new Set(read)).toEqual(new Set([true, false]));
});

test("any bytes are read or complained of", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void isRead(bytes)),
    { numRuns: 300 },
  );
});
