import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asFault, Fault } from "../../src/domain/fault.ts";
import type { Json } from "../../src/domain/json.ts";
import { namesOf, withNames } from "../../src/workflow/names.ts";
import type { DeclaredWorkflow } from "../../src/workflow/schema/workflow.ts";
import { remembering } from "../../src/workflow/template/memory.ts";
import { checkTemplate, isTemplate, pathsOf, render, type Scope } from "../../src/workflow/template.ts";

const names = namesOf({
  name: "fix-issue",
  inputs: { severity: { type: "string" } },
  phases: [{ name: "diagnose", output_var: "diagnosis" }, { name: "write-test" }, { name: "fix" }],
} as DeclaredWorkflow);

const said = (text: string): string[] => checkTemplate(text, names).map(({ message }) => message);

/** The fault a rendering ends with; anything else it may end with fails the test. */
function faultOf(text: string, scope: Scope = {}): Fault {
  try {
    return expect.fail(`rendered as ${render(text, scope).slice(0, 100)}`);
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    return thrown;
  }
}

const scope: Scope = {
  owner: "acme",
  repo: "widgets",
  branch: "fix/7",
  issueDir: ".lastlight/issue-7",
  issueNumber: 7,
  issueTitle: "Crash on start: Ümläut & co",
  issueBody: "",
  issueLabels: ["bug", "p1"],
  prLabels: [],
  mayMerge: false,
  attempt: 0,
  approved: true,
  reason: null,
  commentBody: "see {{owner}} and {% raw %} ${diagnosis.output} $& $1",
  models: { "pr-fix": "small", fix: "large", qa: { "deep-er": "x" } },
  scratch: { socratic: { qa: "Q and A", ready: false, round: 0, notes: [] } },
  diagnosis: "it is the cache",
  review: { approved: false, cycles: 2 },
  phaseOutputs: {
    diagnosis: "it is the cache",
    review: { approved: false, cycles: 2 },
    "write-test": { output: "red" },
  },
  dependencies: {},
};

