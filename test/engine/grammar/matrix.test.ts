import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { isOver } from "../../../src/domain/run.ts";
import type { RunDetail } from "../../../src/store/lines.ts";
import { endPrograms, startDaemon } from "../../support/daemon.ts";
import { grammarWorld, outputs, tries } from "../../support/grammar.ts";
import { folderOf, lives, pidIn } from "../../support/programs.ts";

test("every combination of the axes is an item, its values in the environment and in templates", async () => {
  const world = await grammarWorld({
    "m.yaml": `name: m
phases:
  - name: build
    type: bash
    matrix: { os: [linux, "a b"], level: [1, { deep: "$x" }] }
    command: 'printf "%s|%s|%s|%s" "$LASTLIGHT_ITEM" "$LASTLIGHT_MATRIX_OS" "$LASTLIGHT_MATRIX_LEVEL" {{matrix.os}}'
  - { name: after, type: bash, command: 'printf "%s %s" {{phases.build.items.3.output}} {{phases.build.output}}' }
`,
  });
  const run = await world.over(await world.start("m"));
  expect(run.status).toBe("succeeded");
  const { after, ...items } = outputs(run);
  expect(items).toEqual({
    "build[0]": "0|linux|1|linux",
    "build[1]": '1|linux|{"deep":"$x"}|linux',
    "build[2]": "2|a b|1|a b",
    "build[3]": '3|a b|{"deep":"$x"}|a b',
  });
  expect(after).toBe(`3|a b|{"deep":"$x"}|a b ${JSON.stringify([0, 1, 2, 3].map((each) => items[`build[${each}]`]))}`);
  expect(run.phase_history.map(({ phase, status }) => `${phase} ${status}`)).toEqual([
    "build succeeded",
    "after succeeded",
  ]);
});

test("an expression gives the values of an axis, from what an earlier phase found", async () => {
  const world = await grammarWorld({
    "m.yaml": `name: m
inputs: { shards: { type: array, items: { type: string } } }
phases:
  - { name: find, type: bash, command: "echo '[\\"x\\",\\"y\\"]'", outputs: { files: { from: json } } }
  - name: each
    type: bash
    matrix: { file: "phases.find.outputs.files", shard: "inputs.shards" }
    command: 'printf "%s%s" {{matrix.file}} {{matrix.shard}}'
`,
  });
  const run = await world.over(await world.start("m", { inputs: { shards: ["1", "2"] } }));
  expect([run.status, ...Object.values(outputs(run)).slice(1)]).toEqual(["succeeded", "x1", "x2", "y1", "y2"]);
});

test("an empty list is a matrix that is done; what is no list fails the phase and says so", async () => {
  const world = await grammarWorld({
    "m.yaml": `name: m
inputs: { list: {} }
phases:
  - { name: each, type: bash, matrix: { at: "inputs.list" }, command: "true" }
  - { name: after, type: bash, command: "printf '<%s>' {{phases.each.output}}" }
`,
  });
  const empty = await world.over(await world.start("m", { inputs: { list: [] } }));
  expect([empty.status, outputs(empty)]).toEqual(["succeeded", { after: "<[]>" }]);
  const text = await world.over(await world.start("m", { inputs: { list: "abc" } }));
  expect(text).toMatchObject({ status: "failed", node_statuses: { each: "failed", after: "skipped" } });
  expect(text.decisions).toMatchObject([{ phase: "each", finding: { type: "fail", error: /list/ } }]);
});

test("no more items go side by side than max_parallel says, and all of them go", async () => {
  const world = await grammarWorld({
    "m.yaml": `name: m
phases:
  - name: each
    type: bash
    matrix: { at: [1, 2, 3, 4, 5, 6] }
    max_parallel: 2
    command: "true"
`,
  });
  let most = 0;
  world.store.onChange(() => {
    void world.store.counts().then(({ executing }) => {
      most = Math.max(most, executing);
    });
  });
  const run = await world.over(await world.start("m"));
  expect([run.status, tries(run).length, most]).toEqual(["succeeded", 6, 2]);
});

/** Items have no file in common but where they are told of a folder. */
const FAILING = (failFast: boolean, meeting: string): string => `name: m
phases:
  - name: each
    type: bash
    matrix: { at: [0, 1, 2, 3] }
    max_parallel: 2
    fail_fast: ${failFast}
    command: |
      case "$LASTLIGHT_ITEM" in
        0) echo $$ > ${meeting}/sleeper; ${failFast ? "sleep 60" : "true"} ;;
        1) until [ -s ${meeting}/sleeper ]; do sleep 0.02; done; exit 3 ;;
      esac
  - { name: after, type: bash, trigger_rule: all_done, command: "printf '%s' {{phases.each.status}}" }
`;

test("with fail_fast the first failure ends the others, their processes too, and begins no more", async () => {
  const meeting = folderOf.temporary();
  const world = await grammarWorld({ "m.yaml": FAILING(true, meeting.path) });
  const id = await world.start("m");
  const run = await world.over(id);
  expect(tries(run).sort()).toEqual(["after ok", "each[0] cancelled", "each[1] error"]);
  expect([run.node_statuses.each, outputs(run).after]).toEqual(["failed", "failed"]);
  await world.engine.stop();
  expect(lives(await pidIn(join(meeting.path, "sleeper")))).toBe(false);
});

test("without fail_fast every item has its chance, and the phase fails in the end", async () => {
  const world = await grammarWorld({ "m.yaml": FAILING(false, folderOf.temporary().path) });
  const run = await world.over(await world.start("m"));
  expect(tries(run).sort()).toEqual(["after ok", "each[0] ok", "each[1] error", "each[2] ok", "each[3] ok"]);
  expect(run.node_statuses.each).toBe("failed");
});

