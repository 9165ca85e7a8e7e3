import type { SocketModeClient } from "@slack/socket-mode";
import type { Clock } from "../../domain/clock.ts";
import type { Json } from "../../domain/json.ts";
import { type Failure, later } from "./failure.ts";
import { failureOf } from "./web.ts";
import { SILENT, wire } from "./wire.ts";

/** One connection of Socket Mode, from Slack's hello to its end. */
export interface Line {
  /** Acknowledges an envelope; false where the line is gone, and Slack will deliver again. */
  acknowledge(envelope: string, payload: { readonly [name: string]: Json } | null): Promise<boolean>;
  close(): Promise<void>;
}

const HELLO_MS = 30_000;
const CLOSING_MS = 2_000;
const PONG_MS = 15_000;

/**
 * Opens a line; it resolves once that is decided, with a failure or null. The library keeps the line, and reads its hello
 * alone: it would make promises that nobody holds of what it did not expect, and they would end the daemon. When to
 * connect again is ours to say, since after some failures it never does.
 */
export async function openLine(options: {
  readonly api: string;
  readonly appToken: string;
  readonly clock: Pick<Clock, "now" | "after">;
  /** Gives the attempt up. */
  readonly until: AbortSignal;
  /** Called with Slack's hello: what it sends next may be here already. */
  readonly opened: (line: Line) => void;
  readonly hear: (text: string) => void;
  /** Called once, when a line that was open is not any more. */
  readonly closed: (why: string) => void;
}): Promise<Failure | null> {
  const { clock, until, opened, hear, closed } = options;
  const client = await clientOf(options);
  const [read] = client.listeners("ws_message") as ((data: string, isBinary: boolean) => void)[];
  let state: "opening" | "open" | "over" = "opening";
  let why = "Slack closed the line";
  client.removeAllListeners("ws_message");
  client.on("ws_message", (data: unknown, isBinary: boolean) => {
    if (typeof data !== "string" || isBinary) return;
    if (state === "open") hear(data);
    else if (state === "opening" && isHello(data)) read?.(data, false);
  });
  client.on("error", (error: Error) => {
    const words = String(error?.message ?? error).slice(0, 200);
    if (words !== "") why = words;
  });
  client.on("connected", () => {
    if (state !== "opening") return;
    state = "open";
    opened({ acknowledge, close });
  });
  client.on("disconnected", () => {
    const was = state;
    state = "over";
    if (was === "open") closed(why);
  });

  async function acknowledge(envelope: string, payload: { readonly [name: string]: Json } | null): Promise<boolean> {
    const { websocket } = client;
    if (!websocket?.isActive()) return false;
    const text = JSON.stringify({ envelope_id: envelope, ...(payload === null ? {} : { payload }) });
    return new Promise((resolve) => websocket.send(text, (error) => resolve(error === undefined)));
  }

  async function close(): Promise<void> {
    // A second time is for good: the other side did not answer the first.
    const cancel = clock.after(CLOSING_MS, () => void client.disconnect());
    await client.disconnect();
    cancel();
  }

  const given = Promise.withResolvers<"late">();
  const giveUp = (): void => given.resolve("late");
  const cancel = clock.after(HELLO_MS, giveUp);
  until.addEventListener("abort", giveUp);
  try {
    const started = await Promise.race([client.start(), given.promise]);
    if (started !== "late" || is(state, "open")) return null;
    state = "over";
    void close();
    return later(OPEN, "network", clock.now(), undefined, "Slack did not say hello");
  } catch (error) {
    // Without an error the line was closed before it was open.
    if (error === undefined) return later(OPEN, "network", clock.now(), undefined, why);
    return failureOf(OPEN, error, clock.now());
  } finally {
    cancel();
    until.removeEventListener("abort", giveUp);
  }
}

const OPEN = "apps.connections.open";

/** What a callback changed meanwhile, which the compiler does not see. */
function is<T>(state: T, wanted: T): boolean {
  return state === wanted;
}

async function clientOf(options: {
  readonly api: string;
  readonly appToken: string;
  readonly clock: Pick<Clock, "now" | "after">;
  readonly until: AbortSignal;
}): Promise<SocketModeClient> {
  const { api, appToken, clock, until } = options;
  const { SocketModeClient } = await import("@slack/socket-mode");
  return new SocketModeClient({
    appToken,
    logger: SILENT,
    autoReconnectEnabled: false,
    clientPingTimeout: PONG_MS,
    clientOptions: {
      slackApiUrl: api,
      fetch: wire(clock, until),
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
    },
  });
}

function isHello(data: string): boolean {
  try {
    return JSON.parse(data)?.type === "hello";
  } catch {
    return false;
  }
}
