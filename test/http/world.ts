import { connect } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Clock, systemClock } from "../../src/domain/clock.ts";
import { Fault } from "../../src/domain/fault.ts";
import type { Schedule } from "../../src/domain/schedule.ts";
import type { Workflow } from "../../src/domain/workflow.ts";
import { dispatcher } from "../../src/engine/dispatch.ts";
import { createEngine, type Engine } from "../../src/engine/engine.ts";
import { forker } from "../../src/engine/fork.ts";
import type { Settings } from "../../src/engine/settings.ts";
import type { ErrorBody, Health } from "../../src/http/api.ts";
import { type Client, createClient } from "../../src/http/client.ts";
import { type OpenServer, openServer, type ServerOptions } from "../../src/http/server.ts";
import { context } from "../../src/phases/context.ts";
import { sessions } from "../../src/store/files/sessions.ts";
import { workspaces } from "../../src/store/files/workspaces.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { createCron } from "../../src/triggers/cron.ts";
import { check } from "../../src/workflow/check.ts";
import type { Library, LibraryEntry } from "../../src/workflow/library.ts";
import { type IntakeOptions, intakeOf } from "../support/intake.ts";
import { calm } from "../support/keeper.ts";
import { version, workflow } from "../support/workflow.ts";
import { temporaryFolder } from "../support/world.ts";

export const TOKEN = "a-token-of-this-test-and-of-nobody-else";

export interface World {
  readonly options: ServerOptions;
  readonly server: OpenServer;
  readonly store: Store;
  readonly engine: Engine;
  readonly client: Client;
  /** What was logged as an error. */
  readonly errors: object[];
  /** A request with the token, answered with status and parsed body. */
  ask(method: string, path: string, init?: Asking): Promise<Answer>;
  /** Bytes as they are on a connection of their own; resolves with what came back when it is closed. */
  raw(text: string): Promise<string>;
  stop(): void;
}
interface Asking {
  readonly json?: unknown;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: { readonly [name: string]: string };
}
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly [key: string]: unknown } & Partial<ErrorBody>;
}

export const WORKFLOWS: readonly Workflow[] = [
  workflow("greet", [{ name: "hello" }]),
  workflow("release", [
    { name: "prepare" },
    { name: "confirm", type: "approval", after: ["prepare"] },
    { name: "publish", after: ["confirm"] },
  ]),
  { ...workflow("typed", [{ name: "hello" }]), inputs: { repo: { type: "string" }, tries: { type: "integer" } } },
  { ...workflow("future", [{ name: "hello" }]), unavailable: ["phases.hello.if"] },
];

/** A daemon's worth of rooms behind a real port, over a real database. */
export async function openWorld(
  more: Partial<ServerOptions> = {},
  {
    workflows = WORKFLOWS,
    settings = calm.settings,
    clock = systemClock(),
    schedules = [],
    ...intake
  }: IntakeOptions & {
    workflows?: readonly Workflow[];
    settings?: Settings;
    clock?: Clock;
    schedules?: readonly Schedule[];
  } = {},
): Promise<World> {
  const errors: object[] = [];
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: (fields: object) => void errors.push(fields) };
  const folder = temporaryFolder();
  const store = openSqliteStore({ file: join(folder, "lastlight.db"), clock });
  const engine = createEngine({
    store,
    node: { node: "here", incarnation: clock.id() },
    clock,
    log,
    ...calm,
    phases: [context],
    deliverers: [],
    cap: 4,
    restartLimit: 3,
  });
  await engine.begin();
  const library = inMemory(workflows);
  const dispatch = dispatcher({ library, store, engine, clock, settings: calm.settings });
  const cron = createCron({
    crons: store.crons,
    schedules: () => schedules,
    onSchedules: () => () => {},
    dispatch,
    cancel: engine.cancel,
    bus: engine.bus,
    handlers: { sweep: async () => "swept", backup: () => new Promise(() => {}) },
    settings: { timezone: "UTC", webhooks: false, agent: false },
    pauseAfter: 5,
    clock,
    log,
  });
  let stopping = false;
  const options: ServerOptions = {
    host: "127.0.0.1",
    port: 0,
    token: TOKEN,
    user: "ada",
    oidc: null,
    publicUrl: "",
    allowedHosts: [],
    engine,
    store,
    library,
    check: async ({ file, bytes }) => check(file, bytes),
    sessions: sessions(join(folder, "sessions"), clock),
    dispatch,
    cron,
    fork: forker({
      store,
      engine,
      library: { check: async ({ file, bytes, files }) => check(file, bytes, files) },
      clock,
      settings: calm.settings,
      workspaces: workspaces({ root: join(folder, "workspaces"), id: clock.id }),
    }),
    ...intakeOf({ engine, store, library, clock, settings }, intake),
    health: async () => HEALTH,
    stopping: () => stopping,
    leaveSafeMode: () => {},
    clock,
    log,
    version: "0.0.0",
    ...more,
  };
  const server = await openServer(options);
  onTestFinished(async () => {
    await server.close();
    await engine.stop();
    await store.close();
  });
  return {
    options,
    server,
    store,
    engine,
    errors,
    client: createClient({ url: server.url, token: TOKEN, pause: async () => {} }),
    ask: async (method, path, { json, body, headers } = {}) => {
      const sent = json === undefined ? body : JSON.stringify(json);
      const response = await fetch(server.url + path, {
        method,
        headers: {
          authorization: `Bearer ${TOKEN}`,
          ...(sent !== undefined && { "content-type": "application/json" }),
          ...headers,
        },
        ...(sent !== undefined && { body: sent }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text.startsWith("{") ? JSON.parse(text) : {} };
    },
    raw: (text) => converse(server.port, text),
    stop: () => {
      stopping = true;
    },
  };
}

/** Resolves once the run waits at a gate; the gate's id. */
export async function untilGate({ client }: World, run: string): Promise<string> {
  for await (const { status } of client.watchRun(run)) {
    if (status !== "paused") continue;
    const gate = (await client.run(run)).approvals.find((each) => each.status === "pending");
    if (gate) return gate.id;
  }
  throw new Error("the run never came to a gate");
}

/** Resolves with how the run ended. */
export async function untilOver({ client }: World, run: string): Promise<string> {
  let last = "";
  for await (const { status } of client.watchRun(run)) last = status;
  return last;
}

function converse(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
  });
}

function inMemory(workflows: readonly Workflow[]): Library {
  const versions = workflows.map(version);
  const entries: LibraryEntry[] = versions.map((each) => ({
    file: `${each.name}.yaml`,
    folder: "workflows",
    name: each.name,
    kind: "agent",
    version: each,
    schedules: [],
    complaints: [],
  }));
  return {
    get: (name) => {
      const found = versions.find((each) => each.name === name);
      if (!found) throw new Fault("workflow.unknown", `There is no workflow "${name}"`);
      return found;
    },
    list: () => entries,
    reload: async () => {},
    onChange: () => () => {},
    check: async ({ file, bytes }) => check(file, bytes),
    close: async () => {},
  };
}

const HEALTH: Health = {
  status: "ready",
  trouble: null,
  version: "0.0.0",
  node_version: "24.0.0",
  pid: 1,
  started_at: "2026-11-21T09:00:00.000Z",
  uptime_s: 1,
  state_dir: "/state",
  workflows_dirs: ["/workflows"],
  counts: { executing: 0, owed: 0, pending_approvals: 0 },
  cap: 4,
  rss_bytes: 1,
  loop_lag_ms: 0,
};
