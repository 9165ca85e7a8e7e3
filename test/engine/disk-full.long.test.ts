import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import type { Client } from "../../src/http/client.ts";
import { endPrograms, startDaemon } from "../support/daemon.ts";
import { temporaryFolder } from "../support/world.ts";

const WORKFLOW = `
name: steps
inputs: { log: { type: string } }
phases:
  - { name: first, type: bash, command: 'echo first $LASTLIGHT_EXECUTION >> "$LASTLIGHT_INPUT_LOG"; sleep 1; echo one' }
  - { name: second, type: bash, command: 'echo second $LASTLIGHT_EXECUTION >> "$LASTLIGHT_INPUT_LOG"; cat "$LASTLIGHT_OUTPUTS/first"; echo two' }
  - { name: door, type: approval, approval: { summary: "Go on?" } }
  - { name: third, type: bash, command: 'echo third $LASTLIGHT_EXECUTION >> "$LASTLIGHT_INPUT_LOG"; cat "$LASTLIGHT_OUTPUTS/second"' }
`;

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

function tmpfs(): string | null {
  const folder = join(temporaryFolder(), "small");
  mkdirSync(folder);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", folder], { encoding: "utf8" });
  if (mounted.status !== 0) {
    console.log(`not run: no tmpfs can be mounted here (${mounted.stderr?.trim() || mounted.error?.message})`);
    return null;
  }
  onTestFinished(() => void spawnSync("umount", ["-l", folder]));
  return folder;
}

/** Takes every byte there is. */
function fill(folder: string): void {
  const descriptor = openSync(join(folder, "filler"), "a");
  for (let size = 64 * 1024; size >= 1; ) {
    try {
      writeSync(descriptor, Buffer.alloc(size, 0x66));
    } catch {
      size = Math.floor(size / 2);
    }
  }
  closeSync(descriptor);
}

/** When the disk fills: each a place of the run where the next thing the daemon writes finds no room. */
const moments = ["before the run", "while the first phase runs", "at the gate"] as const;

test.each(moments)(
  "a disk that is full %s loses nothing acknowledged, and everything goes on unaided when there is room",
  async (moment) => {
    const folder = tmpfs();
    if (folder === null) return;
    const outside = temporaryFolder();
    const workflows = join(outside, "workflows");
    mkdirSync(workflows);
    writeFileSync(join(workflows, "steps.yaml"), WORKFLOW);
    const stateDir = join(folder, "state");
    const daemon = startDaemon({ stateDir, workflows });
    onTestFinished(async () => {
      daemon.kill("SIGKILL");
      await daemon.ended;
      endPrograms(stateDir);
    });
    const client = await daemon.ready;
    const log = join(outside, "effects");
    writeFileSync(log, "");
    const acknowledged: string[] = [];
    const ask = async (): Promise<void> => {
      try {
        acknowledged.push((await client.startRun({ workflow: "steps", inputs: { log } })).id);
      } catch (error) {
        expect(error).toMatchObject({ code: "disk.full" });
      }
    };

    if (moment === "before the run") fill(folder);
    await ask();
    if (moment === "before the run") await ask();
    if (moment === "while the first phase runs") fill(folder);
    if (moment === "at the gate") {
      await gateOf(client, acknowledged[0] as string);
      fill(folder);
    }
    // Answering may itself find no room; then it was not acknowledged and is asked again later.
    const answering = answerAll(client);
    const deadline = Date.now() + 12_000;
    let trouble: string | null = null;
    while (Date.now() < deadline && trouble === null) {
      trouble = (await client.health()).trouble;
      await pause(50);
    }
    expect(trouble).toMatch(/FULL|ENOSPC/);
    await pause(3_000);
    for (const run of (await client.runs({ limit: 50 })).items) {
      // Nothing is said to run that cannot: it waits, by name, for room or for a person.
      if (run.status === "paused") expect(["disk_full", "gate"]).toContain(run.reason);
    }
    expect((await client.health()).status).toBe("ready");

    rmSync(join(folder, "filler"));
    const since = Date.now();
    for (;;) {
      const { items } = await client.runs({ limit: 50 });
      const mine = items.filter(({ id }) => acknowledged.includes(id));
      expect(mine).toHaveLength(acknowledged.length);
      if (items.every(({ finished_at }) => finished_at !== null)) break;
      expect(Date.now() - since).toBeLessThan(30_000);
      await pause(100);
    }
    await answering();
    while ((await client.health()).trouble !== null) {
      expect(Date.now() - since).toBeLessThan(30_000);
      await pause(100);
    }
    for (const { id } of (await client.runs({ limit: 50 })).items) {
      const run = await client.run(id);
      expect(`${run.status} ${run.reason}`).toBe("succeeded null");
      const ok = run.executions.filter(({ status }) => status === "ok");
      expect(ok.map(({ phase, output }) => [phase, output])).toEqual([
        ["first", "one\n"],
        ["second", "one\ntwo\n"],
        ["third", "one\ntwo\n"],
      ]);
      const done = readFileSync(log, "utf8")
        .split("\n")
        .filter((line) => ok.some((execution) => line.endsWith(execution.id)));
      expect(done).toHaveLength(3);
    }
    daemon.kill("SIGTERM");
    expect(await daemon.ended).toBe(0);
    const db = new Database(join(stateDir, "lastlight.db"), { readonly: true });
    expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
    db.close();
  },
);

async function gateOf(client: Client, run: string): Promise<string> {
  for (;;) {
    const gate = (await client.run(run)).approvals.find(({ status }) => status === "pending");
    if (gate) return gate.id;
    await pause(50);
  }
}

/** Answers every gate, again and again where it is refused for want of room; the returned function stops it. */
function answerAll(client: Client): () => Promise<void> {
  let stopped = false;
  const working = (async () => {
    while (!stopped) {
      for (const { id } of (await client.approvals({ status: "pending" })).items) {
        await client
          .respond(id, { decision: "approve" })
          .catch((error: unknown) => expect(error).toMatchObject({ code: "disk.full" }));
      }
      await pause(100);
    }
  })();
  return async () => {
    stopped = true;
    await working;
  };
}

test("a daemon that starts on a full disk serves with the room its predecessor kept back, and works when there is more", async () => {
  const folder = tmpfs();
  if (folder === null) return;
  const outside = temporaryFolder();
  const workflows = join(outside, "workflows");
  mkdirSync(workflows);
  writeFileSync(join(workflows, "steps.yaml"), WORKFLOW);
  const stateDir = join(folder, "state");
  const log = join(outside, "effects");
  writeFileSync(log, "");
  const first = startDaemon({ stateDir, workflows });
  await first.ready;
  while (!existsSync(join(stateDir, "ballast"))) await pause(20);
  await pause(200);
  first.kill("SIGKILL");
  await first.ended;
  fill(folder);
  const second = startDaemon({ stateDir, workflows });
  onTestFinished(async () => {
    second.kill("SIGKILL");
    await second.ended;
    endPrograms(stateDir);
  });
  const client = await second.ready;
  expect(await client.health()).toMatchObject({ state_dir: stateDir });
  rmSync(join(folder, "filler"));
  for (;;) {
    const id = await client.startRun({ workflow: "steps", inputs: { log } }).then(
      (run) => run.id,
      () => null,
    );
    if (id !== null) {
      await gateOf(client, id);
      break;
    }
    await pause(200);
  }
  second.kill("SIGTERM");
  expect(await second.ended).toBe(0);
});
