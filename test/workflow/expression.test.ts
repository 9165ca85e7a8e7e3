import { describe, expect, test } from "vitest";
import type { Json } from "../../src/domain/json.ts";
import { checkCondition, checkList, evaluate, evaluateList, pathsOfCondition } from "../../src/workflow/expression.ts";
import type { Names, Root } from "../../src/workflow/names.ts";

const names: Names = new Map<string, Root>([
  ["phases", new Set(["fix", "write-test"])],
  ["inputs", new Set(["flag", "severity"])],
  ["output", "open"],
  ["scratch", "open"],
  ["labels", "open"],
  ["payload", "open"],
  ["attempt", "open"],
  ["limit", "open"],
]);

/** What a person sees underlined, and what is said about it. */
function said(text: string, check: typeof checkCondition = checkCondition): string[] {
  return check(text, names).map(({ offset, length, message }) => `${text.slice(offset, offset + length)} | ${message}`);
}

const run = (text: string, scope: { readonly [name: string]: Json | undefined } = {}) => evaluate(text, scope);

describe("the conditions that older workflows hold", () => {
  const diagnosis = (value: Json) => ({ scratch: { fixMarkers: { diagnosis: { class: value } } } });
  test.for<[string, Record<string, Json>, boolean]>([
    ["output.contains('READY')", { output: "I am READY now" }, true],
    ["output.contains('READY')", { output: "not yet" }, false],
    ["output.contains('outcome=pushed tried=')", { output: "outcome=pushed tried=2" }, true],
    ["scratch.fixMarkers.diagnosis.class == 'flaky'", diagnosis("flaky"), true],
    ["scratch.fixMarkers.diagnosis.class == 'flaky'", diagnosis("other"), false],
    ["scratch.fixMarkers.diagnosis.class == 'infra-dependent'", diagnosis("infra-dependent"), true],
    ["scratch.fixMarkers.diagnosis.class == 'upstream-broken'", diagnosis("upstream-broken"), true],
    // The older engine compared texts made of the values, and so took a list of one text for that text.
    ["scratch.fixMarkers.diagnosis.class == 'flaky'", diagnosis(["flaky"]), false],
  ])("%s of %j is %j", ([text, scope, value]) => {
    expect(said(text)).toEqual([]);
    expect(run(text, scope)).toEqual({ value, warning: null });
  });

  test.for<[string, Record<string, Json>, string]>([
    ["nothing", {}, "scratch"],
    ["no markers", { scratch: {} }, "scratch.fixMarkers"],
    ["no diagnosis", { scratch: { fixMarkers: {} } }, "scratch.fixMarkers.diagnosis"],
    ["null for a diagnosis", { scratch: { fixMarkers: { diagnosis: null } } }, "scratch.fixMarkers.diagnosis"],
    ["no class", { scratch: { fixMarkers: { diagnosis: {} } } }, "scratch.fixMarkers.diagnosis.class"],
  ])("with %s they are false, and say what is absent", ([, scope, absent]) => {
    expect(run("scratch.fixMarkers.diagnosis.class == 'flaky'", scope)).toEqual({
      value: false,
      warning: `${absent} is absent; the condition counts as false`,
    });
  });
});

