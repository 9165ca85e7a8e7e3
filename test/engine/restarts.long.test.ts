import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/domain/clock.ts";
import { createKeeper } from "../../src/engine/keeper.ts";
import { carriers } from "../../src/engine/processes.ts";
import { createTranscripts } from "../../src/engine/transcript.ts";
import { sessions } from "../../src/store/files/sessions.ts";
import { spool } from "../../src/store/files/spool.ts";
import { workspaces } from "../../src/store/files/workspaces.ts";
import { endPrograms, startDaemon } from "../support/daemon.ts";
import { silent } from "../support/engine.ts";
import { UNCONFINED } from "../support/sandboxes.ts";
import { temporaryFolder } from "../support/world.ts";

const WORKFLOW = `
name: load
phases:
  - { name: intake, type: context }
  - { name: left, type: bash, depends_on: [intake], command: 'sleep 0.$((RANDOM % 9)); echo left' }
  - { name: right, type: bash, depends_on: [intake], command: 'sleep 0.$((RANDOM % 9)); echo right' }
  - { name: join, type: bash, depends_on: [left, right], command: 'sleep 0.2; echo joined' }
`;
const RUNS = 60;
const STOPS = 20;

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

test.each(["SIGTERM", "SIGKILL"] as const)(
  "twenty ends by %s under plain load blame nobody, and redo nothing that was under way",
  async (signal) => {
    const folder = temporaryFolder();
    const [stateDir, workflows] = [join(folder, "state"), join(folder, "workflows")];
    mkdirSync(workflows);
    writeFileSync(join(workflows, "load.yaml"), WORKFLOW);
    const start = () => startDaemon({ stateDir, workflows, environment: { LASTLIGHT_SAFE_MODE_AFTER: "0" } });
    let daemon = start();
    onTestFinished(async () => {
      daemon.kill("SIGKILL");
      await daemon.ended;
      endPrograms(stateDir);
    });
    const client = await daemon.ready;
    const started = await Promise.all(Array.from({ length: RUNS }, () => client.startRun({ workflow: "load" })));
    for (let stop = 0; stop < STOPS; stop++) {
      await daemon.ready;
      await pause(Math.random() * 250);
      daemon.kill(signal);
      expect(await daemon.ended).toBe(signal === "SIGTERM" ? 0 : signal);
      daemon = start();
    }
    const last = await daemon.ready;
    for (const { id } of started) {
      let run = await last.run(id);
      while (run.finished_at === null) {
        await pause(50);
        run = await last.run(id);
      }
      expect(`${run.status} ${run.reason}`).toBe("succeeded null");
      // A run whose program had begun is never begun again: what is tried twice had not started.
      for (const { phase, status, output } of run.executions)
        if (status === "interrupted") expect([phase, output]).toEqual([phase, null]);
      if (signal === "SIGTERM") expect(run.restart_count).toBe(0);
    }
  },
);

test("four thousand children in sessions of their own are ended with their program, none left behind", async () => {
  const folder = temporaryFolder();
  const clock = systemClock();
  const keeper = createKeeper({
    spool: spool(join(folder, "spool")),
    workspaces: workspaces({ root: join(folder, "workspaces"), id: clock.id }),
    clock,
    environment: { PATH: process.env.PATH ?? "" },
    sandboxes: UNCONFINED,
    transcripts: createTranscripts({
      sessions: sessions(join(folder, "sessions"), clock),
      clock,
      log: silent,
      version: "0.0.0",
    }),
    log: silent,
    onUnknown: () => {},
  });
  const execution = clock.id();
  const command = "for i in $(seq 4000); do setsid env -i /bin/sleep 600 & done; echo all; sleep 600";
  const ended = await keeper.run(
    {
      execution,
      run: "run",
      startedAt: clock.now(),
      told: { tool: "bash", command },
      argv: ["bash", "-c", command],
      environment: {},
      files: {},
      timeoutMs: 40_000,
    },
    new AbortController().signal,
  );
  expect(ended).toMatchObject({ type: "timeout", stdout: { text: "all\n" } });
  expect(carriers(execution, 0)).toEqual([]);
});
