import { describe, expect, test } from "vitest";
import { markerOf } from "../../src/connectors/github/marker.ts";
import type { Json } from "../../src/domain/json.ts";
import type { Triggers, Workflow } from "../../src/domain/workflow.ts";
import { githubEvent } from "../../src/triggers/github.ts";
import { match } from "../../src/triggers/matching.ts";
import { mapped } from "../../src/triggers/webhook.ts";
import { workflow } from "../support/workflow.ts";

const RECEIVED = "2026-11-21T09:00:00.000Z";
const HOUSE = { holdLabel: "lastlight:hold" };
const repository = { full_name: "acme/w", owner: { login: "acme" } };
const ada = { login: "ada", type: "User" };
const bot = { login: "dependabot[bot]", type: "Bot" };

const issue = (more: object = {}) => ({
  number: 7,
  title: "It breaks",
  user: ada,
  author_association: "NONE",
  labels: [],
  ...more,
});
const pull = (head: string | null, more: object = {}) => ({
  number: 9,
  user: ada,
  author_association: "CONTRIBUTOR",
  labels: [],
  head: { ref: "fix", repo: head === null ? null : { full_name: head } },
  base: { ref: "main", repo: { full_name: "acme/w" } },
  ...more,
});

function github(type: string, payload: object, on: Triggers["github"], more: Partial<Workflow> = {}) {
  const [name, action] = type.split(".") as [string, string | undefined];
  const event = githubEvent(
    {
      name,
      payload: { ...(action && { action }), repository, sender: ada, ...payload } as Json,
      key: "k",
      via: "webhook",
      receivedAt: RECEIVED,
    },
    ["lastlight-app[bot]"],
  );
  const [judged] = match(event, [workflow("w", [{ name: "a" }], { on: { github: on ?? [] }, ...more })], HOUSE);
  return judged && { matches: judged.matches, rule: judged.rule, why: judged.why };
}
const starts = (why: string) => ({ matches: true, rule: null, why });

describe("what a workflow waits for", () => {
  test("an event with its action starts it; another action does not, and it says what it waits for", () => {
    const on = [{ events: ["issues.opened", "issues.labeled"] }];
    expect(github("issues.opened", { issue: issue() }, on)).toEqual(starts("issues.opened"));
    expect(github("issues.closed", { issue: issue() }, on)).toEqual({
      matches: false,
      rule: null,
      why: "it waits for issues.opened, issues.labeled",
    });
  });

  test("an event without an action stands for all its actions, and for no event whose name merely begins like it", () => {
    const on = [{ events: ["pull_request"] }];
    expect(github("pull_request.opened", { pull_request: pull("acme/w") }, on)?.matches).toBe(true);
    expect(github("pull_request.closed", { pull_request: pull("acme/w") }, on)?.matches).toBe(true);
    expect(github("pull_request_review.submitted", { pull_request: pull("acme/w") }, on)?.matches).toBe(false);
    expect(github("push", { ref: "refs/heads/main" }, [{ events: ["push"] }])?.matches).toBe(true);
  });

  test("a condition reads the event: labels, texts, who did it, and the payload as it came", () => {
    const bug = { issue: issue({ labels: [{ name: "bug" }], body: "Please look" }) };
    const all = [
      '"bug" in labels',
      'repo == "w" && owner == "acme" && issueNumber == 7',
      'issueTitle.startsWith("It") && body.contains("look")',
      'sender == "ada" && actor.login == "ada" && actor.kind == "person"',
      'payload.issue.number == 7 && event == "issues.opened"',
    ];
    for (const condition of all)
      expect(github("issues.opened", bug, [{ events: ["issues"], if: condition }])).toEqual(
        starts(`issues.opened, and \`${condition}\``),
      );
    expect(github("issues.opened", { issue: issue() }, [{ events: ["issues"], if: '"bug" in labels' }])).toEqual({
      matches: false,
      rule: null,
      why: '`"bug" in labels` is false',
    });
  });

  test("a condition about something that is not there is false, and says what was absent", () => {
    const judged = github("issues.opened", { issue: issue() }, [
      { events: ["issues"], if: "payload.pull_request.draft" },
    ]);
    expect(judged?.matches).toBe(false);
    expect(judged?.why).toContain("payload.pull_request is absent");
  });

  test("the first entry that fits is enough: one event starts a workflow once", () => {
    const on = [{ events: ["issues"], if: '"bug" in labels' }, { events: ["issues.opened"] }, { events: ["issues"] }];
    expect(github("issues.opened", { issue: issue() }, on)).toEqual(starts("issues.opened"));
  });

  test("a workflow that waits for other sources is not asked", () => {
    expect(github("issues.opened", { issue: issue() }, undefined, { on: { webhook: [{ source: "sentry" }] } })).toBe(
      undefined,
    );
  });

  test("what a source delivers is read by what its file says", () => {
    const source = {
      name: "sentry",
      scheme: "standard-webhooks",
      secrets: [],
      places: { id: "/event/id", type: "/kind", actor: "/who", repo: "/repo", issueNumber: "/number" },
    } as const;
    const payload = { event: { id: "e-1" }, kind: "alarm", who: "grace", repo: "acme/w", number: 3, level: "error" };
    const event = mapped(source, "e-1", { head: () => null, payload }, RECEIVED);
    expect(event).toMatchObject({
      source: "sentry",
      type: "alarm",
      dedupeKey: "e-1",
      actor: { login: "grace", kind: "person" },
      subject: { repo: "acme/w", issueNumber: 3 },
    });
    const on = (condition: string) =>
      workflow("w", [{ name: "a" }], { on: { webhook: [{ source: "sentry", if: condition }] } });
    const judge = (condition: string) => match(event, [on(condition)], HOUSE)[0]?.matches;
    expect(judge('payload.level == "error" && event == "alarm" && repo == "w"')).toBe(true);
    expect(judge('payload.level == "warning"')).toBe(false);
  });
});

