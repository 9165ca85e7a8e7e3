import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { grammarWorld, outputs, tries } from "../../support/grammar.ts";
import { folderOf } from "../../support/programs.ts";

const CHAIN = `name: chain
inputs: { who: { type: string, default: Ana } }
phases:
  - { name: a, type: bash, command: 'echo a >> ledger; printf "a:%s" {{inputs.who}}', artefacts: [{ path: ledger, name: log }] }
  - { name: b, type: bash, command: 'echo b >> ledger; [ ! -f broken ] || exit 1; printf "b(%s)" {{phases.a.output}}' }
  - { name: c, type: bash, command: 'echo c >> ledger; printf "c(%s) %s" {{b}} "$(wc -l < {{artefacts.log}})"' }
`;

test("a run held back while its gate waits takes the answer, and goes on only when it is let go on", async () => {
  const world = await grammarWorld({
    "g.yaml": `name: g
phases:
  - { name: ask, type: approval, approval: { summary: "Go?" } }
  - { name: go, type: bash, command: "printf went" }
`,
  });
  const id = await world.start("g");
  const gate = (await world.until(id, ({ reason }) => reason === "gate")).approvals[0]?.id as string;
  await world.engine.pause(id);
  await world.engine.answer(gate, { decision: "approve", by: "ana", comment: null });
  const held = await world.until(id, ({ reason }) => reason === "operator");
  expect([held.status, tries(held)]).toEqual(["paused", []]);
  await expect(world.engine.pause(id)).rejects.toMatchObject({ code: "run.held" });
  await world.engine.resume(id);
  expect(outputs(await world.over(id))).toEqual({ go: "went" });
  await expect(world.engine.resume(id)).rejects.toMatchObject({ code: "run.terminal" });
});

test("retried from what failed, what succeeded stands; retried from a phase, it and all after it run again", async () => {
  const world = await grammarWorld({
    "chain.yaml": CHAIN.replace("[ ! -f broken ] ||", "[ -f once ] || { touch once; false; } ||"),
  });
  const id = await world.start("chain");
  const workspace = folderOf(world.workspace(id));
  const failed = await world.over(id);
  expect([failed.status, failed.node_statuses]).toEqual(["failed", { a: "succeeded", b: "failed", c: "skipped" }]);
  await expect(world.engine.retry(id, "nobody", "ana")).rejects.toMatchObject({
    code: "phase.unknown",
    message: expect.stringContaining("a, b, c"),
  });
  await world.engine.retry(id, null, "ana");
  const second = await world.over(id);
  expect([second.status, second.epoch, workspace.read("ledger")]).toEqual(["succeeded", 1, "a\nb\nb\nc\n"]);
  expect(outputs(second).c).toBe("c(b(a:Ana)) 1");
  await world.engine.retry(id, "b", "bob");
  await world.restart();
  const third = await world.over(id);
  expect([third.status, third.epoch, workspace.read("ledger")]).toEqual(["succeeded", 2, "a\nb\nb\nc\nb\nc\n"]);
  const given = third.executions.filter(({ name }) => name === "c").map(({ input }) => input);
  expect(given[1]).toEqual(given[0]);
  expect(
    third.phase_history.filter(({ retried_by }) => retried_by).map((line) => [line.phase, line.retried_by]),
  ).toEqual([
    ["b", "ana"],
    ["b", "bob"],
  ]);
});

test("a fork has what stood before its phase, byte for byte, with the inputs and the YAML that were edited", async () => {
  const world = await grammarWorld({ "chain.yaml": CHAIN });
  const id = await world.start("chain");
  const original = await world.over(id);
  const ask = { run: id, by: "ana", once: null };
  const same = await world.over((await world.fork({ ...ask, from: "c" })).run.id);
  expect([same.status, same.forked_from, tries(same)]).toEqual(["succeeded", id, ["c ok"]]);
  expect(same.executions[0]?.input).toEqual(original.executions.at(-1)?.input);
  expect(outputs(same)).toEqual({ c: "c(b(a:Ana)) 1" });
  expect(folderOf(world.workspace(same.id)).read("ledger")).toBe("a\nb\nc\nc\n");
  expect(folderOf(world.workspace(id)).read("ledger")).toBe("a\nb\nc\n");

  const edited = await world.fork({ ...ask, from: "a", inputs: { who: "Bo" }, yaml: CHAIN.replace("c(%s)", "d(%s)") });
  const other = await world.over(edited.run.id);
  expect([other.workflow_hash === original.workflow_hash, outputs(other).c]).toEqual([false, "d(b(a:Bo)) 4"]);

  await expect(world.fork({ ...ask, from: "x" })).rejects.toMatchObject({ code: "phase.unknown" });
  await expect(world.fork({ ...ask, from: "a", inputs: { who: 7 } })).rejects.toMatchObject({ code: "input.invalid" });
  await expect(world.fork({ ...ask, from: "a", yaml: "name: chain\nphases: []\n" })).rejects.toMatchObject({
    code: "workflow.invalid",
  });
  await expect(world.fork({ ...ask, run: "none", from: "a" })).rejects.toMatchObject({ code: "run.unknown" });
});

