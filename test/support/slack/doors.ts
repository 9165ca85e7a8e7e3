import { createHmac } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Happening } from "./happenings.ts";
import { accept, type Peer } from "./websocket.ts";
import type { Obj } from "./workspace.ts";

/** Something that happened, on its way to us. */
export interface Delivery {
  /** Resolves with what Slack was answered, null for a plain yes, once it was acknowledged by either door. */
  readonly answered: Promise<Obj | null>;
  /** How often it was sent. */
  readonly tries: number;
  /** Sends it, once more where it was sent before: Slack does when it hears nothing, and sometimes when it did. */
  send(): Promise<void>;
}

/** An acknowledgement, or an HTTP answer, as it came. */
export interface Answered {
  readonly door: "socket" | "http";
  readonly status: number;
  readonly payload: Obj | null;
}

/** By which way what happens is told: down a line that we opened, or to an address. */
export interface Doors {
  /** Where signed requests go; null is Socket Mode. */
  url: string | null;
  readonly answers: Answered[];
  /** Lines that are open. */
  readonly lines: Set<Peer>;
  /** How many were asked for. */
  upgrades: number;
  /** A line says hello no sooner than this. */
  hello: Promise<unknown>;
  deliver(happening: Happening): Delivery;
  /** Nothing is sent until `release`, which may put it in another order. */
  hold(): void;
  release(order?: (held: readonly Delivery[]) => readonly Delivery[]): Promise<void>;
  /** Sends what nobody has acknowledged again. */
  retry(): Promise<void>;
  ticket(): string;
  upgrade(request: IncomingMessage, socket: Duplex): void;
  /** Resolves once so many lines have been opened in all. */
  opened(count: number): Promise<void>;
}

interface Sent extends Delivery {
  readonly envelope: string;
  done: boolean;
  tries: number;
  heard(answer: Answered): void;
}

export function doors(options: { secret: string; now: () => number }): Doors {
  const tickets = new Set<string>();
  const all: Sent[] = [];
  const listening = new Set<() => void>();
  let held: Sent[] | null = null;
  let count = 0;
  let opened = 0;

  const self: Doors = {
    url: null,
    answers: [],
    lines: new Set(),
    upgrades: 0,
    hello: Promise.resolve(),
    deliver: (happening) => {
      const sent = delivery(happening);
      all.push(sent);
      if (held) held.push(sent);
      else void sent.send();
      return sent;
    },
    hold: () => {
      held ??= [];
    },
    release: async (order = (list) => list) => {
      const waiting = held ?? [];
      held = null;
      for (const each of order(waiting)) await each.send();
    },
    retry: async () => {
      for (const each of all.filter(({ done }) => !done)) await each.send();
    },
    ticket: () => {
      const ticket = `t${++count}`;
      tickets.add(ticket);
      return ticket;
    },
    upgrade: (request, socket) => {
      self.upgrades++;
      const ticket = new URL(request.url ?? "", "http://slack").searchParams.get("ticket") ?? "";
      if (!tickets.delete(ticket)) return void socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
      const peer = accept(request, socket, { text: acknowledged, closed: () => self.lines.delete(peer) });
      void self.hello.then(() => {
        peer.send(JSON.stringify({ type: "hello", num_connections: self.lines.size + 1, connection_info: {} }));
        self.lines.add(peer);
        opened++;
        for (const hear of [...listening]) hear();
        // What came while nobody listened, or was lost on the way.
        if (!held) void self.retry();
      });
    },
    opened: (wanted) =>
      new Promise((resolve) => {
        const hear = (): void => {
          if (opened < wanted) return;
          listening.delete(hear);
          resolve();
        };
        listening.add(hear);
        hear();
      }),
  };
  return self;

  function delivery({ type, body }: Happening): Sent {
    const answered = Promise.withResolvers<Obj | null>();
    const sent: Sent = {
      envelope: `env-${++count}`,
      answered: answered.promise,
      done: false,
      tries: 0,
      heard: (answer) => {
        self.answers.push(answer);
        if (answer.status !== 200) return;
        sent.done = true;
        answered.resolve(answer.payload);
      },
      send: async () => {
        if (self.url !== null) return post(self.url, sent.tries++);
        const [line] = self.lines;
        line?.send(JSON.stringify(envelope(sent.tries++)));
      },
    };
    return sent;

    function envelope(retry: number): Obj {
      const retries = type === "events_api" ? { retry_attempt: retry, retry_reason: retry === 0 ? "" : "timeout" } : {};
      return {
        envelope_id: sent.envelope,
        type,
        payload: body,
        accepts_response_payload: type !== "events_api",
        ...retries,
      };
    }

    async function post(url: string, retry: number): Promise<void> {
      const text =
        type === "events_api"
          ? JSON.stringify(body)
          : new URLSearchParams(
              type === "interactive" ? { payload: JSON.stringify(body) } : (body as Record<string, string>),
            ).toString();
      const kind = type === "events_api" ? "application/json" : "application/x-www-form-urlencoded";
      const again = { "x-slack-retry-num": String(retry), "x-slack-retry-reason": "http_timeout" };
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": kind, ...signature(options, text), ...(retry === 0 ? {} : again) },
        body: text,
      }).catch(() => null);
      if (!response) return;
      const answer = await response.text();
      sent.heard({
        door: "http",
        status: response.status,
        payload: answer === "" ? null : (JSON.parse(answer) as Obj),
      });
    }
  }

  function acknowledged(text: string): void {
    const { envelope_id, payload } = JSON.parse(text) as { envelope_id: string; payload?: Obj };
    const sent = all.find(({ envelope }) => envelope === envelope_id);
    sent?.heard({ door: "socket", status: 200, payload: payload && Object.keys(payload).length > 0 ? payload : null });
  }
}

/** The headers by which Slack signs a request. */
export function signature(
  { secret, now }: { secret: string; now: () => number },
  body: string,
): Record<string, string> {
  const stamp = String(Math.floor(now() / 1000));
  const digest = createHmac("sha256", secret).update(`v0:${stamp}:${body}`).digest("hex");
  return { "x-slack-request-timestamp": stamp, "x-slack-signature": `v0=${digest}` };
}
