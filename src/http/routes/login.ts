import type { Context } from "hono";
import { asFault, Fault } from "../../domain/fault.ts";
import type { Log } from "../../engine/contracts/log.ts";
import type { People } from "../../store/people.ts";
import { readForm } from "../body.ts";
import type { Accounts } from "../identity/accounts.ts";
import type { Links } from "../identity/links.ts";
import type { LoginRecord } from "../identity/login-record.ts";
import { type Admission, welcomed } from "../identity/newcomers.ts";
import type { Provider } from "../identity/oidc.ts";
import { linkPage, loginPage, PAGE_POLICY } from "../identity/page.ts";
import { cookieNamed, type WebSessions } from "../identity/web-sessions.ts";
import { STATUS } from "../reply.ts";
import { type App, type Env, route } from "../route.ts";

/** The way in by identity provider: how it is reached, once someone wants it, and whom it lets in. */
export interface Oidc {
  readonly provider: () => Promise<Provider>;
  readonly admission: Admission;
}

const KEPT = "lastlight-login";
const CALLBACK = "/login/oidc/callback";

/** The pages before any other: they work without script, and end in a cookie. */
export function loginRoutes(
  app: App,
  options: {
    people: People;
    accounts: Accounts;
    browsers: WebSessions;
    links: Links;
    record: LoginRecord;
    /** Who holds the daemon's own token. */
    user: string;
    oidc: Oidc | null;
    publicUrl: string;
    log: Log;
  },
): void {
  const { people, accounts, browsers, links, record, user, oidc, publicUrl, log } = options;
  const page = (c: Context<Env>, html: string, status: 200 | 401 | 403 | 429 | 502 = 200): Response => {
    c.header("Content-Security-Policy", PAGE_POLICY);
    return c.html(html, status);
  };
  const enter = async (c: Context<Env>, who: { owner: string; machine: boolean }): Promise<Response> => {
    await browsers.open(c, who);
    return c.redirect("/", 303);
  };
  const turnedAway = (c: Context<Env>, error: unknown): Response => {
    const { code, message, hint } = asFault(error);
    const status = STATUS[code];
    if (status !== 401 && status !== 403 && status !== 429 && status !== 502) throw error;
    return page(c, loginPage({ fault: `${message}. ${hint}`, oidc: oidc !== null }), status);
  };

  route(
    app,
    { method: "get", path: "/login", needs: "public", summary: "A page to log in with", answers: { 200: "text/html" } },
    ({ c }) => {
      const code = c.req.query("code");
      return page(c, code === undefined ? loginPage({ fault: null, oidc: oidc !== null }) : linkPage(code));
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/login",
      needs: "public",
      summary: "The page's form: a code, or a name and a password",
      answers: { 303: "Logged in", 401: "text/html" },
    },
    async ({ c }) => {
      const { code, name = "", password = "" } = await readForm(c.env);
      try {
        if (code !== undefined) return await enter(c, { owner: byCode(c, code), machine: true });
        const { address } = c.get("arrival");
        const known = await record(c, name, () => accounts.logIn(name, password, address));
        return await enter(c, { owner: known.name, machine: false });
      } catch (error) {
        return turnedAway(c, error);
      }
    },
  );

  function byCode(c: Context<Env>, code: string): string {
    if (!c.get("arrival").near)
      throw new Fault("identity.insecure", "This link is for a browser of the daemon's machine");
    if (!links.redeem(code)) throw new Fault("identity.refused", "The link was used, or is older than a minute");
    return user;
  }

  if (oidc === null) return;

  const redirectUri = (c: Context<Env>): string => {
    const { secure } = c.get("arrival");
    return new URL(CALLBACK, secure ? publicUrl : c.req.url).href;
  };
  // Lax, for it has to come along when the provider sends the browser back.
  const keep = (c: Context<Env>, value: string, age: number): void => {
    const secure = c.get("arrival").secure ? "; Secure" : "";
    const cookie = `${KEPT}=${value}; Path=/login; HttpOnly; SameSite=Lax; Max-Age=${age}${secure}`;
    c.header("Set-Cookie", cookie, { append: true });
  };

  route(
    app,
    {
      method: "get",
      path: "/login/oidc",
      needs: "public",
      summary: "To the identity provider",
      answers: { 303: "On to the identity provider" },
    },
    async ({ c }) => {
      try {
        const { url, kept } = await (await oidc.provider()).begin(redirectUri(c));
        keep(c, kept, 600);
        return c.redirect(url, 303);
      } catch (error) {
        log.warn({ err: error }, "nobody can log in by the identity provider");
        return turnedAway(c, error);
      }
    },
  );

  route(
    app,
    {
      method: "get",
      path: CALLBACK,
      needs: "public",
      summary: "Back from the identity provider",
      answers: { 303: "Logged in", 403: "text/html" },
    },
    async ({ c }) => {
      const kept = cookieNamed(c.env.incoming, KEPT) ?? "";
      keep(c, "", 0);
      try {
        const provider = await oidc.provider();
        const known = await record(c, "(by the identity provider)", async () => {
          const claims = await provider.finish(redirectUri(c), new URL(c.req.url).search, kept);
          return welcomed(people, claims, oidc.admission);
        });
        return await enter(c, { owner: known.name, machine: false });
      } catch (error) {
        log.warn({ err: error }, "the identity provider sent someone who is not let in");
        return turnedAway(c, error);
      }
    },
  );
}
