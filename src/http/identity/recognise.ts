import type { IncomingMessage } from "node:http";
import { Fault } from "../../domain/fault.ts";
import { type Identity, UNSCOPED } from "../../domain/identity.ts";
import type { Known, People } from "../../store/people.ts";
import { type Arrival, headerLines } from "../door.ts";
import { digest, isSame } from "./secrets.ts";
import type { WebSessions } from "./web-sessions.ts";

/** Who a request says it is from, or why that is not believed. */
export interface Recognised {
  readonly identity: Identity | null;
  readonly fault: Fault | null;
  /** By cookie, which browsers send unasked: then a mutation must show that our own page sent it. */
  readonly byCookie: boolean;
  readonly ownPage: boolean;
}
export type Recognise = (incoming: IncomingMessage, arrival: Arrival) => Promise<Recognised>;

/** A bearer token counts before a cookie, and a wrong one is never made good by the other. */
export function recogniser(options: {
  /** The token of whoever can read STATE_DIR. */
  token: string;
  user: string;
  people: People;
  sessions: WebSessions;
}): Recognise {
  const { token, user, people, sessions } = options;
  const local: Identity = { kind: "local", name: user, role: "admin", groups: [], scopes: UNSCOPED };

  async function byBearer(incoming: IncomingMessage, { near }: Arrival): Promise<Recognised> {
    const lines = headerLines(incoming, "authorization");
    const given = lines.length === 1 ? /^bearer +(\S+) *$/i.exec(lines[0] as string)?.[1] : undefined;
    if (given === undefined) return stranger("This needs a token");
    if (isSame(given, token)) {
      return near ? bearer(local) : stranger("The daemon's own token serves on its own machine alone");
    }
    return believed(await people.bearer(digest(given)), "The token is not this daemon's");
  }

  async function byCookie(incoming: IncomingMessage, arrival: Arrival): Promise<Recognised> {
    const known = await sessions.read(incoming, arrival);
    const { identity, fault } = believed(known, "This needs a token");
    if (identity?.kind === "local" && !arrival.near) return stranger("This session serves on the daemon's own machine");
    return { identity, fault, byCookie: true, ownPage: known !== null && sessions.isOwnPage(incoming) };
  }

  return (incoming, arrival) =>
    headerLines(incoming, "authorization").length > 0 ? byBearer(incoming, arrival) : byCookie(incoming, arrival);
}

const LAPSED = {
  expired: "What you show has expired",
  revoked: "The token was revoked",
  disabled: "Whoever this stands for is disabled",
} as const;

function believed(known: Known | null, otherwise: string): Recognised {
  if (!known) return stranger(otherwise);
  return known.lapsed === null ? bearer(known.identity) : stranger(LAPSED[known.lapsed]);
}

function bearer(identity: Identity): Recognised {
  return { identity, fault: null, byCookie: false, ownPage: true };
}

function stranger(why: string): Recognised {
  return { identity: null, fault: new Fault("identity.missing", why), byCookie: false, ownPage: false };
}