const legacyForms: [string, string][] = [
  ["no template", "no template"],
  ["{{owner}}/{{repo}}", "acme/widgets"],
  ["#{{issueNumber}}", "#7"],
  ["{{issueTitle}}", "Crash on start: Ümläut & co"],
  ["[{{issueBody}}]", "[]"],
  ["[{{reason}}]", "[]"],
  ["[{{prTitle}}]", "[]"],
  ["{{issueLabels}}", '["bug","p1"]'],
  ["{{prLabels}}", "[]"],
  ["{{dependencies}}", "{}"],
  ["{{mayMerge}} {{approved}} {{attempt}}", "false true 0"],
  ["{{models.fix}}", "large"],
  ["{{models.pr-fix}}", "small"],
  ["{{models.qa.deep-er}}", "x"],
  ["[{{models.qa-test}}]", "[]"],
  ["{{models}}", '{"pr-fix":"small","fix":"large","qa":{"deep-er":"x"}}'],
  ["{{scratch.socratic.qa}}", "Q and A"],
  ["{{scratch.socratic.round}}", "0"],
  ["{{scratch.socratic.ready}}", "false"],
  ["[{{scratch.socratic.qa.deeper}}]", "[]"],
  ["[{{scratch.none.qa}}]", "[]"],
  ["[{{issueTitle.length}}]", "[]"],
  ["{{issueLabels.length}} {{issueLabels.1}}", "2 p1"],
  ["[{{issueLabels.first}}{{issueLabels.size}}]", "[]"],
  ["[{{models.constructor}}{{models.__proto__}}{{issueLabels.map}}]", "[]"],
  ["{{diagnosis}}", "it is the cache"],
  ["{{review.cycles}} {{review.approved}}", "2 false"],
  ["{{review}}", '{"approved":false,"cycles":2}'],
  ["{{phaseOutputs.diagnosis}}", "it is the cache"],
  ["{{phaseOutputs.review}}", '{"approved":false,"cycles":2}'],
  ["{{phaseOutputs.write-test.output}}", "red"],
  ["{{commentBody}}", "see {{owner}} and {% raw %} ${diagnosis.output} $& $1"],
  ["a{{#if issueTitle}}b{{/if}}c", "abc"],
  ["a{{#if !issueTitle}}b{{/if}}c", "ac"],
  ["{{#if issueBody}}x{{/if}}{{#if !issueBody}}y{{/if}}", "y"],
  ["{{#if reason}}x{{/if}}{{#if !reason}}y{{/if}}", "y"],
  ["{{#if prTitle}}x{{/if}}{{#if !prTitle}}y{{/if}}", "y"],
  ["{{#if attempt}}x{{/if}}{{#if !attempt}}y{{/if}}", "y"],
  ["{{#if mayMerge}}x{{/if}}{{#if !mayMerge}}y{{/if}}", "y"],
  ["{{#if approved}}x{{/if}}{{#if !approved}}y{{/if}}", "x"],
  ["{{#if prLabels}}x{{/if}}{{#if !prLabels}}y{{/if}}", "y"],
  ["{{#if issueLabels}}x{{/if}}{{#if !issueLabels}}y{{/if}}", "x"],
  ["{{#if dependencies}}x{{/if}}{{#if !dependencies}}y{{/if}}", "x"],
  ["{{#if scratch.socratic.qa}}x{{/if}}{{#if !scratch.socratic.qa}}y{{/if}}", "x"],
  ["{{#if scratch.socratic.notes}}x{{/if}}{{#if !scratch.socratic.notes}}y{{/if}}", "y"],
  ["{{#if scratch.a.b.c}}x{{/if}}{{#if !scratch.a.b.c}}y{{/if}}", "y"],
  ["{{#if models.pr-fix}}x{{/if}}", "x"],
  ["{{#if review.approved}}x{{/if}}{{#if !review.approved}}y{{/if}}", "y"],
  ["{{#if phaseOutputs.diagnosis}}Found: {{phaseOutputs.diagnosis}}{{/if}}", "Found: it is the cache"],
  ["{{#if issueTitle}}\n  {{issueTitle}}\n{{/if}}\n", "\n  Crash on start: Ümläut & co\n\n"],
  ["{{#if issueNumber}}#{{issueNumber}}{{/if}}{{#if prNumber}}!{{prNumber}}{{/if}}", "#7"],
  ["{{#if owner}}{{slugify issueTitle}}{{/if}}", "crash-on-start-ml-ut-co"],
  ["{{slugify issueTitle}}", "crash-on-start-ml-ut-co"],
  ["[{{slugify prTitle}}]", "[]"],
  ["{{slugify issueNumber}}", "7"],
  ["{{branchUrl plan.md}}", "https://github.com/acme/widgets/blob/fix%2F7/.lastlight/issue-7/plan.md"],
  ["{{artifactUrl plan.md}}", "https://github.com/acme/widgets/blob/fix%2F7/.lastlight/issue-7/plan.md"],
  ["[{{approvalUrl}}]", "[]"],
  ["${diagnosis.output}", "it is the cache"],
  ["${write-test.output}", "red"],
  ["${review.output}", '{"approved":false,"cycles":2}'],
  ["[${none.output}]", "[]"],
  ["${HOME} $(x) {a} }} %}", "${HOME} $(x) {a} }} %}"],
];

describe("texts written for nearform/lastlight", () => {
  test.for(legacyForms)("%s → %s", ([text, rendered]) => {
    expect(render(text, scope)).toBe(rendered);
  });

  test("read the same as there, whatever the values", () => {
    let compared = 0;
    fc.assert(
      fc.property(scopes, ({ context, outputs }) => {
        // Context keys win; null counts as absent there and here.
        const merged = { ...outputs, ...withoutNull(context), phaseOutputs: outputs };
        for (const [text] of legacyForms) {
          if (render(text, merged) !== reference(text, context, outputs))
            expect({ text, rendered: render(text, merged) }).toEqual({
              text,
              rendered: reference(text, context, outputs),
            });
          compared++;
        }
      }),
      { seed: 11, numRuns: 300 },
    );
    expect(legacyForms.length).toBeGreaterThanOrEqual(60);
    expect(compared).toBe(300 * legacyForms.length);
  });
});

type Values = { readonly [name: string]: Json };

