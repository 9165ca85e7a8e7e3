import { expect, test } from "vitest";
import { check } from "../../src/workflow/check.ts";
import { readInputs } from "../../src/workflow/inputs.ts";
import { said } from "./said.ts";

const declaring = (inputs: string): string => `name: fix\ninputs:\n${inputs}phases: [{ name: a, type: context }]\n`;

function versionOf(inputs: string): NonNullable<ReturnType<typeof check>["version"]> {
  const { version } = check("fix.yaml", new TextEncoder().encode(declaring(inputs)));
  if (!version) throw new Error(said(declaring(inputs)).join("\n"));
  return version;
}

const version = versionOf(`  severity: { type: string, enum: [low, high], default: low }
  issue: { type: integer, minimum: 1 }
  labels: { type: array, items: { type: string }, uniqueItems: true, default: [] }
  person: { type: object, properties: { name: { type: string, minLength: 1 } }, required: [name], additionalProperties: false, default: { name: ana } }
`);

test("defaults are filled in, in the order of the declaration", () => {
  expect(readInputs(version, { issue: 7 })).toEqual({
    ok: true,
    inputs: { severity: "low", issue: 7, labels: [], person: { name: "ana" } },
  });
});

test("every problem names its path", () => {
  const raw = { severty: "low", severity: "mid", issue: "7", labels: ["a", 1, "a"], person: { "na/me": 1 } };
  expect(readInputs(version, raw)).toEqual({
    ok: false,
    problems: [
      { path: "/severty", message: 'unknown input "severty". Did you mean "severity"?' },
      { path: "/severity", message: 'must be one of "low", "high"' },
      { path: "/issue", message: "must be integer" },
      { path: "/labels/1", message: "must be string" },
      { path: "/labels", message: "must NOT have duplicate items (items ## 2 and 0 are identical)" },
      { path: "/person/name", message: "is required" },
      { path: "/person/na~1me", message: "is not declared" },
    ],
  });
});

test("an input without a default is required", () => {
  expect(readInputs(version, undefined)).toEqual({ ok: false, problems: [{ path: "/issue", message: "is required" }] });
});

test.for([
  ["a list", []],
  ["a text", "x"],
])("inputs that are %s are refused", ([, raw]) => {
  expect(readInputs(version, raw)).toEqual({
    ok: false,
    problems: [{ path: "", message: "must be an object of inputs by name" }],
  });
});

test("names that mean something to JavaScript are unknown inputs like any other", () => {
  const raw = JSON.parse('{"issue": 1, "constructor": 1, "toString": 2}');
  expect(readInputs(version, raw)).toMatchObject({
    ok: false,
    problems: [{ path: "/constructor" }, { path: "/toString" }],
  });
  expect(readInputs(version, JSON.parse('{"issue": 1, "__proto__": {"severity": "high"}}'))).toMatchObject({
    ok: false,
    problems: [{ path: "/__proto__" }],
  });
});

test("inputs hold 64 KiB and 32 levels at most", () => {
  const open = versionOf("  any: { default: 1 }\n");
  expect(readInputs(open, { any: "x".repeat(65_000) })).toMatchObject({ ok: true });
  expect(readInputs(open, { any: "x".repeat(66_000) })).toMatchObject({ ok: false, problems: [{ path: "" }] });
  const deep = JSON.parse(`${"[".repeat(40)}${"]".repeat(40)}`);
  expect(readInputs(open, { any: deep })).toMatchObject({ ok: false });
});

const refusals: [string, string, string][] = [
  [
    "a regular expression",
    "  a: { type: string, pattern: '(a+)+$' }\n",
    'fix.yaml:3:22 "pattern" is not accepted in inputs: an author\'s regular expression could stop the daemon. Use enum, minLength or maxLength',
  ],
  [
    "a format",
    "  a: { type: string, format: uri }\n",
    "fix.yaml:3:30 format can only be path; others are not checked. Say it in description",
  ],
  [
    "a reference",
    "  a: { items: { $ref: '#' }, type: array }\n",
    'fix.yaml:3:17 "$ref" is not accepted in inputs: references are not followed. Write the schema out',
  ],
  [
    "a misspelt keyword",
    "  a: { type: string, enumm: [a] }\n",
    'fix.yaml:3:22 unknown key "enumm". Did you mean "enum"?',
  ],
  [
    "an unknown type",
    "  a: { type: strin }\n",
    "fix.yaml:3:14 type must be one or more of string, number, integer, boolean, object, array, null",
  ],
  [
    "a default that breaks its own rule",
    "  a: { type: integer, default: x }\n",
    "fix.yaml:3:23 the default must be integer",
  ],
  [
    "a limit on the wrong type",
    "  a: { type: string, minimum: 1 }\n",
    'fix.yaml:3:3 missing type "number" for keyword "minimum"',
  ],
  [
    "a default inside",
    "  a: { type: object, properties: { b: { default: 1 } } }\n",
    "fix.yaml:3:41 a default belongs to the input itself, not to a part of it",
  ],
  [
    "a slow comparison of anything with anything",
    "  a: { type: array, uniqueItems: true }\n",
    "fix.yaml:3:21 uniqueItems needs items with a plain type",
  ],
  [
    "two inputs of one variable",
    "  a: { type: string }\n  A: { type: string }\n",
    'fix.yaml:4:3 "a" and "A" would share one environment variable',
  ],
  [
    "a reserved word as a name",
    "  while: { type: string }\n",
    "fix.yaml:3:3 while is a word of the template or condition language. Choose another",
  ],
  [
    "a hyphen in a name",
    "  a-b: { type: string }\n",
    "fix.yaml:3:3 a-b must be letters, digits and _, at most 64, and begin with a letter",
  ],
];

test.for(refusals)("%s in a declaration is refused", ([, inputs, message]) => {
  expect(said(declaring(inputs))).toContain(message);
});
