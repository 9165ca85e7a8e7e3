import { expect, test } from "vitest";
import { said, workflowIn } from "./said.ts";

const minimal = "name: fix\nphases:\n  - { name: a, type: context }\n";

test("a byte order mark and Windows line ends are fine", () => {
  expect(said(`\uFEFF${minimal.replaceAll("\n", "\r\n")}`)).toEqual([]);
});

test("`on` is the text on, and no and yes stay words", () => {
  const text = `name: fix\non: { webhook: [{ source: on }] }\nphases: [{ name: no, type: context, label: yes }]\n`;
  expect(said(text)).toEqual([]);
  expect(workflowIn(text).phases[0]).toMatchObject({ name: "no", label: "yes" });
});

test("anchors and aliases work within one file", () => {
  const text = `name: fix\nphases:\n  - { name: a, type: context, label: &l Look }\n  - { name: b, type: context, label: *l }\n`;
  expect(workflowIn(text).phases.map((each) => each.label)).toEqual(["Look", "Look"]);
});

const refusals: [string, string | Uint8Array, string][] = [
  [
    "a template without quotes",
    "name: fix\nphases:\n  - name: a\n    prompt: x\n    model: {{models.fix}}\n",
    'fix.yaml:5:13 "{{models.fix}}" needs quotes',
  ],
  [
    "text after a template without quotes",
    "name: fix\nphases:\n  - name: a\n    label: {{x}} and {{y}}\n",
    'fix.yaml:4:13 "{{x}}" needs quotes',
  ],
  [
    "a condition that begins with !",
    "name: fix\nphases:\n  - name: a\n    type: context\n    if: !has(x)\n",
    'fix.yaml:5:9 "!has(…)" is a YAML tag. Quote the condition',
  ],
  ["a tag of another program", "name: !Ref fix\n", 'fix.yaml:1:7 "!Ref" is a YAML tag. Quote the text'],
  [
    "a %YAML directive",
    "%YAML 1.1\n---\nname: fix\n",
    "fix.yaml:1:1 directives such as %YAML are not accepted. Remove the line",
  ],
  [
    "a directive below a comment",
    "# fix\n\n%TAG ! x\n---\nname: fix\n",
    "fix.yaml:3:1 directives such as %YAML are not accepted. Remove the line",
  ],
  [
    "two documents",
    "name: fix\n---\nname: other\n",
    'fix.yaml:2:1 one file holds one document. Remove the second "---"',
  ],
  ["a merge key", "a: &a { x: 1 }\nb:\n  <<: *a\n", 'fix.yaml:3:3 "<<" does not merge here. Write the keys out'],
  ["a key twice", "name: fix\nkind: a\nname: other\n", 'fix.yaml:3:1 "name" is here twice'],
  ["a number as key", "name: fix\n1: a\n", 'fix.yaml:2:1 the key 1 is not text. Write "1"'],
  ["a boolean as key", "name: fix\ntrue: a\n", 'fix.yaml:2:1 the key true is not text. Write "true"'],
  ["no key at all", "name: fix\n: a\n", 'fix.yaml:2:1 there is no key before the ":"'],
  ["a list as key", "? [a]\n: b\n", "fix.yaml:1:3 a key must be text"],
  ["__proto__ as key", "name: fix\n__proto__: { kind: cron }\n", 'fix.yaml:2:1 "__proto__" cannot be a key'],
  [
    "constructor as key, in quotes too",
    'name: fix\nvariables: { "constructor": x }\n',
    'fix.yaml:2:14 "constructor" cannot be a key',
  ],
  ["a tab as indent", "name: fix\nphases:\n\t- name: a\n", "fix.yaml:3:1 a tab cannot indent YAML. Use spaces"],
  [
    "a colon in plain text",
    "name: fix\ndescription: note: this\n",
    'fix.yaml:2:14 ": " inside a text makes it a map. Quote the text',
  ],
  [
    "an alias of nothing",
    "name: fix\ndescription: *.ts\n",
    'fix.yaml:2:14 "*.ts" names no anchor above it. Quote the text if the * is meant',
  ],
  [
    "an alias of what it stands in",
    "a: &a [*a]\n",
    'fix.yaml:1:8 "*a" names no anchor above it. Quote the text if the * is meant',
  ],
  [
    "a number too large to keep",
    "name: fix\npriority: 12345678901234567890\n",
    "fix.yaml:2:11 this number cannot be kept exactly. Quote it",
  ],
  ["infinity", "name: fix\npriority: .inf\n", "fix.yaml:2:11 this number cannot be kept exactly. Quote it"],
  [
    "bytes that are not UTF-8",
    new Uint8Array([0x6e, 0x3a, 0x0a, 0x20, 0xff]),
    "fix.yaml:2:2 not UTF-8. Save the file as UTF-8",
  ],
  ["an empty file", "", "fix.yaml:1:1 the file has no value; it must be a map of keys"],
  ["a list instead of keys", "- a\n", "fix.yaml:1:1 the file must be a map of keys"],
];

test.for(refusals)("%s is refused with its place and the remedy", ([, text, message]) => {
  expect(said(text)[0]).toBe(message);
});

const k = (at: number): string => `x${at.toString(36)}`;
const bomb = ["b", "c", "d", "e", "f"].map((name, at) => `${name}: &${name} [${Array(9).fill(`*${"abcde"[at]}`)}]`);
const hostile: [string, string, string][] = [
  ["a thousand bytes of question marks", "? ".repeat(500), "fix.yaml:1:3 a key must be text"],
  [
    "an alias bomb",
    `a: &a [${Array(9).fill("x")}]\n${bomb.join("\n")}`,
    "fix.yaml:1:1 more than 100000 values once aliases are written out",
  ],
  ["sixty aliases", `a: &a x\nb: [${Array(60).fill("*a")}]`, "fix.yaml:2:155 more than 50 aliases"],
  ["a file of 1 MB", "a".repeat(1 << 20), "fix.yaml:1:1 larger than 256 KiB"],
  ["a thousand open brackets", "[".repeat(1000), "fix.yaml:1:65 nested more than 64 levels deep"],
  ["a thousand closed brackets", "[".repeat(1000) + "]".repeat(1000), "fix.yaml:1:65 nested more than 64 levels deep"],
  [
    "600 levels of indentation",
    Array.from({ length: 600 }, (_, at) => `${" ".repeat(at)}a:`).join("\n"),
    "fix.yaml:65:65 nested more than 64 levels deep",
  ],
  [
    "40,000 unique keys",
    Array.from({ length: 40_000 }, (_, at) => `${k(at)}:`).join("\n"),
    "fix.yaml:15000:6 more than 60000 pieces of YAML in one file",
  ],
];

test.for(hostile)("%s is refused with a place", ([, text, message]) => {
  expect(said(text)).toContain(message);
});

test("lists in lists on one line are refused, wherever the parser gives up", () => {
  expect(said("- ".repeat(2000))).toEqual([expect.stringMatching(/^fix.yaml:1:\d+ nested more than 64 levels deep$/)]);
});

test("text lost to a comment sign is noticed, a comment is not", () => {
  const text = `name: fix\ndescription: Closes the bug # as people ask\nphases: [{ name: a, type: context }]\n`;
  expect(said(text, "warning")).toEqual([]);
  expect(said(text.replace("# as", "#12 as"), "warning")).toEqual([
    'fix.yaml:2:29 what follows " #" is a comment and not part of the text. Quote the text to keep it',
  ]);
});
