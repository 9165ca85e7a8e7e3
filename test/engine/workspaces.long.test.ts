import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { isOver } from "../../src/domain/run.ts";
import { endPrograms, startDaemon } from "../support/daemon.ts";
import { source } from "../support/repository.ts";
import { temporaryFolder } from "../support/world.ts";

const RUNS = 8;
const KILLS = 25;
const FILES = 400;

const WHOLE = "git fsck --no-dangling && git status --porcelain && ls files | wc -l";
const WORKFLOW = `
name: look
phases:
  - { name: first, type: bash, command: "${WHOLE}; echo mine > mine" }
  - { name: left, type: bash, depends_on: [first], command: "${WHOLE}; cat mine; echo left >> mine" }
  - { name: each, type: bash, depends_on: [first], matrix: { at: [0, 1, 2, 3] }, command: "${WHOLE}; cat mine; echo item >> mine" }
  - { name: last, type: bash, depends_on: [left, each], command: "cat mine" }
`;

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

test("a daemon killed at any moment of fetching, checking out and copying leaves no program in half a workspace", async () => {
  const folder = temporaryFolder();
  const [stateDir, workflows] = [join(folder, "state"), join(folder, "workflows")];
  mkdirSync(workflows);
  writeFileSync(join(workflows, "look.yaml"), WORKFLOW);
  const upstreams = ["one", "two"].map((name) => {
    const made = source(join(folder, "git", "acme", `${name}.git`));
    const text = (at: number): string => `${name} ${at}\n`.repeat(200);
    made.commit(Object.fromEntries(Array.from({ length: FILES }, (_, at) => [`files/${at}`, text(at)])));
    return `acme/${name}`;
  });
  const environment = { LASTLIGHT_SAFE_MODE_AFTER: "0", LASTLIGHT_REPOSITORIES: `file://${folder}/git/` };
  const start = () => startDaemon({ stateDir, workflows, environment });
  let daemon = start();
  onTestFinished(async () => {
    daemon.kill("SIGKILL");
    await daemon.ended;
    endPrograms(stateDir);
  });
  const first = await daemon.ready;
  const ids: string[] = [];
  for (let run = 0; run < RUNS; run++) {
    const repo = upstreams[run % upstreams.length] as string;
    ids.push((await first.startRun({ workflow: "look", context: { repo } })).id);
  }
  for (let kill = 0; kill < KILLS; kill++) {
    await daemon.ready;
    await pause(Math.random() * 400);
    daemon.kill("SIGKILL");
    await daemon.ended;
    daemon = start();
  }
  const client = await daemon.ready;
  for (const id of ids) {
    for await (const { status } of client.watchRun(id)) if (isOver(status)) break;
    const run = await client.run(id);
    const ended = run.executions.filter(({ status }) => status !== "interrupted");
    const whole = `${FILES}\n`;
    expect(Object.fromEntries(ended.map(({ name, output }) => [name, output]))).toEqual({
      first: whole,
      left: `?? mine\n${whole}mine\n`,
      ...Object.fromEntries([0, 1, 2, 3].map((at) => [`each[${at}]`, `?? mine\n${whole}mine\n`])),
      last: "mine\n",
    });
    expect(ended.map(({ status }) => status)).not.toContain("error");
  }
  // The last daemon has had its look at what the others left.
  daemon.kill("SIGTERM");
  expect(await daemon.ended).toBe(0);
  const last = startDaemon({ stateDir, workflows, environment });
  await last.ready;
  while (readdirSync(join(stateDir, "workspaces")).some((name) => /\.(?:new|gone)$/.test(name))) await pause(20);
  last.kill("SIGTERM");
  expect(await last.ended).toBe(0);
  for (const id of ids)
    expect(execFileSync("git", ["-C", join(stateDir, "workspaces", id), "fsck"], { encoding: "utf8" })).toBe("");
});
