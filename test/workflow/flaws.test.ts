import { expect, test } from "vitest";
import { said } from "./said.ts";

/** Where a complaint must point to, in a text: taken out before anyone reads the file. */
const HERE = "§";

const file = (top: string, ...phases: string[]): string =>
  `name: fix\n${top}phases:\n${phases.map((each) => `  - { ${each} }\n`).join("")}`;
const phases = (...each: string[]): string => file("", ...each);
const bash = (keys: string): string => phases(`name: a, type: bash, command: x, ${keys}`);
const agent = (keys: string): string => phases(`name: a, prompt: p.md, ${keys}`);
const acting = (action: string, keys: string): string => phases(`name: a, type: action, action: ${action}, ${keys}`);
const numbers = (many: number): string => `[${[...Array(many).keys()]}]`;

const LAST = "nothing may hold up the end";
const FANNED = "matrix is for phases of type bash, script, agent";
const VALUES = "matrix needs at least one key, and each key needs values";
const CHANGES = "on_request_changes: { fix_prompt: f.md, re_review_prompt: r.md }";
const REWORK = "rework must name a phase that leads to this gate";
const BELOW = "must be a path below the working directory";
const WORD = "is a word of the template or condition language. Choose another";
const asking = (keys: string): string => phases(`name: a, type: approval, approval: { ${keys} }`);
const TWENTY_ONE = `[${[...Array(21).keys()].map((at) => `${at + 1}m`).join(", ")}]`;
const NOBODY = "to names nobody. Write { users: […] }, { groups: […] } or both";
const OURS = "begins like the names that lastlight sets itself. Choose another";

