import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Clock } from "../domain/clock.ts";
import { Fault } from "../domain/fault.ts";
import type { Log } from "../engine/contracts/log.ts";
import type { Dispatch } from "../engine/dispatch.ts";
import type { Engine } from "../engine/engine.ts";
import type { Fork } from "../engine/fork.ts";
import type { SessionReader } from "../store/files/session-reader.ts";
import type { Store } from "../store/store.ts";
import type { Cron } from "../triggers/cron.ts";
import type { Replay } from "../triggers/replay.ts";
import type { Library } from "../workflow/library.ts";
import type { Health } from "./api.ts";
import { type Door, inUrl, isLoopback, openDoor } from "./door.ts";
import { identify } from "./identity/identity.ts";
import { TOKEN_PREFIX } from "./identity/secrets.ts";
import { linger } from "./linger.ts";
import { type Newsroom, openNewsroom } from "./news.ts";
import { answerError, errorBody, HEADERS, refusal, STATUS } from "./reply.ts";
import { type App, type Env, methodsAt } from "./route.ts";
import { adminRoutes } from "./routes/admin.ts";
import { approvalRoutes } from "./routes/approvals.ts";
import { cronRoutes } from "./routes/crons.ts";
import { deliveryRoutes } from "./routes/deliveries.ts";
import { healthRoutes } from "./routes/health.ts";
import { type Hooks, hookRoutes } from "./routes/hooks.ts";
import type { Oidc } from "./routes/login.ts";
import { operateRoutes } from "./routes/operate.ts";
import { outboxRoutes } from "./routes/outbox.ts";
import { runRoutes } from "./routes/runs.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { type Check, workflowRoutes } from "./routes/workflows.ts";

export interface ServerOptions {
  readonly host: string;
  /** 0 asks the system for a free one. */
  readonly port: number;
  readonly token: string;
  /** Who holds the token; what they do is recorded as `local:<user>`. */
  readonly user: string;
  /** How people come in by their house's identity provider; null where they do not. */
  readonly oidc: Oidc | null;
  /** Where people reach the daemon, through whatever stands before it; empty where that is nowhere else. */
  readonly publicUrl: string;
  /** Further hosts it may be called by. */
  readonly allowedHosts: readonly string[];
  readonly engine: Engine;
  readonly store: Store;
  readonly library: Pick<Library, "get" | "list">;
  readonly check: Check;
  /** Without it there are no session routes. */
  readonly sessions: SessionReader;
  readonly dispatch: Dispatch;
  readonly fork: Fork;
  readonly cron: Cron;
  readonly hooks: Hooks;
  readonly replay: Replay;
  readonly health: () => Promise<Health>;
  readonly stopping: () => boolean;
  /** A person's word that work may start again after too many crashes. */
  readonly leaveSafeMode: () => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
}

export interface OpenServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Node's own limits suit a server behind a proxy; nothing stands before this one. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16_384,
  // Answered here, like every other wrong Host.
  requireHostHeader: false,
} as const;
const CONNECTIONS = 512;
const GRACE_MS = 1_000;

