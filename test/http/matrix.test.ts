import { expect, test } from "vitest";
import type { Role } from "../../src/domain/identity.ts";
import { openNewsroom } from "../../src/http/news.ts";
import { type App, route, rulesOf } from "../../src/http/route.ts";
import { createApp } from "../../src/http/server.ts";
import { addPerson, browserOf, type Credentials, executing, executionToken, tokenOf } from "./people.ts";
import { openWorld, TOKEN, untilGate, type World } from "./world.ts";

const CALLERS = ["none", "bad", "expired", "viewer", "approver", "operator", "admin", "execution", "local"] as const;
type Caller = (typeof CALLERS)[number];

/**
 * What becomes of each caller at each route, in the order of CALLERS: `.` gets through to what the route itself says,
 * `1` is told 401, `3` is told 403.
 */
const TABLE: Record<string, string> = {
  "GET /": ". . . . . . . . .",
  "GET /livez": ". . . . . . . . .",
  "GET /readyz": ". . . . . . . . .",
  "GET /openapi.json": ". . . . . . . . .",
  "GET /schema/workflow.json": ". . . . . . . . .",
  "GET /login": ". . . . . . . . .",
  "POST /login": ". . . . . . . . .",
  "GET /login/oidc": ". . . . . . . . .",
  "GET /login/oidc/callback": ". . . . . . . . .",
  "POST /hooks/:source": ". . . . . . . . .",
  "POST /api/v1/session": ". . . . . . . . .",

  "GET /api/v1/session": "1 1 1 . . . . 3 .",
  "DELETE /api/v1/session": "1 1 1 . . . . 3 .",
  "PUT /api/v1/session/password": "1 1 1 . . . . 3 .",
  "POST /api/v1/session/link": "1 1 1 3 3 3 3 3 .",
  "GET /api/v1/tokens": "1 1 1 . . . . 3 .",
  "POST /api/v1/tokens": "1 1 1 . . . . 3 .",
  "DELETE /api/v1/tokens/:id": "1 1 1 . . . . 3 .",
  "GET /api/v1/users": "1 1 1 3 3 3 . 3 .",
  "POST /api/v1/users": "1 1 1 3 3 3 . 3 .",
  "PUT /api/v1/users/:name": "1 1 1 3 3 3 . 3 .",
  "DELETE /api/v1/users/:name": "1 1 1 3 3 3 . 3 .",
  "GET /api/v1/audit": "1 1 1 3 3 3 . 3 .",

  "GET /api/v1/runs": "1 1 1 . . . . 3 .",
  "POST /api/v1/runs": "1 1 1 3 3 . . 3 .",
  "GET /api/v1/runs/:id": "1 1 1 . . . . 3 .",
  "GET /api/v1/runs/:id/executions": "1 1 1 . . . . 3 .",
  "GET /api/v1/runs/:id/events": "1 1 1 . . . . 3 .",
  "POST /api/v1/runs/:id/cancel": "1 1 1 3 3 . . 3 .",
  "POST /api/v1/runs/:id/pause": "1 1 1 3 3 . . 3 .",
  "POST /api/v1/runs/:id/resume": "1 1 1 3 3 . . 3 .",
  "POST /api/v1/runs/:id/retry": "1 1 1 3 3 . . 3 .",
  "POST /api/v1/runs/:id/fork": "1 1 1 3 3 . . 3 .",
  "POST /api/v1/runs/:id/signals": "1 1 1 3 3 . . 3 .",
  "POST /api/v1/runs/:id/star": "1 1 1 3 3 . . 3 .",
  "POST /api/v1/runs/:id/label": "1 1 1 3 3 . . 3 .",

  "GET /api/v1/approvals": "1 1 1 . . . . 3 .",
  "GET /api/v1/approvals/:id": "1 1 1 . . . . 3 .",
  "POST /api/v1/approvals/:id/respond": "1 1 1 3 . . . 3 .",

  "GET /api/v1/workflows": "1 1 1 . . . . 3 .",
  "GET /api/v1/workflows/:name": "1 1 1 . . . . 3 .",
  "POST /api/v1/workflows/:name/check": "1 1 1 . . . . 3 .",
  "PUT /api/v1/workflows/:name/override": "1 1 1 3 3 3 . 3 .",
  "DELETE /api/v1/workflows/:name/override": "1 1 1 3 3 3 . 3 .",

  "GET /api/v1/deliveries": "1 1 1 . . . . 3 .",
  "GET /api/v1/deliveries/:id": "1 1 1 . . . . 3 .",
  "POST /api/v1/deliveries/:id/replay": "1 1 1 3 3 . . 3 .",

  "GET /api/v1/crons": "1 1 1 . . . . 3 .",
  "GET /api/v1/crons/:name": "1 1 1 . . . . 3 .",
  "GET /api/v1/crons/:name/fires": "1 1 1 . . . . 3 .",
  "POST /api/v1/crons/:name/trigger": "1 1 1 3 3 . . 3 .",
  "PUT /api/v1/crons/:name/override": "1 1 1 3 3 3 . 3 .",
  "DELETE /api/v1/crons/:name/override": "1 1 1 3 3 3 . 3 .",

  "GET /api/v1/outbox": "1 1 1 . . . . 3 .",
  "POST /api/v1/outbox/retry": "1 1 1 3 3 . . 3 .",
  "POST /api/v1/outbox/drop": "1 1 1 3 3 . . 3 .",

  "GET /api/v1/sessions/:id": "1 1 1 . . . . 3 .",
  "GET /api/v1/sessions/:id/tail": "1 1 1 . . . . 3 .",
  "GET /api/v1/health": "1 1 1 . . . . 3 .",
  "DELETE /api/v1/admin/safe-mode": "1 1 1 3 3 3 . 3 .",
};

