import type { Context } from "hono";
import { Fault } from "../../domain/fault.ts";
import { byOf, type Identity } from "../../domain/identity.ts";
import type { UserLine } from "../../store/people.ts";
import type { LoginLink, SessionState } from "../api.ts";
import type { Accounts } from "../identity/accounts.ts";
import type { Links } from "../identity/links.ts";
import type { LoginRecord } from "../identity/login-record.ts";
import type { WebSessions } from "../identity/web-sessions.ts";
import { type App, type Env, route } from "../route.ts";
import * as schemas from "../schemas/people.ts";

/** Logging in and out, for pages; programs have tokens. */
export function webSessionRoutes(
  app: App,
  options: { accounts: Accounts; browsers: WebSessions; links: Links; record: LoginRecord },
): void {
  const { accounts, browsers, links, record } = options;

  route(
    app,
    {
      method: "post",
      path: "/api/v1/session",
      needs: "public",
      summary: "Log in with name and password; answers with a cookie",
      body: schemas.logIn,
      answers: { 200: schemas.sessionState },
    },
    async ({ c, body: { name, password } }) => {
      const user = await record(c, name, () => accounts.logIn(name, password, c.get("arrival").address));
      return c.json(await opened(c, user));
    },
  );

  async function opened(c: Context<Env>, { name, role, groups }: UserLine): Promise<SessionState> {
    await browsers.open(c, { owner: name, machine: false });
    return { by: `user:${name}`, role, groups };
  }

  route(
    app,
    {
      method: "get",
      path: "/api/v1/session",
      needs: "viewer",
      summary: "Who asks, with which role",
      answers: { 200: schemas.sessionState },
    },
    ({ c }) => {
      const identity = c.get("identity") as Identity;
      const { role, groups } = identity;
      return c.json({ by: byOf(identity), role, groups } satisfies SessionState);
    },
  );

  route(
    app,
    {
      method: "delete",
      path: "/api/v1/session",
      needs: "viewer",
      summary: "Log out: the cookie's session ends",
      answers: { 204: "Logged out" },
    },
    async ({ c }) => {
      await browsers.end(c);
      return c.body(null, 204);
    },
  );

  route(
    app,
    {
      method: "put",
      path: "/api/v1/session/password",
      needs: "viewer",
      summary: "Change one's own password; every other session of one's own ends",
      body: schemas.changePassword,
      answers: { 200: schemas.sessionState },
    },
    async ({ c, body: { current, password } }) => {
      const { kind, name } = c.get("identity") as Identity;
      if (kind !== "user") throw new Fault("identity.forbidden", "Only a person who is logged in has a password");
      await accounts.logIn(name, current, c.get("arrival").address);
      return c.json(await opened(c, await accounts.change(name, { password })));
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/api/v1/session/link",
      needs: "admin",
      summary: "A link that logs one browser of this machine in, once, within a minute",
      answers: { 201: schemas.loginLink },
    },
    ({ c }) => {
      if (c.get("identity")?.kind !== "local") {
        throw new Fault("identity.forbidden", "Links are for whoever has the daemon's own token");
      }
      const { code, expiresAt } = links.issue();
      const url = new URL(`/login?code=${code}`, c.req.url).href;
      return c.json({ url, expires_at: expiresAt } satisfies LoginLink, 201);
    },
  );
}
