import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import type { Client } from "../../src/http/client.ts";
import { type DaemonProcess, startDaemon } from "../support/daemon.ts";
import { APP_ID, type Asked, type Fate, githubWorld, REPO } from "../support/github.ts";
import { temporaryFolder } from "../support/world.ts";

/** How often; `KILLS=50` for the count that is promised. */
const KILLS = Number(process.env.KILLS ?? 10);
const SECRET = "a secret of the webhook";

const WORKFLOW = `
name: greet
on: { github: [{ events: [issues.opened] }] }
status_checklist: true
phases:
  - { name: look, type: context, messages: { on_success: "Looked at {{issueTitle}}." } }
  - { name: act, type: action, action: github.comment, with: { body: "Acted on {{issueTitle}}." } }
`;

/** Where a daemon dies: before what it sends is heard, after it was carried out, or with the answer in its hands. */
const MOMENTS = ["before", "after", "answered"] as const;

const writes = ({ method, path }: Asked): boolean => method !== "GET" && !path.endsWith("/access_tokens");

test(`an issue is answered once, however often the daemon is killed between its commit and what it posts: ${KILLS} times`, async () => {
  const github = await githubWorld();
  const folder = temporaryFolder();
  const workflows = join(folder, "workflows");
  mkdirSync(workflows);
  writeFileSync(join(workflows, "greet.yaml"), WORKFLOW);
  const begin = (): DaemonProcess =>
    startDaemon({
      stateDir: join(folder, "state"),
      workflows,
      environment: {
        GITHUB_WEBHOOK_SECRET: SECRET,
        LASTLIGHT_GITHUB_API: github.url,
        LASTLIGHT_GITHUB_APP_ID: APP_ID,
        LASTLIGHT_GITHUB_PRIVATE_KEY: github.privateKey,
        LASTLIGHT_SAFE_MODE_AFTER: "0",
        LASTLIGHT_RESTART_LIMIT: "10",
        LASTLIGHT_LOG_LEVEL: "error",
      },
    });
  const hook = await github.person<{ id: number }>("POST", `repos/${REPO}/hooks`, {
    config: { url: "http://127.0.0.1:9/", secret: SECRET, content_type: "json" },
    events: ["issues"],
  });

  const issues: number[] = [];
  let killed = 0;
  const struck: Record<string, number> = {};
  let daemon = begin();
  let client: Client = await daemon.ready;
  const start = async (): Promise<void> => {
    client = await daemon.ready;
    const { url: at } = JSON.parse(readFileSync(join(folder, "state", "daemon.json"), "utf8")) as { url: string };
    const url = `${at}/hooks/github`;
    await github.person("PATCH", `repos/${REPO}/hooks/${hook.id}`, {
      config: { url, secret: SECRET, content_type: "json" },
    });
  };
  await start();

  for (let round = 0; killed < KILLS; round++) {
    // Each round strikes at another write, and at another moment of it.
    let countdown = round % 6;
    const moment = MOMENTS[Math.floor(round / 6) % MOMENTS.length] as (typeof MOMENTS)[number];
    let death: Promise<unknown> | null = null;
    github.fate = async (asked): Promise<Fate | null> => {
      if (death || !writes(asked) || countdown-- > 0) return null;
      const what = `${moment} ${asked.method} ${asked.path.replaceAll(/\d+/g, "N")}`;
      struck[what] = (struck[what] ?? 0) + 1;
      death = daemon.ended;
      if (moment === "answered") {
        setTimeout(() => daemon.kill("SIGKILL"), 1);
        return null;
      }
      daemon.kill("SIGKILL");
      await daemon.ended;
      return moment === "before" ? "cut before" : "cut after";
    };
    const { number } = await github.openIssue(`Issue ${round}`);
    issues.push(number);
    const calm = async (): Promise<boolean> => {
      if (death) return true;
      const { items } = await client.runs({ limit: 1 });
      return items[0]?.issue_number === number && items[0].finished_at !== null && settled();
    };
    while (!(await calm().catch(() => death !== null))) await pause();
    if (death) {
      await death;
      killed++;
      daemon = begin();
      await start();
    }
    while (!(await over(number))) await pause();
    while (!settled()) await pause();
    const comments = (await github.comments(number)).map(({ body }) => body.replace(/\n\n<!-- .* -->$/, "")).sort();
    expect(comments, `round ${round}, ${moment}`).toEqual([
      `Acted on Issue ${round}.`,
      `Looked at Issue ${round}.`,
      "[x] look\n[x] act",
    ]);
    const { items } = await client.runs({ limit: 100 });
    expect(items.filter(({ issue_number: of }) => of === number)).toHaveLength(1);
    const own = (await github.checks()).filter(({ external_id: of }) => of === items[0]?.id);
    expect(own).toEqual([expect.objectContaining({ status: "completed", conclusion: "success" })]);
    expect(github.reactions.get(`/repos/${REPO}/issues/${number}/reactions eyes`)).toBe(1);
  }
  expect((await client.letters({ state: "dead" })).items).toEqual([]);
  daemon.kill("SIGTERM");
  expect(await daemon.ended).toBe(0);
  // What came late would be here by now.
  for (const issue of issues) expect(await github.comments(issue), `issue ${issue}`).toHaveLength(3);
  expect((await github.checks()).length).toBe(issues.length);
  console.log(killed, "kills:", JSON.stringify(struck, null, 1));

  async function over(issue: number): Promise<boolean> {
    const { items } = await client.runs({ limit: 1 });
    return items[0]?.issue_number === issue && items[0].finished_at !== null;
  }
  /** Nothing is owed any more, so that no word of this round is taken for one of the next. */
  function settled(): boolean {
    const rows = new Database(join(folder, "state", "lastlight.db"), { readonly: true });
    try {
      return rows.prepare("SELECT count(*) FROM outbox WHERE state <> 'done'").pluck().get() === 0;
    } finally {
      rows.close();
    }
  }
  function pause(): Promise<void> {
    return new Promise((resolve) => void setTimeout(resolve, 20));
  }
});
