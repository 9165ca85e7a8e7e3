import type { Json } from "../../src/domain/json.ts";
import type { Phase, TriggerRule, Workflow, WorkflowVersion } from "../../src/domain/workflow.ts";
import { type Sketch, version, workflow } from "../support/workflow.ts";
import type { Choices } from "./choices.ts";
import { DAY, HOUR, MINUTE, SECOND } from "./spans.ts";

/** What every program that could go on for ever is given at the most. */
const LONGEST_TRY = 6 * HOUR;
const RULES: readonly TriggerRule[] = ["all_success", "one_success", "none_failed_min_one_success", "all_done"];

/** Workflows that runs of one house are made of: some of chance, some whole, and what their phases start. */
export function shelf(choices: Choices): ReadonlyMap<string, WorkflowVersion> {
  const many = 1 + choices.of("workflows: beyond the first", 2);
  const made = [other(choices)];
  for (let at = 1; at <= many; at++) made.push(drawnWorkflow(choices, `w${at}`));
  return new Map(made.map((each) => [each.name, version(each)]));
}

/** A child run of two phases. */
function other(choices: Choices): Workflow {
  const gate = choices.rarely("other: asks", 4);
  return furnished(
    workflow("other", [
      { name: "c0", type: "bash", timeoutMs: HOUR },
      gate
        ? { name: "c1", type: "approval", after: ["c0"], timeoutMs: 4 * HOUR, onTimeout: "continue" }
        : { name: "c1", type: "bash", after: ["c0"], timeoutMs: HOUR },
    ]),
  );
}

function drawnWorkflow(choices: Choices, name: string): Workflow {
  const whole = choices.pick(`${name}: whole`, [12, 1, 1, 1]);
  if (whole > 0) return furnished((WHOLE[whole - 1] as (name: string) => Workflow)(name));
  const many = 1 + choices.of(`${name}: phases beyond the first`, 5);
  const sketches: Sketch[] = [];
  for (let at = 0; at < many; at++) sketches.push(sketched(choices, `${name} p${at}`, at, sketches));
  return furnished(workflow(name, sketches, around(choices, name)));
}

/** What a workflow says of its runs as a whole. */
function around(choices: Choices, name: string): Partial<Workflow> {
  const timeoutMs = [undefined, 8 * HOUR, 10 * MINUTE][choices.pick(`${name}: timeout`, [6, 1, 1])];
  const budget = [undefined, { turns: 6 }, { usd: 3 }][choices.pick(`${name}: budget`, [6, 1, 1])];
  const conflict = choices.pick(`${name}: concurrency`, [5, 2, 1, 1]);
  const onConflict = (["queue", "skip", "replace"] as const)[conflict - 1];
  const group = choices.rarely(`${name}: shares a group`, 3) ? { group: "shared" } : {};
  return {
    priority: choices.of(`${name}: priority`, 3),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(budget ? { budget } : {}),
    ...(onConflict ? { concurrency: { max: 1 + choices.of(`${name}: max beyond 1`, 2), onConflict, ...group } } : {}),
    ...(choices.rarely(`${name}: checklist`, 5) ? { statusChecklist: true } : {}),
    ...(choices.rarely(`${name}: final message`, 3) ? { finalMessage: "done: {{ run.id }}" } : {}),
  };
}

function sketched(choices: Choices, label: string, at: number, before: readonly Sketch[]): Sketch {
  const name = `p${at}`;
  const last = choices.rarely(`${label}: finally`, 8);
  const above = before.filter((each) => (each.finally === true) === last);
  // In a row unless chance says otherwise; then after any, or after none.
  const edge = above.at(-1 - choices.pick(`${label}: after`, [6, ...above.slice(1).map(() => 1), 1]));
  const second = above[choices.of(`${label}: and after`, above.length + 1) - 1];
  const after = [...new Set([edge, second].flatMap((each) => (each ? [each.name] : [])))];
  const rule = RULES[choices.pick(`${label}: rule`, [7, 1, 1, 2])] as TriggerRule;
  const nature = natureOf(choices, label, after);
  const retry = RETRIES[choices.pick(`${label}: retry`, [3, 1, 1, 1])];
  const condition = after[0] === undefined ? 0 : choices.pick(`${label}: condition`, [8, 1, 1]);
  return {
    name,
    after,
    rule,
    ...nature,
    ...(last ? { finally: true as const } : {}),
    ...(retry ? { retry } : {}),
    ...(condition === 1 ? { if: `phases.${after[0]}.status == "succeeded"` } : {}),
    ...(condition === 2 ? { skipIf: [`has(signals.go)`] } : {}),
    ...(choices.rarely(`${label}: says`, 4)
      ? { messages: { on_start: "on {{ run.id }}", on_success: "ok", on_failure: "no" } }
      : {}),
  };
}

