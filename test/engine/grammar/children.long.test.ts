import { join } from "node:path";
import { expect, test } from "vitest";
import type { RunDetail } from "../../../src/store/lines.ts";
import { fakeClock } from "../../support/clock.ts";
import { type GrammarWorld, grammarWorld, outputs, tries } from "../../support/grammar.ts";
import { folderOf, lives, pidIn } from "../../support/programs.ts";

const parent = (call: string, more = ""): string => `name: parent
${more}phases:
  - { name: call, type: workflow, workflow: child, ${call} }
  - { name: after, type: bash, trigger_rule: all_done, command: 'printf "%s|%s|%s" {{phases.call.status}} {{phases.call.output}} {{phases.call.outputs.run}}' }
`;
const child = (command: string, more = ""): string => `name: child
inputs: { n: { type: integer, default: 0 }, who: { type: string, default: "" } }
${more}phases:
  - { name: work, type: bash, command: '${command}' }
`;

/** Every run that is the work of this one, oldest first. */
async function childrenOf({ store }: GrammarWorld, run: string): Promise<RunDetail[]> {
  const { rows } = await store.runs({ workflow: "child" }, { limit: 100 });
  const mine = rows.filter(({ parent_run_id }) => parent_run_id === run).reverse();
  return (await Promise.all(mine.map(({ id }) => store.run(id)))) as RunDetail[];
}

/** The only child of a run, once it is there. */
async function childOf(world: GrammarWorld, run: string): Promise<string> {
  await world.until(run, ({ reason }) => reason === "child");
  return new Promise((resolve, reject) => {
    const look = (): void => {
      world.store.children(run).then(([first]) => {
        if (!first) return;
        stop();
        resolve(first.id);
      }, reject);
    };
    const stop = world.store.onChange(look);
    look();
  });
}

test("a child gets its inputs as it declares them; its last output and its run are the phase's", async () => {
  const world = await grammarWorld({
    "parent.yaml": parent('with: { n: "{{inputs.n}}", who: "{{inputs.n}}!" }', "inputs: { n: { type: integer } }\n"),
    "child.yaml": child('printf "%s %s" "$((LASTLIGHT_INPUT_N + 1))" "$LASTLIGHT_INPUT_WHO"'),
  });
  const run = await world.over(await world.start("parent", { inputs: { n: 4 } }));
  const [made, ...others] = await childrenOf(world, run.id);
  expect(others).toEqual([]);
  expect(made).toMatchObject({ status: "succeeded", inputs: { n: 4, who: "4!" }, parent_run_id: run.id });
  expect([run.status, outputs(run).after]).toEqual(["succeeded", `succeeded|5 4!|${made?.id}`]);
});

test("a child that fails fails the phase, and its error names the run and the reason", async () => {
  const world = await grammarWorld({ "parent.yaml": parent("with: {}"), "child.yaml": child("exit 4") });
  const run = await world.over(await world.start("parent"));
  const [made] = await childrenOf(world, run.id);
  expect(run.executions[0]).toMatchObject({
    name: "call",
    status: "error",
    failure: "error",
    error: `run ${made?.id} of child: failed`,
  });
  expect(outputs(run).after).toBe("failed||");
});

test("tried again, the phase makes another child run", async () => {
  const world = await grammarWorld({
    "parent.yaml": parent("retry: { times: 2 }, with: { who: '{{context.at}}' }"),
    "child.yaml": child(
      '[ -f "$LASTLIGHT_INPUT_WHO/ok" ] || { touch "$LASTLIGHT_INPUT_WHO/ok"; exit 1; }; printf fine',
    ),
  });
  const run = await world.over(await world.start("parent", { context: { at: world.folder } }));
  expect(tries(run)).toEqual(["call error", "call ok", "after ok"]);
  expect((await childrenOf(world, run.id)).map(({ status }) => status)).toEqual(["failed", "succeeded"]);
  expect(outputs(run).after).toMatch(/^succeeded\|fine\|/);
});

test("a child that takes too long is stopped; the one that comes after it is not", async () => {
  const clock = fakeClock();
  const world = await grammarWorld(
    {
      "parent.yaml": parent("timeout: 10s, retry: { times: 1, when: [timeout] }, with: { who: '{{context.at}}' }"),
      "child.yaml": child(
        'if [ -f "$LASTLIGHT_INPUT_WHO/once" ]; then printf fine; else echo $$ > "$LASTLIGHT_INPUT_WHO/once"; sleep 60; fi',
      ),
    },
    { clock },
  );
  const id = await world.start("parent", { context: { at: world.folder } });
  const pid = await pidIn(join(world.folder, "once"));
  clock.advance(10_000);
  const run = await world.over(id);
  expect((await childrenOf(world, run.id)).map(({ status }) => status)).toEqual(["cancelled", "succeeded"]);
  expect([run.status, outputs(run).after]).toEqual(["succeeded", expect.stringMatching(/^succeeded\|fine\|/)]);
  await world.engine.stop();
  expect(lives(pid)).toBe(false);
});

