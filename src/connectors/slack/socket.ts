import type { Clock, Iso } from "../../domain/clock.ts";
import type { Json } from "../../domain/json.ts";
import { at, textAt, wholeAt } from "../../domain/pointer.ts";
import type { Log } from "../../engine/contracts/log.ts";
import { payloadOf } from "./answer.ts";
import { type Decoded, decodeCommand, decodeEvent, decodeInteraction } from "./decode.ts";
import type { Handle, Refused, SlackEvent } from "./events.ts";
import { type Failure, later } from "./failure.ts";
import { type Line, openLine } from "./line.ts";

/** The door for those whom Slack cannot reach: we call, and what happens comes down the line. */
export interface SocketDoor {
  start(): void;
  standing(): Standing;
  /** Takes nothing more; resolves when what is in hand is durable and acknowledged. */
  stop(): Promise<void>;
}

/** How it stands with the line, for whoever asks whether all is well. */
export interface Standing {
  readonly state: "connecting" | "open" | "waiting" | "stopped";
  readonly since: Iso;
  /** Why it is not open. */
  readonly words: string | null;
}

/** A line and what came by it that is not yet acknowledged. */
interface Held {
  openedAt: number;
  readonly inHand: Set<Promise<void>>;
  line: Line | null;
}

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
/** What will not heal by waiting may be mended by an operator meanwhile. */
const HOPELESS_RETRY_MS = 5 * 60_000;
/** A line that lasted so long was a good one. */
const STEADY_MS = 10_000;
const AT_ONCE = 100;
const LARGEST = 1024 * 1024;

export function socketDoor(options: {
  readonly api: string;
  readonly appToken: string;
  readonly clock: Pick<Clock, "now" | "after">;
  readonly log: Log;
  readonly handle: Handle;
  readonly refused: Refused;
}): SocketDoor {
  const { clock, log, handle, refused } = options;
  const lines = new Set<Held>();
  const ending = new AbortController();
  let current: Held | null = null;
  let failures = 0;
  let cancelTimer = (): void => {};
  let connecting: Promise<unknown> = Promise.resolve();
  let standing: Standing = { state: "stopped", since: clock.now(), words: null };

  function become(state: Standing["state"], words: string | null = null): void {
    standing = { state, since: clock.now(), words };
  }

  function connect(): void {
    if (ending.signal.aborted) return;
    become("connecting", standing.words);
    const held: Held = { openedAt: 0, inHand: new Set(), line: null };
    connecting = openLine({
      ...options,
      until: ending.signal,
      opened: (line) => opened(held, line),
      hear: (text) => hear(held, text),
      closed: (why) => gone(held, why),
    })
      .catch((error: unknown) => later("apps.connections.open", "surprise", clock.now(), undefined, String(error)))
      .then((failure) => failure && pause(failure));
  }

  function opened(held: Held, line: Line): void {
    held.line = line;
    held.openedAt = Date.parse(clock.now());
    const retired = [...lines];
    lines.add(held);
    current = held;
    if (ending.signal.aborted) return;
    become("open");
    for (const each of retired) void finish(each);
  }

  /** A failure's own time is kept; without one the pauses grow. */
  function pause(told: Failure | { readonly words: string; readonly kind: "gone" }): void {
    if (ending.signal.aborted) return;
    failures++;
    const grown = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LAST_RETRY_MS);
    const asked = told.kind === "later" ? Date.parse(told.retryAt) - Date.parse(clock.now()) : 0;
    // Only a limit names a time of its own.
    const limited = told.kind === "later" && told.code === "ratelimited" ? asked : 0;
    const wait = told.kind === "permanent" ? HOPELESS_RETRY_MS : Math.max(grown, limited);
    become("waiting", told.words);
    const say = told.kind === "permanent" ? log.error : log.warn;
    say.call(log, { failures, retry_ms: wait, why: told.words }, "Slack's line is not open; it is tried again");
    cancelTimer = clock.after(wait, connect);
  }

  function gone(held: Held, why: string): void {
    lines.delete(held);
    if (held !== current) return;
    current = null;
    if (wasSteady(held)) failures = 0;
    pause({ kind: "gone", words: why });
  }

  /** Slack wants another line, and says so beforehand: this one is kept until the next is open. */
  function retire(held: Held, reason: string): void {
    if (held !== current) return;
    current = null;
    log.debug({ reason }, "Slack asks for another line");
    if (wasSteady(held)) {
      failures = 0;
      connect();
    } else {
      // A Slack that refreshes whatever is opened is met like one that fails.
      pause({ kind: "gone", words: `Slack asked for another line: ${reason}` });
    }
  }

  function wasSteady({ openedAt }: Held): boolean {
    return Date.parse(clock.now()) - openedAt >= STEADY_MS;
  }

  async function finish(held: Held): Promise<void> {
    while (held.inHand.size > 0) await Promise.all(held.inHand);
    await held.line?.close();
    lines.delete(held);
  }

  function hear(held: Held, text: string): void {
    if (ending.signal.aborted) return;
    const envelope = text.length > LARGEST ? null : parsed(text);
    const type = textAt(envelope, "/type");
    if (type === "hello") return;
    if (type === "disconnect") {
      retire(held, textAt(envelope, "/reason") ?? "unknown");
      return;
    }
    const id = textAt(envelope, "/envelope_id");
    if (id === null || id.length > 200) {
      refused({ code: "malformed", reason: "it is no envelope, or larger than 1 MiB" });
      return;
    }
    const decoded = decodedFrom(type, at(envelope, "/payload") ?? null, id);
    if (!decoded.ok) {
      refused(decoded);
      // Slack would deliver it again, and nothing would be made of it then either.
      void held.line?.acknowledge(id, null);
      return;
    }
    if (held.inHand.size >= AT_ONCE) {
      refused({ code: "busy", reason: "too much is in hand; Slack delivers again" });
      return;
    }
    const takes = at(envelope, "/accepts_response_payload") === true;
    const work = take(held, id, decoded.event, wholeAt(envelope, "/retry_attempt") ?? 0, takes);
    held.inHand.add(work);
    void work.finally(() => held.inHand.delete(work));
  }

  async function take(held: Held, id: string, event: SlackEvent, retry: number, takes: boolean): Promise<void> {
    try {
      const answer = await handle(event, { retry });
      const sent = await held.line?.acknowledge(id, takes ? payloadOf(event, answer) : null);
      if (!sent) log.debug({ event: event.id }, "a line ended before its acknowledgement; Slack delivers again");
    } catch (error) {
      log.error({ event: event.id, err: error }, "an event of Slack's could not be kept; Slack delivers it again");
    }
  }

  return {
    start: () => {
      if (standing.state === "stopped") connect();
    },
    standing: () => standing,
    stop: async () => {
      ending.abort();
      cancelTimer();
      become("stopped");
      await connecting;
      await Promise.all([...lines].map(finish));
    },
  };
}

function decodedFrom(type: string | null, payload: Json, id: string): Decoded {
  if (type === "events_api") return decodeEvent(payload);
  if (type === "slash_commands") return decodeCommand(payload, id);
  if (type === "interactive") return decodeInteraction(payload, id);
  return { ok: false, code: "unsupported", reason: "envelopes of this type are not read" };
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
