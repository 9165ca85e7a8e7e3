import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { Fault } from "../domain/fault.ts";

/** By which names this daemon may be called. */
export interface Names {
  /** Where it listens. */
  readonly host: string;
  /** Where people reach it, through whatever stands before it; empty where that is nowhere else. */
  readonly publicUrl: string;
  /** Further hosts, with or without a port. */
  readonly allowedHosts: readonly string[];
}

/** How a request came. */
export interface Arrival {
  /** Whose connection it is, as far as it can be known. */
  readonly address: string;
  readonly agent: string | null;
  /** From this machine itself, by no proxy: whoever can do that may read STATE_DIR as well. */
  readonly near: boolean;
  /** By the public address, which is https. */
  readonly secure: boolean;
}

/** Who may knock, and how they came. */
export interface Door {
  /**
   * A page of another site can make a browser call loopback, and by DNS rebinding even under a name of its own. Judged
   * from the raw head, since Node takes the first of two Host lines.
   */
  refused(incoming: IncomingMessage): Fault | null;
  arrival(incoming: IncomingMessage): Arrival;
}

export function openDoor(names: Names): Door {
  const publicUrl = URL.canParse(names.publicUrl) ? new URL(names.publicUrl) : null;
  const known = new Map<number, ReturnType<typeof ownNames>>();
  const own = (port: number): ReturnType<typeof ownNames> => {
    const found = known.get(port) ?? ownNames(names, publicUrl, port);
    known.set(port, found);
    return found;
  };

  return {
    refused: (incoming) => {
      const lines = headerLines(incoming, "host");
      const { hosts, origins } = own(incoming.socket.localPort ?? 0);
      if (lines.length !== 1 || !hosts.has((lines[0] as string).toLowerCase())) {
        return new Fault("host.refused", "The Host header does not name an address this daemon listens on");
      }
      if (!incoming.url?.startsWith("/")) {
        return new Fault("host.refused", "The request's target is not a path");
      }
      const from = headerLines(incoming, "origin");
      const foreign = from.some((origin) => !origins.has(origin.toLowerCase()));
      const crossing = headerLines(incoming, "sec-fetch-site").includes("cross-site") && !isVisit(incoming);
      if (foreign || from.length > 1 || crossing) {
        return new Fault("origin.refused", "The request comes from a page of another site");
      }
      return null;
    },
    arrival: (incoming) => {
      const remote = plain(incoming.socket.remoteAddress ?? "");
      const host = (headerLines(incoming, "host")[0] ?? "").toLowerCase();
      const forwarded = FORWARDING.some((name) => headerLines(incoming, name).length > 0);
      const byProxy = publicUrl !== null && isLoopback(remote) ? lastForwarded(incoming) : null;
      return {
        address: byProxy ?? remote,
        agent: headerLines(incoming, "user-agent")[0]?.slice(0, AGENT_LENGTH) ?? null,
        near: isLoopback(remote) && isLoopback(host.replace(/:\d+$/, "")) && !forwarded,
        secure: publicUrl?.protocol === "https:" && host === publicUrl.host,
      };
    },
  };
}

/** Addresses that only programs of this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** A host as it stands in a URL. */
export function inUrl(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/** A header's values, line by line as they were sent. */
export function headerLines({ rawHeaders }: IncomingMessage, name: string): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
}

const HTTP_PORT = 80;
const AGENT_LENGTH = 200;
const EVERYWHERE = new Set(["0.0.0.0", "::", "[::]"]);
const FORWARDING = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];
/** Where another site may lead a person's browser to: pages that do nothing by being opened. */
const VISITED = new Set(["/", "/login/oidc/callback"]);

function ownNames(names: Names, publicUrl: URL | null, port: number) {
  const listened = EVERYWHERE.has(names.host) ? [] : [inUrl(names.host).toLowerCase()];
  const here = ["127.0.0.1", "localhost", "[::1]", ...listened];
  const near = [...here.map((name) => `${name}:${port}`), ...(port === HTTP_PORT ? here : [])];
  const allowed = names.allowedHosts.flatMap((name) => {
    const host = name.toLowerCase();
    return /:\d+$/.test(host) ? [host] : [host, `${host}:${port}`];
  });
  return {
    hosts: new Set([...near, ...allowed, ...(publicUrl ? [publicUrl.host] : [])]),
    origins: new Set([
      ...near.map((host) => `http://${host}`),
      ...allowed.flatMap((host) => [`http://${host}`, `https://${host}`]),
      ...(publicUrl ? [publicUrl.origin] : []),
    ]),
  };
}

function isVisit(incoming: IncomingMessage): boolean {
  const path = incoming.url?.split("?")[0] ?? "";
  return (
    incoming.method === "GET" &&
    VISITED.has(path) &&
    headerLines(incoming, "sec-fetch-mode").join() === "navigate" &&
    headerLines(incoming, "sec-fetch-dest").join() === "document"
  );
}

/** What the nearest proxy added itself: whatever stands before it came with the request, and may be anything. */
function lastForwarded(incoming: IncomingMessage): string | null {
  const last = headerLines(incoming, "x-forwarded-for").at(-1)?.split(",").at(-1)?.trim() ?? "";
  return isIP(last) === 0 ? null : plain(last);
}

/** An IPv4 address that came in the clothes of IPv6 is itself again. */
function plain(address: string): string {
  return address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, "");
}