const refusals: Record<string, readonly [text: string, message: string][]> = {
  "a matrix": [
    [bash("§matrix: {}"), VALUES],
    [bash("§matrix: { os: [] }"), VALUES],
    [bash(`§matrix: { m: ${numbers(101)}, n: ${numbers(100)} }`), "matrix makes 10100 items; 10000 are the most"],
    [bash(`§matrix: { n: ${numbers(10_001)} }`), "matrix makes 10001 items; 10000 are the most"],
    [phases("name: a, type: approval, §matrix: { os: [linux] }"), FANNED],
    [phases("name: a, type: context, §matrix: { os: [linux] }"), FANNED],
    [phases("name: a, type: wait, wait: { for: 1m }, §matrix: { os: [linux] }"), FANNED],
    [phases("name: a, type: workflow, workflow: b, §matrix: { os: [linux] }"), FANNED],
    [
      agent("generic_loop: { max_iterations: 2, until_bash: x }, §matrix: { os: [linux] }"),
      "a phase is a matrix or a loop, not both",
    ],
    [agent(`loop: { max_cycles: 2, ${CHANGES} }, §matrix: { os: [linux] }`), "a phase is a matrix or a loop, not both"],
    [
      bash("approval_gate: g, §matrix: { os: [linux] }"),
      "a gate cannot stand behind a matrix. Put an approval phase after it",
    ],
    [bash("matrix: { os: §3 }"), "os must be a list of values, or an expression that gives one"],
    [bash("matrix: { os: '§1 == 2' }"), "this must be a list, and it is a bool"],
    [bash("matrix: { os: §phases.nobody.items }"), "phases.nobody is no phase"],
    [bash("matrix: { §while: [1] }"), `while ${WORD}`],
    [bash("§max_parallel: 3"), "max_parallel means nothing without matrix"],
    [bash("§fail_fast: false"), "fail_fast means nothing without matrix"],
  ],
  "a phase that runs last": [
    [phases("name: a, type: approval, §finally: true"), `a phase of type approval cannot be finally: ${LAST}`],
    [
      phases("name: a, type: wait, wait: { for: 1m }, §finally: true"),
      `a phase of type wait cannot be finally: ${LAST}`,
    ],
    [
      phases("name: a, type: workflow, workflow: b, §finally: true"),
      `a phase of type workflow cannot be finally: ${LAST}`,
    ],
    [bash("finally: true, §approval_gate: g"), `approval_gate asks a person, and a finally phase cannot: ${LAST}`],
    [
      agent("finally: true, §generic_loop: { max_iterations: 2, until_bash: x, interactive: true }"),
      `generic_loop asks a person, and a finally phase cannot: ${LAST}`,
    ],
    [
      agent(`finally: true, §loop: { max_cycles: 2, ${CHANGES}, approval_gate: g }`),
      `loop asks a person, and a finally phase cannot: ${LAST}`,
    ],
    [
      phases("name: tidy, type: bash, command: x, finally: true", "name: b, type: context, depends_on: [§tidy]"),
      '"tidy" runs last of all; nothing can follow it',
    ],
  ],
  "a gate that sends back": [
    [
      phases("name: build, type: context", "name: b, type: approval, approval: { on_reject: { rework: §bulid } }"),
      'rework names no phase: "bulid". Did you mean "build"?',
    ],
    [
      phases("name: first, type: approval, approval: { on_reject: { rework: §after } }", "name: after, type: context"),
      `${REWORK}; "after" does not`,
    ],
    [
      phases("name: itself, type: approval, approval: { on_reject: { rework: §itself } }"),
      `${REWORK}; "itself" does not`,
    ],
    [
      phases(
        "name: aside, type: context",
        "name: b, type: approval, depends_on: [], approval: { on_reject: { rework: §aside } }",
      ),
      `${REWORK}; "aside" does not`,
    ],
    [
      phases(
        "name: b, type: approval, approval: { on_reject: { rework: §tidy } }",
        "name: tidy, type: bash, command: x, finally: true",
      ),
      `${REWORK}; "tidy" does not`,
    ],
    [phases("name: a, type: approval, approval: { on_reject: §{ max: 3 } }"), "rework is missing"],
    [phases("name: a, type: approval, approval: { on_timeout: §fail }"), "on_timeout means nothing without timeout"],
  ],
  "a gate that reminds": [
    [
      asking("timeout: 24h, remind: [4h, §24h]"),
      "24h never comes: the gate's timeout is 24h. Remind sooner, or raise timeout",
    ],
    [
      asking("remind: [§1d], timeout: 90m"),
      "1d never comes: the gate's timeout is 90m. Remind sooner, or raise timeout",
    ],
    [asking("remind: [4h, §2h]"), "2h is not later than the 4h before it. Write reminders in rising order"],
    [asking("remind: [60m, §1h]"), "1h is not later than the 60m before it. Write reminders in rising order"],
    [asking("remind: [4h, §soon]"), 'remind: entry 2 must be a duration such as "90s", "15m" or "2h"'],
    [asking("remind: §4h"), "remind must be a list"],
    [asking(`remind: §${TWENTY_ONE}`), "remind may hold at most 20"],
    [
      asking("timeout: 2h, escalate: { after: §2h, to: { groups: [leads] } }"),
      "2h never comes: the gate's timeout is 2h. Escalate sooner, or raise timeout",
    ],
    [asking("escalate: { after: 2h, to: §{} }"), NOBODY],
    [asking("escalate: { after: 2h, to: §{ users: [], groups: [] } }"), NOBODY],
    [asking("escalate: { after: 2h, to: { users: [§''] } }"), "users: entry 1 must not be empty"],
    [asking("escalate: §{ after: 2h }"), "to is missing"],
    [asking("escalate: §{ to: { users: [ana] } }"), "after is missing"],
  ],
  "secrets and environment": [
    [bash("secrets: [§TOKEN]"), 'secret "TOKEN" is not among the workflow\'s secrets'],
    [
      file("secrets: [NPM_TOKEN]\n", "name: a, type: bash, command: x, secrets: [§NPM_TOKEM]"),
      'secret "NPM_TOKEM" is not among the workflow\'s secrets. Did you mean "NPM_TOKEN"?',
    ],
    [
      file("secrets: [TOKEN]\n", "name: a, type: bash, command: 'echo {{§secrets.TOKEN}}'"),
      "secrets cannot be read here: they reach programs as environment variables only",
    ],
    [file("secrets: [§LASTLIGHT_TOKEN]\n", "name: a, type: context"), `secrets: entry 1 ${OURS}`],
    [file("env: { §LASTLIGHT_RUN: mine }\n", "name: a, type: context"), `LASTLIGHT_RUN ${OURS}`],
    [bash("env: { §LASTLIGHT_RUN: mine }"), `LASTLIGHT_RUN ${OURS}`],
  ],
  "a key where it means nothing": [
    [phases("name: a, type: context, §timeout: 5m"), "timeout means nothing on a phase of type context. Remove it"],
    [
      phases("name: a, type: approval, §timeout_seconds: 5"),
      "timeout_seconds means nothing on a phase of type approval. Set approval.timeout",
    ],
    [
      phases("name: a, type: wait, wait: { for: 5m }, §timeout: 5m"),
      "timeout means nothing on a wait that ends by itself. Remove it",
    ],
    [phases("name: a, type: wait, wait: { for: 5m, every: §1m }"), "every means nothing without until"],
    [phases("name: a, type: wait, wait: §{ for: 5m, at: now }"), "wait needs one of for, at, or until with every"],
    [phases("name: a, type: wait, wait: §{}"), "wait needs one of for, at, or until with every"],
    [
      phases("name: a, type: wait, wait: { until: 'true' }, timeout_seconds: §{ from: a, default: 1 }"),
      "{ from, default } is for programs and agents only",
    ],
    [
      phases("name: a, type: context, §retry: { times: 2 }"),
      "retry means nothing on a phase of type context. Remove it",
    ],
    [
      phases("name: a, type: workflow, workflow: b, §env: { A: b }"),
      "env means nothing on a phase of type workflow. Remove it",
    ],
    [
      phases("name: a, type: approval, §outputs: { x: { from: stdout } }"),
      "outputs means nothing on a phase of type approval. Remove it",
    ],
    [
      phases("name: a, type: wait, wait: { for: 5m }, §artefacts: [{ path: a, name: a }]"),
      "artefacts means nothing on a phase of type wait. Remove it",
    ],
    [
      file("secrets: [TOKEN]\n", "name: a, type: approval, §secrets: [TOKEN]"),
      "secrets means nothing on a phase of type approval. Remove it",
    ],
    [bash("§with: { a: b }"), "with belongs to type: tool, action, post-review, workflow; this phase is type: bash"],
    [agent("skill: one, §skills: [two]"), "set skill or skills, not both"],
  ],
  "an act outside": [
    [acting("github.comment", "§with: {}"), "github.comment needs with: { body: … }"],
    [acting("github.comment", "with: { body: x, §isue: 3 }"), 'github.comment takes no "isue". Did you mean "issue"?'],
    [acting("github.label", "with: §[bug]"), "with must be a map of keys"],
    [
      phases("name: a, type: post-review, with: { §events: COMMENT }"),
      'github.review takes no "events". Did you mean "event"?',
    ],
    [acting("github.comment", "with: { body: '{{ §nobody }}' }"), 'unknown name "nobody". Did you mean "prBody"?'],
    [acting("github.comment", "§env: { A: b }"), "env means nothing on a phase of type action. Remove it"],
    [
      acting("github.comment", "with: { body: x }, timeout_seconds: §{ from: a, default: 3 }"),
      "{ from, default } is for programs and agents only",
    ],
  ],
  "a limit": [
    [bash("timeout_seconds: §{ from: a, default: 9000000 }"), "timeout_seconds of a program may be 24 days at most"],
    [agent("timeout: §25d"), "timeout of a program may be 24 days at most"],
    [phases("name: a, type: wait, wait: { for: §3651d }"), 'for may be ten years at most: "3650d"'],
    [bash("retry: { times: §0 }"), "times must be at least 1"],
    [bash("retry: { times: §101 }"), "times must be at most 100"],
    [bash("retry: { times: 1, when: §[] }"), "when must not be empty"],
    [
      bash("retry: { times: 1, when: [§exits] }"),
      'when: entry 1 must be one of timeout, exit, lost, agent_error, budget, any. Did you mean "exit"?',
    ],
    [bash("retry: { times: 1, backoff: { duration: §5 } }"), 'duration needs a unit: "5s"'],
    [bash("retry: { times: 1, backoff: { duration: 5s, factor: §0.5 } }"), "factor must be at least 1"],
  ],
  "a loop": [
    [
      agent("generic_loop: §{ until_bash: x }"),
      "max_iterations must be a whole number of at least 1, or { from, default }",
    ],
    [agent("generic_loop: { max_iterations: §1001, until_bash: x }"), "max_iterations may go round 1000 times at most"],
    [agent("generic_loop: §{ max_iterations: 3 }"), "generic_loop needs until, until_bash or both"],
    [agent(`loop: §{ ${CHANGES} }`), "max_cycles is missing"],
    [agent(`loop: { max_cycles: §1001, ${CHANGES} }`), "max_cycles may go round 1000 times at most"],
    [agent("loop: §{ max_cycles: 1 }"), "on_request_changes is missing"],
    [
      agent("generic_loop: { max_iterations: 3, until_bash: 'test §{{inputs.x}}' }"),
      "until_bash takes no templates. Read the phase's outputs from $LASTLIGHT_OUTPUTS",
    ],
    [
      agent("generic_loop: { max_iterations: 3, until: '§output.size()' }"),
      "a condition is true or false, and this is a number",
    ],
  ],
  "a file out of its place": [
    [bash("outputs: { o: { from: file, path: §../o.txt } }"), `path ${BELOW}`],
    [bash("outputs: { o: { from: json, path: §a/../../o.txt } }"), `path ${BELOW}`],
    [bash("artefacts: [{ path: §/etc/passwd, name: o }]"), `path ${BELOW}`],
    [bash("artefacts: [{ path: §.., name: o }]"), `path ${BELOW}`],
    [bash("outputs: { o: §{ from: file } }"), "o needs path: which file"],
    [bash("outputs: { o: §{ from: stdout, path: a } }"), "o takes no path: it is what was printed"],
  ],
  "a condition": [
    [phases("name: a, type: context, if: §1 + 2"), "a condition is true or false, and this is a number"],
    [phases("name: a, type: context, if: '§\"text\"'"), "a condition is true or false, and this is a text"],
    [phases("name: a, type: context, if: §phases.nobody.exit_code == 0"), "phases.nobody is no phase"],
    [phases("name: a, type: context, skip_if: ['true', §whoever == 1]"), 'unknown name "whoever"'],
    [phases("name: a, type: wait, wait: { until: \"signals.go == 'x' && §whoever\" }"), 'unknown name "whoever"'],
    [phases("name: a, type: context, if: true §and false"), '"and" is written &&'],
    [
      phases("name: a, type: context, if: '§{{inputs.x}} == 1'"),
      "this is an expression already. Write it without {{ }}",
    ],
  ],
  "a template": [
    [
      phases("name: a, type: approval, approval: { summary: 'Ship {{§isueTitle}}?' }"),
      'unknown name "isueTitle". Did you mean "issueTitle"?',
    ],
    [bash("env: { ONE: '{{§inputs.one}}' }"), "inputs.one is no input"],
    [bash("messages: { on_start: '{{repo | §shout}}' }"), 'unknown filter "shout"'],
    [
      phases("name: a, type: workflow, workflow: b, with: { list: [ok, '{{§variables.none}}'] }"),
      "variables.none is no variable",
    ],
    [
      file("final_message: 'Done {{§phases.whoever.output}}'\n", "name: a, type: context"),
      "phases.whoever is no phase",
    ],
    [file("concurrency: { group: '{{§artefacts.x}}' }\n", "name: a, type: context"), "artefacts.x is no artefact"],
    [agent("model: '{{§whoever}} and {{whoever}}'"), 'unknown name "whoever"'],
    [agent("model: '{{whoever}} and {{§whoever}}'"), 'unknown name "whoever"'],
    [
      "name: fix\nphases:\n  - name: a\n    type: approval\n    approval:\n      summary: |\n        One line,\n        and {{§whoever}}\n",
      'unknown name "whoever"',
    ],
  ],
  "a name": [
    [file("variables: { §while: x }\n", "name: a, type: context"), `while ${WORD}`],
    [bash("output_var: §import"), `output_var ${WORD}`],
    [agent("generic_loop: { max_iterations: 2, until_bash: x, scratch_key: §loop }"), `scratch_key ${WORD}`],
  ],
};
const cases = Object.entries(refusals).flatMap(([of, each]) =>
  each.map(([text, message]) => [`${of}: ${message}`, text, message] as const),
);

