import { expect, test } from "vitest";
import { played } from "./played.ts";

const gate = (name: string): string =>
  `  - { name: ${name}, type: approval, approval: { summary: "May ${name} go on?", timeout: 24h, on_timeout: continue, remind: [4h, 12h], escalate: { after: 20h, to: { groups: [leads] } } } }`;

test("three gates of a day each that nobody answers are played to their end, with every reminder and escalation at its hour", async () => {
  const { lines, elapsedMs, stopped } = await played(
    ["name: doors", "phases:", gate("a"), gate("b"), gate("c")].join("\n"),
    "name: nobody answers\n",
  );
  const day = (name: string, from: number): string[] => [
    `${from}h ${name} asks`,
    ...(from === 0 ? ["0h paused gate"] : []),
    `${from + 4}h ${name} reminds`,
    `${from + 12}h ${name} reminds`,
    `${from + 20}h ${name} escalates to leads`,
    `${from + 24}h ${name} expired by null`,
    `${from + 24}h ${name} succeeded`,
  ];
  expect(lines).toEqual(["0h run.begun", ...day("a", 0), ...day("b", 24), ...day("c", 48), "72h succeeded"]);
  expect([elapsedMs / 3_600_000, stopped]).toEqual([72, "over"]);
});

test("without a scenario all goes well and everyone says yes", async () => {
  const { lines, judgements } = await played(`
name: plain
phases:
  - { name: build, type: bash, command: make }
  - { name: door, type: approval, approval: { summary: "Ship {{ phases.build.output }}?" } }
  - { name: ship, type: script, runtime: js, script: "ship()" }
`);
  expect(lines).toEqual([
    "0h run.begun",
    "0h build#1",
    "1s build#1 ok",
    "1s build succeeded",
    "1s door asks",
    "1s paused gate",
    "61s door approved by someone",
    "61s door succeeded",
    "61s ship#1",
    "61s running",
    "62s ship#1 ok",
    "62s ship succeeded",
    "62s succeeded",
  ]);
  expect(judgements).toEqual([]);
});

test("programs fail, hang, vanish and are tried again as the workflow says, each after its pause", async () => {
  const { runs, lines, judgements } = await played(
    `
name: again
phases:
  - { name: flaky, type: bash, command: x, retry: { times: 2, backoff: { duration: 10s, factor: 3 }, when: [exit] } }
  - { name: slow, type: bash, command: x, timeout: 1m, retry: { times: 1, when: [timeout] } }
  - { name: fragile, type: bash, command: x, retry: { times: 1, when: [lost] } }
`,
    `
phases:
  flaky: [{ exit: 1, takes: 5s }, { exit: 2, takes: 5s }, { output: fine, takes: 5s }]
  slow: [{ takes: never }, { takes: 30s }]
  fragile: [{ lost: true }, done]
expect:
  status: succeeded
  phases:
    flaky: { tries: 3, output: fine }
    slow: { tries: 2 }
    fragile: { tries: 2, output: done }
  order: [flaky, slow, fragile]
  takes: { at_least: 2m, at_most: 4m }
`,
  );
  expect(judgements.filter(({ held }) => !held)).toEqual([]);
  expect(judgements).toHaveLength(8);
  expect(runs[0]?.executions.map(({ name, error }) => `${name} ${error}`)).toEqual([
    "flaky exit 1",
    "flaky exit 2",
    "flaky null",
    "slow no end within 60 s",
    "slow null",
    expect.stringMatching(/^fragile /),
    "fragile null",
  ]);
  expect(lines.filter((line) => line.includes("waits for retry"))).toHaveLength(2);
});

test("a reply, a rejection and a rework are answered in turn; who says what stands in the run", async () => {
  const { runs, judgements } = await played(
    `
name: talk
phases:
  - { name: draft, type: bash, command: x }
  - { name: door, type: approval, approval: { summary: "Good: {{ phases.draft.output }}?", on_reject: { rework: draft, max: 2 } } }
`,
    `
phases: { draft: [first, second] }
answers: { door: [{ decision: reject, by: ana, after: 2h, comment: "no" }, { decision: approve, by: ben, after: 1d }] }
expect:
  status: succeeded
  phases: { draft: { tries: 2, output: second }, door: { asks: 2 } }
  said: ["Good: first?", "Good: second?"]
  takes: { at_least: 1d, at_most: 27h }
`,
  );
  expect(judgements.filter(({ held }) => !held)).toEqual([]);
  expect(runs[0]?.approvals.map(({ status, responded_by: by, response }) => [status, by, response])).toEqual([
    ["rejected", "ana", "no"],
    ["approved", "ben", null],
  ]);
});

