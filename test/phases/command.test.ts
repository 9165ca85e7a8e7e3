import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/domain/clock.ts";
import { createEngine } from "../../src/engine/engine.ts";
import { createKeeper } from "../../src/engine/keeper.ts";
import { createTranscripts } from "../../src/engine/transcript.ts";
import { phases } from "../../src/plugins.ts";
import { sessions } from "../../src/store/files/sessions.ts";
import { spool } from "../../src/store/files/spool.ts";
import { workspaces } from "../../src/store/files/workspaces.ts";
import type { RunDetail } from "../../src/store/lines.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { check } from "../../src/workflow/check.ts";
import { silent } from "../support/engine.ts";
import { calm } from "../support/keeper.ts";
import { UNCONFINED } from "../support/sandboxes.ts";
import { temporaryFolder } from "../support/world.ts";

/** Runs a workflow as it stands in YAML, with real programs, and returns the run when it is over. */
async function ran(yaml: string, inputs: Record<string, string> = {}): Promise<RunDetail> {
  const folder = temporaryFolder();
  const clock = systemClock();
  const { version, complaints } = check("test.yaml", new TextEncoder().encode(yaml));
  if (!version) throw new Error(JSON.stringify(complaints));
  expect(version.workflow.unavailable).toEqual([]);
  const store = openSqliteStore({ file: join(folder, "lastlight.db"), clock });
  const kept = sessions(join(folder, "sessions"), clock);
  const engine = createEngine({
    ...calm,
    store,
    clock,
    log: silent,
    node: { node: "n", incarnation: clock.id() },
    phases: phases([]),
    deliverers: [],
    cap: 4,
    restartLimit: 3,
    keeper: createKeeper({
      spool: spool(join(folder, "spool")),
      workspaces: workspaces({ root: join(folder, "workspaces"), id: clock.id }),
      clock,
      environment: { PATH: process.env.PATH ?? "" },
      sandboxes: UNCONFINED,
      transcripts: createTranscripts({ sessions: kept, clock, log: silent, version: "0.0.0" }),
      log: silent,
      onUnknown: () => {},
    }),
  });
  onTestFinished(async () => {
    await engine.stop();
    await store.close();
  });
  await engine.begin();
  const id = clock.id();
  const over = new Promise<void>((resolve) => {
    engine.bus.subscribe(id, ({ status }) => status !== "running" && status !== "queued" && resolve());
  });
  await engine.create({
    id,
    version,
    trigger: { type: "api", id },
    repo: null,
    issueNumber: null,
    context: {},
    inputs,
    priority: 0,
    once: null,
  });
  await over;
  return (await store.run(id)) as RunDetail;
}

const outputs = (run: RunDetail) => Object.fromEntries(run.executions.map(({ phase, output }) => [phase, output]));

test("a command sees its inputs and what came before it, word for word, and nothing of them is ever run", async () => {
  const hostile = '$(touch pwned) `id` \'; rm -rf . #\n"quoted" \\ €';
  const run = await ran(
    `
name: values
inputs: { text: { type: string } }
phases:
  - { name: first, type: bash, command: 'printf %s "$LASTLIGHT_INPUT_TEXT"' }
  - { name: second, type: bash, command: 'cat "$LASTLIGHT_OUTPUTS/first" "$LASTLIGHT_INPUTS"; ls' }
`,
    { text: hostile },
  );
  expect(run.status).toBe("succeeded");
  expect(outputs(run)).toEqual({ first: hostile, second: `${hostile}${JSON.stringify({ text: hostile })}` });
});

test.each([
  [
    "js",
    'const { readFileSync } = require("node:fs");\nconst { n } = JSON.parse(readFileSync(process.env.LASTLIGHT_INPUTS, "utf8"));\nconsole.log("js", n);',
  ],
  [
    "js",
    'import { readFileSync } from "node:fs";\nconst { n } = JSON.parse(readFileSync(process.env.LASTLIGHT_INPUTS, "utf8"));\nconsole.log("js", await n);',
  ],
  [
    "ts",
    'import { readFileSync } from "node:fs";\nconst { n }: { n: string } = JSON.parse(readFileSync(process.env.LASTLIGHT_INPUTS as string, "utf8"));\nconsole.log("ts", n satisfies string);',
  ],
  ["python", 'import json, os\nprint("python", json.load(open(os.environ["LASTLIGHT_INPUTS"]))["n"])'],
])("a script in %s reads its inputs from a file and gives what it prints", async (runtime, script) => {
  const yaml = `name: script\ninputs: { n: { type: string } }\nphases:\n  - name: speak\n    type: script\n    runtime: ${runtime}\n    script: |\n      ${script.replaceAll("\n", "\n      ")}\n`;
  const run = await ran(yaml, { n: "$(id) \" '" });
  expect([run.executions[0]?.error, outputs(run)]).toEqual([null, { speak: `${runtime} $(id) " '\n` }]);
});

test("a script that throws fails with its exit code and its last words", async () => {
  const run = await ran(
    "name: bad\nphases:\n  - { name: speak, type: script, runtime: python, script: 'raise SystemExit(\"no good\")' }\n",
  );
  expect(run).toMatchObject({
    status: "failed",
    executions: [{ failure: "exit", exit_code: 1, error: "exit 1: no good" }],
  });
});

test("a command out of time fails as such, and says how long it had", async () => {
  const run = await ran(
    "name: slow\nphases:\n  - { name: wait, type: bash, timeout: 1s, command: 'echo begun; sleep 60' }\n",
  );
  expect(run).toMatchObject({
    status: "failed",
    executions: [{ failure: "timeout", error: "no end within 1 s", output: "begun\n" }],
  });
});
