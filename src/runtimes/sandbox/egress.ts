import { lookup } from "node:dns/promises";
import { createServer, type IncomingMessage, request, type ServerResponse, STATUS_CODES } from "node:http";
import { connect, isIP, type Socket } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import type { Clock } from "../../domain/clock.ts";
import { isPublic } from "./addresses.ts";
import { type Opened, openedBy, readPlace } from "./hosts.ts";

/** The only way out of a sandbox: a proxy on a unix socket that reaches what was opened, and tells what it refused. */
export interface Egress {
  close(): void;
}

/** What the proxy said no to. */
export interface Refused {
  readonly at: string;
  /** What was asked for, word for word, cut where it is long. */
  readonly asked: string;
  readonly why: string;
}

const MOST_CONNECTIONS = 64;
const HEAD_BYTES = 16_384;
const HEAD_MS = 10_000;
const REACH_MS = 10_000;
const IDLE_MS = 15 * 60_000;
const LOOK_MS = 30_000;
const LONGEST_TOLD = 300;

/** Listens on `socket`, a path or a name in the working directory; resolves once it does. */
export async function openEgress(options: {
  readonly socket: string;
  readonly opened: readonly Opened[];
  readonly clock: Clock;
  readonly onRefused: (refused: Refused) => void;
  readonly resolve?: (name: string) => Promise<readonly string[]>;
}): Promise<Egress> {
  const { opened, clock, onRefused, resolve = addressesOf } = options;
  const idle = watchIdle(clock);

  /** The address to connect to, resolved once and checked; else the status and the reason of the refusal. */
  async function reach(asked: string, standardPort: number | null): Promise<Way> {
    const refuse = (status: number, why: string): Way => {
      onRefused({ at: clock.now(), asked: asked.slice(0, LONGEST_TOLD), why });
      return { status, why };
    };
    const place = readPlace(asked);
    const port = place?.port ?? standardPort;
    if (!place || port === null) return refuse(403, "it is not one host's name, or an address in its usual spelling");
    const entry = openedBy(opened, place, port);
    if (!entry) return refuse(403, `${place.host}:${port} is not among the hosts opened here`);
    if (place.kind === "address") return { addresses: [place.host], port };
    const addresses = await within(clock, resolve(place.host)).catch(() => []);
    if (addresses.length === 0) return refuse(502, `the name ${place.host} has no address`);
    // One that leads inside condemns the name: a list that mixes both is what rebinding looks like.
    const inner = entry.inside ? undefined : addresses.find((address) => !isPublic(address));
    if (inner !== undefined) return refuse(403, `${place.host} leads to ${inner}, which is not on the open Internet`);
    return { addresses, port };
  }

  async function tunnel(incoming: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    client.on("error", () => client.destroy());
    const way = await reach(incoming.url ?? "", null);
    if ("why" in way) return void client.end(plain(way.status, way.why));
    const upstream = await firstOf(way, clock);
    if (!upstream) return void client.end(plain(502, "it could not be connected to"));
    idle.mind(upstream);
    client.write("HTTP/1.1 200 Connection established\r\n\r\n");
    upstream.write(head);
    pipeline(client, upstream, () => {});
    pipeline(upstream, client, () => {});
  }

  async function relay(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const refuse = (status: number, why: string): void => {
      outgoing.writeHead(status, { "Content-Type": "text/plain", Connection: "close" }).end(`lastlight: ${why}\n`);
    };
    const [, authority, path] = /^http:\/\/([^/?#]*)([/?].*)?$/i.exec(incoming.url ?? "") ?? [];
    if (authority === undefined) {
      const asked = (incoming.url ?? "").slice(0, LONGEST_TOLD);
      onRefused({ at: clock.now(), asked, why: "a proxy takes CONNECT, or a whole http address" });
      return refuse(403, "a proxy takes CONNECT, or a whole http address");
    }
    const way = await reach(authority, 80);
    if ("why" in way) return refuse(way.status, way.why);
    const socket = await firstOf(way, clock);
    if (!socket) return refuse(502, "it could not be connected to");
    idle.mind(socket);
    const target = path?.startsWith("?") ? `/${path}` : (path ?? "/");
    const upstream = request(
      {
        // The connection that was checked, and no other.
        createConnection: () => socket,
        method: incoming.method,
        path: target,
        headers: [...endToEnd(incoming.rawHeaders, ["host"]), "Host", authority, "Connection", "close"],
      },
      (response) => {
        const { statusCode = 502, statusMessage = STATUS_CODES[statusCode] } = response;
        outgoing.writeHead(statusCode, statusMessage, endToEnd(response.rawHeaders, []));
        pipeline(response, outgoing, () => {});
      },
    );
    upstream.once("error", () => (outgoing.headersSent ? outgoing.destroy() : refuse(502, "the host broke off")));
    outgoing.once("close", () => socket.destroy());
    pipeline(incoming, upstream, () => {});
  }

  const server = createServer(
    { maxHeaderSize: HEAD_BYTES, headersTimeout: HEAD_MS, requestTimeout: 0, connectionsCheckingInterval: 1_000 },
    (incoming, outgoing) => void relay(incoming, outgoing).catch(() => outgoing.destroy()),
  );
  server.maxConnections = MOST_CONNECTIONS;
  server.on("connect", (incoming, client, head) => void tunnel(incoming, client, head).catch(() => client.destroy()));
  server.on("connection", (socket) => idle.mind(socket));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path: options.socket }, resolve);
  });
  return {
    close: () => {
      idle.close();
      server.close();
    },
  };
}

