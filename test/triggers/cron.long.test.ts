import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { type DaemonProcess, endPrograms, startDaemon } from "../support/daemon.ts";
import { temporaryFolder } from "../support/world.ts";
import { liveThrough } from "./cron-lives.ts";

const MINUTE = 60_000;
/** How many daemons are killed around one minute. */
const KILLS = Number(process.env.CRON_KILLS ?? 8);

test("a daemon that is killed again and again around a slot starts its run once", async () => {
  const folder = temporaryFolder();
  const [stateDir, workflows, done] = [join(folder, "state"), join(folder, "workflows"), join(folder, "done")];
  mkdirSync(workflows);
  writeFileSync(
    join(workflows, "tick.yaml"),
    `name: tick\non: { schedule: [{ cron: "* * * * *", overlap: allow }] }\nphases:\n  - name: note\n    type: bash\n    command: echo {{context.schedule.slot}} >> ${done}\n`,
  );
  const start = (): DaemonProcess =>
    startDaemon({
      stateDir,
      workflows,
      environment: { LASTLIGHT_SAFE_MODE_AFTER: "0", LASTLIGHT_RESTART_LIMIT: "10" },
    });
  let daemon = start();
  onTestFinished(async () => {
    daemon.kill("SIGKILL");
    await daemon.ended;
    endPrograms(stateDir);
  });
  let client = await daemon.ready;

  // Not in a minute of which little is left: the schedule is to be known before its slot.
  const left = MINUTE - (Date.now() % MINUTE);
  const slot = Date.now() + left + (left < 3_000 ? MINUTE : 0);
  const name = new Date(slot - (slot % 1_000)).toISOString();
  await pause(slot - Date.now() - 40);
  for (let kill = 0; kill < KILLS; kill++) {
    // From before the slot to well behind the run's beginning, another distance each time.
    await pause(20 * (kill % 5));
    daemon.kill("SIGKILL");
    await daemon.ended;
    daemon = start();
    client = await daemon.ready;
  }

  await expect
    .poll(async () => (await client.cronFires("tick")).items.find((each) => each.slot === name)?.result ?? null, {
      timeout: 30_000,
      interval: 200,
    })
    .toBe("succeeded");
  const { items: runs } = await client.runs({ workflow: "tick", limit: 200 });
  const fires = (await client.cronFires("tick", { limit: 200 })).items;
  const noted = readFileSync(done, "utf8").trim().split("\n");
  expect(noted.filter((line) => line === name)).toHaveLength(1);
  expect(new Set(noted).size).toBe(noted.length);
  expect(fires.filter((each) => each.run_id !== null)).toHaveLength(runs.length);
  expect(runs.every(({ trigger_type }) => trigger_type === "cron")).toBe(true);
});

test("hundreds of worlds in which daemons die at any write and clocks are set keep one row and one run to a slot", () =>
  liveThrough(Number(process.env.CRON_WORLDS ?? 300)));
