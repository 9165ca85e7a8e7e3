import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { sizeOf } from "../../../src/store/files/workspaces/tree.ts";
import { type AgentWorld, agentWorld, exists, type House } from "./agent-world.ts";
import { inNamespace } from "./world.ts";

/** The watch looks once a second: what a disk takes in that time lies there, and never ten gigabytes. */
const MOST_LEFT = 5 * 2 ** 30;
const SMALL = {
  LASTLIGHT_SANDBOX_MEMORY_MIB: "512",
  LASTLIGHT_SANDBOX_PROCESSES: "100",
  LASTLIGHT_SANDBOX_DISK_MIB: "64",
};
/** Words come before deeds: where it is, it says by a word. */
const WHERE = [["place", "where"]];
const NEIGHBOUR = `
name: neighbour
phases: [{ name: works, type: bash, command: "echo fine" }]
`;

/** What an agent in a sandbox may use up, and who else is troubled by it. */
export function keepsToItsShare(house: House): void {
  const tell = house.refusal === null ? "" : `: not run: ${house.refusal}`;
  describe.skipIf(house.refusal !== null)(`a greedy agent in a sandbox of ${house.name}${tell}`, () => {
    test.each([
      [
        "forks without end",
        "the processes it started",
        "shell",
        "for i in $(seq 5000); do setsid sleep 300 & done; wait",
      ],
      ["takes 20 GB of memory", "the memory it took", "shell", "head -c 20G /dev/zero | tail -c 20G > /dev/null"],
      ["writes 10 GB", "the disk it filled", "shell", "head -c 10G /dev/zero > big; sleep 300"],
      ["writes 10 GB into its home", "the disk it filled", "shell", "head -c 10G /dev/zero > ~/big; sleep 300"],
      ["says 10 GB", "the disk it filled", "flood", "speech"],
      ["complains 10 GB", "the disk it filled", "flood", "complaints"],
    ])("that %s is ended for %s, and nobody else is troubled", async (_what, why, ...order) => {
      const world = await agentWorld(house, { files: { "neighbour.yaml": NEIGHBOUR }, environment: SMALL });
      const orders = JSON.stringify([...WHERE, order]);
      const { id } = await world.client.startRun({ workflow: "obeys", inputs: { orders } });
      await exists(world.workspace(id, "where"));
      const beside = await world.run("neighbour");
      const run = await world.over(id);
      expect(run.executions[0]).toMatchObject({
        status: "error",
        failure: "exit",
        error: expect.stringContaining(`its sandbox ended it for ${why}`),
      });
      expect(run.status).toBe("failed");
      expect(beside.status).toBe("succeeded");
      await isWell(world, id);
    });

    test("that never ends its line of 10 GB is heard no longer, and nobody else is troubled", async () => {
      const world = await agentWorld(house, { files: { "neighbour.yaml": NEIGHBOUR }, environment: SMALL });
      const run = await world.orders([...WHERE, ["flood", "a line"]]);
      expect(run.executions[0]).toMatchObject({
        status: "error",
        failure: "lost",
        error: expect.stringContaining("the agent ended without an answer to its prompt"),
      });
      await isWell(world, run.id);
    });
  });
}

/** Nothing of the run lives on, it left a bounded amount, and the daemon is what it was. */
async function isWell(world: AgentWorld, id: string): Promise<void> {
  expect(inNamespace(readFileSync(world.workspace(id, "where"), "utf8").trim())).toBe(0);
  const left = await sizeOf(world.stateDir);
  expect(left).toBeLessThan(MOST_LEFT);
  expect((await world.client.health()).status).toBe("ready");
  expect((await world.run("neighbour")).status).toBe("succeeded");
}
