import type { Iso } from "../../domain/clock.ts";
import { Refusal } from "./refusal.ts";

/** What will not heal by waiting; 401 may, with a fresh token, which is for whoever has one to try. */
const HOPELESS: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 406, 410, 413, 415, 422, 451]);
/** GitHub's word for limits that name no time: at least a minute. */
const UNNAMED_MS = 60_000;
/** Nobody is believed who says more than this. */
const LONGEST_MS = 24 * 3_600_000;
const LONGEST_WORDS = 500;

type Heard = Pick<Response, "status" | "headers">;

/** A refusal as GitHub means it (REST: best practices, rate limits): when to ask again, or that there is no use in it. */
export function refusalOf(name: string, response: Heard, body: string, now: Iso): Refusal {
  const { status } = response;
  const words = `${name}: ${status} ${wordsOf(body)}`.trim();
  const after = limitOf(response, body, now);
  if (after !== null) return new Refusal(words, new Date(Date.parse(now) + after).toISOString(), status);
  return new Refusal(words, HOPELESS.has(status) ? "never" : "later", status);
}

/** For how long nothing may be asked; null where no limit is meant. */
function limitOf({ status, headers }: Heard, body: string, now: Iso): number | null {
  const asked = headers.get("retry-after");
  if (status !== 403 && status !== 429 && !(status === 503 && asked !== null)) return null;
  const seconds = asked === null ? Number.NaN : Number(asked);
  if (Number.isFinite(seconds)) return within(seconds * 1000);
  const moment = asked === null ? Number.NaN : Date.parse(asked);
  if (Number.isFinite(moment)) return within(moment - Date.parse(now));
  const reset = Number(headers.get("x-ratelimit-reset") ?? Number.NaN);
  if (headers.get("x-ratelimit-remaining") === "0" && Number.isFinite(reset))
    return within(reset * 1000 - Date.parse(now));
  return status === 429 || /rate limit|abuse detection/i.test(body) ? UNNAMED_MS : null;
}

function within(ms: number): number {
  return Math.min(Math.max(ms, 1_000), LONGEST_MS);
}

/** GitHub's own words, and which fields they are about. */
function wordsOf(body: string): string {
  try {
    const { message, errors } = JSON.parse(body) as { message?: unknown; errors?: unknown };
    if (typeof message === "string") {
      const fields = Array.isArray(errors) ? ` ${JSON.stringify(errors)}` : "";
      return `${message}${fields}`.slice(0, LONGEST_WORDS);
    }
  } catch {
    // Not GitHub's own: a proxy's page says nothing that a log needs.
  }
  return body.trimStart().startsWith("<") ? "" : body.slice(0, LONGEST_WORDS);
}
