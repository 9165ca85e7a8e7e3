import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Client } from "../../src/http/client.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { APP_ID, githubWorld, REPO } from "../support/github.ts";
import { temporaryFolder } from "../support/world.ts";

const SECRET = "a secret of the webhook";
const WORKFLOW = `
name: greet
on: { github: [{ events: [issues.opened, issues.labeled, issue_comment.created] }] }
phases: [{ name: look, type: context }]
`;

test("what GitHub tells twice, by a webhook and by a poll, starts one run; what happened while nobody listened starts one too", async () => {
  const github = await githubWorld();
  const folder = temporaryFolder();
  const workflows = join(folder, "workflows");
  mkdirSync(workflows);
  writeFileSync(join(workflows, "greet.yaml"), WORKFLOW);
  const hook = await github.person<{ id: number }>("POST", `repos/${REPO}/hooks`, {
    config: { url: "http://127.0.0.1:9/", secret: SECRET, content_type: "json" },
    events: ["issues", "issue_comment"],
  });
  await github.person("POST", `repos/${REPO}/labels`, { name: "bug", color: "ff0000" });
  let daemon = begin();
  let client = await heard(daemon);
  await rounds(1);

  const first = await github.openIssue("First");
  await started(1);
  await github.person("POST", `repos/${REPO}/issues/${first.number}/labels`, { labels: ["bug"] });
  await started(2);
  await github.person("POST", `repos/${REPO}/issues/${first.number}/comments`, { body: "Please" });
  await started(3);
  await rounds(2);
  expect((await runs()).length).toBe(3);

  daemon.kill("SIGKILL");
  await daemon.ended;
  // Nobody listens: the webhook of this one is lost.
  const second = await github.openIssue("Second");
  daemon = begin();
  client = await heard(daemon);
  await started(4);
  await rounds(2);
  expect((await runs()).map(({ issue_number: issue }) => issue)).toEqual([
    second.number,
    first.number,
    first.number,
    first.number,
  ]);
  const { items } = await client.deliveries({ limit: 100 });
  expect(items.filter(({ type }) => type === "issues.opened")).toHaveLength(2);
  daemon.kill("SIGTERM");
  expect(await daemon.ended).toBe(0);

  function begin(): DaemonProcess {
    return startDaemon({
      stateDir: join(folder, "state"),
      workflows,
      environment: {
        GITHUB_WEBHOOK_SECRET: SECRET,
        LASTLIGHT_GITHUB_API: github.url,
        LASTLIGHT_GITHUB_APP_ID: APP_ID,
        LASTLIGHT_GITHUB_PRIVATE_KEY: github.privateKey,
        LASTLIGHT_GITHUB_POLL: REPO,
        LASTLIGHT_GITHUB_POLL_SECONDS: "1",
      },
    });
  }
  async function heard(of: DaemonProcess): Promise<Client> {
    const ready = await of.ready;
    const { url } = JSON.parse(readFileSync(join(folder, "state", "daemon.json"), "utf8")) as { url: string };
    const config = { url: `${url}/hooks/github`, secret: SECRET, content_type: "json" };
    await github.person("PATCH", `repos/${REPO}/hooks/${hook.id}`, { config });
    return ready;
  }
  async function runs() {
    return (await client.runs({ limit: 100 })).items;
  }
  async function started(count: number): Promise<void> {
    while ((await runs()).length < count) await pause();
  }
  /** So many whole rounds of polling from now on. */
  async function rounds(count: number): Promise<void> {
    const asked = () =>
      github.asked.filter(({ method, path }) => method === "GET" && path.endsWith("/issues/comments")).length;
    const until = asked() + count + 1;
    while (asked() < until) await pause();
  }
  function pause(): Promise<void> {
    return new Promise((resolve) => void setTimeout(resolve, 20));
  }
});
