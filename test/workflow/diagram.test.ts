import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Phase, Workflow } from "../../src/domain/workflow.ts";
import { diagram } from "../../src/workflow/diagram.ts";
import { workflowIn } from "./said.ts";

const drawn = (...phases: string[]): string[] =>
  diagram(workflowIn(`name: fix\nphases:\n${phases.map((each) => `  - { ${each} }\n`).join("")}`))
    .trimEnd()
    .split("\n")
    .slice(1);

test("a drawing is one flowchart: a node per phase, an edge per dependency", () => {
  const text = diagram(
    workflowIn(
      "name: fix\nphases:\n  - { name: a, type: context }\n  - { name: b, type: context, depends_on: [a] }\n  - { name: c, type: context, depends_on: [a, b] }\n",
    ),
  );
  expect(text).toBe(
    'flowchart TD\np0(["a<br/>context"])\np1(["b<br/>context"])\np2(["c<br/>context"])\np0 --> p1\np0 --> p2\np1 --> p2\n',
  );
});

const shapes: readonly [keys: string, node: string][] = [
  ["type: context", 'p0(["a<br/>context"])'],
  ["type: bash, command: x", 'p0["a<br/>bash"]'],
  ["type: script, script: x", 'p0[/"a<br/>script"/]'],
  ["prompt: p.md", 'p0("a<br/>agent")'],
  ["type: approval", 'p0{{"a<br/>approval"}}'],
  ["type: wait, wait: { for: 90m }", 'p0(("a<br/>wait<br/>90m"))'],
  ["type: workflow, workflow: other-one", 'p0[["a<br/>workflow<br/>other-one"]]'],
  ["type: tool, tool: t", 'p0[\\"a<br/>tool"\\]'],
  ["type: action, action: t", 'p0[\\"a<br/>action<br/>t"\\]'],
  ["type: post-review", 'p0[\\"a<br/>action<br/>github#46;review"\\]'],
];

test.for(shapes)("the shape tells the type: %s", ([keys, node]) => {
  expect(drawn(`name: a, ${keys}`)).toEqual([node]);
});

const LOOP = "loop: { max_cycles: 2, on_request_changes: { fix_prompt: f.md, re_review_prompt: r.md }";

