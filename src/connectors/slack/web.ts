import type { WebClient } from "@slack/web-api";
import type { Clock, Iso } from "../../domain/clock.ts";
import type { Json } from "../../domain/json.ts";
import { type Failure, later, refusedBy, type Told } from "./failure.ts";
import { Refusal, SILENT, wire } from "./wire.ts";

export type Fields = { readonly [name: string]: Json };

/** Slack's Web API, one method at a time. */
export interface Web {
  call(method: string, args: { readonly [name: string]: Json | undefined }): Promise<Told<Fields>>;
}

const AT_ONCE = 8;

/** The library is loaded with the first call; retries are for whoever keeps what is owed. */
export function web({ api, token, clock }: { api: string; token: string; clock: Pick<Clock, "now" | "after"> }): Web {
  /** Until then a method is not asked: a limit is for all that ask it, and whoever goes on asking is locked out for longer. */
  const limited = new Map<string, Failure & { kind: "later" }>();
  let opened: Promise<WebClient> | null = null;

  async function open(): Promise<WebClient> {
    const { WebClient } = await import("@slack/web-api");
    return new WebClient(token, {
      slackApiUrl: api,
      fetch: wire(clock),
      logger: SILENT,
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      maxRequestConcurrency: AT_ONCE,
      allowAbsoluteUrls: false,
    });
  }

  return {
    call: async (method, args) => {
      const known = limited.get(method);
      if (known && known.retryAt > clock.now()) return known;
      limited.delete(method);
      opened ??= open();
      try {
        const client = await opened;
        return { ok: true, value: (await client.apiCall(method, args)) as unknown as Fields };
      } catch (error) {
        const failure = failureOf(method, error, clock.now());
        if (failure.kind === "later" && failure.code === "ratelimited") limited.set(method, failure);
        return failure;
      }
    },
  };
}

/** What the library stumbles over in an answer is an odd answer: it is asked again later. */
export function failureOf(method: string, error: unknown, now: Iso): Failure {
  const { original, data, message } = error as { original?: unknown; data?: unknown; message?: unknown };
  if (original instanceof Refusal) return original.failure;
  const { error: code, needed, response_metadata } = (data ?? {}) as Fields;
  if (typeof code !== "string") return later(method, "unreadable", now, undefined, String(message ?? error));
  const details = (response_metadata as Fields | undefined)?.messages;
  const words = [
    ...(typeof needed === "string" ? [`needs the scope ${needed}`] : []),
    ...(Array.isArray(details) ? details.filter((each: Json) => typeof each === "string") : []),
  ];
  return refusedBy(method, code.slice(0, 100), now, words.join("; "));
}
