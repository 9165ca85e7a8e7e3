import { expect, onTestFinished, test } from "vitest";
import type { TriggerEvent } from "../../src/domain/delivery.ts";
import type { Json } from "../../src/domain/json.ts";
import { githubEvent } from "../../src/triggers/github.ts";
import type { Intake } from "../../src/triggers/intake.ts";
import { type Feed, pollOnce, startPolling } from "../../src/triggers/poll.ts";
import { fakeClock } from "../support/clock.ts";
import { silent } from "../support/engine.ts";

const REPO = "acme/web";
const ana = { login: "ana", type: "User" };
const NOW = "2026-11-21T09:00:00.000Z";

type Lists = { [path: string]: Json[] };

const issue = (id: number, more: object = {}): Json => ({
  id,
  number: id,
  title: `Issue ${id}`,
  user: ana,
  updated_at: NOW,
  ...more,
});
const comment = (id: number, on: number): Json => ({
  id,
  body: "hello",
  user: ana,
  issue_url: `https://api.github.com/repos/${REPO}/issues/${on}`,
});
const pull = (id: number, sha: string): Json => ({ id, number: id, user: ana, head: { sha } });

/** A repository that is polled, and what the intake was handed. */
function polled() {
  const lists: Lists = { issues: [issue(1)], "issues/events": [], pulls: [], "issues/comments": [] };
  const taken: TriggerEvent[] = [];
  const asked: string[] = [];
  const cursors = new Map<string, Json>();
  const clock = fakeClock();
  let refuse: (path: string) => ReturnType<Feed["get"]> | null = () => null;
  let fail = false;
  const feed: Feed = {
    get: async (repo, path, etag) => {
      const [, name = "", query = ""] = /^repos\/acme\/web\/?([^?]*)(.*)$/.exec(path) ?? [];
      expect(repo).toBe(REPO);
      asked.push(name);
      const refused = refuse(name);
      if (refused) return refused;
      const one = /^issues\/(\d+)$/.exec(name)?.[1];
      const page = Number(/[?&]page=(\d+)/.exec(query)?.[1] ?? 1);
      const whole = name === "" ? { full_name: REPO } : one ? issue(Number(one)) : (lists[name] ?? []);
      const data = Array.isArray(whole) ? whole.slice((page - 1) * 100, page * 100) : whole;
      const tag = JSON.stringify(data);
      const more = Array.isArray(whole) && whole.length > page * 100;
      if (etag === tag) return { done: true, unchanged: true, data: null, etag, more: false };
      return { done: true, unchanged: false, data, etag: tag, more };
    },
  };
  const intake = {
    take: async (event: TriggerEvent) => {
      if (fail) throw new Error("the store is full");
      taken.push(event);
      return { id: "d", outcome: "started", reason: null, runs: [], fresh: true } as const;
    },
  } satisfies Intake;
  const polling = {
    feed,
    intake,
    cursors: {
      cursor: async (source: string) => cursors.get(source) ?? null,
      moveCursor: async (source: string, to: Json) => void cursors.set(source, structuredClone(to)),
    },
    self: ["last-light[bot]"],
    clock,
    log: silent,
  };
  return {
    lists,
    taken,
    asked,
    cursors,
    clock,
    polling,
    poll: () => pollOnce(REPO, polling),
    refuse: (how: typeof refuse) => {
      refuse = how;
    },
    fail: (now: boolean) => {
      fail = now;
    },
  };
}

test("what was there before the first look is no news", async () => {
  const { poll, taken } = polled();
  expect(await poll()).toBeNull();
  expect(await poll()).toBeNull();
  expect(taken).toEqual([]);
});

test("what comes after is told as a webhook would tell it, oldest first, and once", async () => {
  const { poll, taken, lists } = polled();
  lists.pulls = [pull(9, "aaa")];
  await poll();
  lists.issues?.unshift(issue(3), issue(2), issue(10, { pull_request: {} }));
  lists["issues/events"]?.unshift(
    { id: 51, event: "labeled", actor: ana, created_at: NOW, label: { name: "bug" }, issue: issue(2) },
    { id: 50, event: "closed", actor: ana, created_at: NOW, issue: issue(2) },
  );
  lists.pulls = [pull(10, "bbb"), pull(9, "ccc")];
  lists["issues/comments"]?.unshift(comment(70, 2));
  await poll();
  await poll();
  expect(
    taken.map(({ type, subject, actor, via }) => [type, subject?.repo, subject?.issueNumber, actor?.login, via]),
  ).toEqual([
    ["issues.opened", REPO, 2, "ana", "poll"],
    ["issues.opened", REPO, 3, "ana", "poll"],
    ["issues.labeled", REPO, 2, "ana", "poll"],
    ["pull_request.opened", REPO, 10, "ana", "poll"],
    ["pull_request.synchronize", REPO, 9, "ana", "poll"],
    ["issue_comment.created", REPO, 2, "ana", "poll"],
  ]);
  expect(new Set(taken.map(({ dedupeKey }) => dedupeKey)).size).toBe(6);
  expect(taken[4]?.payload).toMatchObject({ before: "aaa", after: "ccc" });
});

