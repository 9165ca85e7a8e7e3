import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Json } from "../../src/domain/json.ts";
import type { Act, Answer, Expectation, Scenario } from "../../src/domain/scenario.ts";
import { easyScenario } from "../../src/workflow/scenario/easy.ts";
import { printScenario } from "../../src/workflow/scenario/print.ts";
import { FULL, reading, scenarioIn, WORKFLOW } from "./scenario-world.ts";

const printed = (scenario: Scenario): string => printScenario(scenario, { heading: ["From a run"] });

/** Where a file says a thing is not part of what it says. */
function unplaced(scenario: Scenario | null): unknown {
  return JSON.parse(JSON.stringify(scenario, (key, value) => (key === "said" ? undefined : value)));
}

const PIECES = [
  ..."abc '\"\\#:-?|>&*!%@`{}[],~=\t\n\r",
  "\r\n",
  "\n\n",
  " \n",
  "\u2028",
  "\u0085",
  "\uFEFF",
  "é😀",
  "yes",
  "null",
  "true",
  "1e3",
  "0o7",
  ".inf",
  "- a",
  "# x",
  "a: b",
  "---\n",
  "...",
  "{{x}}",
  "<<",
  "never",
];

const text = fc.oneof(
  fc.constantFrom(
    "yes",
    "1e3",
    "- a",
    "# x",
    "12",
    "",
    "~",
    "null",
    "trailing  ",
    "  leading",
    "a\u2028b",
    "a\r\nb\r\n",
    "\n",
    "a\n",
    "a\n\n",
    "a\n  b\n c",
    "\ta",
    "a: b",
    "a #b",
    "---",
    "{{x}}",
  ),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join("")),
  fc.string({ unit: "binary", maxLength: 20 }).map((each) => each.replaceAll("\0", "")),
);
const words = text.filter((each) => each !== "");
const key = text.filter((each) => !["<<", "__proto__", "constructor", "prototype"].includes(each));
const seconds = fc.oneof(
  fc.nat(200),
  fc.nat(315_360_000),
  fc.nat(3_650).map((days) => days * 86_400),
);
const ms = seconds.map((each) => each * 1_000);
const path = fc.constantFrom("patch.diff", "a/b c.txt", "é", "- x", "1", "null", "a: b", "#");
const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { depthSize: "small" },
    text,
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, min: -1e6, max: 1e6 }).filter((each) => !Number.isInteger(each)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("json"), { maxLength: 3 }),
    fc.dictionary(key, tie("json"), { maxKeys: 3 }),
  ),
}));
const fields = fc.dictionary(key, json, { maxKeys: 3 }) as fc.Arbitrary<{ [name: string]: Json }>;

const ends = fc.oneof(
  fc.record({
    takesMs: ms,
    end: fc.nat(255).map((code) => ({ type: "exit" as const, code })),
    error: fc.option(words),
  }),
  fc.record({
    takesMs: fc.constant(null),
    end: fc.constant({ type: "exit" as const, code: 0 }),
    error: fc.constant(null),
  }),
  fc.record({ takesMs: ms, end: fc.constant({ type: "lost" as const }), error: fc.constant(null) }),
);
const act: fc.Arbitrary<Act> = fc
  .tuple(
    ends,
    fc.record({ output: text, stderr: text, files: fc.dictionary(path, text, { maxKeys: 2 }) }),
    fc.record(
      {
        usd: fc.double({ noNaN: true, min: 0, max: 100 }),
        turns: fc.nat(),
        inputTokens: fc.nat(),
        outputTokens: fc.nat(),
      },
      { requiredKeys: [] },
    ),
  )
  .map(([end, rest, usage]) => ({ ...end, ...rest, usage, said: null }));

const answer = (decisions: readonly ("approve" | "reject" | "reply")[]): fc.Arbitrary<Answer> =>
  fc.oneof(
    fc.constant<Answer>({ type: "nobody", said: null }),
    fc
      .record({ decision: fc.constantFrom(...decisions), by: words, afterMs: ms, comment: fc.option(text) })
      .map((each) => ({
        type: "answer" as const,
        ...each,
        comment: each.decision === "reply" ? (each.comment ?? "") : each.comment,
        said: null,
      })),
  );

const some = <Value>(one: fc.Arbitrary<Value>) => fc.array(one, { minLength: 1, maxLength: 3 });

const expectations: fc.Arbitrary<Expectation[]> = fc.oneof(
  fc.constant<Expectation[]>([{ type: "refused", code: "input.invalid", said: null }]),
  fc
    .record({
      standing: fc.constantFrom<Expectation[]>(
        [],
        [
          { type: "status", is: "failed", said: null },
          { type: "reason", is: "rejected", said: null },
        ],
        [{ type: "reason", is: null, said: null }],
      ),
      output: fc.option(
        fc.oneof(
          text.map((is) => ({ is })),
          words.map((contains) => ({ contains })),
        ),
      ),
      given: fc.option(words),
      never: fc.nat(2),
      said: fc.array(words, { maxLength: 3 }),
      least: fc.option(ms),
      costs: fc.option(
        fc.record({ usdAtMost: fc.constant(0.5), turnsAtMost: fc.nat() }, { requiredKeys: ["turnsAtMost"] }),
      ),
    })
    .map(({ standing, output, given, never, said, least, costs }): Expectation[] => [
      ...standing,
      { type: "phase.tries", phase: "fix", is: 2, said: null },
      ...(output === null ? [] : [{ type: "phase.output" as const, phase: "fix", ...output, said: null }]),
      ...(given === null ? [] : [{ type: "phase.given" as const, phase: "fix", contains: given, said: null }]),
      { type: "phase.asks", phase: "approve", is: 1, said: null },
      { type: "order", phases: ["diagnose", "fix"], said: null },
      ...Array.from({ length: never }, () => ({ type: "never" as const, phase: "publish", said: null })),
      ...said.map((each) => ({ type: "said" as const, words: each, said: null })),
      ...(least === null ? [] : [{ type: "takes" as const, atLeastMs: least, said: null }]),
      ...(costs === null ? [] : [{ type: "costs" as const, ...costs, said: null }]),
    ]),
);

