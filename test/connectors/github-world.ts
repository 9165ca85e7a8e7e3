import { join } from "node:path";
import Database from "better-sqlite3";
import { onTestFinished } from "vitest";
import { atGithub } from "../../src/connectors/github.ts";
import type { Json } from "../../src/domain/json.ts";
import { redactor } from "../../src/domain/redaction.ts";
import type { WorkflowVersion } from "../../src/domain/workflow.ts";
import { context } from "../../src/phases/context.ts";
import type { RunDetail } from "../../src/store/lines.ts";
import type { Letter } from "../../src/store/replies.ts";
import { type EngineWorld, engineWorld } from "../support/engine.ts";
import { APP_ID, type GithubWorld, githubWorld, REPO } from "../support/github.ts";

/** A daemon's engine that speaks to the emulated GitHub, on a clock that stands still. */
export interface Speaking {
  readonly github: GithubWorld;
  readonly world: EngineWorld;
  /** A run that an opened issue set off. */
  start(version: WorkflowVersion, more?: { issue?: number; payload?: { [name: string]: Json } }): Promise<string>;
  over(run: string): Promise<RunDetail>;
  /** What waits for a person, or to be tried again. */
  letters(state: "dead" | "late"): Promise<readonly Letter[]>;
  /** Once it holds; looked at again and again. */
  until(holds: () => boolean | Promise<boolean>): Promise<void>;
  /** Once nothing is under way or due. */
  quiet(): Promise<void>;
}

export async function speaking(as: "app" | "token" = "app"): Promise<Speaking> {
  const github = await githubWorld();
  const world = engineWorld();
  const { store, clock } = world;
  const { number } = await github.openIssue("It does not work");
  const { deliverers, actor } = atGithub(
    {
      api: github.url,
      identity:
        as === "app" ? { type: "app", id: APP_ID, privateKey: github.privateKey } : { type: "token", token: "person" },
    },
    {
      replies: store.replies,
      clock,
      publicUrl: "https://lastlight.example",
      version: "0",
      words: redactor({ KEY: "hunter2hunter2" }),
    },
  );
  const engine = world.engine({ phases: [context], deliverers, actors: [actor] });
  await engine.begin();
  onTestFinished(async () => {
    const stopped = engine.stop();
    const impatient = setInterval(() => clock.advance(30_000), 50);
    await stopped;
    clearInterval(impatient);
  });
  const rows = new Database(join(world.folder, "lastlight.db"), { readonly: true });
  onTestFinished(() => void rows.close());
  const underWay = rows
    .prepare<{ now: string }, number>(
      "SELECT count(*) FROM outbox WHERE state = 'held' OR (state = 'owed' AND due <= @now)",
    )
    .pluck();
  const until: Speaking["until"] = async (holds) => {
    while (!(await holds())) await new Promise<void>((resolve) => void setImmediate(resolve));
  };
  return {
    github,
    world,
    until,
    start: async (version, { issue = number, payload = {} } = {}) => {
      const { run } = await engine.create(
        world.request(version, {
          trigger: { type: "webhook", id: clock.id() },
          repo: REPO,
          issueNumber: issue,
          context: { source: "github", event: "issues.opened", payload: { issue: { number: issue }, ...payload } },
        }),
      );
      return run.id;
    },
    over: (run) => world.until(run, ({ finished_at }) => finished_at !== null),
    letters: async (state) => (await store.replies.letters(state, { limit: 100 })).rows,
    quiet: () => until(() => underWay.get({ now: clock.now() }) === 0),
  };
}