const RETRIES: readonly Sketch["retry"][] = [
  undefined,
  { times: 2 },
  { times: 1, when: ["timeout", "exit"], pauseMs: 10 * MINUTE },
  { times: 2, when: ["exit", "lost", "agent_error"], pauseMs: 30 * SECOND },
];

const NATURES: readonly ((choices: Choices, label: string, after: readonly string[]) => Partial<Sketch>)[] = [
  () => ({ type: "bash", timeoutMs: LONGEST_TRY }),
  () => ({ type: "context" }),
  () => ({ type: "bash", command: "#script", timeoutMs: LONGEST_TRY }),
  (choices, label) => ({
    type: "agent",
    timeoutMs: LONGEST_TRY,
    ...(choices.rarely(`${label}: marker`, 3) ? { marker: "DONE" } : {}),
    ...(choices.rarely(`${label}: gate behind`, 3) ? { approvalGate: { name: "after" } } : {}),
  }),
  (choices, label) => ({ review: 1 + choices.of(`${label}: cycles beyond 1`, 2), timeoutMs: LONGEST_TRY }),
  (choices, label) => ({
    timeoutMs: LONGEST_TRY,
    iterate: {
      maxIterations: 1 + choices.of(`${label}: iterations beyond 1`, 3),
      ...(choices.rarely(`${label}: until bash`, 3) ? { untilBash: "npm test", untilBashTimeoutMs: HOUR } : {}),
      ...(choices.rarely(`${label}: asks`, 3)
        ? { gate: { kind: choices.of(`${label}: reply`, 2) === 1 ? ("reply" as const) : ("approve" as const) } }
        : {}),
      softRetries: choices.of(`${label}: soft retries`, 2),
    },
  }),
  (choices, label, after) => {
    const timeoutMs = [undefined, 3 * HOUR, DAY][choices.of(`${label}: gate timeout`, 3)];
    const onTimeout = (["reject", "fail", "continue"] as const)[choices.of(`${label}: on timeout`, 3)] as "reject";
    const back = after[0];
    return {
      type: "approval",
      ...(choices.rarely(`${label}: summary`, 3) ? { summary: "Ship {{ run.id }}?" } : {}),
      ...(timeoutMs === undefined ? {} : { timeoutMs, onTimeout }),
      ...(choices.rarely(`${label}: reminds`, 2) ? { remindMs: [HOUR, 2 * HOUR] } : {}),
      ...(choices.rarely(`${label}: escalates`, 3) ? { escalate: { afterMs: 2 * HOUR, to: { users: ["lee"] } } } : {}),
      ...(back !== undefined && choices.rarely(`${label}: rework`, 2) ? { rework: { phase: back, max: 1 } } : {}),
    };
  },
  (choices, label) => ({ wait: { forMs: [MINUTE, 50, 5 * HOUR, DAY][choices.of(`${label}: for`, 4)] as number } }),
  (choices, label) => ({
    wait: {
      at: ["2026-11-21T12:00:00.000Z", "2026-11-20T00:00:00.000Z", "2026-11-22T03:00:00.000Z"][
        choices.of(`${label}: at`, 3)
      ]!,
    },
  }),
  (choices, label) => ({
    wait: { until: "has(signals.go)", everyMs: [5 * MINUTE, HOUR][choices.of(`${label}: every`, 2)] as number },
    ...(choices.rarely(`${label}: until timeout`, 2) ? { timeoutMs: 7 * HOUR } : {}),
  }),
  (choices, label) => ({
    child: "other",
    ...(choices.rarely(`${label}: child timeout`, 3) ? { timeoutMs: 2 * HOUR } : {}),
  }),
  (choices, label) => ({
    type: "bash",
    timeoutMs: HOUR,
    matrix: {
      items: choices.of(`${label}: items`, 4),
      maxParallel: 1 + choices.of(`${label}: side by side beyond 1`, 3),
      failFast: choices.of(`${label}: fail fast`, 2) === 1,
    },
  }),
  () => ({ type: "bash", command: "#files", timeoutMs: HOUR }),
];