test("a question that nobody answers leaves the run where it is, and says so", async () => {
  const { stopped, runs, judgements } = await played(
    `
name: door
phases: [{ name: door, type: approval, approval: { summary: "Go on?" } }]
`,
    "expect: { status: paused, reason: gate }\n",
  );
  expect([stopped, runs[0]?.status, judgements.every(({ held }) => held)]).toEqual(["idle", "paused", true]);
});

test("a promise that does not hold is named with what was there instead, and where the file makes it", async () => {
  const { judgements } = await played(
    `
name: one
phases: [{ name: one, type: bash, command: x }]
`,
    `phases: { one: { exit: 3, takes: 1s } }
answers: {}
expect:
  status: succeeded
  phases:
    one: { tries: 1, output: "fine" }
`,
  );
  expect(
    judgements.filter(({ held }) => !held).map(({ promise, found, line, column }) => [promise, found, line, column]),
  ).toEqual([
    ["the run is succeeded", "failed", 4, 11],
    ['one says exactly "fine"', '""', 6, expect.any(Number)],
  ]);
});

test("an answer to a gate that never opens breaks the scenario, though the run goes well", async () => {
  const { runs, judgements } = await played(
    `
name: rare
phases:
  - { name: look, type: bash, command: x }
  - { name: door, type: approval, if: "phases.look.output == 'odd'", approval: { summary: "Odd. Go on?" } }
`,
    `phases: { look: even }
answers:
  door: approve
`,
  );
  expect(runs[0]?.status).toBe("succeeded");
  expect(judgements).toMatchObject([{ held: false, found: "its gate never opened", line: 3 }]);
});

test("runs that phases start are played with a cast of their own", async () => {
  const { runs, judgements } = await played(
    [
      `
name: parent
phases:
  - { name: build, type: workflow, workflow: child, with: { what: "{{ inputs.what }}" } }
  - { name: after, type: bash, command: "echo {{ phases.build.output }}" }
inputs: { what: { type: string } }
`,
      `
name: child
inputs: { what: { type: string } }
phases:
  - { name: make, type: bash, command: "make {{ inputs.what }}", timeout: 2h }
  - { name: ok, type: approval, approval: { summary: "{{ inputs.what }}?" } }
  - { name: last, type: bash, command: x }
`,
    ],
    `
trigger: { inputs: { what: cake } }
children:
  child:
    phases: { make: { output: made, takes: 1h }, last: "the cake" }
    answers: { ok: { decision: approve, by: ana, after: 3h } }
expect:
  status: succeeded
  phases: { after: { given: "the cake" } }
  takes: { at_least: 4h, at_most: 5h }
`,
  );
  expect(judgements.filter(({ held }) => !held)).toEqual([]);
  expect(runs.map((run) => run?.workflow_name)).toEqual(["parent", "child"]);
});

test("several triggers meet in one group; one key twice makes one run; inputs that do not fit are refused", async () => {
  const { runs, lines, judgements } = await played(
    `
name: one-at-a-time
concurrency: { max: 1, on_conflict: queue }
inputs: { n: { type: integer } }
phases: [{ name: work, type: bash, command: x, timeout: 2h }]
`,
    `
phases: { work: { takes: 1h } }
triggers:
  - { at: 0s, inputs: { n: 1 }, once: a, expect: { status: succeeded, takes: { at_most: 1h } } }
  - { at: 1m, inputs: { n: 1 }, once: a, expect: { status: succeeded } }
  - { at: 2m, inputs: { n: 2 }, expect: { status: succeeded, takes: { at_least: 118m } } }
  - { at: 3m, inputs: { n: many }, expect: { refused: input.invalid } }
`,
  );
  expect(judgements.filter(({ held }) => !held)).toEqual([]);
  expect(runs.map((run) => run?.id === runs[0]?.id)).toEqual([true, true, false, false]);
  expect(lines.filter((line) => line.includes("refused"))).toEqual(["180s refused input.invalid"]);
});