const REFUSED: Record<string, string> = {
  "identity.missing": "1",
  "identity.forbidden": "3",
  "csrf.missing": "3",
};
const ROLES: readonly Role[] = ["viewer", "approver", "operator", "admin"];

/** A house with someone of every role, and one whose name stands for nobody any more. */
async function openHouse(): Promise<World> {
  const oidc = {
    provider: () => Promise.reject(new Error("nobody asks")),
    admission: { roleClaim: null, roles: {}, defaultRole: null },
  };
  const world = await openWorld({ oidc });
  for (const role of ROLES) await addPerson(world, role, role);
  return world;
}

function appOf({ options, engine, store }: World): App {
  return createApp(options, openNewsroom({ bus: engine.bus, store, clock: options.clock }));
}

function inventory(world: World): string[] {
  const routes = appOf(world).routes.filter(({ method }) => method !== "ALL");
  return routes.map(({ method, path }) => `${method} ${path}`);
}

async function credentials(world: World): Promise<(caller: Caller) => Promise<Credentials>> {
  const execution = await executing(world);
  const expired = await tokenOf(world, "admin", { expiresAt: "2026-01-01T00:00:00.000Z" });
  const ownWord = await executionToken(world, execution.execution, execution.run);
  return async (caller) => {
    switch (caller) {
      case "none":
        return {};
      case "bad":
        return { authorization: `Bearer llt_${"x".repeat(43)}` };
      case "expired":
        return { authorization: expired.authorization as string };
      case "execution":
        return ownWord;
      case "local":
        return { authorization: `Bearer ${TOKEN}` };
      default:
        // A browser of its own each time: some routes log it out.
        return browserOf(world, caller);
    }
  };
}

/** A few at once: each request is a commit or two, and commits are shared. */
async function together<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const AT_ONCE = 6;
  for (let at = 0; at < items.length; at += AT_ONCE) await Promise.all(items.slice(at, at + AT_ONCE).map(work));
}

/** What became of a request: one letter of the table. */
async function letter({ server }: World, route: string, headers: Credentials, id = "none"): Promise<string> {
  const [method = "", path = ""] = route.split(" ");
  const body = method === "GET" ? {} : { body: "{}" };
  const response = await fetch(server.url + path.replace(/:\w+/, id), {
    method,
    redirect: "manual",
    headers: { ...(method !== "GET" && { "content-type": "application/json" }), ...headers },
    ...body,
  });
  const text = await response.text();
  const code = text.startsWith("{") ? (JSON.parse(text) as { error?: { code: string } }).error?.code : undefined;
  return REFUSED[code ?? ""] ?? ".";
}

test("who may do what at every route is what the table says, and no route is missing from it", async () => {
  const world = await openHouse();
  const known = await credentials(world);
  const found: Record<string, string> = {};
  await together(inventory(world), async (each) => {
    const letters = CALLERS.map(async (caller) => letter(world, each, await known(caller)));
    found[each] = (await Promise.all(letters)).join(" ");
  });
  expect(Object.keys(found).length).toBeGreaterThan(40);
  expect(found).toEqual(TABLE);
});

