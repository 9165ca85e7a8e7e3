import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { anthropic } from "./anthropic.ts";
import { chat } from "./chat.ts";
import type { Of, Protocol } from "./protocol.ts";
import { responses } from "./responses.ts";
import type { Body, Heard, Refused, Reply, Said } from "./script.ts";

/** A model on loopback that says what its script says, over the real protocols; nothing else answers there. */
export interface Llm {
  /** Without a path: `http://127.0.0.1:40123`. */
  readonly url: string;
  /** What it was asked so far. */
  readonly heard: readonly Heard[];
  /** Resolves with all of them once there are so many. */
  asked(count: number): Promise<readonly Heard[]>;
  close(): Promise<void>;
}

const PROTOCOLS: readonly Protocol[] = [anthropic, chat, responses];

/** Answers each request by the next reply of the script; a script that is over refuses what still comes. */
export async function llm(script: Iterable<Reply>): Promise<Llm> {
  const replies = script[Symbol.iterator]();
  const heard: Heard[] = [];
  const listening = new Set<() => void>();
  const closing = Promise.withResolvers<void>();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "").split("?")[0] ?? "";
    const body = await bodyOf(request);
    if (path === `${anthropic.path}/count_tokens`) return json(response, 200, { input_tokens: 42 });
    const protocol = PROTOCOLS.find((each) => each.path === path);
    if (!protocol || request.method !== "POST") return json(response, 404, { error: { message: `no ${path} here` } });
    const model = String(body.model);
    const of: Of = { id: String(heard.length + 1), body, model };
    const { name } = protocol;
    const { headers } = request;
    heard.push({ protocol: name, headers, body, model, streaming: body.stream === true, ...protocol.read(body) });
    for (const hear of [...listening]) hear();
    const next = replies.next();
    const reply: Reply = next.done ? { status: 400, message: "the script is over" } : next.value;
    if ("status" in reply) return json(response, reply.status, protocol.refusal(reply), retry(reply));
    await Promise.race([reply.before, closing.promise]);
    if (body.stream === true) return send(response, protocol.stream(reply, of), reply, closing.promise);
    return json(response, 200, protocol.whole(reply, of));
  }

  const server = createServer((request, response) => {
    request.socket.setNoDelay(true);
    // A client that went away is its own affair.
    response.on("error", () => {});
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    asked: (count) =>
      new Promise((resolve) => {
        const hear = (): void => {
          if (heard.length < count) return;
          listening.delete(hear);
          resolve([...heard]);
        };
        listening.add(hear);
        hear();
      }),
    close: () => {
      closing.resolve();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Sizes of what is written at once, in turn: frames, lines and characters are cut where no one expects it. */
const ODD = [1, 7, 61, 2, 1021, 3, 4093, 13, 16_381];

async function send(
  response: ServerResponse,
  frames: readonly string[],
  { midway, dropped }: Said,
  closing: Promise<void>,
): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  const tail = midway ? Math.min(2, frames.length) : 0;
  const bytes = Buffer.from(frames.slice(0, frames.length - tail).join(""));
  const end = dropped === undefined ? bytes.length : Math.floor(bytes.length * dropped);
  for (let at = 0, piece = 0; at < end && !response.destroyed; piece++) {
    const size = ODD[piece % ODD.length] as number;
    response.write(bytes.subarray(at, Math.min(at + size, end)));
    at += size;
    await turn();
  }
  if (dropped !== undefined) return void response.socket?.destroy();
  await Promise.race([midway, closing]);
  response.end(frames.slice(frames.length - tail).join(""));
}

function json(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

function retry({ retryAfterSeconds }: Refused): Record<string, string> {
  return retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
}

async function bodyOf(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8")) as Body;
  } catch {
    return {};
  }
}
