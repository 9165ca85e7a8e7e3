import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { examples } from "../support/intake.ts";
import { temporaryFolder } from "../support/world.ts";
import { environment, lastlight } from "./command.ts";

test("hooks test says which workflows an event would start and why, without a daemon", async () => {
  const folder = temporaryFolder();
  const workflows = join(folder, "workflows");
  mkdirSync(workflows);
  const file = (name: string, on: string) =>
    writeFileSync(join(workflows, `${name}.yaml`), `name: ${name}\non: ${on}\nphases: [{ name: a, type: context }]\n`);
  file("triage", "{ github: [{ events: [issues.opened], if: '\"bug\" in labels' }] }");
  file("review", "{ github: [{ events: [pull_request] }] }");
  file("alarm", "{ webhook: [{ source: sentry, if: 'payload.level == \"error\"' }] }");
  const opened = examples().find(({ event, payload }) => event === "issues" && payload.action === "opened");
  writeFileSync(join(folder, "opened.json"), opened?.body ?? "");
  const env = environment(folder, { WORKFLOWS_DIR: workflows });

  const [told, json, none] = await Promise.all([
    lastlight(["hooks", "test", join(folder, "opened.json")], env, folder),
    lastlight(["hooks", "test", join(folder, "opened.json"), "--json", "--event", "issues.closed"], env, folder),
    lastlight(["hooks", "test", "/nowhere.json"], env, folder),
  ]);
  expect(told).toMatchObject({ code: 0, stderr: "" });
  expect(told.stdout).toContain("github issues.opened Codertocat/Hello-World#1 by Codertocat (person, OWNER)");
  expect(told.stdout).toMatch(/triage +starts +issues\.opened, and `"bug" in labels`/);
  expect(told.stdout).toMatch(/review +no +it waits for pull_request/);
  expect(told.stdout).not.toContain("alarm");
  expect(JSON.parse(json.stdout)).toMatchObject({
    source: "github",
    event: "issues.closed",
    repo: "Codertocat/Hello-World",
    issue_number: 1,
    workflows: [
      { workflow: "review", matches: false },
      { workflow: "triage", matches: false, why: "it waits for issues.opened" },
    ],
  });
  expect(none).toMatchObject({ code: 2, stdout: "" });
});