test("what is said of a route when it is made is what the table says", async () => {
  const rules = rulesOf(appOf(await openHouse()));
  for (const [each, row] of Object.entries(TABLE)) {
    const least = CALLERS[row.split(" ").indexOf(".")];
    const needs = rules.get(each)?.needs;
    // Links are for the daemon's own token alone, whatever the role.
    if (each !== "POST /api/v1/session/link")
      expect([each, needs]).toEqual([each, least === "none" ? "public" : least]);
  }
});

test("a token may what its role may, whoever made it, but makes no tokens", async () => {
  const world = await openHouse();
  const { id: _, ...token } = await tokenOf(world, "admin", { role: "operator" });
  await together(Object.entries(TABLE), async ([each, row]) => {
    // Whether it is a person's is looked at once the body is, which elsewhere here is none.
    const isMaking = each === "POST /api/v1/tokens";
    const expected = isMaking ? "3" : row.split(" ")[CALLERS.indexOf("operator")];
    expect([each, isMaking ? await tokenMaking(world, token) : await letter(world, each, token)]).toEqual([
      each,
      expected,
    ]);
  });
});

async function tokenMaking({ server }: World, headers: Credentials): Promise<string> {
  const init = { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: '{"name":"x"}' };
  return (await fetch(`${server.url}/api/v1/tokens`, init)).status === 403 ? "3" : ".";
}

test("a mutation by cookie needs the header of our own page, at every route", async () => {
  const world = await openHouse();
  const mutations = Object.keys(TABLE).filter((each) => !each.startsWith("GET ") && !TABLE[each]?.startsWith("."));
  await together(mutations, async (each) => {
    const { cookie = "" } = await browserOf(world, "admin");
    const others = each === mutations[0] ? ["", "0", "11", "true"] : [];
    for (const csrf of [{}, ...others.map((word) => ({ "x-lastlight-csrf": word }))]) {
      expect([each, await letter(world, each, { cookie, ...csrf } as Credentials)]).toEqual([each, "3"]);
    }
  });
});

test("an execution reads its own run, and neither another nor what it waits for; it answers no gate", async () => {
  const world = await openHouse();
  const { execution, run } = await executing(world);
  const other = await executing(world);
  const own = await executionToken(world, execution, run);
  for (const each of ["GET /api/v1/runs/:id", "GET /api/v1/runs/:id/executions"]) {
    expect(await letter(world, each, own, run)).toBe(".");
    expect(await letter(world, each, own, other.run)).toBe("3");
  }
  const { id } = await world.client.startRun({ workflow: "release" });
  const gate = await untilGate(world, id);
  const waiting = await executionToken(world, execution, id);
  const answer = JSON.stringify({ decision: "approve" });
  const init = { method: "POST", headers: { ...waiting, "content-type": "application/json" }, body: answer };
  expect((await fetch(`${world.server.url}/api/v1/approvals/${gate}/respond`, init)).status).toBe(403);
  expect(await world.client.approval(gate)).toMatchObject({ status: "pending" });
});

test("an execution's word is good for nothing once it has ended", async () => {
  const world = await openHouse();
  const { execution, run } = await executing(world);
  const own = await executionToken(world, execution, run);
  expect(await letter(world, "GET /api/v1/runs/:id", own, run)).toBe(".");
  await world.store.apply(run, { type: "execution.ended", execution, outcome: { type: "succeeded" } });
  expect(await letter(world, "GET /api/v1/runs/:id", own, run)).toBe("1");
});

test("a route that was made past the rules is refused to everyone", async () => {
  const world = await openHouse();
  const app = appOf(world);
  app.get("/api/v1/backdoor", (c) => c.text("come in"));
  route(app, { method: "get", path: "/api/v1/frontdoor", needs: "viewer", summary: "", answers: {} }, ({ c }) =>
    c.text("come in"),
  );
  // Node's own request, as the door has let it in.
  const incoming = {
    rawHeaders: ["Host", "127.0.0.1", "Authorization", `Bearer ${TOKEN}`],
    headers: {},
    socket: { remoteAddress: "127.0.0.1", localPort: 80 },
    complete: true,
  };
  const asked = async (path: string): Promise<number> =>
    (await app.request(path, {}, { incoming, outgoing: {} } as never)).status;
  expect(await asked("/api/v1/frontdoor")).toBe(200);
  expect(await asked("/api/v1/backdoor")).toBe(403);
});
