import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { type Clock, systemClock } from "../../src/domain/clock.ts";
import type { Json } from "../../src/domain/json.ts";
import { isOver } from "../../src/domain/run.ts";
import type { Deliverer, Reminder } from "../../src/engine/contracts/deliverer.ts";
import { type Dispatch, dispatcher } from "../../src/engine/dispatch.ts";
import { createEngine, type Engine } from "../../src/engine/engine.ts";
import { type Fork, forker } from "../../src/engine/fork.ts";
import { createKeeper } from "../../src/engine/keeper.ts";
import type { Settings } from "../../src/engine/settings.ts";
import { createTranscripts } from "../../src/engine/transcript.ts";
import { phases, runtimes } from "../../src/plugins.ts";
import { blobs } from "../../src/store/files/blobs.ts";
import { sessions } from "../../src/store/files/sessions.ts";
import { spool } from "../../src/store/files/spool.ts";
import type { Repositories } from "../../src/store/files/workspaces/repositories.ts";
import { workspaces } from "../../src/store/files/workspaces.ts";
import type { RunDetail } from "../../src/store/lines.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { type Library, openLibrary } from "../../src/workflow/library.ts";
import { silent } from "./engine.ts";
import { UNCONFINED } from "./sandboxes.ts";
import { temporaryFolder } from "./world.ts";

/** What an agent says instead of thinking, by iteration or phase. */
export type Says = { readonly [name: string]: object | readonly object[] };

/** A whole house in this process: real files, real programs, real SQLite; an agent that says what it is told to. */
export interface GrammarWorld {
  readonly folder: string;
  readonly store: Store;
  readonly library: Library;
  readonly clock: Clock;
  engine: Engine;
  dispatch: Dispatch;
  fork: Fork;
  /** What people were told, in order: `event text`. */
  readonly told: string[];
  /** What people were asked at gates, once it has come to so many questions: `door`, `door again 1`, `door to leads`. */
  asked(many: number): Promise<readonly string[]>;
  /** Starts a run and returns its id. */
  start(workflow: string, more?: { inputs?: Record<string, Json>; context?: Record<string, Json> }): Promise<string>;
  /** The run, once `ready` holds for it: asked again at every commit. */
  until(run: string, ready: (run: RunDetail) => boolean): Promise<RunDetail>;
  /** The run, once it is over. */
  over(run: string): Promise<RunDetail>;
  /** Lets this engine go, as a stop does, and begins another on the same files. */
  restart(): Promise<void>;
  /** The run's own workspace, or the copy of that name. */
  workspace(run: string, copy?: string): string;
}