const values: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json[]>(null, "", 0, false, [], {}, true, "false", -1.5, "{{owner}}", "{% if x %}", "$&", "{{/if}}"),
  fc.constantFrom<Json[]>("${review.output}", "'; rm -rf /", { length: 3 }, { "pr-fix": { output: 1 } }, [
    [],
    null,
    "é",
  ]),
  fc.jsonValue({ maxDepth: 3 }).map((value) => value as Json),
);

const scopes = fc.record({
  context: fc
    .record(
      {
        issueNumber: values,
        issueTitle: values,
        issueBody: values,
        issueLabels: values,
        prLabels: values,
        reason: values,
        prTitle: values,
        prNumber: values,
        attempt: values,
        approved: values,
        mayMerge: values,
        commentBody: values,
        dependencies: values,
        models: fc.oneof(values, fc.record({ fix: values, "pr-fix": values, qa: fc.record({ "deep-er": values }) })),
        scratch: fc.oneof(values, fc.record({ socratic: fc.record({ qa: values, round: values, notes: values }) })),
        diagnosis: values,
      },
      { requiredKeys: [] },
    )
    .map(
      (context): Values => ({ ...context, owner: "acme", repo: "w", branch: "fix/7", issueDir: ".lastlight/issue-7" }),
    ),
  outputs: fc
    .record(
      {
        diagnosis: values,
        review: fc.oneof(values, fc.record({ approved: values, cycles: values })),
        "write-test": values,
      },
      { requiredKeys: [] },
    )
    .map((outputs): Values => ({ ...outputs })),
});

function withoutNull(context: Values): Values {
  return Object.fromEntries(Object.entries(context).filter(([, value]) => value !== null));
}

/**
 * The rules of that program as its documents and findings give them: replace conditionals, then functions, then names;
 * except that what an output holds is not looked into again, and that the output of a text is that text.
 */
