import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { isFinal } from "../../src/domain/graph.ts";
import type { Client } from "../../src/http/client.ts";
import type { RunDetail } from "../../src/store/lines.ts";
import { dice } from "../chaos/dice.ts";
import { startDaemon } from "../support/daemon.ts";
import { temporaryFolder } from "../support/world.ts";

const RUNS = 50;
const KILLS = 100;

const WORKFLOW = `
name: victim
inputs: { number: { type: integer } }
phases:
  - { name: intake, type: context }
  - { name: left, type: bash, depends_on: [intake], command: 'sleep 0.0$((RANDOM % 9)); echo "left $LASTLIGHT_INPUT_NUMBER"' }
  - { name: right, type: bash, depends_on: [intake], command: 'sleep 0.0$((RANDOM % 9)); echo "right $LASTLIGHT_INPUT_NUMBER"' }
  - { name: door, type: approval, depends_on: [left, right], approval: { summary: "Go on?" } }
  - { name: join, type: bash, command: 'cat "$LASTLIGHT_OUTPUTS/left" "$LASTLIGHT_OUTPUTS/right"' }
`;

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** Asks for the runs that are missing and answers every gate, until the daemon is gone. */
async function work(client: Client, acknowledged: Map<number, string>, answered: Set<string>): Promise<void> {
  try {
    for (let number = 0; number < RUNS; number++) {
      if (acknowledged.has(number)) continue;
      const { id } = await client.startRun({
        workflow: "victim",
        inputs: { number },
        idempotency_key: `run-${number}`,
      });
      acknowledged.set(number, id);
    }
    for (;;) {
      const { items } = await client.approvals({ status: "pending", limit: 100 });
      for (const { id } of items) {
        await client.respond(id, { decision: "approve" });
        answered.add(id);
      }
      await pause(5);
    }
  } catch {
    // The daemon was killed under us: whatever was acknowledged before must be there after.
  }
}

async function allRuns(client: Client): Promise<RunDetail[]> {
  const { items } = await client.runs({ limit: 200 });
  return Promise.all(items.map(({ id }) => client.run(id)));
}

test(`${KILLS} SIGKILLs at random instants over ${RUNS} runs: nothing is lost, nothing completes twice, everything ends`, async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  const { between } = dice(seed, "kills");
  const roll = (): number => between(0, 1);
  const folder = temporaryFolder();
  const [stateDir, workflows] = [join(folder, "state"), join(folder, "workflows")];
  mkdirSync(workflows);
  writeFileSync(join(workflows, "victim.yaml"), WORKFLOW);
  const options = { stateDir, workflows, environment: { LASTLIGHT_SAFE_MODE_AFTER: "0" } };
  const acknowledged = new Map<number, string>();
  const answered = new Set<string>();
  let atStart = 0;

  for (let kills = 0; kills < KILLS; kills++) {
    const daemon = startDaemon(options);
    const working = daemon.ready.then(
      (client) => work(client, acknowledged, answered),
      () => {
        atStart++;
      },
    );
    // A fifth die while they start or recover, the others at work.
    if (roll() < 0.2) await pause(roll() * 450);
    else {
      await daemon.ready;
      await pause(roll() * 120);
    }
    daemon.kill("SIGKILL");
    expect(await daemon.ended).toBe("SIGKILL");
    await working;
  }

  const last = startDaemon(options);
  const client = await last.ready;
  const working = work(client, acknowledged, answered);
  let runs = await allRuns(client);
  for (let waited = 0; waited < 600 && (runs.length < RUNS || runs.some((run) => run.finished_at === null)); waited++) {
    await pause(100);
    runs = await allRuns(client);
  }

  const restarts = runs.flatMap((run) => run.executions).filter(({ status }) => status === "interrupted").length;
  console.log({
    seed,
    kills: KILLS,
    killed_at_start: atStart,
    runs: runs.length,
    interrupted: restarts,
    answered: answered.size,
  });

  expect(new Set(acknowledged.values())).toEqual(new Set(runs.map(({ id }) => id)));
  expect(runs).toHaveLength(RUNS);
  for (const run of runs) {
    expect(`${run.id} ${run.status} ${run.reason}`, JSON.stringify(run.executions, null, 1)).toBe(
      `${run.id} succeeded null`,
    );
    expect(Object.values(run.node_statuses).every(isFinal)).toBe(true);
    const lines = run.phase_history.map(({ phase, iteration, epoch }) => `${phase}/${iteration}/${epoch}`);
    expect(new Set(lines).size).toBe(lines.length);
    const completed = run.executions.filter(({ status }) => status === "ok").map(({ phase }) => phase);
    expect(new Set(completed).size).toBe(completed.length);
    expect(run.executions.filter(({ status }) => status === "running")).toEqual([]);
    const { number } = run.inputs as { number: number };
    expect(lines).toHaveLength(5);
    expect(run.executions.find(({ phase, status }) => phase === "join" && status === "ok")?.output).toBe(
      `left ${number}\nright ${number}\n`,
    );
  }
  const gates = runs.flatMap(({ approvals }) => approvals);
  for (const id of answered) expect(gates.find((gate) => gate.id === id)?.status).toBe("approved");

  last.kill("SIGTERM");
  expect(await last.ended).toBe(0);
  await working;
  const db = new Database(join(stateDir, "lastlight.db"), { readonly: true });
  expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
  expect(db.prepare("SELECT count(*) FROM effects WHERE state = 'owed'").pluck().get()).toBe(0);
  db.close();
});