type Way =
  | { readonly addresses: readonly string[]; readonly port: number }
  | { readonly status: number; readonly why: string };

async function addressesOf(name: string): Promise<string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

function plain(status: number, why: string): string {
  const body = `lastlight: ${why}\n`;
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: text/plain\r\nConnection: close`;
  return `${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** Connects to the first address that answers; to addresses, never to names: nothing is resolved a second time. */
async function firstOf(way: { addresses: readonly string[]; port: number }, clock: Clock): Promise<Socket | null> {
  for (const host of way.addresses.slice(0, 4)) {
    if (isIP(host) === 0) continue;
    const socket = connect({ host, port: way.port, allowHalfOpen: true });
    const connected = new Promise<true>((resolve, reject) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", reject);
    });
    if (await within(clock, connected).catch(() => false)) return socket.on("error", () => socket.destroy());
    socket.destroy();
  }
  return null;
}

function within<T>(clock: Clock, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(REACH_MS, () => reject(new Error("no answer in time")));
    promise.then(resolve, reject).finally(cancel);
  });
}

const HOP = new Set(
  "connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split(
    " ",
  ),
);

/** Headers that are meant for the other end; what the two ends of one connection tell each other stays there. */
function endToEnd(raw: readonly string[], without: readonly string[]): string[] {
  const named = raw.flatMap((name, at) =>
    at % 2 === 0 && name.toLowerCase() === "connection" ? (raw[at + 1] ?? "").toLowerCase().split(/\s*,\s*/) : [],
  );
  return raw.flatMap((name, at) => {
    if (at % 2 === 1) return [];
    const lower = name.toLowerCase();
    return HOP.has(lower) || without.includes(lower) || named.includes(lower) ? [] : [name, raw[at + 1] ?? ""];
  });
}

/** Ends connections on which nothing has moved for long: sixty-four that say nothing would be all there are. */
function watchIdle(clock: Clock): { mind(socket: Socket): void; close(): void } {
  const minded = new Map<Socket, { bytes: number; since: number }>();
  let elapsed = 0;
  let cancel = (): void => {};
  const look = (): void => {
    elapsed += LOOK_MS;
    for (const [socket, last] of minded) {
      const bytes = socket.bytesRead + socket.bytesWritten;
      if (bytes !== last.bytes) minded.set(socket, { bytes, since: elapsed });
      else if (elapsed - last.since >= IDLE_MS) socket.destroy();
    }
    cancel = clock.after(LOOK_MS, look);
  };
  cancel = clock.after(LOOK_MS, look);
  return {
    mind: (socket) => {
      minded.set(socket, { bytes: -1, since: elapsed });
      socket.once("close", () => minded.delete(socket));
    },
    close: () => {
      cancel();
      for (const socket of minded.keys()) socket.destroy();
    },
  };
}