const features: readonly [what: string, phases: readonly string[], line: string][] = [
  [
    "a label is shown above the name",
    ["name: a, type: context, label: Look here"],
    'p0(["Look here<br/>a<br/>context"])',
  ],
  [
    "a label that only says the name again is shown once",
    ["name: a, type: context, label: A"],
    'p0(["A<br/>context"])',
  ],
  [
    "a short condition stands at the edge",
    ["name: a, type: context", "name: b, type: context, if: 1 == 2"],
    'p0 -->|"if 1 #61;#61; 2"| p1',
  ],
  [
    "so do a skip condition and a trigger rule",
    ["name: a, type: context", "name: b, type: context, skip_if: 'true', trigger_rule: one_success"],
    'p0 -->|"one_success<br/>unless true"| p1',
  ],
  [
    "a phase of several dependencies carries its condition itself",
    [
      "name: a, type: context",
      "name: b, type: context, depends_on: []",
      "name: c, type: context, depends_on: [a, b], if: 'true'",
    ],
    'p2(["c<br/>context<br/>if true"])',
  ],
  ["so does one of none", ["name: a, type: context, if: 'true'"], 'p0(["a<br/>context<br/>if true"])'],
  [
    "a long condition is cut",
    ["name: a, type: context", `name: b, type: context, if: '${Array(20).fill("true").join(" && ")}'`],
    `p0 -->|"if true${" #38;#38; true".repeat(4)}#8230;"| p1`,
  ],
  [
    "tries beyond the first",
    ["name: a, type: bash, command: x, retry: { times: 1 }"],
    'p0["a<br/>bash<br/>1 more try"]',
  ],
  [
    "a matrix says how many items it makes, and how many at once",
    ["name: a, type: bash, command: x, matrix: { os: [l, m], node: [1, 2, 3] }, fail_fast: false"],
    'p0["a<br/>bash<br/>matrix os #215; node#58; 6 items#44; 10 at once#44; all to their end"]',
  ],
  [
    "a matrix whose values an expression gives says that",
    ["name: a, type: bash, command: x, matrix: { os: '[1]' }, max_parallel: 2"],
    'p0["a<br/>bash<br/>matrix os#58; items found at run time#44; 2 at once"]',
  ],
  [
    "a gate's time",
    ["name: a, type: approval, approval: { timeout: 36h }"],
    'p0{{"a<br/>approval<br/>within 36h#44; else reject"}}',
  ],
  [
    "a rejection that sends back",
    ["name: a, type: context", "name: b, type: approval, approval: { on_reject: { rework: a, max: 3 } }"],
    'p1 -.->|"rejected#58; again#44; 3 times at most"| p0',
  ],
  [
    "a gate behind a phase",
    ["name: a, prompt: p.md, approval_gate: look", "name: b, type: context"],
    'p0_gate{{"look<br/>if this gate is on"}}',
  ],
  [
    "what follows the phase follows its gate",
    ["name: a, prompt: p.md, approval_gate: look", "name: b, type: context"],
    "p0_gate --> p1",
  ],
  [
    "a review loop goes round",
    [`name: a, prompt: p.md, ${LOOP} }`],
    'p0 -->|"changes wanted#58; fix#44; review again#44; 2 times at most"| p0',
  ],
  [
    "a review loop asks between its rounds",
    [`name: a, prompt: p.md, ${LOOP}, approval_gate: look }`, "name: b, type: context"],
    'p0("a<br/>agent<br/>asks before a fix#44; if gate look is on")',
  ],
  [
    "what follows a review loop follows the phase itself",
    [`name: a, prompt: p.md, ${LOOP}, approval_gate: look }`, "name: b, type: context"],
    "p0 --> p1",
  ],
  [
    "a loop goes round until something holds",
    ["name: a, prompt: p.md, generic_loop: { max_iterations: 1, until: 'true', until_bash: x }"],
    'p0 -->|"again#44; once at most<br/>until true or a command says so"| p0',
  ],
  [
    "a loop whose bound stands in the context",
    ["name: a, prompt: p.md, generic_loop: { max_iterations: { from: fix.rounds, default: 2 }, until_bash: x }"],
    'p0 -->|"again#44; fix#46;rounds#44; or 2 times at most<br/>until a command says so"| p0',
  ],
  [
    "a loop that asks between rounds",
    ["name: a, prompt: p.md, generic_loop: { max_iterations: 2, until_bash: x, interactive: true }"],
    'p0("a<br/>agent<br/>asks between rounds")',
  ],
  [
    "a moment",
    ["name: a, type: wait, wait: { at: '2030-01-01T00:00:00Z' }"],
    'p0(("a<br/>wait<br/>at 2030-01-01T00#58;00#58;00Z"))',
  ],
  [
    "a condition that is waited for",
    ["name: a, type: wait, wait: { until: 'true' }"],
    'p0(("a<br/>wait<br/>until true"))',
  ],
];

test.for(features)("%s", ([, phases, line]) => {
  expect(drawn(...phases)).toContain(line);
});

test("what runs last stands in a frame of its own, which everything leads to that nothing follows", () => {
  expect(
    drawn(
      "name: a, type: context",
      "name: tidy, type: bash, command: x, finally: true",
      "name: b, prompt: p.md, approval_gate: look",
      "name: c, type: context, depends_on: []",
      "name: sweep, type: bash, command: x, finally: true",
    ),
  ).toEqual([
    'p0(["a<br/>context"])',
    'p2("b<br/>agent")',
    'p2_gate{{"look<br/>if this gate is on"}}',
    "p2 --> p2_gate",
    'p3(["c<br/>context"])',
    'subgraph last ["finally"]',
    'p1["tidy<br/>bash"]',
    'p4["sweep<br/>bash"]',
    "end",
    "p2_gate -.-> last",
    "p3 -.-> last",
    "p0 --> p2",
    "p1 --> p4",
  ]);
});

test("two hundred phases make two hundred nodes, each with its edge", () => {
  const lines = drawn(...Array.from({ length: 200 }, (_, at) => `name: phase-${at}, type: context`));
  expect(lines).toHaveLength(200 + 199);
  expect(lines[199]).toBe('p199(["phase-199<br/>context"])');
  expect(lines.at(-1)).toBe("p198 --> p199");
});

