import type { Clock } from "../../domain/clock.ts";
import type { Json } from "../../domain/json.ts";
import { refusalOf } from "./limits.ts";
import { Refusal } from "./refusal.ts";

/** One request over HTTP, bounded in time and size. */
export interface Wire {
  /** Throws a `Refusal` for whatever is no success; 304 is one. */
  send(request: Sent): Promise<Answer>;
}

export interface Sent {
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** Below the API's address, with its query. */
  readonly path: string;
  readonly authorization: string;
  readonly body?: Json;
  readonly etag?: string | null;
}

export interface Answer {
  readonly status: number;
  readonly data: Json;
  readonly etag: string | null;
  /** There is a page after this one. */
  readonly more: boolean;
}

const PATIENCE_MS = 20_000;
const LARGEST_ANSWER = 8 * 1024 * 1024;
const MOST_MOVES = 2;

export function wire({ api, clock, agent }: { api: string; clock: Clock; agent: string }): Wire {
  const base = new URL(api.endsWith("/") ? api : `${api}/`);

  return {
    send: async ({ method, path, authorization, body, etag }) => {
      const abort = new AbortController();
      const cancel = clock.after(PATIENCE_MS, () => abort.abort());
      const init: RequestInit = {
        method,
        signal: abort.signal,
        redirect: "manual",
        headers: {
          accept: "application/vnd.github+json",
          "x-github-api-version": "2022-11-28",
          "user-agent": agent,
          authorization,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(etag ? { "if-none-match": etag } : {}),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      };
      const name = `${method} ${path.replace(/\?.*$/, "")}`;
      try {
        const response = await moved(new URL(path.replace(/^\//, ""), base), init);
        const text = response.status === 304 ? "" : await bounded(response, name);
        if (!response.ok && response.status !== 304) throw refusalOf(name, response, text, clock.now());
        return {
          status: response.status,
          data: text === "" ? null : parsed(text, name),
          etag: response.headers.get("etag"),
          more: /<[^>]*>;[^,]*rel="next"/.test(response.headers.get("link") ?? ""),
        };
      } catch (error) {
        if (error instanceof Refusal) throw error;
        const why = abort.signal.aborted ? `no whole answer within ${PATIENCE_MS / 1000} s` : causeOf(error);
        throw new Refusal(`${name}: ${why}`, "later");
      } finally {
        cancel();
      }
    },
  };

  /** A repository that was renamed answers from its new place; who we are is told to nobody but the API's own host. */
  async function moved(url: URL, init: RequestInit): Promise<Response> {
    for (let moves = 0; ; moves++) {
      const response = await fetch(url, init);
      const to = response.headers.get("location");
      if (![301, 302, 307, 308].includes(response.status) || to === null || moves === MOST_MOVES) return response;
      await response.body?.cancel();
      url = new URL(to, url);
      if (url.origin !== base.origin)
        throw new Refusal(`it was sent on to another host, ${url.origin}`, "never", response.status);
    }
  }
}

async function bounded(response: Response, name: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    if (bytes > LARGEST_ANSWER) throw new Refusal(`${name}: the answer is larger than 8 MiB`, "later");
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function parsed(text: string, name: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new Refusal(`${name}: the answer is no JSON`, "later");
  }
}

function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
}
