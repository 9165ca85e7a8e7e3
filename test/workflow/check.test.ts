import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { check } from "../../src/workflow/check.ts";
import { said, workflowIn } from "./said.ts";

const file = (phases: string, top = ""): string => `name: fix\n${top}phases:\n${phases}`;

test("the workflow of the grammar's own description loads", () => {
  const bytes = readFileSync(new URL("../fixtures/workflows/fix-issue.yaml", import.meta.url));
  const { version, complaints } = check("fix-issue.yaml", bytes);
  expect(complaints.filter((each) => each.severity === "error")).toEqual([]);
  expect(version).toMatchObject({ name: "fix-issue", hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(version?.workflow.unavailable).toEqual([
    "phases.approve.approval.show",
    "phases.approve.approval.form",
    "phases.approve.approval.approvers",
    "phases.publish.type: tool",
  ]);
});

const refusals: [string, string, string][] = [
  [
    "a misspelt key",
    file("  - name: a\n    aproval_gate: x\n").replace("name: fix\n", "name: fix\n\n"),
    'fix.yaml:5:5 unknown key "aproval_gate". Did you mean "approval_gate"?',
  ],
  [
    "two time limits",
    "name: fix\nphases:\n  - { name: a, type: bash, command: npm test -- --bail, timeout: 15m, timeout_seconds: 90 }\n",
    "fix.yaml:3:71 set timeout or timeout_seconds, not both",
  ],
  ["a duration without a unit", "name: fix\ntimeout: 90\n", 'fix.yaml:2:10 timeout needs a unit: "90s"'],
  ["a duration in quotes without a unit", 'name: fix\ntimeout: "90"\n', 'fix.yaml:2:10 timeout needs a unit: "90s"'],
  [
    "a duration of several units",
    "name: fix\ntimeout: 1h30m\n",
    'fix.yaml:2:10 timeout must be a duration such as "90s", "15m" or "2h"',
  ],
  [
    "needs",
    file("  - { name: a, type: context, needs: [b] }\n"),
    'fix.yaml:3:31 "needs" is not a key here. Write depends_on',
  ],
  ["jobs", "name: fix\njobs: {}\n", 'fix.yaml:2:1 "jobs" is not a key here. Write phases'],
  ["steps", "name: fix\nsteps: []\n", 'fix.yaml:2:1 "steps" is not a key here. Write phases'],
  [
    "uses",
    file("  - { name: a, uses: x }\n"),
    'fix.yaml:3:16 "uses" is not a key here. Write type: action with action, or type: tool with tool',
  ],
  ["run", file("  - { name: a, run: x }\n"), 'fix.yaml:3:16 "run" is not a key here. Write type: bash with command'],
  [
    "a template of another system",
    file("  - { name: a, type: context, label: 'x ${{ y }}' }\n"),
    'fix.yaml:3:41 "${{" is not a template here. Write {{ … }}',
  ],
  [
    "a template in a command that nobody can fill in",
    file("  - name: a\n    type: bash\n    command: |\n      echo hi\n      echo {{whoever}}\n"),
    'fix.yaml:7:14 unknown name "whoever"',
  ],
  [
    "a tag in a command",
    file("  - { name: a, type: bash, command: 'echo {% x %}' }\n"),
    "fix.yaml:3:43 tags are not available in commands, only {{ … }}",
  ],
  [
    "an unknown type",
    file("  - { name: a, type: bahs }\n"),
    'fix.yaml:3:22 type must be one of context, agent, bash, script, post-review, tool, action, approval, wait, workflow. Did you mean "bash"?',
  ],
  [
    "a command in a phase without a type",
    file("  - name: a\n    command: npm test\n"),
    "fix.yaml:4:5 command belongs to type: bash; this phase has no type, which means agent. Add type: bash",
  ],
  [
    "a command in a phase of another type",
    file("  - { name: a, type: context, command: x }\n"),
    "fix.yaml:3:31 command belongs to type: bash; this phase is type: context",
  ],
  [
    "a command phase without command",
    file("  - { name: a, type: bash }\n"),
    "fix.yaml:3:16 a phase of type bash needs command",
  ],
  [
    "an agent without anything to do",
    file("  - name: a\n"),
    "fix.yaml:3:5 a phase of type agent needs prompt or skill or skills",
  ],
  [
    "both kinds of loop",
    file(
      "  - { name: a, prompt: p, loop: { max_cycles: 1, on_request_changes: { fix_prompt: a, re_review_prompt: b } }, generic_loop: { max_iterations: 2, until: x } }\n",
    ),
    "fix.yaml:3:112 set loop or generic_loop, not both",
  ],
  [
    "a name that loops make",
    file("  - { name: a_fix_1, type: context }\n"),
    "fix.yaml:3:13 name ends like a name that loops make (_fix_1, _iter_1). Choose another",
  ],
  [
    "a workflow name with capitals",
    "name: Fix\nphases: [{ name: a, type: context }]\n",
    "fix.yaml:1:7 name must be lower-case letters, digits, _ and -, at most 64, and not begin with a sign",
  ],
  ["no name", "phases: [{ name: a, type: context }]\n", "fix.yaml:1:1 name is missing"],
  ["no phases", "name: fix\nphases: []\n", "fix.yaml:2:9 phases must not be empty"],
  [
    "a phase name twice",
    file("  - { name: a, type: context }\n  - { name: a, type: context }\n"),
    'fix.yaml:4:13 the name "a" is taken by the phase at line 3',
  ],
  [
    "an unknown dependency",
    file("  - { name: build, type: context }\n  - { name: b, type: context, depends_on: [biuld] }\n"),
    'fix.yaml:4:44 depends_on names no phase: "biuld". Did you mean "build"?',
  ],
  [
    "a phase that waits for itself",
    file("  - { name: a, type: context, depends_on: [a] }\n"),
    'fix.yaml:3:31 phase "a" depends on itself',
  ],
  [
    "phases that wait for each other",
    file(
      "  - { name: a, type: context, depends_on: [c] }\n  - { name: b, type: context }\n  - { name: c, type: context }\n",
    ),
    "fix.yaml:3:31 these phases wait for each other: a → c → b → a",
  ],
  [
    "a priority out of range",
    file("  - { name: a, type: context }\n", "priority: 101\n"),
    "fix.yaml:2:11 priority must be at most 100",
  ],
  [
    "another grammar",
    file("  - { name: a, type: context }\n", "grammar: 2\n"),
    "fix.yaml:2:10 grammar must be 1, the only grammar there is",
  ],
  [
    "a number where text belongs",
    file("  - { name: a, type: context, label: 12 }\n"),
    'fix.yaml:3:38 label must be text. Write "12"',
  ],
  [
    "a key without a value",
    file("  - { name: a, type: context, label: }\n"),
    "fix.yaml:3:38 label has no value; it must be text",
  ],
  [
    "a misspelt key of a map with two forms",
    file("  - { name: a, type: bash, command: x, timeout_seconds: { form: a, default: 1 } }\n"),
    'fix.yaml:3:59 unknown key "form". Did you mean "from"?',
  ],
  [
    "a command that would wait for a month",
    file("  - { name: a, type: bash, command: x, timeout: 30d }\n"),
    "fix.yaml:3:49 timeout of a program may be 24 days at most",
  ],
  [
    "a schedule without anything to start",
    "kind: cron\nname: x\nschedule: '* * * * *'\n",
    "fix.yaml:1:1 the file needs workflow or handler, and not both",
  ],
];

test.for(refusals)("%s is refused with its place and the remedy", ([, text, message]) => {
  expect(said(text)).toContain(message);
});

test("501 phases are refused, 500 are not", () => {
  const phases = (many: number): string =>
    file(Array.from({ length: many }, (_, at) => `  - { name: p${at}, type: context }\n`).join(""));
  expect(said(phases(500))).toEqual([]);
  expect(said(phases(501))).toEqual(["fix.yaml:3:3 phases may hold at most 500"]);
});

test("a phase follows the one above it unless it says otherwise", () => {
  const phases = `  - { name: a, type: context }\n  - { name: b, type: context }\n  - { name: c, type: context, depends_on: [] }\n  - { name: d, type: context, depends_on: [a, c, a] }\n`;
  expect(workflowIn(file(phases)).phases.map((each) => each.dependsOn)).toEqual([[], ["a"], [], ["a", "c"]]);
});

test("a command has five minutes, or what the author grants it", () => {
  const bash = (key: string): string => file(`  - { name: a, type: bash, command: x${key} }\n`);
  expect(workflowIn(bash("")).phases[0]).toMatchObject({ timeoutMs: 300_000, label: "a", triggerRule: "all_success" });
  expect(workflowIn(bash(", timeout: 15m")).phases[0]).toMatchObject({ timeoutMs: 900_000 });
  expect(workflowIn(bash(", timeout_seconds: 90")).phases[0]).toMatchObject({ timeoutMs: 90_000 });
  expect(workflowIn(bash(", timeout_seconds: { from: a.b, default: 9 }")).phases[0]).toMatchObject({
    timeoutMs: 9_000,
    timeoutFrom: "a.b",
  });
});

test("what is known and not carried out is named, and its run will be refused", () => {
  const text = file(
    "  - { name: a, type: context, runs_on: here }\n  - { name: b, prompt: p.md, agent: 'acp:any --agent' }\n  - { name: c, type: tool, tool: t }\n",
  );
  expect(workflowIn(text).unavailable).toEqual(["phases.a.runs_on", "phases.c.type: tool"]);
  expect(said(text, "warning")).toEqual([
    "fix.yaml:3:31 `runs_on` is known but not carried out yet; a run of this workflow will be refused",
    "fix.yaml:5:16 `type: tool` is known but not carried out yet; a run of this workflow will be refused",
  ]);
});

test("what only tells people something does not stop a run", () => {
  const top = "trigger: by hand\ndescription: says ${{ x }} and {{y}}\npr_scoped: true\nnotify: me\nkind: health\n";
  const text = file("  - { name: a, type: context, label: Look, finally: false }\n", top);
  expect(workflowIn(text)).toMatchObject({ kind: "health", unavailable: [] });
  expect(said(text, "warning")).toEqual([
    "fix.yaml:4:1 `pr_scoped` is known but not acted on yet",
    "fix.yaml:5:1 `notify` is known but not acted on yet",
  ]);
});

test("templates are carried out: they load without a word", () => {
  const text = file(
    '  - { name: a, type: bash, command: "echo {{inputs.who}}" }\n  - { name: b, type: approval, approval: { summary: "Ship {{a}}?" } }\n',
    "inputs: { who: { type: string } }\nfinal_message: done {{phases.a.output}}\n",
  );
  expect(said(text)).toEqual([]);
  expect(said(text, "warning")).toEqual([]);
  expect(workflowIn(text)).toMatchObject({ unavailable: [], finalMessage: "done {{phases.a.output}}" });
});

test("an approval without a summary asks by its label", () => {
  expect(workflowIn(file("  - { name: a, type: approval, label: Ship it }\n")).phases[0]).toMatchObject({
    summary: "Ship it",
  });
});

test("a schedule in a file of its own loads, and is no workflow", () => {
  const text =
    "kind: cron\nname: mornings\nschedule: '0 9 * * *'\nworkflow: fix\ncondition: { unless: webhooksEnabled }\n";
  const checked = check("cron-mornings.yaml", new TextEncoder().encode(text));
  expect(checked).toMatchObject({ kind: "cron", name: "mornings", version: null, complaints: [] });
  expect(checked.schedules).toMatchObject([
    { line: 2, column: 7, schedule: { name: "mornings", starts: { workflow: "fix" }, unless: "webhooksEnabled" } },
  ]);
});

test("of a file with hundreds of mistakes the first fifty are told, in order", () => {
  const complaints = said(`name: fix\n${Array.from({ length: 300 }, (_, at) => `zz${at}: 1`).join("\n")}\n`);
  expect(complaints).toHaveLength(50);
  expect(complaints.slice(0, 2)).toEqual(["fix.yaml:1:1 phases is missing", 'fix.yaml:2:1 unknown key "zz0"']);
});

const hashOf = (text: string, files?: Record<string, string>): string | undefined =>
  check("fix.yaml", new TextEncoder().encode(text), files).version?.hash;

test("the same bytes give the same hash, any other byte another, the byte order mark included", () => {
  const text = file("  - { name: a, type: context }\n");
  const others = [`${text}\n`, `\uFEFF${text}`, text.replaceAll("\n", "\r\n"), text.replace("name: a", "name: b")];
  const hashes = [text, ...others].map((each) => hashOf(each));
  expect(hashOf(text)).toBe(hashes[0]);
  expect(new Set(hashes).size).toBe(5);
  expect(hashes).not.toContain(undefined);
});

test("any other prompt gives another hash; a file that nobody names does not", () => {
  const text = file("  - { name: a, prompt: p.md }\n");
  const first = hashOf(text, { "p.md": "Look" });
  expect(hashOf(text, { "p.md": "Look", "q.md": "Also" })).toBe(first);
  expect(new Set([first, hashOf(text, { "p.md": "Look " }), hashOf(text, { "p.md": "" })]).size).toBe(3);
});

test("a version keeps the text as it was saved, its byte order mark included", () => {
  const text = `\uFEFF${file("  - { name: a, type: context }\n")}`;
  expect(check("fix.yaml", new TextEncoder().encode(text)).version?.yaml).toBe(text);
});
