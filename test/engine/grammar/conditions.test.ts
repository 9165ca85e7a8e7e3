import { expect, test } from "vitest";
import { grammarWorld, outputs } from "../../support/grammar.ts";
import { folderOf } from "../../support/programs.ts";

test("the first reason to skip is the one that is told, in this order: sandbox, skip_if, if", async () => {
  const world = await grammarWorld({
    "c.yaml": `name: c
inputs: { level: { type: string, default: low } }
phases:
  - { name: start, type: context, depends_on: [] }
  - { name: boxed, type: context, depends_on: [start], requires_sandbox: container, skip_if: 'inputs.level == "low"' }
  - { name: second, type: context, depends_on: [start], skip_if: ['inputs.level == "high"', 'inputs.level == "low"'], if: 'inputs.level == "high"' }
  - { name: third, type: context, depends_on: [start], skip_if: 'inputs.level == "high"', if: 'inputs.level == "high"' }
  - { name: goes, type: context, depends_on: [start], skip_if: 'inputs.level == "high"', if: 'inputs.level == "low"' }
  - { name: below, type: context, depends_on: [second] }
  - { name: anyway, type: context, depends_on: [second, goes], trigger_rule: none_failed_min_one_success }
`,
  });
  const run = await world.over(await world.start("c"));
  expect(run.status).toBe("succeeded");
  expect(run.node_statuses).toEqual({
    start: "succeeded",
    boxed: "skipped",
    second: "skipped",
    third: "skipped",
    goes: "succeeded",
    below: "skipped",
    anyway: "succeeded",
  });
  const why = Object.fromEntries(
    run.decisions.map(({ phase, finding }) => [phase, finding.type === "skip" ? finding.why : finding.type]),
  );
  expect(why).toEqual({
    boxed: 'requires_sandbox: container, and programs run in "none"',
    second: 'skip_if: inputs.level == "low"',
    third: 'if: inputs.level == "high"',
    goes: "run",
  });
});

test("a condition about what is not there is false, and the warning says so: absent means run for one, skip for the other", async () => {
  const world = await grammarWorld({
    "c.yaml": `name: c
inputs: { n: {} }
phases:
  - { name: left, type: context, depends_on: [], skip_if: 'inputs.n > 1' }
  - { name: right, type: context, depends_on: [], if: 'scratch.nothing.here == "x"' }
  - { name: both, type: context, depends_on: [], skip_if: 'scratch.nothing.here == "x" || inputs.n == "many"' }
`,
  });
  const run = await world.over(await world.start("c", { inputs: { n: "many" } }));
  expect(run.node_statuses).toEqual({ left: "succeeded", right: "skipped", both: "skipped" });
  const warnings = Object.fromEntries(
    run.decisions.map(({ phase, finding }) => [phase, "warnings" in finding ? finding.warnings : undefined]),
  );
  expect(warnings).toEqual({
    left: [expect.stringMatching(/^inputs\.n > 1: .+/)],
    right: [expect.stringMatching(/^scratch\.nothing\.here == "x": .+/)],
    both: undefined,
  });
});

test("a failure that a dependant provides for is looked at by its exit code; a skipped phase has none", async () => {
  const world = await grammarWorld({
    "c.yaml": `name: c
phases:
  - { name: check, type: bash, command: "echo broken; exit 7" }
  - { name: skipped, type: context, depends_on: [], if: 'false' }
  - { name: fix, type: bash, depends_on: [check], trigger_rule: all_done, if: 'phases.check.exit_code == 7', command: "printf 'was %s: %s' {{phases.check.exit_code}} {{phases.check.output}}" }
  - { name: never, type: context, depends_on: [skipped, fix], trigger_rule: all_done, if: 'phases.skipped.exit_code != 0' }
`,
  });
  const run = await world.over(await world.start("c"));
  expect([run.status, outputs(run).fix]).toEqual(["succeeded", "was 7: broken\n"]);
  expect(run.node_statuses.never).toBe("skipped");
});

test("conditions are asked once: a phase that is tried again, or taken up by the next daemon, is not asked anew", async () => {
  const world = await grammarWorld({
    "c.yaml": `name: c
phases:
  - { name: a, type: bash, if: '!has(signals.stop)', retry: { times: 1 }, command: '[ "$LASTLIGHT_ATTEMPT" = 2 ] || { touch failing; until [ -f go ]; do sleep 0.02; done; exit 1; }' }
`,
  });
  const id = await world.start("c");
  await world.until(id, ({ node_statuses }) => node_statuses.a === "running");
  await world.engine.signal(id, { id: "s", name: "stop", payload: true });
  await world.restart();
  folderOf(world.workspace(id)).write("go", "");
  const run = await world.over(id);
  expect([run.status, run.executions.length, run.decisions.length]).toEqual(["succeeded", 2, 1]);
});