const trigger = fc.record({
  atMs: ms,
  type: fc.constantFrom("api" as const, "webhook" as const, "cron" as const, "chat" as const),
  id: fc.option(words),
  by: words,
  once: fc.option(words),
  inputs: fields,
  context: fields,
  expect: expectations,
  said: fc.constant(null),
});

const scenarios: fc.Arbitrary<Scenario> = some(trigger).chain((triggers) => {
  const run = fc.nat(triggers.length - 1);
  return fc.record({
    name: fc.option(text),
    description: fc.option(text),
    seed: fc.nat(),
    start: fc.nat(4_000_000_000).map((each) => new Date(each * 1_001).toISOString()),
    limitMs: ms.filter((each) => each > 0 && each < 9_999_999_000),
    settings: fc.record({
      approvals: fc.constant(["after_diagnose"]),
      models: fc.dictionary(key, text, { maxKeys: 2 }),
      variants: fc.dictionary(key, text, { maxKeys: 2 }),
      secrets: fc.array(words, { maxLength: 2 }),
      publicUrl: fc.constantFrom("", "https://lastlight.example"),
      sandbox: words,
      maxExecutions: fc.integer({ min: 1, max: 1_000 }),
    }),
    triggers: fc.constant(triggers),
    cast: fc.record({
      phases: fc.record({ fix: some(act), fix_iter_2: some(act), review: some(act) }, { requiredKeys: [] }),
      answers: fc.record(
        {
          approve: some(answer(["approve", "reject"])),
          after_diagnose: some(answer(["approve", "reject"])),
          talk: some(answer(["approve", "reject", "reply"])),
        },
        { requiredKeys: [] },
      ),
    }),
    children: fc.constantFrom<Scenario["children"]>({}, { "build-it": { phases: {}, answers: {} } }),
    signals: fc.array(
      fc.record({ atMs: ms, trigger: run, id: words, name: words, payload: json, said: fc.constant(null) }),
      { maxLength: 3 },
    ),
    operator: fc.array(
      fc.record({
        atMs: ms,
        trigger: run,
        what: fc.constantFrom("pause" as const, "resume" as const, "cancel" as const, "retry" as const),
        by: words,
        from: fc.constant(null),
        said: fc.constant(null),
      }),
      { maxLength: 3 },
    ),
    easy: fc.boolean(),
  });
});

describe("a scenario that is written down", () => {
  test("reads back to the same scenario, whatever its texts look like", () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        const file = printed(scenario);
        const { scenario: again, complaints } = reading(file);
        expect(complaints, file).toEqual([]);
        expect(unplaced(again), file).toEqual(unplaced(scenario));
      }),
      { numRuns: 200 },
    );
  });

  test("reads back to the same scenario when it says all there is to say, and when it says nothing", () => {
    for (const scenario of [scenarioIn(FULL), easyScenario(WORKFLOW), scenarioIn("{}")])
      expect(unplaced(scenarioIn(printed(scenario)))).toEqual(unplaced(scenario));
  });

  test("is printed once and for all: what is read and written again is the same file", () => {
    const file = printed(scenarioIn(FULL));
    expect(printed(scenarioIn(file))).toBe(file);
  });

  test("is as short as what it says", () => {
    const scenario = scenarioIn("phases: { fix: [ok, { takes: never }] }\nanswers: { approve: approve }\n");
    expect(printed({ ...scenario, settings: { ...scenario.settings, secrets: [] } })).toBe(
      `# yaml-language-server: $schema=./scenario.schema.json
# From a run
settings:
  secrets: []
phases:
  fix:
    - ok
    - takes: never
answers:
  approve: approve
`,
    );
  });

  test.for([
    [0, "0s"],
    [1, "1s"],
    [1_000, "1s"],
    [1_001, "2s"],
    [90_000, "90s"],
    [120_000, "2m"],
    [5_400_000, "90m"],
    [7_200_000, "2h"],
    [172_800_000, "2d"],
    [Number.MAX_SAFE_INTEGER, "3650d"],
  ] as const)("says %i milliseconds as %s", ([atMs, words]) => {
    const scenario = {
      ...easyScenario(WORKFLOW),
      signals: [{ atMs, trigger: 0, id: "a", name: "b", payload: null, said: null }],
    };
    expect(printed(scenario)).toContain(`- at: ${words}\n`);
  });

  test("has marks for characters that no file can hold", () => {
    const scenario = { ...easyScenario(WORKFLOW), name: "a\0b\uD800c" };
    expect(scenarioIn(printed(scenario)).name).toBe("a\uFFFDb\uFFFDc");
  });

  test("has a heading that stays a comment", () => {
    const file = printScenario(easyScenario(WORKFLOW), { heading: ["run 1\nseed: 9", "", "\u2028seed: 9"] });
    expect(scenarioIn(file).seed).toBe(1);
    expect(file.split("\n").slice(1, 4)).toEqual(["# run 1 seed: 9", "#", "# \u2028seed: 9"]);
  });
});
