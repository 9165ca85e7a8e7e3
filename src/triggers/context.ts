import type { TriggerEvent } from "../domain/delivery.ts";
import type { Json } from "../domain/json.ts";
import { at, textAt, wholeAt } from "../domain/pointer.ts";
import { labelsOf } from "./github.ts";

type Fields = { readonly [name: string]: Json };

/** What a run is told of its event, beside what `trigger` tells: engine rule 5 allows 65,536 bytes in all. */
const MOST_BYTES = 56_000;

/** What texts and conditions read of an event, under the flat names that older files know; what is not there is absent. */
export function contextOf(event: TriggerEvent): Fields {
  const { source, type, subject, actor, payload } = event;
  const [owner, repo] = subject ? halves(subject.repo) : [null, null];
  return known({
    source,
    event: type,
    sender: actor?.login ?? null,
    owner,
    repo,
    issueNumber: subject?.issueNumber ?? null,
    ...(source === "github" ? githubFields(payload) : {}),
    payload,
  });
}

/**
 * The same as a run keeps it, cut to what a run can keep. Most of what GitHub sends are addresses of its API: a workflow
 * that never speaks of the payload has it without them, since whatever a run keeps is written again at every turn.
 */
export function keptContextOf(event: TriggerEvent, speaksOfPayload: boolean): Fields {
  const lean = event.source === "github" && !speaksOfPayload;
  return fitted(contextOf(lean ? { ...event, payload: withoutAddresses(event.payload) } : event), MOST_BYTES);
}

const ADDRESSES: ReadonlySet<string> = new Set(["url", "node_id", "_links", "gravatar_id"]);

function isAddress(name: string): boolean {
  return ADDRESSES.has(name) || (name.endsWith("_url") && name !== "html_url");
}

function withoutAddresses(value: Json): Json {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutAddresses);
  const kept: Record<string, Json> = {};
  for (const [name, each] of Object.entries(value as Fields)) if (!isAddress(name)) kept[name] = withoutAddresses(each);
  return kept;
}

function halves(repo: string): [string | null, string] {
  const slash = repo.lastIndexOf("/");
  return slash < 0 ? [null, repo] : [repo.slice(0, slash), repo.slice(slash + 1)];
}

function githubFields(payload: Json): Record<string, Json> {
  const pull = at(payload, "/pull_request") !== undefined;
  const issue = at(payload, "/issue") !== undefined;
  const about = pull
    ? "/pull_request"
    : issue
      ? "/issue"
      : at(payload, "/discussion") !== undefined
        ? "/discussion"
        : "";
  const comment = textAt(payload, "/comment/body") ?? textAt(payload, "/review/body");
  const title = about === "" ? null : textAt(payload, `${about}/title`);
  const text = about === "" ? null : textAt(payload, `${about}/body`);
  const labels = about === "" ? [] : labelsOf(payload, about as "/issue");
  const isPull = pull || at(payload, "/issue/pull_request") !== undefined;
  return known({
    labels,
    title,
    body: comment ?? text,
    commentBody: comment,
    issueTitle: title,
    issueBody: text,
    issueLabels: about === "" ? null : labels,
    ...(isPull
      ? {
          prNumber: wholeAt(payload, `${about}/number`),
          prTitle: title,
          prBody: text,
          prLabels: labels,
          branch: textAt(payload, "/pull_request/head/ref"),
          baseBranch: textAt(payload, "/pull_request/base/ref"),
        }
      : {}),
  });
}

function known(fields: { readonly [name: string]: Json }): Record<string, Json> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

/** How long texts and lists may be, from the first to the last resort. */
const CUTS = [
  { text: 16_384, list: 1_000 },
  { text: 4_096, list: 200 },
  { text: 1_024, list: 50 },
  { text: 256, list: 10 },
  { text: 64, list: 3 },
] as const;

/** A large event is told in part, and says so; it never fails for its size. */
function fitted(context: Fields, most: number): Fields {
  const size = (value: Json): number => Buffer.byteLength(JSON.stringify(value));
  const whole = size(context);
  if (whole <= most) return context;
  for (const limits of CUTS) {
    const cut = shortened(context, limits) as Fields;
    if (size(cut) <= most) return cut;
  }
  return { ...(shortened(context, CUTS[4]) as Fields), payload: `…[left out: ${whole} bytes in all]` };
}

function shortened(value: Json, limits: { readonly text: number; readonly list: number }): Json {
  if (typeof value === "string") {
    const over = value.length - limits.text;
    // Not from the middle of a character.
    return over > 0
      ? `${value.slice(0, limits.text).replace(/[\ud800-\udbff]$/, "")}…[truncated ${over} chars]`
      : value;
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const over = value.length - limits.list;
    const kept = value.slice(0, limits.list).map((each: Json) => shortened(each, limits));
    return over > 0 ? [...kept, `…[left out: ${over} more]`] : kept;
  }
  return Object.fromEntries(Object.entries(value as Fields).map(([name, each]) => [name, shortened(each, limits)]));
}
