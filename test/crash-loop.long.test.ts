import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Client } from "../src/http/client.ts";
import type { RunLine } from "../src/store/lines.ts";
import { type DaemonProcess, endPrograms, startDaemon } from "./support/daemon.ts";
import { temporaryFolder } from "./support/world.ts";

const WORKFLOWS = {
  hold: "name: hold\nphases: [{ name: wait, type: bash, command: 'sleep 60' }]\n",
  doubt: "name: doubt\nphases: [{ name: only, type: bash, command: 'sleep 60', if: 'run.epoch == 0' }]\n",
  brief:
    "name: brief\nphases: [{ name: one, type: bash, command: 'echo one' }, { name: two, type: bash, command: 'echo two' }]\n",
};

const pause = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 10));

/** The failpoint ends the daemon as it takes up the run's data: for its condition, or for its program. */
test.each(["hold", "doubt"])(
  "a run (%s) whose data kills the daemon three times ends as crash_loop, while 49 others finish",
  async (workflow) => {
    const folder = temporaryFolder();
    const workflows = join(folder, "workflows");
    mkdirSync(workflows);
    for (const [name, yaml] of Object.entries(WORKFLOWS)) writeFileSync(join(workflows, `${name}.yaml`), yaml);
    const stateDir = join(folder, "state");
    const start = (environment: Record<string, string> = {}): DaemonProcess => {
      const daemon = startDaemon({ stateDir, workflows, environment });
      onTestFinished(async () => {
        daemon.kill("SIGKILL");
        await daemon.ended;
        endPrograms(stateDir);
      });
      return daemon;
    };
    const first = start();
    const client = await first.ready;
    const created = client.startRun({ workflow });
    const others = await Promise.all(Array.from({ length: 49 }, () => client.startRun({ workflow: "brief" })));
    const poison = await created;
    first.kill("SIGKILL");
    await first.ended;
    let deaths = 0;
    for (;;) {
      const daemon = start({ LASTLIGHT_FAILPOINT: poison.id, LASTLIGHT_SAFE_MODE_AFTER: "0" });
      const how = await Promise.race([daemon.ended, daemon.ready.then((alive) => allOver(alive, others.length + 1))]);
      if (typeof how === "object") {
        const status = new Map(how.map((run) => [run.id, `${run.status} ${run.reason} ${run.restart_count}`]));
        expect(status.get(poison.id)).toBe("failed crash_loop 3");
        for (const { id } of others) expect(status.get(id)).toBe("succeeded null 0");
        break;
      }
      expect(how).toBe("SIGKILL");
      deaths++;
    }
    expect(deaths).toBe(3);
  },
);

async function allOver(client: Client, count: number): Promise<readonly RunLine[]> {
  for (;;) {
    const { items } = await client.runs({ limit: 200 }).catch(() => ({ items: [] }));
    if (items.length === count && items.every((run) => run.finished_at !== null)) return items;
    await pause();
  }
}
