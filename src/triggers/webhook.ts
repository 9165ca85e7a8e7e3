import { createHash } from "node:crypto";
import type { Iso } from "../domain/clock.ts";
import type { TriggerEvent } from "../domain/delivery.ts";
import { Fault } from "../domain/fault.ts";
import type { Json } from "../domain/json.ts";
import { at } from "../domain/pointer.ts";
import type { DeliverySource, HmacSource, Place } from "../domain/source.ts";
import { GITHUB_EVENTS } from "../workflow/schema/github-events.ts";
import { githubEvent } from "./github.ts";
import { couldBeStandard, digestIn, isSigned, isStandard } from "./signature.ts";

/** A header's value; null where it is absent, or there more than once. */
export type Head = (name: string) => string | null;

/** One who may deliver, and how it is told from others. */
export interface Webhooks {
  /** Whether the head could be that of a signed request: asked before a body is read and anything is computed. */
  couldBe(head: Head, now: Iso): boolean;
  isSigned(head: Head, body: Buffer): boolean;
  /** What the delivery says; throws `delivery.unfit`. */
  event(head: Head, payload: Json, body: Buffer, now: Iso): TriggerEvent;
}

/** Every source by its name. GitHub is one of them as soon as there is a secret. */
export function webhooks(options: {
  readonly github: readonly string[];
  /** Names under which this daemon acts on GitHub. */
  readonly self: readonly string[];
  readonly sources: readonly DeliverySource[];
  /** Values of secrets by name. */
  readonly secrets: { readonly [name: string]: string };
}): ReadonlyMap<string, Webhooks> {
  const { github, self, sources, secrets } = options;
  const all = new Map<string, Webhooks>();
  if (github.length > 0) all.set("github", githubWebhooks(github, self));
  for (const source of sources) {
    const values = source.secrets.flatMap((name) => secrets[name] ?? []);
    all.set(source.name, source.scheme === "hmac" ? hmacWebhooks(source, values) : standardWebhooks(source, values));
  }
  return all;
}

/** In the place of a source that is not there: it does what one does whose signature never holds. */
export const NOBODY: Webhooks = {
  couldBe: () => true,
  isSigned: () => false,
  event: () => {
    throw new Fault("delivery.unfit", "The delivery is nobody's");
  },
};

const GITHUB = { algorithm: "sha256", encoding: "hex", prefix: "sha256=" } as const;

function githubWebhooks(secrets: readonly string[], self: readonly string[]): Webhooks {
  const digest = (head: Head) => digestIn(head("x-hub-signature-256") ?? "", GITHUB);
  return {
    couldBe: (head) => digest(head) !== null,
    isSigned: (head, body) => {
      const given = digest(head);
      return given !== null && isSigned(given, secrets, GITHUB.algorithm, [body]);
    },
    event: (head, payload, _body, now) => {
      const key = head("x-github-delivery") ?? "";
      if (!/^[A-Za-z0-9_-]{1,64}$/.test(key)) throw unfit("X-GitHub-Delivery is no id of a delivery, or there twice");
      const name = head("x-github-event") ?? "";
      if (!GITHUB_EVENTS.has(name)) throw unfit(`X-GitHub-Event is no event that is known: "${name.slice(0, 64)}"`);
      return githubEvent({ name, payload: object(payload), key, via: "webhook", receivedAt: now }, self);
    },
  };
}

function standardWebhooks(source: DeliverySource, secrets: readonly string[]): Webhooks {
  const headers = (head: Head) => ({
    id: head("webhook-id") ?? "",
    timestamp: head("webhook-timestamp") ?? "",
    signature: head("webhook-signature") ?? "",
  });
  return {
    couldBe: (head) => couldBeStandard(headers(head)),
    isSigned: (head, body) => isStandard(headers(head), secrets, body),
    event: (head, payload, _body, now) => mapped(source, headers(head).id, { head, payload }, now),
  };
}

function hmacWebhooks(source: HmacSource, secrets: readonly string[]): Webhooks {
  const { header, timestamp, signs } = source;
  const digest = (head: Head) => digestIn(head(header) ?? "", source);
  const stampIn = (head: Head): string => (timestamp === null ? "" : (head(timestamp.header) ?? ""));
  return {
    couldBe: (head, now) => {
      if (digest(head) === null) return false;
      if (timestamp === null) return true;
      const stamp = stampIn(head);
      return /^\d{9,11}$/.test(stamp) && Math.abs(Number(stamp) * 1000 - Date.parse(now)) <= timestamp.toleranceMs;
    },
    isSigned: (head, body) => {
      const given = digest(head);
      if (given === null) return false;
      const parts = signs.replaceAll("{timestamp}", stampIn(head)).split("{body}");
      const signed = parts.flatMap((part, which) => (which === 0 ? [part] : [body, part]));
      return isSigned(given, secrets, source.algorithm, signed);
    },
    event: (head, payload, body, now) => {
      const came = { head, payload: object(payload) };
      return mapped(source, keyOf(source, came, stampIn(head), body), came, now);
    },
  };
}

interface Came {
  readonly head: Head;
  readonly payload: Json;
}

/** A payload by what the source's file says of it. */
export function mapped({ name, places }: DeliverySource, key: string, came: Came, now: Iso): TriggerEvent {
  object(came.payload);
  const login = told(places.actor, came)?.slice(0, LONGEST) ?? null;
  const repo = told(places.repo, came)?.slice(0, LONGEST) ?? null;
  const number = told(places.issueNumber, came) ?? "";
  return {
    source: name,
    type: told(places.type, came)?.slice(0, LONGEST) ?? "",
    subject: repo === null ? null : { repo, issueNumber: /^\d{1,15}$/.test(number) ? Number(number) : null },
    actor: login === null ? null : { login, kind: "person", association: null },
    dedupeKey: key,
    payload: came.payload,
    receivedAt: now,
    via: "webhook",
    echo: null,
  };
}

/** Where no id is told of, a delivery is known by its bytes, and by its time where that is signed with them. */
function keyOf({ places: { id } }: DeliverySource, came: Came, stamp: string, body: Buffer): string {
  if (id === undefined) return createHash("sha256").update(stamp).update(body).digest("base64url");
  const found = told(id, came);
  if (found === null) throw unfit("The delivery has no id where its source's file says it stands");
  return found.length <= LONGEST ? found : createHash("sha256").update(found).digest("base64url");
}

function told(place: Place | undefined, { head, payload }: Came): string | null {
  if (place === undefined) return null;
  const found = typeof place === "string" ? at(payload, place) : head(place.header);
  return typeof found === "string" || typeof found === "number" ? String(found) || null : null;
}

const LONGEST = 200;

function object(payload: Json): Json {
  if (typeof payload === "object" && payload !== null && !Array.isArray(payload)) return payload;
  throw unfit("The payload is no JSON object");
}

function unfit(message: string): Fault {
  return new Fault("delivery.unfit", message);
}