describe("what a condition gives", () => {
  test.for<[string, Record<string, Json>, boolean]>([
    ["attempt + 1 == 3", { attempt: 2 }, true],
    ["attempt % 2 == 0", { attempt: 4 }, true],
    ["payload.list[0] + 1 == 2", { payload: { list: [1] } }, true],
    ["attempt < 2.5", { attempt: 2 }, true],
    ["attempt == 3", { attempt: "3" }, false],
    ["attempt == '3'", { attempt: 3 }, false],
    ["attempt == 9007199254740993.0", { attempt: 2 ** 53 }, true],
    ["'bug' in labels", { labels: ["bug", 1] }, true],
    ["1 in labels", { labels: ["bug", 1] }, true],
    ["labels.exists(label, label.startsWith('kind/'))", { labels: ["kind/bug"] }, true],
    ["labels.all(label, label != 'wip')", { labels: [] }, true],
    ["labels.filter(each, each.n > 1).exists(each, each.n == 2)", { labels: [{ n: 1 }, { n: 2 }] }, true],
    ["payload == {'a': [1, {'b': 'c'}]}", { payload: { a: [1, { b: "c" }] } }, true],
    ["size(payload) == 1", { payload: { a: 1, b: null } }, true],
    ["has(payload.a)", { payload: { a: null } }, false],
    ["has(payload.a)", { payload: { a: false } }, true],
    ["payload.?a.?b.orValue('') == ''", { payload: {} }, true],
    ["payload.?a.?b.orValue('') == 'c'", { payload: { a: { b: "c" } } }, true],
    ['phases["write-test"].exit_code == 0', { phases: { "write-test": { exit_code: 0 } } }, true],
    ["phases.fix.exit_code != 0 || true", { phases: { fix: {} } }, true],
    ["phases.fix.exit_code != 0 && false", { phases: { fix: {} } }, false],
    ["output == 'é😀'", { output: "é😀" }, true],
    ["inputs.flag", { inputs: { flag: true } }, true],
    [
      "timestamp(output) - timestamp('2026-01-01T00:00:00Z') < duration('2h')",
      { output: "2026-01-01T01:00:00Z" },
      true,
    ],
  ])("%s of %j is %j", ([text, scope, value]) => {
    expect(said(text)).toEqual([]);
    expect(run(text, scope)).toEqual({ value, warning: null });
  });

  test.for<[string, Record<string, Json>, string]>([
    // A skipped phase has no exit code, and one that is not there differs from nothing.
    [
      "phases.fix.exit_code != 0",
      { phases: { fix: { exit_code: null } } },
      "phases.fix.exit_code is absent; the condition counts as false",
    ],
    ["scratch.done == false", {}, "scratch is absent; the condition counts as false"],
    ["scratch.done != true", { scratch: {} }, "scratch.done is absent; the condition counts as false"],
    ["has(scratch.a.b)", { scratch: {} }, "scratch.a is absent; the condition counts as false"],
    ["inputs.flag", { inputs: { flag: "true" } }, "it gives a text, not true or false, and counts as false"],
    ["inputs.flag", { inputs: { flag: 1 } }, "it gives a number, not true or false, and counts as false"],
    [
      "'x' in labels",
      { labels: "xy" },
      "no such overload: string in string. For a text write text.contains(…); the condition counts as false",
    ],
    [
      "attempt.contains('3')",
      { attempt: 3 },
      "found no matching overload for 'int.contains(string)'; the condition counts as false",
    ],
    ["attempt + 0.5 > 1.0", { attempt: 1 }, "no such overload: int + double; the condition counts as false"],
  ])("%s of %j is false, with a warning", ([text, scope, warning]) => {
    expect(run(text, scope)).toEqual({ value: false, warning });
  });

  test("what is inherited is absent, whatever its name", () => {
    for (const name of ["constructor", "toString", "hasOwnProperty", "valueOf", "__defineGetter__"]) {
      expect(run(`${name} == ${name}`)).toEqual({
        value: false,
        warning: `${name} is absent; the condition counts as false`,
      });
      expect(run(`has(payload.${name})`, { payload: {} })).toEqual({ value: false, warning: null });
      expect(run(`payload["${name}"] == 1`, { payload: {} }).value).toBe(false);
    }
    const hostile = JSON.parse('{"__proto__": {"admin": true}, "constructor": "x", "a": 1}');
    expect(run("has(payload.admin)", { payload: hostile }).value).toBe(false);
    expect(run("payload.a == 1", { payload: hostile }).value).toBe(true);
    expect(run('payload["__proto__"].admin', { payload: hostile }).value).toBe(true);
    expect(run("__proto__ == 1").value).toBe(false);
  });

  test("values are read and never changed, frozen ones too", () => {
    const payload = Object.freeze({ list: Object.freeze([1, Object.freeze({ a: null })]), n: 1 });
    expect(run("payload.n + payload.list[0] == 2 && payload.list == payload.list", { payload })).toEqual({
      value: true,
      warning: null,
    });
    expect(payload).toEqual({ list: [1, { a: null }], n: 1 });
  });

  test("the same text gives what each scope says, one after the other", () => {
    expect([1, "1", 1, {}].map((attempt) => run("attempt == 1", { attempt }).value)).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});

describe("what is refused when a file is loaded", () => {
  test.for<[string, string[]]>([
    ["1 + 2", ["1 + 2 | a condition is true or false, and this is a number"]],
    ["'a' + 'b'", ["'a' + 'b' | a condition is true or false, and this is a text"]],
    ["[output]", ["[output] | a condition is true or false, and this is a list"]],
    ["payload.?a", ["payload.?a | this may be absent. Say what it counts as then: ….orValue(false)"]],
    ["outptu == 'x'", ['outptu | unknown name "outptu". Did you mean "output"?']],
    ["output == '😀' && nope.a.b", ['nope | unknown name "nope"']],
    ["inputs.severty == 'low'", ['inputs.severty | inputs.severty is no input. Did you mean "severity"?']],
    ["phases.fixx.output == ''", ['phases.fixx | phases.fixx is no phase. Did you mean "fix"?']],
    ["labels.all(label, lable == 1)", ['lable | unknown name "lable"']],
    [
      "phases.write-test.exit_code == 0",
      ['phases.write-test | phases.write-test is a subtraction. Write phases["write-test"]'],
    ],
    ["phases.a-b-2.exit_code == 0", ['phases.a-b-2 | phases.a-b-2 is a subtraction. Write phases["a-b-2"]']],
    [
      "inputs.max-attempt > 1",
      ['inputs.max-attempt | inputs.max-attempt is a subtraction. Write inputs["max-attempt"]'],
    ],
    [
      "output.matches('(a+)+$')",
      [
        "output.matches('(a+)+$') | matches is not available: a pattern could stop the daemon. Use contains, startsWith, endsWith or ==",
      ],
    ],
    ["'x' in output", ["'x' in output | in looks into lists. For a text write output.contains('x')"]],
    [
      "'x' in phases.fix.output",
      ["'x' in phases.fix.output | in looks into lists. For a text write phases.fix.output.contains('x')"],
    ],
    [
      "payload.a != null",
      ["payload.a != null | nothing is ever null here: what is missing is absent. Write has(path) or !has(path)"],
    ],
    ["1 == '1'", ["1 == '1' | no such overload: int == string"]],
    ["output && 1", ["output && 1 | logical operator requires bool operands, got 'int'"]],
    ["has(output)", ["output | has() invalid argument"]],
    [
      "nope(1)",
      [
        "nope(1) | nope() is not available. There are has, size, string, int, double, bool, type, dyn, timestamp, duration",
      ],
    ],
    ["cel.bind(output, 1, true)", ["cel.bind(output, 1, true) | cel.bind is not available"]],
    ["duration(output) == duration('1s')", ['duration(output) | duration takes a literal, e.g. "90s"']],
    ["output = 'x'", ["= | to compare, write =="]],
    ["output and labels", ['and | "and" is written &&']],
    ["not output", ['not | "not" is written !']],
    ["output == 'x", ["'x | unterminated string"]],
    ["output ==", [" | the expression ends too early"]],
    ["", [" | the expression is empty"]],
    ["{{output}} == 'x'", ["{{ | this is an expression already. Write it without {{ }}"]],
    ["loop == 1", ['loop | loop is a reserved word. As a key write ["loop"]']],
    ["ü == 1", ['ü | "ü" does not belong here']],
  ])("%s", ([text, expected]) => {
    expect(said(text)).toEqual(expected);
    expect(run(text, { output: "x", labels: ["x"] }).value).toBe(false);
  });

  test("a subtraction of two declared values is one", () => {
    expect(said("attempt-limit > 0")).toEqual([]);
    expect(run("attempt-limit > 0", { attempt: 3, limit: 1 }).value).toBe(true);
  });
});

describe("a text that could stop the daemon is refused", () => {
  test.for<[string, string, string]>([
    ["ten thousand parentheses", "(".repeat(10_000), "longer than 2,000 characters"],
    ["a thousand parentheses", "(".repeat(999), "nested more than 50 levels deep"],
    ["a megabyte", "a".repeat(1_000_000), "longer than 2,000 characters"],
    ["two thousand negations", `${"!".repeat(1990)}true`, "too many parts"],
    ["a list in a list, again and again", `${"[".repeat(900)}1${"]".repeat(900)}`, "nested more than 50 levels deep"],
    [
      "a loop in a loop",
      "labels.all(a, labels.all(b, a == b))",
      "all cannot stand inside another all, exists, exists_one, filter, map",
    ],
    [
      "a loop over what map made",
      "labels.map(a, [a, a]).map(b, [b, b]) == []",
      "map cannot follow map. Say it of the list itself: list.map(x, …x…)",
    ],
  ])("%s", ([, text, message]) => {
    expect(checkCondition(text, names).map((each) => each.message)).toEqual([message]);
    expect(run(text, { labels: [1] })).toEqual({ value: false, warning: `${message}; the condition counts as false` });
  });

  test("a condition that reads too much ends, counts as false and says so", () => {
    const labels = Array.from({ length: 20_000 }, (_, at) => at);
    const payload = [...labels];
    const warning = "it goes over more values than a condition may; the condition counts as false";
    for (const text of [
      "labels.all(a, a in payload)",
      "labels.all(a, labels == payload)",
      "labels.all(a, a in payload) || true",
    ])
      expect(run(text, { labels, payload })).toEqual({ value: false, warning });
    const long = "a".repeat(60_000);
    expect(run("labels.exists(a, output.contains('aaaab'))", { labels, output: long })).toEqual({
      value: false,
      warning,
    });
    expect(run("labels.all(a, a >= 0)", { labels })).toEqual({ value: true, warning: null });
  });
});

describe("lists", () => {
  test("a list comes back as the JSON it was, numbers and nulls included", () => {
    const payload = {
      hosts: [{ name: "a", port: 1, zone: null } as Json, { name: "b", port: 2.5 }],
    };
    expect(evaluateList("payload.hosts", { payload })).toEqual(payload.hosts);
    expect(evaluateList("payload.hosts.filter(each, each.port > 2)", { payload })).toEqual([{ name: "b", port: 2.5 }]);
    expect(evaluateList("payload.hosts.map(each, {'n': each.name, 'p': [each.port]})", { payload })).toEqual([
      { n: "a", p: [1] },
      { n: "b", p: [2.5] },
    ]);
    expect(evaluateList("[1, 'a', 2.5, true] + ['b']", {})).toEqual([1, "a", 2.5, true, "b"]);
  });

  test.for<[string, string]>([
    ["payload", '"payload" gives an object, not a list'],
    ["scratch", '"scratch" gives no list: scratch is absent'],
    ["output", '"output" gives a text, not a list'],
    ["[timestamp('2026-01-01T00:00:00Z')]", `"[timestamp('2026-01-01T00:00:00Z')]" gives a list that is no JSON`],
    ["[9223372036854775807]", '"[9223372036854775807]" gives a list that is no JSON'],
    ["[", '"[" gives no list: the expression ends too early'],
  ])("%s is none, and the fault says why", ([text, message]) => {
    expect(() => evaluateList(text, { payload: {}, output: "x" })).toThrow(
      expect.objectContaining({ code: "template.failed", message }),
    );
  });

  test("what cannot be a list is refused when the file is loaded", () => {
    expect(
      ["payload.hosts", "[1]", "labels.map(x, x)", "labels.filter(x, true)"].flatMap((text) => said(text, checkList)),
    ).toEqual([]);
    expect(said("size(labels)", checkList)).toEqual(["size(labels) | this must be a list, and it is a number"]);
    expect(said("labells", checkList)).toEqual(['labells | unknown name "labells". Did you mean "labels"?']);
  });
});

test.for<[string, string[][]]>([
  ["phases.fix.exit_code != 0", [["phases", "fix", "exit_code"]]],
  ['phases["write-test"].output == output', [["phases", "write-test", "output"], ["output"]]],
  [
    "has(scratch.a.b) && scratch.?a.?c.orValue('') == ''",
    [
      ["scratch", "a", "b"],
      ["scratch", "a", "c"],
    ],
  ],
  ["labels.exists(x, x.name == inputs.flag)", [["labels"], ["inputs", "flag"]]],
  ["payload[output].a == payload[output].a", [["output"], ["payload"]]],
  ["type(1) == int", []],
  ["output ==", []],
])("%s reads %j", ([text, paths]) => {
  expect(pathsOfCondition(text)).toEqual(paths);
});
