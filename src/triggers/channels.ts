import type { Json } from "../domain/json.ts";
import { at, textAt } from "../domain/pointer.ts";

/** One line of a list at GitHub. */
export type Item = { readonly id: number; readonly [name: string]: Json };

/** What of a list has been seen: the highest id, or the commit that each open pull request stands at. */
export interface Seen {
  readonly last: number;
  readonly heads?: { readonly [pull: string]: string };
}

/** A list of a repository, newest first, and the events that its new lines are. */
export interface Channel {
  readonly name: string;
  readonly path: string;
  /** What is seen, these included. */
  seen(before: Seen | null, items: readonly Item[]): Seen;
  /** Oldest first. */
  news(seen: Seen, items: readonly Item[]): readonly Item[];
  /** Whether the page after this one may hold something new too. */
  goesOn(seen: Seen, items: readonly Item[]): boolean;
  /** What else must be read to tell the event, below the repository. */
  about(item: Item): string | null;
  event(item: Item, about: Json, seen: Seen): Told;
}

/** As a webhook would tell it. */
interface Told {
  readonly name: string;
  readonly payload: { readonly [name: string]: Json };
  readonly key: string;
}

/** Lists whose lines are never changed in place: what is new has a higher id. */
function byId(
  name: string,
  path: string,
  of: { isNews?: (item: Item) => boolean; about?: (item: Item) => string | null; event: Channel["event"] },
): Channel {
  const { isNews = () => true, about = () => null, event } = of;
  return {
    name,
    path,
    seen: (before, items) => ({ last: Math.max(before?.last ?? 0, ...items.map(({ id }) => id)) }),
    news: ({ last }, items) => items.filter((item) => item.id > last && isNews(item)).sort((a, b) => a.id - b.id),
    goesOn: ({ last }, items) => items.every(({ id }) => id > last),
    about,
    event,
  };
}

const issues = byId("issues", "issues?state=all&sort=created&direction=desc", {
  isNews: (issue) => issue.pull_request === undefined,
  event: (issue) => ({
    name: "issues",
    payload: { action: "opened", issue, ...senderOf(issue) },
    key: `issues.opened ${issue.id}`,
  }),
});

const labels = byId("labels", "issues/events?", {
  isNews: (event) =>
    event.event === "labeled" && at(event, "/issue/id") !== undefined && at(event, "/issue/pull_request") === undefined,
  event: (event) => ({
    name: "issues",
    payload: {
      action: "labeled",
      // As it was then: a webhook's issue was changed at the moment of the label.
      issue: { ...(event.issue as { [name: string]: Json }), updated_at: event.created_at ?? null },
      label: event.label ?? null,
      sender: event.actor ?? null,
    },
    key: `issues.labeled ${event.id}`,
  }),
});

const pulls = byId("pulls", "pulls?state=all&sort=created&direction=desc", {
  event: (pull) => ({
    name: "pull_request",
    payload: { action: "opened", number: pull.number ?? null, pull_request: pull, ...senderOf(pull) },
    key: `pull_request.opened ${pull.id}`,
  }),
});

const comments = byId("comments", "issues/comments?sort=created&direction=desc", {
  about: (comment) => {
    const number = /\/issues\/(\d+)$/.exec(textAt(comment, "/issue_url") ?? "")?.[1];
    return number === undefined ? null : `issues/${number}`;
  },
  event: (comment, issue) => ({
    name: "issue_comment",
    payload: { action: "created", comment, issue, ...senderOf(comment) },
    key: `issue_comment.created ${comment.id}`,
  }),
});

/** Pull requests that are open, by the commit they stand at: one that moved was pushed to. */
const heads: Channel = {
  name: "heads",
  path: "pulls?state=open&sort=updated&direction=desc",
  seen: (before, items) => ({
    last: 0,
    heads: bounded({ ...before?.heads, ...Object.fromEntries(items.map(headOf)) }),
  }),
  news: ({ heads: known = {} }, items) =>
    items
      .filter((item) => {
        const [pull, sha] = headOf(item);
        return Object.hasOwn(known, pull) && known[pull] !== sha;
      })
      .reverse(),
  goesOn: () => false,
  about: () => null,
  event: (pull, _about, { heads: known = {} }) => {
    const [id, sha] = headOf(pull);
    return {
      name: "pull_request",
      payload: {
        action: "synchronize",
        number: pull.number ?? null,
        before: known[id] ?? null,
        after: sha,
        pull_request: pull,
        ...senderOf(pull),
      },
      key: `pull_request.synchronize ${id} ${sha}`,
    };
  },
};

export const CHANNELS: readonly Channel[] = [issues, labels, pulls, heads, comments];

const MOST_HEADS = 1_000;

/** The newest: names that are numbers stand in their order. */
function bounded(known: { readonly [pull: string]: string }): { readonly [pull: string]: string } {
  return Object.fromEntries(Object.entries(known).slice(-MOST_HEADS));
}

function headOf(pull: Item): [string, string] {
  return [String(pull.id), textAt(pull, "/head/sha") ?? ""];
}

function senderOf(item: Item): { readonly sender: Json } {
  return { sender: item.user ?? null };
}