describe("the rules of the house", () => {
  const any = [{ events: ["issues", "pull_request", "issue_comment", "workflow_run", "check_suite"] }];
  const withSecrets: Partial<Workflow> = { secrets: ["GITHUB_TOKEN"] };

  test("what a bot did starts nothing, unless the condition reads actor.kind", () => {
    const payload = { issue: issue(), sender: bot };
    expect(github("issues.opened", payload, any)).toMatchObject({ matches: false, rule: "bot" });
    expect(github("issues.opened", payload, [{ events: ["issues"], if: 'sender == "dependabot[bot]"' }])?.rule).toBe(
      "bot",
    );
    expect(github("issues.opened", payload, [{ events: ["issues"], if: 'actor.kind == "bot"' }])?.matches).toBe(true);
  });

  test("what lastlight itself did starts nothing, also where bots may", () => {
    const payload = { issue: issue(), sender: { login: "lastlight-app[bot]", type: "Bot" } };
    expect(github("issues.opened", payload, any)).toMatchObject({ matches: false, rule: "self" });
    expect(github("issues.opened", payload, [{ events: ["issues"], if: 'actor.kind == "bot"' }])?.matches).toBe(false);
  });

  test("what lastlight wrote under a person's name is known by its mark; what that person writes is not taken for it", () => {
    const wrote = (body: string) => ({ issue: issue(), comment: { user: ada, author_association: "OWNER", body } });
    const marked = `Done.\n\n${markerOf("run/post/1")}`;
    expect(github("issue_comment.created", wrote(marked), any)?.rule).toBe("self");
    expect(github("issue_comment.created", wrote(`> ${marked}\n\nWhy?`), any)?.matches).toBe(true);
    expect(github("issues.opened", { issue: issue({ body: marked }) }, any)?.rule).toBe("self");
    expect(github("issues.labeled", { issue: issue({ body: marked }) }, any)?.matches).toBe(true);
  });

  test("a label holds everything back that bears it", () => {
    const held = [{ name: "lastlight:hold" }];
    expect(github("issues.opened", { issue: issue({ labels: held }) }, any)).toMatchObject({
      matches: false,
      rule: "held",
    });
    expect(github("pull_request.opened", { pull_request: pull("acme/w", { labels: held }) }, any)?.rule).toBe("held");
  });

  test.each([
    ["an outsider's", "NONE", false],
    ["a contributor's", "CONTRIBUTOR", false],
    ["a collaborator's", "COLLABORATOR", true],
    ["a member's", "MEMBER", true],
    ["the owner's", "OWNER", true],
  ])("%s comment is an order: %s", (_whose, author_association, matches) => {
    const comment = { user: ada, author_association, body: "/fix" };
    expect(github("issue_comment.created", { issue: issue(), comment }, any)).toMatchObject({
      matches,
      rule: matches ? null : "maintainer",
    });
    expect(
      github("issue_comment.created", { issue: issue(), comment }, [
        { events: ["issue_comment"], if: 'actor.association != "OWNER" || true' },
      ])?.matches,
    ).toBe(true);
  });

  test("a comment edited by another than its author has the rights of nobody in particular", () => {
    const comment = { user: { login: "grace" }, author_association: "OWNER", body: "/fix" };
    expect(github("issue_comment.edited", { issue: issue(), comment }, any)?.rule).toBe("maintainer");
  });

  test("a pull request from a fork starts no workflow that has secrets, unless a maintainer did it", () => {
    const fork = { pull_request: pull("mallory/w") };
    expect(github("pull_request.opened", fork, any, withSecrets)).toMatchObject({ matches: false, rule: "fork" });
    expect(github("pull_request.opened", { pull_request: pull(null) }, any, withSecrets)?.rule).toBe("fork");
    expect(github("pull_request.opened", fork, any)?.matches).toBe(true);
    expect(github("pull_request.opened", { pull_request: pull("acme/w") }, any, withSecrets)?.matches).toBe(true);
    const labelled = { ...fork, sender: { login: "grace", type: "User" } };
    expect(github("pull_request.labeled", labelled, any, withSecrets)?.matches).toBe(true);
    expect(github("pull_request.synchronize", labelled, any, withSecrets)?.rule).toBe("fork");
    const member = { pull_request: pull("ada/w", { author_association: "MEMBER" }) };
    expect(github("pull_request.opened", member, any, withSecrets)?.matches).toBe(true);
  });

  test("a check or a workflow run of a fork is a fork's too, and so may be a pull request that is commented on", () => {
    const run = { workflow_run: { head_repository: { full_name: "mallory/w" } } };
    expect(github("workflow_run.completed", run, any, withSecrets)?.rule).toBe("fork");
    expect(github("check_suite.completed", { check_suite: { head_branch: null } }, any, withSecrets)?.rule).toBe(
      "fork",
    );
    const comment = { user: ada, author_association: "NONE", body: "hello" };
    const asks = [{ events: ["issue_comment"], if: 'actor.association == "NONE"' }];
    const on = { issue: issue({ pull_request: {} }), comment };
    expect(github("issue_comment.created", on, asks, withSecrets)?.rule).toBe("fork");
    expect(github("issue_comment.created", on, asks)?.matches).toBe(true);
  });

  test("a rule is told only of what would have started otherwise", () => {
    const payload = { issue: issue(), sender: bot };
    expect(github("issues.opened", payload, [{ events: ["issues"], if: '"bug" in labels' }])?.rule).toBe(null);
  });
});

test("a condition that goes over more of a payload than it may is given up, and false", () => {
  const many = Array.from({ length: 250_000 }, (_, at) => at % 10);
  const condition = "payload.many.exists(a, a == 100000)";
  const judged = github("issues.opened", { issue: issue(), many }, [{ events: ["issues"], if: condition }]);
  expect(judged).toMatchObject({ matches: false });
  expect(judged?.why).toContain("goes over more values than a condition may");
});
