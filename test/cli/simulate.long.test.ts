import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { RunBody } from "../../src/http/api.ts";
import { temporaryFolder } from "../support/world.ts";
import { daemon, eventually } from "./command.ts";

test("a real run is recorded, and goes in simulation as it went", async () => {
  const workflows = temporaryFolder();
  const text = `name: real
phases:
  - { name: flaky, type: bash, command: "echo try $LASTLIGHT_ATTEMPT; test $LASTLIGHT_ATTEMPT = 2", retry: { times: 1 } }
  - { name: approve, type: approval, approval: { summary: "Is {{flaky}} good?" } }
  - { name: last, type: bash, command: "exit 3" }
`;
  const file = join(workflows, "real.yaml");
  writeFileSync(file, text);
  const { say } = await daemon(workflows);
  const { id } = JSON.parse((await say("run", "real", "--json")).stdout) as { id: string };
  const once = (status: RunBody["status"]): Promise<true> =>
    eventually(async () => (JSON.parse((await say("show", id, "--json")).stdout).status === status ? true : null));
  await once("paused");
  await say("approve", id, "--comment", "good: yes");
  await once("failed");

  const recorded = await say("workflows", "simulate", file, "--record", id.slice(-8));
  expect([recorded.code, recorded.stderr]).toEqual([0, ""]);
  expect(recorded.stdout).toContain(`real, as it went in run ${id}.`);
  writeFileSync(join(workflows, "monday.scenario"), recorded.stdout);
  const played = await say("workflows", "simulate", file, "--scenario", join(workflows, "monday.scenario"));
  expect([played.code, played.stderr]).toEqual([0, ""]);
  expect(played.stdout).toMatch(/^.* flaky +starts, try 2$/m);
  expect(played.stdout).toMatch(/^.* approve +asks: Is try 2\s+good\?$/m);
  expect(played.stdout).toMatch(/^.* approve +approved by local:\S+: good: yes$/m);
  expect(played.stdout).toMatch(/^.* last +exit 3, after /m);
  expect(played.stdout).toMatch(/^kept {3}the run is failed$/m);
});