function natureOf(choices: Choices, label: string, after: readonly string[]): Partial<Sketch> {
  const nature = choices.pick(`${label}: kind`, [4, 1, 1, 2, 1, 2, 3, 1, 1, 1, 2, 2, 1]);
  return (NATURES[nature] as (typeof NATURES)[number])(choices, label, after);
}

/** Whole workflows of the kind that people write. */
const WHOLE: readonly ((name: string) => Workflow)[] = [
  (name) =>
    workflow(name, [
      { name: "build", type: "bash", timeoutMs: HOUR, retry: { times: 2, pauseMs: MINUTE } },
      ...["first", "second", "third"].map((gate, at) => ({
        name: gate,
        type: "approval" as const,
        after: [["build", "first", "second"][at] as string],
        timeoutMs: DAY,
        remindMs: [4 * HOUR, 12 * HOUR],
        escalate: { afterMs: 20 * HOUR, to: { groups: ["leads"] } },
      })),
      { name: "tidy", type: "bash", finally: true, timeoutMs: HOUR },
    ]),
  (name) =>
    workflow(
      name,
      [
        { name: "plan", type: "agent", timeoutMs: HOUR },
        { name: "fan", type: "bash", after: ["plan"], matrix: { items: 3, maxParallel: 2 }, timeoutMs: HOUR },
        { name: "child", child: "other", after: ["plan"] },
        { name: "join", type: "bash", after: ["fan", "child"], rule: "all_done", timeoutMs: HOUR },
        { name: "tidy", type: "bash", finally: true, timeoutMs: HOUR },
      ],
      { timeoutMs: DAY, concurrency: { max: 1, onConflict: "queue" } },
    ),
  (name) =>
    workflow(name, [
      { name: "write", iterate: { maxIterations: 3, untilBash: "npm test", gate: { kind: "reply" } }, timeoutMs: HOUR },
      { name: "look", review: 2, after: ["write"], timeoutMs: HOUR },
      { name: "ship", type: "approval", after: ["look"], rework: { phase: "write", max: 1 } },
    ]),
];

/** What changes while a phase is tried again; its tries are to see it as it was. */
const MOVING =
  "{{ signals.go }} {{ phases.p0.status }} {{ phases.p1.status }} {{ phases.p2.status }} {{ phases.p3.status }}";

/** What sketches leave out: prompts, values from before, a script's text, declared files. */
function furnished(bare: Workflow): Workflow {
  const phases = bare.phases.map((phase): Phase => {
    if (phase.type !== "bash") return phase;
    const [above] = phase.dependsOn;
    const values = above === undefined ? {} : { values: [{ variable: "BEFORE", template: `{{ ${above} }}${MOVING}` }] };
    if (phase.command === "#script") {
      const { command: _, ...rest } = phase;
      return { ...rest, type: "script", script: "print(1)", runtime: "python", env: { SEEN: "{{ run.id }}" } };
    }
    if (phase.command !== "#files") return { ...phase, ...values };
    const outputs = { said: { from: "stdout" as const }, kept: { from: "file" as const, path: "kept.txt" } };
    return { ...phase, command: "make", ...values, outputs, artefacts: [{ name: "kept", path: "kept.txt" }] };
  });
  const files: Record<string, string> = { "prompts/fix.md": "fix {{ previousOutput }}", "prompts/recheck.md": "look" };
  for (const { name, dependsOn } of phases)
    files[`prompts/${name}.md`] = `do it {{ run.id }} {{ ${dependsOn[0] ?? "context"} }}`;
  return { ...bare, phases, files };
}

/** What a workflow is, short enough to read. */
export function inShort({ name, phases, ...rest }: Workflow): string {
  const { grammar: _g, kind: _k, description: _d, inputs: _i, files: _f, unavailable: _u, ...said } = rest;
  const words = phases.map(({ label: _, ...phase }) => `    ${JSON.stringify(phase as unknown as Json)}`);
  return [`  ${name} ${JSON.stringify(said)}`, ...words].join("\n");
}