test.for(cases)("%s", ([, marked, message]) => {
  const [before = "", after] = marked.split(HERE);
  expect(after).toBeDefined();
  const lines = before.split("\n");
  const place = `fix.yaml:${lines.length}:${lines.at(-1)!.length + 1}`;
  expect(said(before + after)).toContain(`${place} ${message}`);
});

test("a phase or an output named like something of the context is told that the context wins", () => {
  const text = phases("name: repo, type: bash, command: x, output_var: sender", "name: mine, type: context");
  expect(said(text)).toEqual([]);
  expect(said(text, "warning")).toEqual([
    'fix.yaml:3:13 "repo" is a name of the context too, which wins. Read the phase as phases.repo',
    'fix.yaml:3:55 "sender" is a name of the context too, which wins. Read the phase as phases.repo',
  ]);
});

test("a gate may remind and escalate until just before its timeout, and for ever without one", () => {
  const to = "to: { users: [ana], groups: [leads] }";
  expect(said(asking(`timeout: 24h, remind: [4h, 1439m], escalate: { after: 1439m, ${to} }`), "warning")).toEqual([]);
  expect(said(asking(`timeout: 24h, remind: [4h, 1439m], escalate: { after: 1439m, ${to} }`))).toEqual([]);
  expect(said(asking(`remind: [4h, 365d], escalate: { after: 1s, ${to} }`))).toEqual([]);
  expect(said(asking(`remind: ${TWENTY_ONE.replace("21m", "").replace(", ]", "]")}`))).toEqual([]);
});

