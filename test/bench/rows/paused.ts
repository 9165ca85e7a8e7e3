import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "../../../src/http/client.ts";
import { startAndWait, stopDaemon } from "../daemons.ts";
import type { Row } from "../row.ts";
import { rounded } from "../sample.ts";

const PAUSED = 1_000;
const MOST_MS = 1_000;
const AT_ONCE = 50;
const WORKFLOW =
  "name: asks\nphases:\n  - { name: door, type: approval, approval: { summary: 'Go on?' } }\n  - { name: after, type: context }\n";

/** Row 8: a thousand runs wait at gates, the daemon is killed, another starts, all are answered and finish. */
export const paused: Row = {
  row: 8,
  title: "runs paused at gates",
  measure: async ({ folder }) => {
    const stateDir = join(folder, "state");
    const workflows = join(folder, "workflows");
    for (const each of [stateDir, workflows]) mkdirSync(each, { mode: 0o700 });
    writeFileSync(join(workflows, "asks.yaml"), WORKFLOW);
    const first = await startAndWait({ stateDir, workflows });
    await inGroups(PAUSED, () => first.client.startRun({ workflow: "asks" }));
    first.daemon.kill("SIGKILL");
    await first.daemon.ended;

    const killed = performance.now();
    const second = await startAndWait({ stateDir, workflows });
    const ready = performance.now();
    try {
      const gates = await pending(second.client);
      await inGroups(gates.length, (at) => second.client.respond(gates[at] as string, { decision: "approve" }));
      const answered = performance.now();
      while ((await second.client.runs({ status: ["queued", "running", "paused"], limit: 1 })).items.length > 0)
        await pause(5);
      const finished = performance.now();
      const ended = gates.length === PAUSED;
      const took = finished - killed;
      return [
        {
          name: `${PAUSED.toLocaleString("en")} paused runs: killed, all answered, all finished`,
          value: rounded(took / 1000),
          unit: "s",
          target: `≤ ${MOST_MS / 1000}`,
          met: ended && took <= MOST_MS,
          ready_ms: rounded(ready - killed),
          answered_ms: rounded(answered - ready),
          finished_ms: rounded(finished - answered),
          gates: gates.length,
        },
      ];
    } finally {
      await stopDaemon(second.daemon);
    }
  },
};

async function pending(client: Client): Promise<string[]> {
  const gates: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await client.approvals({ status: "pending", limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    gates.push(...page.items.map(({ id }) => id));
    if (page.next_cursor === null) return gates;
    cursor = page.next_cursor;
  }
}

/** A browser's worth of connections, not a thousand. */
async function inGroups(count: number, call: (at: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < count) await call(next++);
    }),
  );
}
