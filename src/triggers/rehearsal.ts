import type { TriggerEvent } from "../domain/delivery.ts";
import { Fault } from "../domain/fault.ts";
import type { Json } from "../domain/json.ts";
import type { DeliverySource } from "../domain/source.ts";
import type { Workflow } from "../domain/workflow.ts";
import { GITHUB_EVENTS } from "../workflow/schema/github-events.ts";
import { githubEvent } from "./github.ts";
import { type House, type Judgement, match } from "./matching.ts";
import { mapped } from "./webhook.ts";

/** What a payload is tried as. */
export interface Rehearsal {
  readonly payload: Json;
  /** `github`, or the name of a source. */
  readonly source: string;
  /** As `issues.opened` or `issues`; null takes what the payload looks like. */
  readonly event: string | null;
  readonly self: readonly string[];
  readonly house: House;
  readonly sources: readonly DeliverySource[];
  readonly workflows: readonly Workflow[];
  readonly now: string;
}

/** Which workflows an event would start and why, by the same matching that deliveries go through; nothing is started. */
export function rehearse(of: Rehearsal): { readonly event: TriggerEvent; readonly judged: readonly Judgement[] } {
  const event = of.source === "github" ? githubRehearsal(of) : otherRehearsal(of);
  return { event, judged: match(event, of.workflows, of.house) };
}

function githubRehearsal({ payload, event, self, now }: Rehearsal): TriggerEvent {
  const wanted = event ?? guess(payload);
  if (wanted === null)
    throw new Fault("usage.invalid", "The payload does not show which event it is of. Say it: --event issues.opened");
  const [name = "", action] = wanted.split(".");
  if (!GITHUB_EVENTS.has(name)) throw new Fault("usage.invalid", `GitHub has no event "${name}"`);
  const given =
    action !== undefined && typeof payload === "object" && payload !== null ? { ...payload, action } : payload;
  return githubEvent({ name, payload: given as Json, key: "rehearsal", via: "webhook", receivedAt: now }, self);
}

function otherRehearsal({ payload, event, source: name, sources, now }: Rehearsal): TriggerEvent {
  const source = sources.find((each) => each.name === name);
  // Where no file says otherwise, the payload stands for itself.
  const declared = source ?? ({ name, scheme: "standard-webhooks", secrets: [], places: {} } satisfies DeliverySource);
  const found = mapped(declared, "rehearsal", { head: () => null, payload }, now);
  return event === null ? found : { ...found, type: event };
}

/** A payload names its event by what it holds: the most telling first. */
const TELLING = [
  "pull_request_review_thread:thread",
  "pull_request_review:review",
  "pull_request_review_comment:comment+pull_request",
  "issue_comment:comment+issue",
  "discussion_comment:comment+discussion",
  "commit_comment:comment+repository",
  "pull_request:pull_request",
  "issues:issue",
  "discussion:discussion",
  "release:release",
  "workflow_run:workflow_run",
  "workflow_job:workflow_job",
  "check_run:check_run",
  "check_suite:check_suite",
  "push:commits",
  "ping:zen",
];

function guess(payload: Json): string | null {
  if (typeof payload !== "object" || payload === null) return null;
  const found = TELLING.find((each) =>
    (each.split(":")[1] as string).split("+").every((key) => Object.hasOwn(payload, key)),
  );
  return found?.split(":")[0] ?? null;
}
