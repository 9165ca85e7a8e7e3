import { get, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { createEmulator } from "emulate";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/domain/clock.ts";
import type { Admission } from "../../src/http/identity/newcomers.ts";
import { oidc } from "../../src/http/identity/oidc.ts";
import { addPerson } from "./people.ts";
import { openWorld, type World } from "./world.ts";

const CLIENT = { issuer: "", clientId: "lastlight", clientSecret: "a-secret-of-this-test" };
const NOBODY_NEW: Admission = { roleClaim: null, roles: {}, defaultRole: null };

interface House extends World {
  readonly issuer: string;
}

/** A daemon whose people come by a provider of this test's own. */
async function openHouse(admission: Admission, seen: { as?: string } = {}): Promise<House> {
  const provider = await createEmulator({
    service: "google",
    port: 0,
    seed: {
      google: {
        users: [
          { email: "ana@house.example", name: "Ana" },
          { email: "ben@guests.example", name: "Ben", hd: "guests.example" },
          { email: "eve@house.example", name: "Eve", email_verified: false },
        ],
        oauth_clients: [
          { client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret, name: "lastlight", redirect_uris: [] },
        ],
      },
    },
  });
  onTestFinished(() => provider.close());
  const issuer = seen.as ?? provider.url;
  const way = oidc({ ...CLIENT, issuer, clock: systemClock() });
  return { ...(await openWorld({ oidc: { provider: async () => way, admission } })), issuer };
}

/** A browser at the provider: what it was sent there with, and the cookie that stays behind. */
async function begin({ server }: House): Promise<{ asked: URL; cookie: string }> {
  const response = await fetch(`${server.url}/login/oidc`, { redirect: "manual" });
  expect(response.status).toBe(303);
  const [set = ""] = response.headers.getSetCookie();
  expect(set).toMatch(/; Path=\/login; HttpOnly; SameSite=Lax; Max-Age=600$/);
  return { asked: new URL(response.headers.get("location") as string), cookie: set.split(";")[0] as string };
}

/** Chooses someone at the provider; where the browser is sent back to. */
async function choose(asked: URL, email: string, instead: Record<string, string> = {}): Promise<URL> {
  const fields = { ...Object.fromEntries(asked.searchParams), email, ...instead };
  const response = await fetch(`${asked.origin}/o/oauth2/v2/auth/callback`, {
    method: "POST",
    body: new URLSearchParams(fields),
    redirect: "manual",
  });
  return new URL(response.headers.get("location") as string);
}

interface Landed {
  readonly status: number;
  readonly page: string;
  readonly session: string | null;
}

/** As a browser does it that another site sent here; `fetch` would say that a script asks. */
function comeBack(back: URL, cookie: string): Promise<Landed> {
  const headers = {
    cookie,
    "sec-fetch-site": "cross-site",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
  };
  return new Promise((resolve, reject) => {
    const landed = (response: IncomingMessage): void => {
      const isSession = (set: string): boolean => /^lastlight-\d/.test(set);
      const set = (response.headers["set-cookie"] ?? []).find(isSession)?.split(";")[0] ?? null;
      text(response).then((page) => resolve({ status: response.statusCode ?? 0, page, session: set }), reject);
    };
    get(back, { headers, agent: false }, landed).on("error", reject);
  });
}

async function logIn(house: House, email: string): Promise<Landed> {
  const { asked, cookie } = await begin(house);
  return comeBack(await choose(asked, email), cookie);
}

async function whoIs({ server }: House, cookie: string | null): Promise<unknown> {
  const response = await fetch(`${server.url}/api/v1/session`, { headers: { cookie: cookie ?? "" } });
  return response.json();
}

test("someone whom an admin has added comes in by the address the provider vouches for", async () => {
  const house = await openHouse(NOBODY_NEW);
  await addPerson(house, "anna", "operator", { email: "ana@house.example" });
  const { status, session } = await logIn(house, "ana@house.example");
  expect(status).toBe(303);
  expect(await whoIs(house, session)).toMatchObject({ by: "user:anna", role: "operator" });
  expect((await house.client.audit()).items).toMatchObject([{ who: "user:anna", what: "log in", outcome: "ok" }]);
});

test("whom the provider has named once is known by that, whoever has the address later", async () => {
  const house = await openHouse(NOBODY_NEW);
  await addPerson(house, "anna", "operator", { email: "ana@house.example" });
  await logIn(house, "ana@house.example");
  await house.client.changeUser("anna", { email: "ben@guests.example" });
  expect(await whoIs(house, (await logIn(house, "ana@house.example")).session)).toMatchObject({ by: "user:anna" });
  expect((await logIn(house, "ben@guests.example")).status).toBe(403);
});

test("a stranger is refused, unless the house has a role for newcomers", async () => {
  const closed = await openHouse(NOBODY_NEW);
  expect(await logIn(closed, "ana@house.example")).toMatchObject({ status: 403, session: null });
  expect((await closed.client.users()).items).toEqual([]);
  const open = await openHouse({ ...NOBODY_NEW, defaultRole: "viewer" });
  const { session } = await logIn(open, "ana@house.example");
  expect(await whoIs(open, session)).toMatchObject({ by: "user:ana", role: "viewer" });
});

test("a claim of the provider's may say the role, anew at every login", async () => {
  const admission = { roleClaim: "hd", roles: { "guests.example": "approver" as const }, defaultRole: null };
  const house = await openHouse(admission);
  const { session } = await logIn(house, "ben@guests.example");
  expect(await whoIs(house, session)).toMatchObject({ by: "user:ben", role: "approver" });
  expect((await logIn(house, "ana@house.example")).status).toBe(403);
  await house.client.changeUser("ben", { role: "admin" });
  expect(await whoIs(house, (await logIn(house, "ben@guests.example")).session)).toMatchObject({ role: "approver" });
});

test("neither an address that the provider does not vouch for nor a name that is taken opens someone else's account", async () => {
  const house = await openHouse({ ...NOBODY_NEW, defaultRole: "viewer" });
  await addPerson(house, "eve", "admin", { email: "eve@house.example" });
  const eve = await begin(house);
  const turned = await comeBack(await choose(eve.asked, "eve@house.example"), eve.cookie);
  expect(turned).toMatchObject({ status: 403, session: null });
  expect(turned.page).toContain('role="alert"');
});

test("the disabled stay out", async () => {
  const house = await openHouse(NOBODY_NEW);
  await addPerson(house, "anna", "operator", { email: "ana@house.example" });
  await house.client.changeUser("anna", { disabled: true });
  expect(await logIn(house, "ana@house.example")).toMatchObject({ status: 403, session: null });
});

test("what comes back is refused when it is not what this browser was sent for", async () => {
  const house = await openHouse({ ...NOBODY_NEW, defaultRole: "admin" });
  const foreign = await openHouse(NOBODY_NEW);
  const email = "ana@house.example";
  const fresh = () => begin(house);
  /** Each of a login of its own: where the browser comes back to, with which cookie. */
  const tries: Record<string, () => Promise<[URL, string]>> = {
    "a wrong state": async () => {
      const { asked, cookie } = await fresh();
      return [await choose(asked, email, { state: "another" }), cookie];
    },
    "no state": async () => {
      const { asked, cookie } = await fresh();
      return [await choose(asked, email, { state: "" }), cookie];
    },
    "no cookie": async () => [await choose((await fresh()).asked, email), ""],
    "the cookie of another browser": async () => [await choose((await fresh()).asked, email), (await fresh()).cookie],
    "a cookie that was tampered with": async () => {
      const { asked, cookie } = await fresh();
      const [begun = "", seal = ""] = cookie.split(".");
      return [await choose(asked, email), `${begun}.${seal.startsWith("A") ? "B" : "A"}${seal.slice(1)}`];
    },
    "the cookie twice": async () => {
      const { asked, cookie } = await fresh();
      return [await choose(asked, email), `${cookie}; ${cookie}`];
    },
    "a wrong nonce": async () => {
      const { asked, cookie } = await fresh();
      return [await choose(asked, email, { nonce: "another" }), cookie];
    },
    "no nonce": async () => {
      const { asked, cookie } = await fresh();
      return [await choose(asked, email, { nonce: "" }), cookie];
    },
    "someone else's proof": async () => {
      const { asked, cookie } = await fresh();
      return [await choose(asked, email, { code_challenge: "x".repeat(43) }), cookie];
    },
    "a code of another provider": async () => {
      const { asked, cookie } = await fresh();
      const back = await choose(asked, email);
      const elsewhere = await choose((await begin(foreign)).asked, email);
      back.searchParams.set("code", elsewhere.searchParams.get("code") as string);
      return [back, cookie];
    },
    "another issuer": async () => {
      const { asked, cookie } = await fresh();
      const back = await choose(asked, email);
      back.searchParams.set("iss", foreign.issuer);
      return [back, cookie];
    },
    "two codes": async () => {
      const { asked, cookie } = await fresh();
      const back = await choose(asked, email);
      back.searchParams.append("code", "another");
      return [back, cookie];
    },
  };
  for (const [what, go] of Object.entries(tries)) {
    const landed = await comeBack(...(await go()));
    expect([what, landed.status, landed.session]).toEqual([what, 403, null]);
    expect([what, landed.page]).toEqual([what, expect.stringMatching(/does not fit|did not begin/)]);
  }
  expect((await house.client.users()).items).toEqual([]);
});

test("a code is good once", async () => {
  const house = await openHouse({ ...NOBODY_NEW, defaultRole: "viewer" });
  const { asked, cookie } = await begin(house);
  const back = await choose(asked, "ana@house.example");
  expect((await comeBack(back, cookie)).status).toBe(303);
  expect(await comeBack(back, cookie)).toMatchObject({ status: 403, session: null });
  const again = await begin(house);
  back.searchParams.set("state", again.asked.searchParams.get("state") as string);
  expect(await comeBack(back, again.cookie)).toMatchObject({ status: 403, session: null });
});

test("a provider that says it is another is not believed, and one that is not there is said to be so", async () => {
  const imposed = await openHouse({ ...NOBODY_NEW, defaultRole: "admin" });
  const port = new URL(imposed.issuer).port;
  for (const issuer of [`http://127.0.0.1:${port}`, "http://127.0.0.1:9"]) {
    const way = oidc({ ...CLIENT, issuer, clock: systemClock() });
    const world = await openWorld({ oidc: { provider: async () => way, admission: NOBODY_NEW } });
    const response = await fetch(`${world.server.url}/login/oidc`, { redirect: "manual" });
    expect([response.status, response.headers.get("location")]).toEqual([502, null]);
  }
});