test("cancelling the parent cancels the child, and ends its programs", async () => {
  const world = await grammarWorld({
    "parent.yaml": parent("with: {}"),
    "child.yaml": child("echo $$ > pid; sleep 60"),
  });
  const id = await world.start("parent");
  const made = await childOf(world, id);
  const pid = await pidIn(join(world.workspace(made), "pid"));
  await world.engine.cancel(id, "ana");
  expect(await world.over(made)).toMatchObject({ status: "cancelled", executions: [{ status: "cancelled" }] });
  expect(await world.over(id)).toMatchObject({ status: "cancelled", node_statuses: { call: "cancelled" } });
  await world.engine.stop();
  expect(lives(pid)).toBe(false);
});

test("a child that is switched off, or is given what it does not take, fails the phase with the reason", async () => {
  const world = await grammarWorld({
    "parent.yaml": parent('with: { n: "{{context.n}}" }'),
    "child.yaml": child("true"),
  });
  const misfit = await world.over(await world.start("parent", { context: { n: "many" } }));
  expect(misfit.executions[0]?.error).toMatch(/^input\.invalid: .*child.*; \/n must be integer$/);
  await world.store.override("child", false, "ana");
  const off = await world.over(await world.start("parent", { context: { n: 1 } }));
  expect(off.executions[0]?.error).toMatch(/^workflow\.disabled: Workflow "child" was switched off by ana at /);
  expect(await childrenOf(world, off.id)).toEqual([]);
});

test("a daemon that starts anew while the child runs: one child, and the parent hears of its end", async () => {
  const world = await grammarWorld({
    "parent.yaml": parent("with: {}"),
    "child.yaml": child("touch begun; until [ -f go ]; do sleep 0.02; done; printf went"),
  });
  const id = await world.start("parent");
  const made = await childOf(world, id);
  const workspace = folderOf(world.workspace(made));
  await workspace.until("begun");
  await world.restart();
  workspace.touch("go");
  const run = await world.over(id);
  expect(outputs(run).after).toBe(`succeeded|went|${made}`);
  expect(await childrenOf(world, id)).toHaveLength(1);
});

test("a child of a full group waits its turn, and its parent with it", async () => {
  const world = await grammarWorld({
    "parent.yaml": parent("with: {}"),
    "child.yaml": child("until [ -f go ]; do sleep 0.02; done", "concurrency: { group: one }\n"),
  });
  const first = await world.start("child");
  const folder = folderOf(world.workspace(first));
  await world.until(first, ({ status }) => status === "running");
  const id = await world.start("parent");
  const made = await childOf(world, id);
  expect(await world.store.run(made)).toMatchObject({ status: "queued", reason: "concurrency" });
  folder.write("go", "");
  await world.over(first);
  folderOf(world.workspace(made)).write("go", "");
  expect((await world.over(id)).status).toBe("succeeded");
});

test.each(["queue", "replace", "skip"])(
  "a child in the group of its own parent shares the parent's place (%s): neither waits for, nor ends, the other",
  async (conflict) => {
    const group = `concurrency: { group: one, on_conflict: ${conflict} }\n`;
    const world = await grammarWorld({
      "parent.yaml": parent("with: {}", group),
      "child.yaml": child("printf ok", group),
    });
    const run = await world.over(await world.start("parent"));
    expect([run.status, outputs(run).after]).toEqual(["succeeded", expect.stringMatching(/^succeeded\|ok\|/)]);
  },
);

test("of what a child prints at length the beginning is handed on, and where the rest is", async () => {
  const world = await grammarWorld({
    "parent.yaml": `name: parent
phases:
  - { name: call, type: workflow, workflow: child }
  - { name: after, type: bash, command: 'tail -n 1 "$LASTLIGHT_OUTPUTS/call"; wc -c < "$LASTLIGHT_OUTPUTS/call"' }
`,
    "child.yaml": child("yes äöü | head -c 100000"),
  });
  const run = await world.over(await world.start("parent"));
  const [made] = await childrenOf(world, run.id);
  expect(outputs(run).after).toBe(`[cut: 100000 bytes in all, printed by work of run ${made?.id}]\n65536\n`);
});