test("a phase's budget is told where the run's comes before it, and needs a limit", () => {
  const text = (own: string): string =>
    file("budget: { usd: 5, turns: 200 }\n", `name: a, prompt: p.md, budget: ${own}`);
  const never = "of one try is never reached: the workflow's budget ends the run at";
  expect(said(text("{ usd: 5, turns: 300, tokens: 9 }"), "warning")).toEqual([
    `fix.yaml:4:45 usd ${never} 5. Set it lower`,
    `fix.yaml:4:55 turns ${never} 200. Set it lower`,
  ]);
  expect(said(text("{ usd: 4.99, turns: 199, tokens: 1000000 }"), "warning")).toEqual([]);
  expect(said(text("{}"))).toEqual(["fix.yaml:4:38 budget needs usd, turns or tokens"]);
  expect(said(bash("budget: { usd: 1 }"))).toEqual([
    "fix.yaml:3:40 budget belongs to type: agent; this phase is type: bash",
  ]);
});

test("a phase that runs last may depend on one that does, and on any other", () => {
  const text = phases(
    "name: a, type: context",
    "name: tidy, type: bash, command: x, finally: true",
    "name: sweep, type: bash, command: x, finally: true, depends_on: [a, tidy]",
  );
  expect(said(text)).toEqual([]);
});