/** Serves the API. Throws `config.invalid` for an address that cannot be, or may not be, listened on. */
export async function openServer(options: ServerOptions): Promise<OpenServer> {
  const { host, port, clock, log } = options;
  if (!isLoopback(host) && !options.oidc && !(await options.store.people.hasUsers())) {
    const message = `${host} is beyond loopback, which needs users, and there are none: \`lastlight users add NAME --role admin\` makes one`;
    throw new Fault("config.invalid", message, { details: [{ path: "LASTLIGHT_HOST", message }] });
  }
  if (options.token.startsWith(TOKEN_PREFIX)) {
    const message = "it holds someone's token: as the daemon's own it would be an admin's";
    throw new Fault("config.invalid", message, { details: [{ path: "LASTLIGHT_TOKEN", message }] });
  }
  const newsroom = openNewsroom({ bus: options.engine.bus, store: options.store, clock });
  const closing = new AbortController();
  const door = openDoor(options);
  const app = createApp({ ...options, door }, newsroom, closing.signal);
  const answer = getRequestListener(app.fetch, {
    hostname: host,
    // Its cleaning up would read on through 64 MB of a refused body; here such a connection is closed.
    autoCleanupIncoming: false,
    errorHandler: () => {
      const fault = new Fault("request.invalid", "The request's target is not a URL");
      return Response.json(errorBody(fault), {
        status: STATUS[fault.code],
        headers: { ...HEADERS, connection: "close" },
      });
    },
  });
  const server = createServer(LIMITS);
  server.maxConnections = CONNECTIONS;
  server.on("request", (incoming, outgoing) => {
    const fault = door.refused(incoming);
    if (!fault) return void answer(incoming, outgoing);
    const head = { ...HEADERS, "content-type": "application/json", connection: "close" };
    outgoing.writeHead(STATUS[fault.code], head).end(JSON.stringify(errorBody(fault)));
  });
  // By default Node asks for the body before anyone has looked at its head.
  server.on("checkContinue", (incoming, outgoing) => void server.emit("request", incoming, outgoing));

  const quiet = quietSockets(server);
  linger(server, clock);

  await listen(server, host, port);
  // Later trouble, such as no file descriptor left for a connection, must not end the daemon.
  server.on("error", (error) => log.error({ err: error }, "the server could not take a connection"));
  const actual = (server.address() as AddressInfo).port;
  return {
    url: `http://${inUrl(reachable(host))}:${actual}`,
    port: actual,
    close: () =>
      new Promise((resolve) => {
        const cancel = clock.after(GRACE_MS, () => server.closeAllConnections());
        server.close(() => {
          cancel();
          resolve();
        });
        newsroom.close();
        closing.abort();
        for (const socket of quiet) socket.destroy();
        log.debug({ port: actual }, "the server is closing");
      }),
  };
}

/** Every route behind one door. Apart from the server, so that a test can ask for the inventory. */
export function createApp(
  options: Omit<ServerOptions, "host" | "port"> & { door?: Door },
  newsroom: Newsroom,
  closing: AbortSignal = new AbortController().signal,
): App {
  const { log, sessions, clock, store } = options;
  const app: App = new OpenAPIHono<Env>();
  app.onError((error, c) => answerError(c, error, log));
  app.notFound((c) => {
    const methods = methodsAt(app, c.req.path);
    if (methods.length === 0) return answerError(c, new Fault("route.unknown", "There is nothing at this path"), log);
    c.header("Allow", methods.join(", "));
    const fault = new Fault("route.unknown", `${c.req.method} is not for this path; ${methods.join(" and ")} is`);
    return answerError(c, refusal(405, fault), log);
  });

  app.use(async (c, next) => {
    for (const [name, value] of Object.entries(HEADERS)) c.header(name, value);
    await next();
    // Whatever of a body was not wanted stays unread: the connection ends with the answer.
    if (!c.env.incoming.complete || options.stopping()) c.res.headers.set("Connection", "close");
  });
  const door = options.door ?? openDoor({ host: "127.0.0.1", publicUrl: "", allowedHosts: [] });
  identify(app, { ...options, door });
  runRoutes(app, { ...options, newsroom });
  operateRoutes(app, options);
  approvalRoutes(app, options);
  workflowRoutes(app, options);
  healthRoutes(app, options);
  sessionRoutes(app, { sessions, clock, closing });
  adminRoutes(app, options);
  cronRoutes(app, { cron: options.cron, crons: store.crons });
  hookRoutes(app, options);
  outboxRoutes(app, store);
  deliveryRoutes(app, { ...options, deliveries: store.deliveries, refusals: options.hooks.refusals });
  return app;
}

/** To listen everywhere is not a place to go to. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" || host === "[::]" ? "::1" : host;
}

/** Connections with nothing asked. Node leaves those alone that never asked anything, which is what browsers open ahead. */
function quietSockets(server: Server): ReadonlySet<Socket> {
  const quiet = new Set<Socket>();
  server.on("connection", (socket) => {
    quiet.add(socket);
    socket.once("close", () => quiet.delete(socket));
  });
  server.on("request", ({ socket }, outgoing) => {
    quiet.delete(socket);
    outgoing.once("close", () => {
      if (!socket.destroyed) quiet.add(socket);
    });
  });
  return quiet;
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => {
      const why = error.code === "EADDRINUSE" ? "another program listens there" : error.message;
      const message = `${inUrl(host)}:${port} cannot be listened on: ${why}`;
      reject(new Fault("config.invalid", message, { details: [{ path: "LASTLIGHT_PORT", message }], cause: error }));
    };
    server.once("error", refuse);
    server.listen(port, host.replace(/^\[|\]$/g, ""), () => {
      server.off("error", refuse);
      resolve();
    });
  });
}