function reference(text: string, context: Values, outputs: Values): string {
  const held: string[] = [];
  const hold = (value: string): string => `\uE000${held.push(value) - 1}\uE001`;
  const own = (value: Json | undefined, key: string): Json | undefined =>
    value !== null && typeof value === "object" && Object.hasOwn(value, key) ? (value as Values)[key] : undefined;
  const walk = (path: string): Json | undefined => {
    const [first = "", ...rest] = path.split(".");
    const known = first === "phaseOutputs" ? outputs : own(context, first);
    const step = (at: Json | undefined, key: string): Json | undefined =>
      typeof at === "string" && key === "output" ? at : own(at, key);
    return rest.reduce(step, known ?? own(outputs, first));
  };
  const print = (value: Json | undefined): string =>
    value === undefined || value === null ? "" : typeof value === "object" ? JSON.stringify(value) : `${value}`;
  return text
    .replace(/\$\{([\w-]+)\.output\}/g, (_, phase: string) => {
      const value = own(outputs, phase);
      return hold(print(own(value, "output") ?? value));
    })
    .replace(/\{\{#if\s+(!?)([\w.-]+)\}\}([\s\S]*?)\{\{\/if\}\}/g, (_, not: string, path: string, body: string) => {
      const value = walk(path);
      const there = !["", "0", "false", "[]", undefined].includes(JSON.stringify(value ?? "").replace(/^""$/, ""));
      return there === (not === "") ? body : "";
    })
    .replace(/\{\{slugify\s+(\w+)\}\}/g, (_, name: string) => {
      const latin = print(walk(name))
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-");
      return hold(latin.replace(/^-|-$/g, "").slice(0, 40));
    })
    .replace(/\{\{(?:branchUrl|artifactUrl)\s+(\S+)\}\}/g, (_, file: string) =>
      hold(`https://github.com/acme/w/blob/fix%2F7/.lastlight/issue-7/${file}`),
    )
    .replace(/\{\{approvalUrl\}\}/g, "")
    .replace(/\{\{([\w-]+(?:\.[\w-]+)*)\}\}/g, (_, path: string) => hold(print(walk(path))))
    .replace(/\uE000(\d+)\uE001/g, (_, at: string) => held[Number(at)]!);
}

describe("what a template is filled with", () => {
  test.for([
    ["null", null, false],
    ["false", false, false],
    ["0", 0, false],
    ["-0", -0, false],
    ['""', "", false],
    ["[]", [], false],
    ["{}", {}, true],
    ["true", true, true],
    ["1", 1, true],
    ['"0"', "0", true],
    ['"false"', "false", true],
    ['" "', " ", true],
    ["[null]", [null], true],
  ] as [string, Json, boolean][])("%s counts as there: %s", ([, value, there]) => {
    const text = "{% if v | present %}P{% endif %}{% if v | absent %}A{% endif %}{{#if v}}p{{/if}}{{#if !v}}a{{/if}}";
    expect(render(text, { v: value })).toBe(there ? "Pp" : "Aa");
  });

  test.for([
    ["{{ a }}", { a: null }, ""],
    ["{{ a }}", {}, ""],
    ["{{ a.b.c }}{{ a[0] }}{{ a['b'] }}", {}, ""],
    ["{{ a.b.c }}", { a: "text" }, ""],
    ["{% for x in a %}{{ x.name }};{% endfor %}", { a: [{ name: "n" }, {}, null, "t"] }, "n;;;;"],
    ["{% for x in a %}x{% else %}none{% endfor %}", {}, "none"],
    ["{{ a | upcase }}{{ a | join }}{{ a | size }}{{ a | date: '%Y' }}", {}, "0"],
    ['{{ a | default: "d" }}{{ a.b | default: "e" }}', {}, "de"],
    ["{{ a }} {{ b }}", { a: [1, [2]], b: { c: null } }, '[1,[2]] {"c":null}'],
    ["{{ a | json }} {{ b | json }}", { a: "x" }, '"x" null'],
    ["{{ a }}", { a: 1e21 }, "1e+21"],
    ["{{ a.size }} {{ a.first }}", { a: ["x", "y"] }, "2 x"],
    ["{{ phases.write-test.output | strip }}", { phases: { "write-test": { output: " red " } } }, "red"],
    ['{{ phases["write-test"].output }}', { phases: { "write-test": { output: "red" } } }, "red"],
    ["{% assign a = b | split: ',' %}{{ a | last }}", { b: "1,2" }, "2"],
    ["{% if a %}{% assign c = 1 %}{% endif %}[{{ c }}]", {}, "[]"],
    ["{% capture c %}<{{ a }}>{% endcapture %}{{ c }}{{ c }}", { a: 1 }, "<1><1>"],
    ["{% case a %}{% when 'x', 'y' %}1{% else %}2{% endcase %}", { a: "y" }, "1"],
    ["{% for i in (1..n) %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}", { n: 9 }, "12"],
    ["{%- if a -%} x {%- endif -%} y", { a: true }, "xy"],
    ["{{ a | date: '%Y-%m-%d %H:%M %z' }}", { a: "2026-01-31T23:30:00+02:00" }, "2026-01-31 21:30 +0000"],
    ["{{ a | where: 'state', 'open' | map: 'n' | join: ' ' }}", { a: [{ state: "open", n: 1 }, { n: 2 }] }, "1"],
    ["{{ a | output }} {{ b | output }}", { a: { output: "o" }, b: { x: 1 } }, 'o {"x":1}'],
    ["{{ a | path: 'b', 'c-d' }}", { a: { b: { "c-d": 5 } } }, "5"],
    ["{% raw %}{{ a }}{% endraw %}{% comment %}{{ b | nope }}{% endcomment %}", {}, "{{ a }}"],
  ] as [string, Scope, string][])("%s with %o is %j", ([text, values, rendered]) => {
    expect(render(text, values)).toBe(rendered);
  });

  test("what values hold is never looked into", () => {
    const hostile = ["{{ owner }}", "{% if owner %}x{% endif %}", "${diagnosis.output}", "{% raw %}", "{{", "$& $1 $`"];
    for (const value of hostile) {
      expect(render("{{issueBody}}", { ...scope, issueBody: value })).toBe(value);
      expect(render("{{ a | append: b }}{% assign c = a %}{{ c }}", { a: value, b: "!" })).toBe(`${value}!${value}`);
      expect(render("${d.output}{{d}}", { d: value, phaseOutputs: { d: value } })).toBe(value + value);
    }
  });

  test("a long value arrives whole", () => {
    const long = "é{{x}}\n".repeat(10_000);
    expect(render("<{{issueBody}}>", { issueBody: long })).toBe(`<${long}>`);
  });

  test("the scope is left as it was", () => {
    const before = structuredClone(scope);
    render("{% assign owner = 1 %}{% for owner in issueLabels %}{{ issueLabels | sort | reverse }}{% endfor %}", scope);
    expect(scope).toEqual(before);
  });

  test("prototypes are out of reach", () => {
    const text =
      "{{ a.constructor.constructor }}{{ a.__proto__ }}{{ a['toString'] }}{{ constructor }}{{ a | map: '__proto__' }}";
    expect(render(text, { a: { b: 1 } })).toBe("[null]");
    expect(render("{{ a.__proto__.b }}", { a: JSON.parse('{"__proto__":{"b":"own"}}') })).toBe("own");
    expect(render("{% assign __proto__ = a %}{{ b }}", { a: { b: "leak" } })).toBe("");
  });

  test("links lead to the dashboard where documents are kept there, and to the branch otherwise", () => {
    const kept = { ...scope, externalizeArtifacts: true, publicUrl: "https://ll.example//", approvalId: "a b/1" };
    expect(render("{{artifactUrl plan.md}}", kept)).toBe(
      "https://ll.example/artefacts?repo=acme%2Fwidgets&key=issue-7&doc=plan.md",
    );
    expect(render("{{artifactUrl plan.md}}", { ...kept, publicUrl: "" })).toMatch(
      /^https:\/\/github\.com\/acme\/widgets/,
    );
    expect(render("{{approvalUrl}}", kept)).toBe("https://ll.example/approvals/a%20b%2F1");
    expect(render("[{{branchUrl plan.md}}]", { owner: "acme" })).toBe("[]");
    expect(render("{{ a | branch_url }}", { ...scope, a: "../x?y=\ud800", branch: "#" })).toBe(
      "https://github.com/acme/widgets/blob/%23/.lastlight/issue-7/../x%3Fy%3D%EF%BF%BD",
    );
  });
});

describe("what is wrong with a template", () => {
  test.for([
    ["Fix {{isueTitle}}", 6, 9, 'unknown name "isueTitle". Did you mean "issueTitle"?'],
    ["{{ issueTitle | slugfy }}", 16, 6, 'unknown filter "slugfy". Did you mean "slugify"?'],
    ["{{ phases.fxi.output }}", 3, 17, 'phases.fxi is no phase. Did you mean "fix"?'],
    ["{{phases.fxi.output}}", 2, 17, 'phases.fxi is no phase. Did you mean "fix"?'],
    ['{{ phases["fxi"].output }}', 3, 20, 'phases.fxi is no phase. Did you mean "fix"?'],
    ["{{#if !inputs.severty}}x{{/if}}", 7, 14, 'inputs.severty is no input. Did you mean "severity"?'],
    [
      "é{{#if issueTitle}}\n{{slugify isueTitle}}{{/if}}",
      30,
      9,
      'unknown name "isueTitle". Did you mean "issueTitle"?',
    ],
    ["{{ owner | append: repoo }}", 19, 5, 'unknown name "repoo". Did you mean "repo"?'],
    ["{% for x in issueLabel %}{{ x }}{% endfor %}", 12, 10, 'unknown name "issueLabel". Did you mean "issueLabels"?'],
    ["{% for x in issueLabels %}{% endfor %}{{ x }}", 41, 1, 'unknown name "x"'],
    ["{{ secrets.TOKEN }}", 3, 13, "secrets cannot be read here: they reach programs as environment variables only"],
    ["{{ 'now' | date: '%Y' }}", 3, 5, '"now" is another moment in each try. Use {{ run.started_at | date }}'],
    ["{{ issueLabels | sample }}", 17, 6, 'the filter "sample" is not available here'],
    ["{{ owner | raw }}", 11, 3, 'the filter "raw" is not available here'],
    ["{{ owner repo }}", 0, 16, 'two values stand side by side. Put "|" before a filter, "==" between values'],
    [
      "{% if owner and %}{% endif %}",
      0,
      18,
      'two values stand side by side. Put "|" before a filter, "==" between values',
    ],
    ["{{ [owner].x }}", 3, 9, "a path must begin with a name"],
    [
      "{% for i in (attempt..maxAttempts) %}{% endfor %}",
      12,
      22,
      "one end of a range must be a number up to 1000000, as in (1..maxCycles)",
    ],
    [
      "{% for i in (9007199254740992..attempt) %}{% endfor %}",
      12,
      27,
      "one end of a range must be a number up to 1000000, as in (1..maxCycles)",
    ],
    ["{{#if a}}{{#if b}}x{{/if}}{{/if}}", 9, 9, "{{#if}} cannot nest. Use {% if %}"],
  ] as [string, number, number, string][])("%s", ([text, offset, length, message]) => {
    expect(checkTemplate(text, names)).toContainEqual({ offset, length, message });
  });

  test.for([
    ["{% if owner = repo %}x{% endif %}", '"==" between values that are compared'],
    ["{{ owner | append 'x' }}", 'put ":" between a filter and what it is given'],
    ["{{ owner | : }}", 'a filter\'s name must follow "|"'],
    ["{{ | upcase }}", "there must be a name"],
    ["{% assign = 1 %}", "write {% assign name = value %}"],
    ["{% for x of issueLabels %}{% endfor %}", "write {% for item in list %}"],
    ["{% capture %}{% endcapture %}", "write {% capture name %}"],
    ["{% if owner %}{% else %}{% elsif repo %}{% endif %}", "{% elsif %} must come before {% else %}"],
    ["{% if owner %}{% else %}{% else %}{% endif %}", "{% else %} may stand once"],
    ["{{ (1..3 }}", "a range is written (1..3)"],
  ])("%s cannot be read, in a person's words", ([text, words]) => {
    expect(said(text as string)).toEqual([expect.stringContaining(words as string)]);
    expect(said(text as string)[0]).not.toMatch(/line:|col:|Error|\n/);
  });

  test.for([
    "{{ owner }} {{inputs.severity}} {{ inputs }} {{diagnose.output}} {{ diagnosis }} {{models.whatever}}",
    "{% assign x = owner %}{{ x }}{% capture y %}{% endcapture %}{{ y }}",
    "{% for x in issueLabels %}{{ x }} {{ forloop.index }}{% endfor %}",
    "{% if owner == 'a' and repo != empty or issueTitle contains 'x' %}{% elsif repo %}{% endif %}{{ ['owner'].x }}",
    "{% unless owner %}{{ phases[owner].output }}{% endunless %}{% for i in (1..maxCycles) %}{% endfor %}",
    "{{ run.started_at | date: '%Y-%m-%d' }}{{ 'a' | branch_url }}{{ nil }}{{ 1.5 }}{{ true }}",
  ])("%s is in order", (text) => {
    expect(checkTemplate(text, names)).toEqual([]);
  });

  test("names of a place count there", () => {
    expect(said("{{ output }}")).toHaveLength(1);
    expect(checkTemplate("{{ output }}", withNames(names, [["output", "open"]]))).toEqual([]);
  });

  test("a wrong name is found behind any number of right ones", () => {
    const right = Array.from({ length: 2_000 }, (_, at) => `{{models.m${at}}}`).join("");
    expect(said(`${right}{{isueTitle}}`)).toEqual(['unknown name "isueTitle". Did you mean "issueTitle"?']);
  });

  test("flaws come in the order of the text, fifty at most", () => {
    const flaws = checkTemplate("{{ zzz | nope }} {{ yyy }} ".repeat(200), names);
    expect(flaws).toHaveLength(50);
    expect(flaws.map(({ offset }) => offset)).toEqual(flaws.map(({ offset }) => offset).sort((a, b) => a - b));
  });
});

describe("what a template reads", () => {
  test.for([
    ["plain", []],
    ["{{ phases.fix.output }}{{phases.fix.output}}", [["phases", "fix", "output"]]],
    [
      "{{#if scratch.a-b.c}}${spec.output}{{/if}}",
      [
        ["scratch", "a-b", "c"],
        ["phaseOutputs", "spec"],
      ],
    ],
    ["{{ phases[owner].output }}", [["owner"], ["phases"]]],
    ["{{ issueLabels[0].name }}", [["issueLabels", "0", "name"]]],
    ["{% for x in issueLabels %}{{ x.name | append: repo }}{% endfor %}", [["issueLabels"], ["repo"]]],
    ["{{ a }}{% assign a = b %}{{ a }}", [["a"], ["b"]]],
    ["{{approvalUrl}}", [["publicUrl"], ["approvalId"]]],
    ["{{branchUrl a.md}}", [["owner"], ["repo"], ["branch"], ["issueDir"]]],
    ["{% raw %}{{ owner }}{% endraw %}", []],
    ["{{#each x}}", []],
  ] as [string, string[][]][])("%s", ([text, paths]) => {
    expect(pathsOf(text)).toEqual(paths);
  });
});

describe("a rendering that cannot be done", () => {
  test.for([
    [
      "{{ a | date: '%Y' }}",
      { a: "today" },
      "{{ a | date: '%Y' }} at line 1, column 1 cannot be rendered: a date needs a moment such as 2026-01-31T09:00:00Z",
    ],
    [
      "{{ a | date: '%c' }}",
      { a: 0 },
      "{{ a | date: '%c' }} at line 1, column 1 cannot be rendered: %c, %x and %X differ between machines. Write out the format, e.g. %Y-%m-%d",
    ],
    [
      "x\n {{ a |\n append }}",
      { a: 1 },
      '{{ a | append }} at line 2, column 2 cannot be rendered: append needs the text to add: append: "text"',
    ],
    [
      "{{ a | upcase }}",
      { a: { toString: 1 } },
      "{{ a | upcase }} at line 1, column 1 cannot be rendered: an object cannot be used as a text here. Add | json",
    ],
    [
      "{{ a | where: b }}",
      { a: [1], b: "x[y]" },
      '{{ a | where: b }} at line 1, column 1 cannot be rendered: where needs the name of a key: where: "status"',
    ],
    [
      "{{ a | url_decode }}",
      { a: "%" },
      "{{ a | url_decode }} at line 1, column 1 cannot be rendered: the text is not encoded as an address",
    ],
    ["{{ a | nope }}", {}, 'The template has a flaw at line 1, column 8: unknown filter "nope"'],
  ] as [string, Scope, string][])("%s says what and where", ([text, values, message]) => {
    const fault = faultOf(text, values);
    expect(fault.code).toBe("template.failed");
    expect(fault.message).toBe(message);
  });

  test("nothing of the machine's clock or dice gets into a text", () => {
    for (const filter of ["sample", "shuffle", "date_to_string"])
      expect(said(`{{ owner | ${filter} }}`)).toHaveLength(1);
    const text = "{{ 0 | date: '%Y-%m-%dT%H:%M:%S%z %A %B' }}{{ a | sort | uniq | json }}";
    expect(render(text, { a: [3, 1, 3] })).toBe("1970-01-01T00:00:00+0000 Thursday January[1,3]");
  });
});

const KIB_256 = 256 * 1024;
const filling = (piece: string, length = KIB_256): string => piece.repeat(Math.floor(length / piece.length));
const long = "x".repeat(60_000);

const hostile: [string, string, Scope?][] = [
  ["256 KiB of {{", filling("{{")],
  ["256 KiB of {%", filling("{%")],
  ["256 KiB of open quotes", filling("{{ ' }}")],
  ["256 KiB of one quote", `{{ ${filling("'", 200_000)} }}`],
  ["256 KiB of outputs", filling("{{owner}}")],
  ["256 KiB of older outputs", filling("${x.output}")],
  ["256 KiB of comments", filling("{% comment %}{{ x }}{% endcomment %}")],
  ["256 KiB of raw text", filling("{% raw %}{%")],
  ["more than 256 KiB", `{{ owner }}${filling(" ", 300_000)}`],
  ["5,000 unknown names", Array.from({ length: 5_000 }, (_, at) => `{{issueTitl${at}}}`).join("")],
  ["10,000 nested tags", `${"{% if owner %}".repeat(10_000)}${"{% endif %}".repeat(10_000)}`],
  ["10,000 nested loops of values", `${"{% for x in issueLabels %}".repeat(10_000)}`],
  ["brackets in brackets", `{{ ${"owner[".repeat(1_000)} }}`],
  ["parentheses in parentheses", `{{ ${"(".repeat(4_000)} }}`],
  ["a hundred million turns", "{% for i in (1..100000000) %}x{% endfor %}"],
  [
    "a count that stands still",
    "{% for i in (attempt..maxAttempts) %}{% endfor %}",
    { attempt: 2 ** 53, maxAttempts: 2 ** 53 + 2 },
  ],
  ["a count in a key", "{{ a | where: 'b[(9007199254740992..9007199254740994)]' }}", { a: [{}] }],
  [
    "loops in loops",
    "{% for i in (1..999) %}{% for j in (1..999) %}{% for k in (1..999) %}{% endfor %}{% endfor %}{% endfor %}",
  ],
  ["a text that doubles", `{% assign x = a %}${"{% assign x = x | append: x %}".repeat(60)}{{ x }}`, { a: "a" }],
  ["a list that doubles", `{% assign x = a | split: "" %}${"{% assign x = x | concat: x %}".repeat(60)}`, { a: "ab" }],
  ["a text in each gap", "{{ a | replace: '', a }}", { a: long }],
  ["a long text again and again", "{% for i in (1..100000) %}{{ a }}{% endfor %}", { a: long }],
  ["long words again and again", `{% capture x %}{% for i in (1..100000) %}${long}{% endfor %}{% endcapture %}{{ x }}`],
  ["raw words again and again", `{% for i in (1..100000) %}{% raw %}${long}{% endraw %}{% endfor %}`],
  ["long words a thousand times", `{% for i in (1..1000) %}${long}{% endfor %}`],
  ["raw words a thousand times", `{% for i in (1..1000) %}{% raw %}${long}{% endraw %}{% endfor %}`],
  ["lists in lists", `${"{% for x in a %}".repeat(4)}${"{% endfor %}".repeat(4)}`, { a: Array(40).fill(0) }],
  ["a wide date", "{{ '2026-01-31' | date: '%99999999999Y' }}"],
  ["a deep value", "{{ a }}", { a: JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`) as Json }],
];

test.for(hostile)("%s ends in a flaw or a fault", ([, text, values = scope]) => {
  expect(isTemplate(text)).toBe(true);
  const flaws = checkTemplate(text, withNames(names, [["a", "open"]]));
  for (const { offset, length } of flaws) {
    expect(offset).toBeGreaterThanOrEqual(0);
    expect(length).toBeGreaterThan(0);
  }
  expect(pathsOf(text)).toBeInstanceOf(Array);
  const unknown = flaws.length > 0 && flaws.every(({ message }) => message.startsWith("unknown name"));
  if (!unknown) expect(faultOf(text, values).code).toBe("template.failed");
});

test("any text at all is checked and rendered without a surprise", () => {
  const parts = fc.constantFrom(
    ..."{{ }} {% %} {{- -%} {%- if for case when assign capture raw endraw endif endfor endcase else ' \" \\ | : , . .. ( ) [ ] #if /if ! = == not and contains owner issueLabels 1 -1 1.5 empty nil date map where ${ .output} $ - \n".split(
      " ",
    ),
    " ",
    "\n",
    "\ufeff",
    "\u00a0",
    "😀",
  );
  fc.assert(
    fc.property(
      fc.array(parts, { maxLength: 40 }),
      fc.array(values, { minLength: 2, maxLength: 2 }),
      (pieces, [a, b]) => {
        const text = pieces.join("");
        const flaws = checkTemplate(text, names);
        for (const { offset } of flaws) expect(offset).toBeLessThanOrEqual(text.length);
        try {
          render(text, { owner: a, issueLabels: b });
        } catch (thrown) {
          expect(asFault(thrown).code).toBe("template.failed");
        }
      },
    ),
    { seed: 13, numRuns: 3_000 },
  );
});

test("what was made of a text is kept, and the text least recently asked for is forgotten first", () => {
  const made: string[] = [];
  const upper = remembering((text) => {
    made.push(text);
    return text.toUpperCase();
  }, 6);
  expect(["aa", "bb", "cc", "aa", "dd", "aa", "bb", "longest"].map(upper)).toContain("LONGEST");
  expect(made).toEqual(["aa", "bb", "cc", "dd", "bb", "longest"]);
  expect(["aa", "longest"].map(upper)).toEqual(["AA", "LONGEST"]);
  expect(made.slice(6)).toEqual(["longest"]);
});
