import { expect, test } from "vitest";
import type { Json } from "../../src/domain/json.ts";
import { keptContextOf } from "../../src/triggers/context.ts";
import { githubEvent } from "../../src/triggers/github.ts";
import { examples } from "../support/intake.ts";

const event = (name: string, payload: object) =>
  githubEvent({ name, payload: payload as Json, key: "k", via: "webhook", receivedAt: "2026-11-21T09:00:00.000Z" }, []);
const size = (value: object): number => Buffer.byteLength(JSON.stringify(value));
const repository = {
  full_name: "acme/w",
  owner: { login: "acme" },
  html_url: "https://github.com/acme/w",
  keys_url: "x",
};

test("an issue's event is told under the flat names that texts read", () => {
  const issue = { number: 7, title: "It breaks", body: "Badly", labels: [{ name: "bug" }], user: { login: "ada" } };
  const context = keptContextOf(
    event("issues", { action: "opened", issue, repository, sender: { login: "ada" } }),
    false,
  );
  expect(context).toMatchObject({
    source: "github",
    event: "issues.opened",
    sender: "ada",
    owner: "acme",
    repo: "w",
    issueNumber: 7,
    issueTitle: "It breaks",
    issueBody: "Badly",
    issueLabels: ["bug"],
    labels: ["bug"],
    title: "It breaks",
    body: "Badly",
  });
  expect(Object.keys(context)).not.toContain("commentBody");
  expect(Object.keys(context)).not.toContain("prNumber");
});

test("a comment's text is the body of what happened; a pull request has its branches and its number twice", () => {
  const pull_request = { number: 9, title: "Fix", body: "So", head: { ref: "fix" }, base: { ref: "main" }, labels: [] };
  const review = keptContextOf(
    event("pull_request_review", { review: { body: "Why?" }, pull_request, repository }),
    false,
  );
  expect(review).toMatchObject({
    body: "Why?",
    commentBody: "Why?",
    prNumber: 9,
    issueNumber: 9,
    prTitle: "Fix",
    prBody: "So",
    branch: "fix",
    baseBranch: "main",
  });
  const comment = keptContextOf(
    event("issue_comment", { comment: { body: "/fix" }, issue: { number: 9, pull_request: {} }, repository }),
    false,
  );
  expect(comment).toMatchObject({ commentBody: "/fix", prNumber: 9 });
});

test("the payload is whole where a workflow speaks of it, and otherwise without GitHub's addresses", () => {
  const given = event("push", { ref: "refs/heads/main", repository });
  expect(keptContextOf(given, true).payload).toEqual({ ref: "refs/heads/main", repository });
  const { keys_url: _, ...lean } = repository;
  expect(keptContextOf(given, false).payload).toEqual({ ref: "refs/heads/main", repository: lean });
});

test("an event of any size fits into a run's context: long texts and lists are cut, and say so", () => {
  const text = "ä😀".repeat(40_000);
  const hostile = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`key-${at}`, at]));
  for (const body of [text, "\u0000".repeat(50_000), `x${text}`]) {
    const issue = {
      number: 7,
      title: body,
      body,
      labels: Array.from({ length: 5_000 }, (_, at) => ({ name: `l${at}` })),
    };
    const context = keptContextOf(event("issues", { action: "opened", issue, repository }), true);
    expect(size(context)).toBeLessThanOrEqual(56_000);
    expect(String(context.issueBody)).toMatch(/…\[truncated \d+ chars\]$/);
    expect(JSON.stringify(context).isWellFormed()).toBe(true);
    expect(JSON.stringify(context)).not.toMatch(/\\ud[89a-f]/);
    expect(context.issueNumber).toBe(7);
  }
  const left = keptContextOf(event("issues", { action: "opened", issue: { number: 7 }, repository, hostile }), true);
  expect(size(left)).toBeLessThanOrEqual(56_000);
  expect(left.payload).toMatch(/^…\[left out: \d+ bytes in all\]$/);
  expect(left.issueNumber).toBe(7);
});

test("every recorded event of GitHub fits as it is", () => {
  for (const { event: name, payload } of examples())
    expect(JSON.stringify(keptContextOf(event(name, payload), true))).not.toMatch(/truncated|left out/);
});

test("what a poll and a webhook tell of is recognised by what happened, and by nothing where only one of them tells it", () => {
  const opened = event("issues", { action: "opened", issue: { id: 1, number: 7 }, repository });
  expect(opened.echo).toBe("issues.opened 1");
  expect(event("issues", { action: "labeled", issue: { id: 1, number: 7 }, repository }).echo).toBe(null);
  const first = event("pull_request", { action: "synchronize", pull_request: { id: 2, head: { sha: "a" } } });
  const second = event("pull_request", { action: "synchronize", pull_request: { id: 2, head: { sha: "b" } } });
  expect(first.echo).not.toBe(second.echo);
});