test("a webhook of the same happening is known by the same sign", async () => {
  const { poll, taken, lists } = polled();
  lists.pulls = [pull(9, "aaa")];
  await poll();
  lists.issues?.unshift(issue(2));
  lists["issues/events"]?.unshift({
    id: 51,
    event: "labeled",
    actor: ana,
    created_at: NOW,
    label: { name: "bug" },
    issue: issue(2),
  });
  lists.pulls = [pull(10, "bbb"), pull(9, "ccc")];
  lists["issues/comments"]?.unshift(comment(70, 2));
  await poll();
  const repository = { full_name: REPO };
  const hooks: [string, Json][] = [
    ["issues", { action: "opened", issue: issue(2), repository, sender: ana }],
    ["issues", { action: "labeled", issue: issue(2), label: { name: "bug" }, repository, sender: ana }],
    ["pull_request", { action: "opened", pull_request: pull(10, "bbb"), repository, sender: ana }],
    ["pull_request", { action: "synchronize", pull_request: pull(9, "ccc"), before: "aaa", repository, sender: ana }],
    ["issue_comment", { action: "created", issue: issue(2), comment: comment(70, 2), repository, sender: ana }],
  ];
  const echoes = hooks.map(
    ([name, payload], at) => githubEvent({ name, payload, key: `${at}`, via: "webhook", receivedAt: NOW }, []).echo,
  );
  expect(echoes.every((each) => typeof each === "string")).toBe(true);
  expect(taken.map(({ echo }) => echo)).toEqual(echoes);
});

test("killed before it remembered, it finds the same again under the same keys", async () => {
  const { poll, taken, lists, cursors } = polled();
  await poll();
  const before = structuredClone([...cursors]);
  lists.issues?.unshift(issue(2));
  await poll();
  cursors.clear();
  for (const [source, cursor] of before) cursors.set(source, cursor);
  await poll();
  expect(taken.map(({ dedupeKey }) => dedupeKey)).toEqual([
    `poll ${REPO} issues.opened 2`,
    `poll ${REPO} issues.opened 2`,
  ]);
});

test("what could not be taken in is found again", async () => {
  const { poll, taken, lists, fail } = polled();
  await poll();
  lists.issues?.unshift(issue(2));
  fail(true);
  await expect(poll()).rejects.toThrow("the store is full");
  fail(false);
  await poll();
  expect(taken.map(({ type }) => type)).toEqual(["issues.opened"]);
});

test("a list that has not changed is asked for once a round, and nothing else is", async () => {
  const { poll, asked } = polled();
  await poll();
  asked.length = 0;
  await poll();
  expect(asked).toEqual(["issues", "issues/events", "pulls", "pulls", "issues/comments"]);
});

test("more than a page of news is read to its end", async () => {
  const { poll, taken, lists } = polled();
  await poll();
  for (let id = 2; id <= 251; id++) lists.issues?.unshift(issue(id));
  await poll();
  expect(taken.map(({ subject }) => subject?.issueNumber)).toEqual(Array.from({ length: 250 }, (_, at) => at + 2));
});

test("a list that is refused for good keeps nobody from the others", async () => {
  const { poll, taken, lists, refuse } = polled();
  refuse((name) => (name === "issues/events" ? Promise.resolve({ done: false, error: "404", again: "never" }) : null));
  await poll();
  lists["issues/comments"]?.unshift(comment(70, 1));
  expect(await poll()).toMatchObject({ error: "404" });
  expect(taken.map(({ type }) => type)).toEqual(["issue_comment.created"]);
});

test("a repository is asked again and again, and left alone for as long as GitHub says", async () => {
  const { polling, asked, clock, refuse } = polled();
  const quiet = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
  };
  const stop = startPolling({ ...polling, repositories: [REPO], everyMs: 60_000 });
  onTestFinished(stop);
  await quiet();
  const round = asked.length;
  expect(round).toBe(5);
  refuse(() => Promise.resolve({ done: false, error: "limit", again: "2026-11-21T09:10:00.000Z" }));
  clock.advance(60_000);
  await quiet();
  expect(asked.length).toBe(round + 1);
  refuse(() => null);
  for (let minute = 2; minute < 10; minute++) {
    clock.advance(60_000);
    await quiet();
  }
  expect(asked.length).toBe(round + 1);
  clock.advance(60_000);
  await quiet();
  expect(asked.length).toBe(2 * round + 1);
});