/** What a line of a drawing may be, whatever its authors wrote. */
const TEXT = String.raw`"(?:[\p{L}\p{N} _-]|#\d+;|<br/>)*"`;
const LINE = new RegExp(
  String.raw`^(?:flowchart TD|subgraph last \["finally"\]|end` +
    String.raw`|p\d+(?:_gate)?(?:\(\[${TEXT}\]\)|\[${TEXT}\]|\[/${TEXT}/\]|\(${TEXT}\)|\{\{${TEXT}\}\}|\(\(${TEXT}\)\)|\[\[${TEXT}\]\]|\[\\${TEXT}\\\])` +
    String.raw`|p\d+(?:_gate)? (?:-->|-\.->)(?:\|${TEXT}\|)? (?:p\d+(?:_gate)?|last))$`,
  "u",
);

const HOSTILE = [
  '"]; click p0 "javascript:alert(1)"',
  'a"]\nclick p0 call alert()\np1["',
  "</div><script>alert(1)</script>",
  "`**bold** markdown`",
  "#quot; #35; &quot; &lt;b&gt;",
  "%%{init: {'securityLevel': 'loose'}}%%",
  "end",
  "style p0 fill:#f00;",
  "classDef x fill:#f00;",
  "1. one\n2. two",
  "- a list",
  "--> p1",
  "_emphasis_ and __more__",
  "fa:fa-ban",
  "$$\\alpha$$",
  "\u202Egnirts\u2028line\u0000nul\u001b[31m",
  "|pipe| {{brace}} [bracket] (round)",
  "名前 – ünïcödé 🎉",
  "\uD83D lone",
  "",
];

/** A phase with the same text in every place that an author may fill. */
function hostile(said: string): Workflow {
  const base = {
    name: said,
    label: `x ${said}`,
    dependsOn: [],
    triggerRule: "one_success" as const,
    if: said,
    skipIf: [said],
  };
  const phases = [
    { ...base, type: "approval", summary: said, rework: { phase: said, max: 1 }, timeoutMs: 1_001 },
    { ...base, name: "b", dependsOn: [said], type: "workflow", workflow: said, with: {} },
    { ...base, name: "c", dependsOn: [said], type: "wait", wait: { until: said, everyMs: 1 } },
    { ...base, name: "d", dependsOn: ["b", "c"], type: "wait", wait: { at: said }, approvalGate: { name: said } },
    {
      ...base,
      name: "e",
      type: "agent",
      timeoutMs: 1,
      matrix: { axes: { [said]: [1] }, maxParallel: 1, failFast: true },
      genericLoop: { maxIterations: 1, maxFrom: said, until: said },
    },
    { ...base, name: "f", type: "agent", timeoutMs: 1, approvalGate: { name: said }, loop: { maxCycles: 1 } },
    { ...base, name: "g", type: "context", finally: true },
  ];
  return { name: said, phases: phases as unknown as Phase[] } as unknown as Workflow;
}

const strayLines = (workflow: Workflow): string[] =>
  diagram(workflow)
    .trimEnd()
    .split("\n")
    .filter((line) => !LINE.test(line));

test.for(HOSTILE)("%j stays inside of its node", (said) => {
  expect(strayLines(hostile(said))).toEqual([]);
});

test("no text at all gets out of its node", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (said) => {
      expect(strayLines(hostile(said))).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test("a text of many lines and characters is one line of eighty", () => {
  const [node = ""] = diagram(hostile(`${"long ".repeat(50)}\n\n\nend`))
    .split("\n")
    .slice(1);
  expect(node.split("<br/>")[0]).toBe(`p0{{"x ${"long ".repeat(50).slice(0, 77)}#8230;`);
});

test("what a drawing says can be read back as its author wrote it", () => {
  const said = `Ship "it" <now> & #1, 100% – 名前 🎉?`;
  const [, node = ""] = diagram(hostile(said)).split("\n");
  const read = node.replace(/#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
  expect(read).toContain(`"x ${said}<br/>${said}<br/>`);
});

test("the grammar's own workflow, and a workflow from the older engine, are drawn", () => {
  for (const name of ["workflows/fix-issue.yaml", "legacy/build.yaml"]) {
    const text = readFileSync(new URL(`../fixtures/${name}`, import.meta.url), "utf8");
    expect(strayLines(workflowIn(text))).toEqual([]);
  }
});
