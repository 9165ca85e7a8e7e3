import type { FetchFunction, Logger, LogLevel } from "@slack/web-api";
import type { Clock } from "../../domain/clock.ts";
import { type Failure, later, refusedWith } from "./failure.ts";

const PATIENCE_MS = 15_000;
/** Whoever pressed a button waits, and what it opens is refused after three seconds. */
const PATIENCE: Readonly<Record<string, number>> = { "views.open": 3_000 };
const LARGEST_ANSWER = 8 * 1024 * 1024;

/** Carries a failure through a library that knows only errors. */
export class Refusal extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.words);
    this.name = "Refusal";
    this.failure = failure;
  }
}

/** The libraries' way to Slack, bounded in time and size: the whole answer is here before they see any of it. */
export function wire(clock: Pick<Clock, "now" | "after">, until?: AbortSignal): FetchFunction {
  return async (url, init) => {
    const method = new URL(url).pathname.split("/").at(-1) ?? "";
    const patience = PATIENCE[method] ?? PATIENCE_MS;
    const abort = new AbortController();
    const signal = until === undefined ? abort.signal : AbortSignal.any([abort.signal, until]);
    const cancel = clock.after(patience, () => abort.abort());
    try {
      const response = await fetch(url, { ...init, signal } as RequestInit);
      const text = await bounded(response);
      if (response.status !== 200)
        throw new Refusal(refusedWith(method, response.status, response.headers.get("retry-after"), clock.now()));
      if (text === null) throw new Refusal(later(method, "too_large", clock.now()));
      if (!isObject(text)) throw new Refusal(later(method, "no_json", clock.now()));
      return answer(response, text);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      const why = abort.signal.aborted ? `no whole answer within ${patience / 1000} s` : causeOf(error);
      throw new Refusal(later(method, "network", clock.now(), undefined, why));
    } finally {
      cancel();
    }
  };
}

async function bounded(response: Response): Promise<string | null> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    if (bytes > LARGEST_ANSWER) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** A proxy's page is no answer of Slack's, whatever its status. */
function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function answer({ status, statusText, url, headers }: Response, text: string): Awaited<ReturnType<FetchFunction>> {
  return {
    ok: true,
    status,
    statusText,
    url,
    headers,
    text: async () => text,
    json: async () => JSON.parse(text),
    arrayBuffer: async () => new TextEncoder().encode(text).buffer,
  };
}

function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message || cause.name : message;
}

const nothing = (): void => {};

/** The libraries would print what they send; what went wrong is told to whoever asked. */
export const SILENT: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  setLevel: nothing,
  setName: nothing,
  getLevel: () => "error" as LogLevel,
};
