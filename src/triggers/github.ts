import type { Iso } from "../domain/clock.ts";
import type { Actor, Subject, TriggerEvent, Via } from "../domain/delivery.ts";
import type { Json } from "../domain/json.ts";
import { at, textAt, wholeAt } from "../domain/pointer.ts";

/** What GitHub says happened: by a webhook, or found by a poll that makes the same payload. */
export interface GithubEvent {
  /** As in `X-GitHub-Event`. */
  readonly name: string;
  readonly payload: Json;
  /** The delivery's id, or what a poll has in its place: unique. */
  readonly key: string;
  readonly via: Via;
  readonly receivedAt: Iso;
}

/** A payload of GitHub as an event. `self` are the names under which this daemon acts there. */
export function githubEvent(
  { name, payload, key, via, receivedAt }: GithubEvent,
  self: readonly string[],
): TriggerEvent {
  const action = textAt(payload, "/action")?.slice(0, LONGEST) ?? null;
  const type = action === null ? name : `${name}.${action}`;
  return {
    source: "github",
    type,
    subject: subjectOf(payload),
    actor: actorOf(name, action, payload, self),
    dedupeKey: key,
    payload,
    receivedAt,
    via,
    echo: echoOf(type, payload),
  };
}

/** GitHub's own names are shorter; a signature says who sent something, not that it makes sense. */
const LONGEST = 200;

function subjectOf(payload: Json): Subject | null {
  const repo = textAt(payload, "/repository/full_name")?.slice(0, LONGEST) ?? null;
  if (repo === null) return null;
  const number = NUMBERED.map((each) => wholeAt(payload, `${each}/number`)).find((each) => each !== null) ?? null;
  return { repo, issueNumber: number };
}

/** Where the number of an issue or a pull request stands. A discussion's number is another's. */
const NUMBERED = [
  "/issue",
  "/pull_request",
  "/check_run/pull_requests/0",
  "/check_suite/pull_requests/0",
  "/workflow_run/pull_requests/0",
];

function actorOf(name: string, action: string | null, payload: Json, self: readonly string[]): Actor | null {
  const login = textAt(payload, "/sender/login")?.slice(0, LONGEST) ?? null;
  if (login === null) return null;
  const isBot = textAt(payload, "/sender/type") === "Bot" || login.endsWith("[bot]");
  const isSelf = self.some((each) => each.toLowerCase() === login.toLowerCase()) || bearsOurMark(action, payload);
  return {
    login,
    kind: isSelf ? "self" : isBot ? "bot" : "person",
    association: associationOf(login, name, action, payload),
  };
}

/**
 * Behind a token stands a person, who also acts for themselves: what lastlight wrote under their name is known by the
 * mark at its end. Only of the text that is new, since others act on what has been there.
 */
function bearsOurMark(action: string | null, payload: Json): boolean {
  const fresh = ["/comment", "/review", ...(action === "opened" ? ["/issue", "/pull_request"] : [])];
  const text = fresh.map((each) => textAt(payload, `${each}/body`)).find((each) => each !== null) ?? "";
  return /(?:^|\n)<!-- lastlight:[0-9a-f]{32} -->\s*$/.test(text.slice(-200));
}

/** What people wrote, the newest first: who wrote it stands beside what they are to the repository. */
const WRITTEN = ["/comment", "/review", "/issue", "/pull_request", "/discussion"];

/** GitHub tells what an author is to the repository; of whoever else acts, only what the act itself takes. */
function associationOf(login: string, name: string, action: string | null, payload: Json): string | null {
  if (textAt(payload, "/repository/owner/login") === login) return "OWNER";
  for (const each of WRITTEN) {
    if (textAt(payload, `${each}/user/login`) !== login) continue;
    const association = textAt(payload, `${each}/author_association`);
    if (association !== null) return association;
  }
  // Labels are put on others' work by those alone whom the repository lets.
  return action === "labeled" && (name === "issues" || name === "pull_request") ? "COLLABORATOR" : null;
}

const MAINTAINERS: ReadonlySet<string> = new Set(["OWNER", "MEMBER", "COLLABORATOR"]);

/** Whether someone whom the repository trusts did it; not known is no. */
export function isByMaintainer({ actor }: TriggerEvent): boolean {
  return actor?.association !== null && actor?.association !== undefined && MAINTAINERS.has(actor.association);
}

/**
 * Whether what the event is about may hold code of someone outside: a pull request from a fork, or a comment on one that
 * does not say where it comes from.
 */
export function isFromFork({ payload }: TriggerEvent): boolean {
  const [head, base] = ["head", "base"].map((side) => at(payload, `/pull_request/${side}/repo/full_name`));
  // A fork that was deleted is null.
  if (at(payload, "/pull_request/head") !== undefined) return head !== base;
  if (at(payload, "/issue/pull_request") !== undefined) return true;
  const run = textAt(payload, "/workflow_run/head_repository/full_name");
  if (run !== null) return run !== textAt(payload, "/repository/full_name");
  // Of branches that are not the repository's own, checks tell no name.
  const branch = [at(payload, "/check_suite/head_branch"), at(payload, "/check_run/check_suite/head_branch")];
  return branch.includes(null);
}

/** Comments are what people give orders in. */
export function isComment({ type }: TriggerEvent): boolean {
  return /^(issue|commit|discussion|pull_request_review)_comment\b/.test(type);
}

/** Names of labels, of an issue or a pull request. */
export function labelsOf(payload: Json, of: "/issue" | "/pull_request" | "/discussion"): readonly string[] {
  const labels = at(payload, `${of}/labels`);
  if (!Array.isArray(labels)) return [];
  return labels.flatMap((each: Json) => textAt(each, "/name") ?? []);
}

/** Of what a poll sees too, what tells the happening itself: the same on either way. */
const HAPPENINGS: Readonly<Record<string, (payload: Json) => Json | undefined>> = {
  "issues.opened": (payload) => at(payload, "/issue/id"),
  "issues.closed": (payload) => joined(payload, "/issue/id", "/issue/closed_at"),
  "issues.reopened": (payload) => joined(payload, "/issue/id", "/issue/updated_at"),
  // A label's moment is the issue's last change, and there is no other name for it on both ways.
  "issues.labeled": (payload) => joined(payload, "/issue/id", "/label/name", "/issue/updated_at"),
  "issue_comment.created": (payload) => at(payload, "/comment/id"),
  "pull_request.opened": (payload) => at(payload, "/pull_request/id"),
  "pull_request.closed": (payload) => joined(payload, "/pull_request/id", "/pull_request/closed_at"),
  "pull_request.synchronize": (payload) => joined(payload, "/pull_request/id", "/pull_request/head/sha"),
  "pull_request_review.submitted": (payload) => at(payload, "/review/id"),
  "pull_request_review_comment.created": (payload) => at(payload, "/comment/id"),
  "release.published": (payload) => at(payload, "/release/id"),
  push: (payload) => joined(payload, "/ref", "/after"),
};

function echoOf(type: string, payload: Json): string | null {
  const id = Object.hasOwn(HAPPENINGS, type) ? HAPPENINGS[type]?.(payload) : undefined;
  return typeof id === "string" || typeof id === "number" ? `${type} ${String(id).slice(0, 400)}` : null;
}

function joined(payload: Json, ...pointers: readonly string[]): string | undefined {
  const parts = pointers.map((each) => at(payload, each));
  return parts.every((each) => typeof each === "string" || typeof each === "number") ? parts.join(" ") : undefined;
}