test("a fork asked for twice under one key is one run with one workspace", async () => {
  const world = await grammarWorld({ "chain.yaml": CHAIN });
  const id = await world.start("chain");
  await world.over(id);
  const twice = await Promise.all([1, 2].map(() => world.fork({ run: id, from: "c", by: "ana", once: "k" })));
  const [first, second] = twice.map(({ run }) => run.id);
  expect([first === second, twice.filter(({ created }) => created).length]).toEqual([true, 1]);
  await world.over(first as string);
  expect(readdirSync(join(world.folder, "workspaces")).sort()).toEqual([id, first].sort());
});

test("a fork has every item of a matrix, and what a loop came to", async () => {
  const world = await grammarWorld(
    {
      "m.yaml": `name: m
phases:
  - { name: each, type: bash, matrix: { at: [a, b, c] }, command: "printf '%s' {{matrix.at}}; printf '%s' {{matrix.at}} > {{matrix.at}}.txt", artefacts: [{ path: list, name: list }] , depends_on: [before] }
  - { name: before, type: bash, depends_on: [], command: "echo kept > list" }
  - name: fix
    depends_on: [each]
    prompt: prompts/fix.md
    output_var: fixed
    generic_loop: { max_iterations: 3, until: "output.contains('READY')" }
  - { name: see, type: bash, command: "printf '%s %s %s %s' {{phases.each.output}} {{phases.each.items.1.output}} {{phases.fix.iterations}} {{fixed.iterations}}; cat {{artefacts.list}}" }
`,
      "prompts/fix.md": "Fix",
    },
    { says: { fix_iter_2: { output: "READY" } } },
  );
  const id = await world.start("m");
  const original = await world.over(id);
  expect(outputs(original).see).toBe('["a","b","c"] b 2 2kept\n');
  const first = await world.over((await world.fork({ run: id, from: "see", by: "ana", once: null })).run.id);
  expect(outputs(first)).toEqual({ see: outputs(original).see });
  const second = await world.over((await world.fork({ run: first.id, from: "see", by: "ana", once: null })).run.id);
  expect(second.executions[0]?.input).toEqual(original.executions.at(-1)?.input);
});

test("a fork is a new run: switched off it does not start, and it waits its turn in its group", async () => {
  const world = await grammarWorld({
    "g.yaml": `name: g
concurrency: { group: one }
phases:
  - { name: a, type: bash, command: "true" }
  - { name: ask, type: approval, approval: { summary: "Go?" } }
`,
  });
  const id = await world.start("g");
  await world.until(id, ({ reason }) => reason === "gate");
  const { run } = await world.fork({ run: id, from: "ask", by: "ana", once: null });
  expect(run).toMatchObject({ reason: "concurrency", finished_at: null });
  await world.store.override("g", false, "ana");
  await expect(world.fork({ run: id, from: "ask", by: "ana", once: null })).rejects.toMatchObject({
    code: "workflow.disabled",
  });
});

test("cancelled twice, a run that still tidies up is ended at once", async () => {
  const world = await grammarWorld({
    "t.yaml": `name: t
phases:
  - { name: ask, type: approval, approval: { summary: "Go?" } }
  - { name: tidy, type: bash, command: "touch tidying; sleep 60", finally: true }
`,
  });
  const id = await world.start("t");
  await world.until(id, ({ reason }) => reason === "gate");
  await world.engine.cancel(id, "ana");
  const closing = await world.until(id, ({ node_statuses }) => node_statuses.tidy === "running");
  expect(closing.status).toBe("running");
  await world.engine.cancel(id, "ana");
  const run = await world.over(id);
  expect([run.status, run.reason, tries(run)]).toEqual(["cancelled", "operator", ["tidy cancelled"]]);
});
