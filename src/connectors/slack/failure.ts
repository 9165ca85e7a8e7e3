import type { Iso } from "../../domain/clock.ts";

/** What Slack said, or why it did not: an expected ending, never thrown. */
export type Told<T> = { readonly ok: true; readonly value: T } | Failure;

/** `later` may heal by waiting, and is not worth asking again before `retryAt`; `permanent` will not. */
export type Failure = {
  readonly ok: false;
  /** Slack's own word where it gave one: `channel_not_found`, `ratelimited`; else the HTTP status, or `network`. */
  readonly code: string;
  /** The method and Slack's words, for people. */
  readonly words: string;
} & ({ readonly kind: "later"; readonly retryAt: Iso } | { readonly kind: "permanent" });

/** Words of Slack's for what is no fault of ours; any other is about what was asked, or about who asks. */
const PASSING: ReadonlySet<string> = new Set([
  "ratelimited",
  "rate_limited",
  "message_limit_exceeded",
  "internal_error",
  "fatal_error",
  "service_unavailable",
  "request_timeout",
  "team_added_to_org",
  "org_login_required",
  "update_failed",
]);

/** Not sooner than what may still be under way at Slack is done there. */
const SOON_MS = 5_000;
/** For limits that name no time. */
const UNNAMED_MS = 60_000;
/** Nobody is believed who says more than this. */
const LONGEST_MS = 24 * 3_600_000;
const LONGEST_WORDS = 500;

export function permanent(method: string, code: string, words = ""): Failure {
  return { ok: false, kind: "permanent", code, words: phrase(method, code, words) };
}

export function later(method: string, code: string, now: Iso, afterMs = SOON_MS, words = ""): Failure {
  const wait = Math.min(Math.max(afterMs, 1_000), LONGEST_MS);
  const retryAt = new Date(Date.parse(now) + wait).toISOString();
  return { ok: false, kind: "later", retryAt, code, words: phrase(method, code, words) };
}

/** What Slack answered with `ok: false`. */
export function refusedBy(method: string, code: string, now: Iso, words = ""): Failure {
  if (!PASSING.has(code)) return permanent(method, code, words);
  return later(method, code, now, code.startsWith("rate") ? UNNAMED_MS : SOON_MS, words);
}

/** What came with another status than 200. */
export function refusedWith(method: string, status: number, after: string | null, now: Iso): Failure {
  const seconds = after === null || after.trim() === "" ? Number.NaN : Number(after);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Number.NaN;
  if (status === 429) return later(method, "ratelimited", now, Number.isNaN(wait) ? UNNAMED_MS : wait);
  if (status >= 500 || status === 408 || status === 425)
    return later(method, String(status), now, Number.isNaN(wait) ? SOON_MS : wait);
  return permanent(method, String(status));
}

function phrase(method: string, code: string, words: string): string {
  return `${method}: ${code}${words === "" ? "" : ` (${words})`}`.slice(0, LONGEST_WORDS).toWellFormed();
}