export async function grammarWorld(
  /** File → text: workflows by their names, prompts below `prompts/`. */
  files: { readonly [path: string]: string },
  options: {
    says?: Says;
    settings?: Partial<Settings>;
    cap?: number;
    clock?: Clock;
    repositories?: Repositories;
  } = {},
): Promise<GrammarWorld> {
  const folder = temporaryFolder();
  const { clock = systemClock(), says = {}, cap = 4, repositories = null } = options;
  for (const [path, text] of Object.entries(files)) {
    const place = join(folder, "workflows", path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, text);
  }
  const script = join(folder, "says.json");
  writeFileSync(script, JSON.stringify({ phases: says }));
  const library = await openLibrary({ folders: [join(folder, "workflows")] });
  const store = openSqliteStore({ file: join(folder, "lastlight.db"), clock });
  const settings: Settings = {
    models: {},
    variants: {},
    approvals: new Set(),
    sandbox: "none",
    path: "",
    hidden: [],
    // Agents of tests say what a test has them say.
    unsandboxed: true,
    secrets: {},
    publicUrl: "https://lastlight.example",
    artefacts: join(folder, "artefacts"),
    agent: "scripted",
    ...options.settings,
  };
  const told: string[] = [];
  const post: Deliverer = {
    kind: "post",
    deliver: async ({ payload }, { text }) => void told.push(`${(payload as { event: string }).event} ${text}`),
  };
  const asked: string[] = [];
  const listening = new Set<() => void>();
  const ask: Deliverer = {
    kind: "ask",
    deliver: async (_effect, { approval, reminder }) => {
      asked.push(`${approval?.gate}${inWords(reminder)}`);
      for (const hear of listening) hear();
    },
  };
  const workspace = (run: string, copy?: string): string =>
    join(folder, "workspaces", copy === undefined ? run : `${run}+${copy}`);

  const open = (): { engine: Engine; dispatch: Dispatch; fork: Fork } => {
    const places = workspaces({ root: join(folder, "workspaces"), id: clock.id, repositories });
    const engine = createEngine({
      store,
      clock,
      log: silent,
      node: { node: "n", incarnation: clock.id() },
      phases: phases(runtimes(script)),
      deliverers: [post, ask],
      settings,
      blobs: blobs(settings.artefacts),
      ballast: { drop: () => {}, restore: async () => true },
      handling: (_run, work) => work(),
      startChild: ({ workflow, inputs, parent, once }) =>
        dispatch({ workflow, inputs, parent, once, trigger: { type: "api", id: parent.run, by: `run ${parent.run}` } }),
      cap,
      restartLimit: 3,
      keeper: createKeeper({
        spool: spool(join(folder, "spool")),
        workspaces: places,
        clock: systemClock(),
        environment: { PATH: process.env.PATH ?? "" },
        sandboxes: UNCONFINED,
        transcripts: createTranscripts({
          sessions: sessions(join(folder, "sessions"), clock),
          clock: systemClock(),
          log: silent,
          version: "0.0.0",
        }),
        log: silent,
        onUnknown: () => {},
      }),
    });
    const dispatch = dispatcher({ library, store, engine, clock, settings });
    return { engine, dispatch, fork: forker({ store, engine, library, clock, settings, workspaces: places }) };
  };
  const until = (run: string, ready: (run: RunDetail) => boolean): Promise<RunDetail> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        store.run(run).then((detail) => {
          if (!detail || !ready(detail)) return;
          stop();
          resolve(detail);
        }, reject);
      };
      const stop = store.onChange(look);
      look();
    });
  const world: GrammarWorld = {
    ...open(),
    folder,
    store,
    library,
    clock,
    told,
    asked: (many) =>
      new Promise((resolve) => {
        const hear = (): void => {
          if (asked.length < many) return;
          listening.delete(hear);
          resolve([...asked]);
        };
        listening.add(hear);
        hear();
      }),
    start: async (workflow, { inputs = {}, context } = {}) => {
      const trigger = { type: "api" as const, id: null, by: "ana" };
      const request = { workflow, inputs, trigger, once: null, ...(context ? { context } : {}) };
      return (await world.dispatch(request)).run.id;
    },
    until,
    over: (run) => until(run, ({ status }) => isOver(status)),
    restart: async () => {
      await world.engine.stop();
      Object.assign(world, open());
      await world.engine.begin();
    },
    workspace,
  };
  onTestFinished(async () => {
    await world.engine.stop();
    await store.close();
    await library.close();
  });
  await world.engine.begin();
  return world;
}

function inWords(reminder: Reminder | null): string {
  if (!reminder) return "";
  if ("ordinal" in reminder) return ` again ${reminder.ordinal}`;
  const { users = [], groups = [] } = reminder.to;
  return ` to ${[...users, ...groups].join(", ")}`;
}

/** Iterations and how each went, in order: `fix_iter_1 ok`. */
export function tries(run: RunDetail): string[] {
  return run.executions.map(({ name, status }) => `${name} ${status}`);
}

/** What each phase printed last. */
export function outputs(run: RunDetail): Record<string, string | null> {
  return Object.fromEntries(run.executions.map(({ name, output }) => [name, output]));
}
