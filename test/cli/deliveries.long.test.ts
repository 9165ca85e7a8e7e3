import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startDaemon } from "../support/daemon.ts";
import { examples, githubHead, WEBHOOK_SECRET } from "../support/intake.ts";
import { temporaryFolder } from "../support/world.ts";
import { environment, lastlight } from "./command.ts";

test("deliveries are listed, shown and taken in once more from the command line", async () => {
  const [stateDir, workflows] = [temporaryFolder(), temporaryFolder()];
  writeFileSync(
    join(workflows, "triage.yaml"),
    "name: triage\non: { github: [{ events: [issues.opened] }] }\nphases: [{ name: a, type: context }]\n",
  );
  const daemon = startDaemon({ stateDir, workflows, environment: { GITHUB_WEBHOOK_SECRET: WEBHOOK_SECRET } });
  onTestFinished(() => daemon.kill("SIGKILL"));
  await daemon.ready;
  const { url } = JSON.parse(readFileSync(join(stateDir, "daemon.json"), "utf8")) as { url: string };
  const body = examples().find(({ event, payload }) => event === "issues" && payload.action === "opened")?.body ?? "";
  const post = async (head: object) => {
    const headers = { ...githubHead({ event: "issues", id: "d-1", body }), ...head };
    return (await fetch(`${url}/hooks/github`, { method: "POST", body, headers })).json() as Promise<{ id: string }>;
  };
  const { id } = await post({});
  await post({ "x-hub-signature-256": `sha256=${"0".repeat(64)}` });
  const say = (...argv: string[]) => lastlight(argv, environment(stateDir, { WORKFLOWS_DIR: workflows }));

  const list = await say("deliveries");
  expect(list).toMatchObject({ code: 0, stderr: "" });
  expect(list.stdout).toMatch(new RegExp(`${id} +github +issues.opened +started .*Codertocat/Hello-World#1`));
  expect(list.stdout).toContain("1 × signature.invalid");
  expect((await say("deliveries", "list", "--outcome", "ignored")).stdout).toContain("No delivery fits.");
  const shown = await say("deliveries", "show", id);
  expect(shown.stdout).toMatch(/triage +[0-9a-f-]{36} +issues\.opened/);
  expect(JSON.parse((await say("deliveries", "show", id, "--json")).stdout)).toMatchObject({ id, issue_number: 1 });
  expect((await say("deliveries", "replay", id)).stdout).toMatch(
    /^Delivery [0-9a-f-]{36}: started\n {2}run [0-9a-f-]{36}\n$/,
  );
  expect((await say("deliveries", "--outcome", "perhaps")).code).toBe(2);
});
