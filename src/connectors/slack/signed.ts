import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Clock, Iso } from "../../domain/clock.ts";
import type { Json } from "../../domain/json.ts";
import { textAt } from "../../domain/pointer.ts";
import type { Log } from "../../engine/contracts/log.ts";
import { payloadOf } from "./answer.ts";
import { type Decoded, decodeCommand, decodeEvent, decodeInteraction } from "./decode.ts";
import type { Handle, Refused, SlackAnswer, SlackEvent, Unfit } from "./events.ts";

/** The door for those whom Slack can reach: it calls, and signs what it says. */
export interface SignedDoor {
  /** Resolves within three seconds, whatever comes. */
  answer(request: SignedRequest): Promise<SignedAnswer>;
}

export interface SignedRequest {
  /** A header's value; null where it is absent, or there more than once. */
  head(name: string): string | null;
  /** As it came: the signature is over these bytes. */
  readonly body: Buffer;
}

export interface SignedAnswer {
  readonly status: 200 | 400 | 401 | 413 | 503;
  readonly type: "application/json" | "text/plain";
  readonly body: string;
}

/** Slack gives up after three seconds; some of them go by on the way. */
const PATIENCE_MS = 2_500;
const APART_MS = 5 * 60_000;
const LARGEST = 1024 * 1024;
const LATE = Symbol("late");

export function signedDoor(options: {
  /** One, or two while they are changed. */
  readonly secrets: readonly string[];
  readonly clock: Pick<Clock, "now" | "after">;
  readonly log: Log;
  readonly handle: Handle;
  readonly refused: Refused;
}): SignedDoor {
  const { secrets, clock, log, handle, refused } = options;

  function refuse(status: SignedAnswer["status"], unfit: Unfit): SignedAnswer {
    refused(unfit);
    return plainly(status, "");
  }

  async function take(event: SlackEvent, retry: number): Promise<SignedAnswer> {
    let cancel = (): void => {};
    const late = new Promise<typeof LATE>((resolve) => {
      cancel = clock.after(PATIENCE_MS, () => resolve(LATE));
    });
    const kept = (async () => handle(event, { retry }))();
    try {
      const answer = await Promise.race([kept, late]);
      if (answer !== LATE) return saying(event, answer);
      kept.catch((error: unknown) => log.error({ event: event.id, err: error }, "an event of Slack's was not kept"));
      log.warn({ event: event.id }, "an event of Slack's is not durable in time; Slack is asked to deliver it again");
    } catch (error) {
      log.error({ event: event.id, err: error }, "an event of Slack's could not be kept; it is asked for again");
    } finally {
      cancel();
    }
    return plainly(503, "");
  }

  return {
    answer: async ({ head, body }) => {
      if (body.length > LARGEST) return refuse(413, { code: "too_large", reason: "a delivery is larger than 1 MiB" });
      const stamp = head("x-slack-request-timestamp") ?? "";
      const signature = head("x-slack-signature") ?? "";
      if (!isTimely(stamp, clock.now())) return refuse(401, unsigned("its time is missing, or not of these minutes"));
      if (!isSigned(signature, stamp, body, secrets)) return refuse(401, unsigned("its signature does not hold"));
      const read = readBody(head("content-type") ?? "", body);
      if ("challenge" in read) return plainly(200, read.challenge);
      if (!read.ok) return refuse(read.code === "malformed" ? 400 : 200, read);
      return take(read.event, retryIn(head("x-slack-retry-num")));
    },
  };
}

/** v0 of Slack's signatures: as long for one that is nearly right as for any other. */
function isSigned(signature: string, stamp: string, body: Buffer, secrets: readonly string[]): boolean {
  if (!/^v0=[0-9a-f]{64}$/.test(signature)) return false;
  const given = Buffer.from(signature.slice(3), "hex");
  let found = false;
  for (const secret of secrets) {
    const made = createHmac("sha256", secret).update(`v0:${stamp}:`).update(body).digest();
    if (timingSafeEqual(made, given)) found = true;
  }
  return found;
}

function isTimely(stamp: string, now: Iso): boolean {
  return /^\d{9,11}$/.test(stamp) && Math.abs(Number(stamp) * 1000 - Date.parse(now)) <= APART_MS;
}

function retryIn(header: string | null): number {
  return header !== null && /^\d{1,3}$/.test(header) ? Number(header) : 0;
}

/** Events come as JSON, interactions as JSON in a form, commands as a form. */
function readBody(type: string, body: Buffer): Decoded | { readonly challenge: string } {
  const text = body.toString("utf8");
  const fallback = (): string => createHash("sha256").update(body).digest("hex");
  if (/^application\/json\b/i.test(type)) {
    const value = parsed(text);
    if (textAt(value, "/type") === "url_verification") return challenged(textAt(value, "/challenge"));
    return decodeEvent(value);
  }
  if (!/^application\/x-www-form-urlencoded\b/i.test(type)) return unfit("malformed", "it is neither JSON nor a form");
  const form = Object.fromEntries(new URLSearchParams(text));
  // Slack asks now and then whether anybody is there.
  if (form.ssl_check === "1") return { challenge: "" };
  return form.payload === undefined
    ? decodeCommand(form, fallback())
    : decodeInteraction(parsed(form.payload), fallback());
}

function challenged(challenge: string | null): Decoded | { readonly challenge: string } {
  // What is not of Slack's making is not said again.
  if (challenge === null || !/^[A-Za-z0-9._-]{1,500}$/.test(challenge)) return unfit("malformed", "it is no challenge");
  return { challenge };
}

function saying(event: SlackEvent, answer: SlackAnswer): SignedAnswer {
  const payload = payloadOf(event, answer);
  if (payload === null) return plainly(200, "");
  return { status: 200, type: "application/json", body: JSON.stringify(payload) };
}

function plainly(status: SignedAnswer["status"], body: string): SignedAnswer {
  return { status, type: "text/plain", body };
}

function unsigned(reason: string): Unfit {
  return { code: "unsigned", reason };
}

function unfit(code: Unfit["code"], reason: string): Decoded {
  return { ok: false, code, reason };
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