test("an item that fails is tried again alone; what it found the second time is what counts", async () => {
  const world = await grammarWorld({
    "m.yaml": `name: m
phases:
  - name: each
    type: bash
    matrix: { at: [a, b, c] }
    retry: { times: 1, when: [exit] }
    command: 'if [ {{matrix.at}} = b ] && [ "$LASTLIGHT_ATTEMPT" = 1 ]; then exit 1; fi; printf "%s%s" {{matrix.at}} "$LASTLIGHT_ATTEMPT"'
  - { name: after, type: bash, command: "printf '%s' {{phases.each.output}}" }
`,
  });
  const run = await world.over(await world.start("m"));
  expect(run.status).toBe("succeeded");
  expect(run.executions.map(({ name, attempt, status }) => `${name} ${attempt} ${status}`).sort()).toEqual([
    "after 1 ok",
    "each[0] 1 ok",
    "each[1] 1 error",
    "each[1] 2 ok",
    "each[2] 1 ok",
  ]);
  expect(outputs(run).after).toBe('["a1","b2","c1"]');
});

test("a matrix that is sent back and becomes shorter hands on the items of its last time only", async () => {
  const world = await grammarWorld({
    "m.yaml": `name: m
phases:
  - { name: list, type: bash, command: 'if [ -f once ]; then echo "[9]"; else touch once; echo "[1,2,3]"; fi', outputs: { all: { from: json } } }
  - { name: each, type: bash, matrix: { at: "phases.list.outputs.all" }, command: "printf '%s' {{matrix.at}}" }
  - { name: see, type: bash, command: "printf '%s' {{phases.each.output}}" }
  - { name: ask, type: approval, approval: { summary: "Good?", on_reject: { rework: list } } }
`,
  });
  const id = await world.start("m");
  const asked = await world.until(id, ({ reason }) => reason === "gate");
  expect(outputs(asked).see).toBe('["1","2","3"]');
  await world.engine.answer(asked.approvals[0]?.id as string, { decision: "reject", by: "ana", comment: null });
  const again = await world.until(id, ({ approvals }) => approvals.length === 2);
  expect(outputs(again).see).toBe('["9"]');
  await world.engine.retry((await world.engine.cancel(id, "ana")).id, "list", "ana");
  const retried = await world.until(id, ({ approvals }) => approvals.length === 3);
  expect(outputs(retried).see).toBe('["9"]');
});

test("held back in the middle, a matrix begins no item until it is let go on", async () => {
  const world = await grammarWorld({
    "m.yaml": `name: m
phases:
  - name: each
    type: bash
    matrix: { at: [0, 1, 2, 3] }
    max_parallel: 1
    command: 'touch "begun$LASTLIGHT_ITEM"; until [ -f "go$LASTLIGHT_ITEM" ] || [ "$LASTLIGHT_ITEM" -gt 0 ]; do sleep 0.02; done'
`,
  });
  const id = await world.start("m");
  const folder = folderOf(world.workspace(id, "each[0]"));
  await folder.until("begun0");
  await world.engine.pause(id);
  folder.touch("go0");
  const held = await world.until(id, ({ status }) => status === "paused");
  expect([held.reason, tries(held)]).toEqual(["operator", ["each[0] ok"]]);
  await world.restart();
  expect((await world.store.run(id))?.reason).toBe("operator");
  await world.engine.resume(id);
  const run = await world.over(id);
  expect([run.status, tries(run)]).toEqual(["succeeded", ["each[0] ok", "each[1] ok", "each[2] ok", "each[3] ok"]]);
});

test("a daemon killed in the middle of a matrix: the next one finishes it, and no item is done twice", async () => {
  const stateDir = folderOf.temporary();
  onTestFinished(() => endPrograms(stateDir.path));
  stateDir.write(
    "workflows/m.yaml",
    `name: m
phases:
  - name: each
    type: bash
    matrix: { at: [0, 1, 2, 3, 4, 5, 6, 7] }
    max_parallel: 2
    command: 'if [ "$LASTLIGHT_ITEM" = 3 ]; then touch half; until [ -f go ]; do sleep 0.02; done; fi; echo "$LASTLIGHT_ITEM" >> ${stateDir.path}/ledger'
  - { name: after, type: bash, command: "sort ${stateDir.path}/ledger | tr -d '\\n'" }
`,
  );
  const files = { stateDir: join(stateDir.path, "state"), workflows: join(stateDir.path, "workflows") };
  onTestFinished(() => endPrograms(files.stateDir));
  const first = startDaemon(files);
  const { id } = await (await first.ready).startRun({ workflow: "m" });
  const workspace = folderOf(join(files.stateDir, "workspaces", `${id}+each[3]`));
  await workspace.until("half");
  first.kill("SIGKILL");
  await first.ended;
  workspace.touch("go");
  const second = startDaemon(files);
  onTestFinished(() => second.kill("SIGKILL"));
  const client = await second.ready;
  for await (const { status } of client.watchRun(id)) if (isOver(status)) break;
  const run = (await client.run(id)) as unknown as RunDetail;
  expect([run.status, outputs(run).after]).toEqual(["succeeded", "01234567"]);
  expect(stateDir.read("ledger").trim().split("\n")).toHaveLength(8);
  const done = tries(run).filter((each) => each.endsWith(" ok"));
  expect(new Set(done).size).toBe(9);
  expect(done).toHaveLength(9);
  second.kill("SIGTERM");
  await second.ended;
  expect(existsSync(join(files.stateDir, "daemon.json"))).toBe(false);
});