test("signals, pauses, cancels and retries come when the scenario says", async () => {
  const { lines, judgements } = await played(
    `
name: outside
phases:
  - { name: ready, type: wait, wait: { until: "signals.go == 'now'", every: 1h } }
  - { name: work, type: bash, command: x, timeout: 2h }
  - { name: more, type: bash, command: x, timeout: 2h }
`,
    `
phases: { work: { takes: 1h }, more: [{ exit: 1, takes: 1h }, { takes: 1h }] }
signals: [{ at: 30m, name: go, payload: later }, { at: 150m, name: go, payload: now }]
operator:
  - { at: 3h, do: pause, by: ops }
  - { at: 6h, do: resume, by: ops }
  - { at: 8h, do: retry, from: more, by: ops }
expect: { status: succeeded, phases: { more: { tries: 2 } } }
`,
  );
  expect(judgements.filter(({ held }) => !held)).toEqual([]);
  expect(lines.filter((line) => /operator|paused|running|failed|succeeded$/.test(line))).toEqual([
    "0h paused timer",
    "9000s ready succeeded",
    "9000s running",
    "3h operator pause",
    "12600s work succeeded",
    "12600s paused operator",
    "6h operator resume",
    "6h running",
    "7h more failed",
    "7h failed",
    "8h operator retry",
    "8h running",
    "9h more succeeded",
    "9h succeeded",
  ]);
});

test("what this version does not carry out is played all the same; agents of any kind say what the scenario has for them, and cost it", async () => {
  const { runs, judgements } = await played(
    `
name: all
phases:
  - { name: fetch, type: tool, tool: get-page, with: { url: x } }
  - { name: post, type: action, action: github.review }
`,
    `
phases: { fetch: { output: page, takes: 2s } }
expect: { status: succeeded, phases: { fetch: { output: page } } }
`,
  );
  expect(judgements.filter(({ held }) => !held)).toEqual([]);
  expect(runs[0]?.executions.map(({ name, output }) => `${name} ${output}`)).toEqual([
    "fetch page",
    "post simulated: post",
  ]);
});

test("the same scenario comes to the same simulation, to the last id; another seed to other ids", async () => {
  const yaml = `
name: same
phases:
  - { name: a, type: bash, command: x, matrix: { n: [1, 2, 3] }, max_parallel: 2, retry: { times: 2, backoff: { duration: 10s } } }
  - { name: b, type: approval, approval: { summary: "b" } }
`;
  const scenario = (seed: number): string => `
seed: ${seed}
phases: { "a[1]": [{ exit: 1 }, ok] }
answers: { b: approve }
`;
  const [one, two, other] = [
    await played(yaml, scenario(7)),
    await played(yaml, scenario(7)),
    await played(yaml, scenario(8)),
  ];
  expect(two.timeline).toEqual(one.timeline);
  expect(two.runs).toEqual(one.runs);
  expect(other.runs[0]?.id).not.toBe(one.runs[0]?.id);
  expect(other.runs[0]?.status).toBe("succeeded");
});

test("files that phases leave side by side stay with each; those before them are there for both", async () => {
  const { runs } = await played(
    `
name: sides
phases:
  - { name: before, type: bash, command: x }
  - { name: left, type: bash, depends_on: [before], command: x, outputs: { before: { from: file, path: before }, own: { from: file, path: out } } }
  - { name: right, type: bash, depends_on: [before], command: x, outputs: { before: { from: file, path: before }, own: { from: file, path: out } } }
  - { name: after, type: bash, depends_on: [left, right], command: x, artefacts: [{ path: out, name: out }] }
`,
    `
phases:
  before: { files: { before: both } }
  left: { files: { out: left } }
  right: { files: { out: right } }
  after: { output: done }
`,
  );
  const [run] = runs;
  expect(run?.executions.map(({ name, outputs }) => [name, outputs])).toEqual([
    ["before", null],
    ["left", { before: "both", own: "left" }],
    ["right", { before: "both", own: "right" }],
    ["after", null],
  ]);
  expect(run?.executions.at(-1)?.error).toMatch(/^artefact\.missing/);
});
