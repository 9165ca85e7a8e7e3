import type { IncomingMessage } from "node:http";
import type { Context } from "hono";
import type { Clock, Iso } from "../../domain/clock.ts";
import { Fault } from "../../domain/fault.ts";
import type { KnownSession, People } from "../../store/people.ts";
import { type Arrival, headerLines } from "../door.ts";
import type { Env } from "../route.ts";
import { digest, secret } from "./secrets.ts";

/** Browsers that are logged in: a cookie only the browser sends, and a header that only our own page can send beside it. */
export interface WebSessions {
  /** Logs a browser in; a session it had before ends, so that nobody can have chosen it beforehand. */
  open(
    c: Context<Env>,
    who: { readonly owner: string; readonly machine: boolean },
  ): Promise<{ readonly expiresAt: Iso }>;
  /** Logs it out. */
  end(c: Context<Env>): Promise<void>;
  /** What the request's cookie stands for; null without one. */
  read(incoming: IncomingMessage, arrival: Arrival): Promise<KnownSession | null>;
  /** Whether a mutation by cookie comes from our own page: a foreign one would have to ask first, and is told no. */
  isOwnPage(incoming: IncomingMessage): boolean;
}

const LIFE_MS = 7 * 24 * 3_600_000;
const CSRF_HEADER = "x-lastlight-csrf";

export function webSessions({ people, clock }: { people: People; clock: Clock }): WebSessions {
  const end = async (incoming: IncomingMessage, arrival: Arrival): Promise<void> => {
    const cookie = cookieOf(incoming, arrival);
    if (cookie !== null) await people.endSession(digest(cookie));
  };
  return {
    open: async (c, { owner, machine }) => {
      const { incoming } = c.env;
      const arrival = c.get("arrival");
      if (!arrival.secure && !arrival.near) {
        throw new Fault("identity.insecure", "A cookie would travel here where others can read it");
      }
      await end(incoming, arrival);
      const cookie = secret();
      const expiresAt = new Date(Date.parse(clock.now()) + LIFE_MS).toISOString();
      await people.openSession({ hash: digest(cookie), owner, machine, expiresAt });
      c.header("Set-Cookie", written(incoming, arrival, cookie, LIFE_MS / 1_000), { append: true });
      return { expiresAt };
    },
    end: async (c) => {
      const arrival = c.get("arrival");
      await end(c.env.incoming, arrival);
      c.header("Set-Cookie", written(c.env.incoming, arrival, "", 0), { append: true });
    },
    read: async (incoming, arrival) => {
      const cookie = cookieOf(incoming, arrival);
      return cookie === null ? null : people.session(digest(cookie));
    },
    isOwnPage: (incoming) => {
      const given = headerLines(incoming, CSRF_HEADER);
      return given.length === 1 && given[0] === "1";
    },
  };
}

/** Browsers hold a cookie of this prefix to https and to this very host; on loopback, where there is no https, each port has its own. */
function nameOf(incoming: IncomingMessage, { secure }: Arrival): string {
  return secure ? "__Host-lastlight" : `lastlight-${incoming.socket.localPort ?? 0}`;
}

function written(incoming: IncomingMessage, arrival: Arrival, value: string, age: number): string {
  const secure = arrival.secure ? "; Secure" : "";
  return `${nameOf(incoming, arrival)}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${age}${secure}`;
}

function cookieOf(incoming: IncomingMessage, arrival: Arrival): string | null {
  const value = cookieNamed(incoming, nameOf(incoming, arrival));
  return value !== null && /^[\w-]{43}$/.test(value) ? value : null;
}

/** A cookie's value. One that is sent twice was put there by someone else too: then none counts. */
export function cookieNamed(incoming: IncomingMessage, name: string): string | null {
  const values = headerLines(incoming, "cookie")
    .flatMap((line) => line.split(";"))
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? (values[0] as string) : null;
}
