import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/world.ts";
import { environment, lastlight } from "./command.ts";
import { repository } from "./repository.ts";

test("demo --yes shows a real run, leaves a report, says where things lie, and leaves no process", async () => {
  const stateDir = temporaryFolder();
  const repo = repository({ "a.ts": "// TODO: one\n", "package.json": '{ "dependencies": { "x": "1" } }' });
  const said = await lastlight(["demo", "--yes", "--repo", repo], environment(stateDir));
  expect(said).toMatchObject({ code: 0, stderr: "" });
  expect(said.stdout).toMatch(/^history +succeeded +1 +\S+ s +1 commit by 1 person; the last one /m);
  expect(said.stdout).toMatch(/^todos +succeeded +1 +\S+ s +1 line in 1 file waits for someone\.$/m);
  expect(said.stdout).toMatch(/^approve +succeeded .*approved by local:\S+$/m);
  const [, report] = /^report +(\/.*report\.md)$/m.exec(said.stdout) ?? [];
  expect(readFileSync(report!, "utf8")).toMatch(/^# Check-up of repo\n.*\nApproved by a person at the gate of run /s);
  const [, database] = /^database +(\/.*)$/m.exec(said.stdout) ?? [];
  expect(existsSync(database!)).toBe(true);
  expect(said.stdout).toMatch(/^ {2}STATE_DIR=\S+ npm run cli -- show [0-9a-f-]{36}$/m);
  // A daemon that ended in good order takes this away; one that lives or was killed has left it.
  expect(existsSync(join(stateDir, "demo", "daemon.json"))).toBe(false);
});
