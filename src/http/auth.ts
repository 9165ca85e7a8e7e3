import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { MiddlewareHandler } from "hono";
import { Fault } from "../domain/fault.ts";
import { type Env, PUBLIC } from "./route.ts";

/**
 * The choke point: whoever has no identity gets no further, whatever the method, event streams too. A bearer token is
 * something no foreign page can send, so it also answers for mutations; an identity by cookie will need the CSRF header.
 */
export function identify({ token, user }: { token: string; user: string }): MiddlewareHandler<Env> {
  const expected = digest(token);
  return async (c, next) => {
    const given = /^bearer +(\S+) *$/i.exec(c.req.header("authorization") ?? "")?.[1];
    // Digests are equally long whatever was sent: the comparison takes the same time and never throws.
    if (given !== undefined && timingSafeEqual(digest(given), expected)) c.set("by", `local:${user}`);
    else if (!(PUBLIC.has(c.req.path) && isRead(c.req.method))) {
      throw new Fault(
        "identity.missing",
        given === undefined ? "This needs a token" : "The token is not this daemon's",
      );
    }
    await next();
  };
}

/**
 * Who may knock at all: a page of another site can make a browser call loopback, and by DNS rebinding even under a name
 * of its own. Judged from the raw head, since Node takes the first of two Host lines.
 */
export function refusedAtTheDoor(incoming: IncomingMessage, configuredHost: string): Fault | null {
  const hosts = headerLines(incoming, "host");
  const own = ownHosts(configuredHost, incoming.socket.localPort ?? 0);
  if (hosts.length !== 1 || !own.has((hosts[0] as string).toLowerCase())) {
    return new Fault("host.refused", "The Host header does not name an address this daemon listens on");
  }
  if (!incoming.url?.startsWith("/")) {
    return new Fault("host.refused", "The request's target is not a path");
  }
  const origins = headerLines(incoming, "origin");
  const foreign = origins.some((origin) => !origin.startsWith("http://") || !own.has(origin.slice(7).toLowerCase()));
  if (foreign || origins.length > 1 || headerLines(incoming, "sec-fetch-site").includes("cross-site")) {
    return new Fault("origin.refused", "The request comes from a page of another site");
  }
  return null;
}

/** Names beyond loopback need users with roles, which this version does not have. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** A host as it stands in a URL. */
export function inUrl(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

const HTTP_PORT = 80;

function ownHosts(configuredHost: string, port: number): ReadonlySet<string> {
  const names = ["127.0.0.1", "localhost", "[::1]", inUrl(configuredHost).toLowerCase()];
  return new Set([...names.map((name) => `${name}:${port}`), ...(port === HTTP_PORT ? names : [])]);
}

function headerLines({ rawHeaders }: IncomingMessage, name: string): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
}

function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
