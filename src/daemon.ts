import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Config, hiddenOf } from "./config.ts";
import { type Clock, systemClock } from "./domain/clock.ts";
import { redactor } from "./domain/redaction.ts";
import { chosenSandbox } from "./engine/confinement.ts";
import type { Log } from "./engine/contracts/log.ts";
import { isForRoom } from "./engine/disk.ts";
import { type Dispatch, dispatcher, drafter } from "./engine/dispatch.ts";
import { createEngine, type Engine } from "./engine/engine.ts";
import { forker } from "./engine/fork.ts";
import { createKeeper } from "./engine/keeper.ts";
import { keepTidy, tidy } from "./engine/retention.ts";
import { createTranscripts } from "./engine/transcript.ts";
import type { Health } from "./http/api.ts";
import { openServer } from "./http/server.ts";
import { takeLock, userName } from "./lock.ts";
import { connectors, phases, runtimes, sandboxes } from "./plugins.ts";
import { artefactsOf, oidcOf, repositoriesOf, retentionOf, settingsOf } from "./settings.ts";
import { backups } from "./store/files/backups.ts";
import { ballast } from "./store/files/ballast.ts";
import { blobs } from "./store/files/blobs.ts";
import { sessions } from "./store/files/sessions.ts";
import { spool } from "./store/files/spool.ts";
import { openStarts } from "./store/files/starts.ts";
import { announce, apiToken, makeFolder } from "./store/files/state-dir.ts";
import { openSuspects } from "./store/files/suspects.ts";
import { workspaces } from "./store/files/workspaces.ts";
import { openSqliteStore } from "./store/sqlite/open.ts";
import { createCron } from "./triggers/cron.ts";
import { cronHandlers } from "./triggers/cron-handlers.ts";
import { createIntake } from "./triggers/intake.ts";
import { startPolling } from "./triggers/poll.ts";
import { limits } from "./triggers/rates.ts";
import { refusals } from "./triggers/refusals.ts";
import { replayer } from "./triggers/replay.ts";
import { webhooks } from "./triggers/webhook.ts";
import { openLibrary } from "./workflow/library.ts";
import { readSources } from "./workflow/sources.ts";

/** A daemon that serves. */
export interface Daemon {
  readonly url: string;
  stop(): Promise<void>;
}

const RECOVERY_RETRY_MS = 2_000;

/**
 * Opens the store, introduces the rooms, starts; `stop` undoes it in reverse. Throws `state.locked` when another daemon
 * has this STATE_DIR, `state.unwritable`, `config.invalid`, or a `database.*` fault.
 */
export async function startDaemon(
  config: Config,
  log: Log,
  version: string,
  clock: Clock = systemClock(),
): Promise<Daemon> {
  const undo: (() => Promise<void> | void)[] = [];
  const unwind = async (): Promise<void> => {
    for (const each of undo.splice(0).reverse()) await each();
  };
  const attempt = async (): Promise<Daemon> => {
    try {
      return await wire(config, log, version, clock, undo, unwind);
    } catch (error) {
      await unwind();
      throw error;
    }
  };
  try {
    return await attempt();
  } catch (error) {
    // The last daemon kept room back for such a day: with it this one can serve, and say what is the matter.
    const kept = join(config.stateDir, "ballast");
    if (!isForRoom(error) || !existsSync(kept)) throw error;
    log.error({ err: error }, "there is no room on the disk to start with; what was kept back is given up");
    rmSync(kept, { force: true });
    return attempt();
  }
}

async function wire(
  config: Config,
  log: Log,
  version: string,
  clock: Clock,
  undo: (() => Promise<void> | void)[],
  unwind: () => Promise<void>,
): Promise<Daemon> {
  const { stateDir } = config;
  const node = { node: config.node, incarnation: clock.id() };
  const startedAt = clock.now();
  const sources = readSources(config.sources.file, config.sources.isNamed, Object.keys(config.secrets));
  let stopping = false;

  // The library's reader takes a while to wake: it does so while the rest is opened.
  const opening = openLibrary({ folders: config.workflowsDirs, watch: true });
  undo.push(() =>
    opening.then(
      (opened) => opened.close(),
      () => {},
    ),
  );
  opening.catch(() => {});
  // So does the sandbox, which is really tried.
  const known = sandboxes(config);
  const choosing = chosenSandbox(config.sandbox.kind, known, log);
  choosing.catch(() => {});
  makeFolder(stateDir);
  const lock = await takeLock(stateDir, clock, log);
  undo.push(() => lock.release());

  // Before anything of a run is touched: how the last daemon ended, and whose data it had in hand.
  const suspects = openSuspects(join(stateDir, "suspects"));
  let served = false;
  undo.push(() => {
    // A start that was refused did nothing to anyone's data: it is no crash, and counts for none.
    if (!served && suspects.before.clean) suspects.clean();
    suspects.close();
  });
  const starts = openStarts(join(stateDir, "starts.json"), config.safeModeAfter);
  let safeMode = suspects.before.clean ? starts.safeMode() : starts.unclean(startedAt);

  const unknown = (error: unknown): void => {
    log.error({ err: error }, "a sync failed; what is on disk is known only to a fresh start");
    process.exit(70);
  };
  const store = openSqliteStore({
    file: join(stateDir, "lastlight.db"),
    clock,
    onUnknown: unknown,
    reports: config.github !== null,
  });
  undo.push(() => store.close());
  const library = await opening;
  const sandbox = await choosing;
  const settings = settingsOf(config, sandbox);

  const dispatch: Dispatch = (request) => dispatching(request);
  const words = redactor(hiddenOf(config));
  const mirrors = repositoriesOf(config, clock);
  const places = workspaces({ root: join(stateDir, "workspaces"), id: clock.id, repositories: mirrors });
  const sessionFiles = sessions(join(stateDir, "agent-sessions", "projects"), clock);
  const { github, publicUrl } = config;
  const outside = connectors({ github, replies: store.replies, publicUrl, version, words, clock, log });
  const engine: Engine = createEngine({
    store,
    node,
    clock,
    log,
    keeper: createKeeper({
      spool: spool(join(stateDir, "spool"), words),
      workspaces: places,
      clock,
      environment: config.programEnvironment,
      sandboxes: {
        current: known[sandbox],
        known: Object.values(known),
        limits: config.sandbox.limits,
        hosts: config.sandbox.hosts,
        hidden: settings.hidden,
      },
      transcripts: createTranscripts({
        sessions: sessionFiles,
        clock,
        log,
        version,
        words,
        onTrouble: (fault) => void engine.disk.trouble(fault),
      }),
      log,
      onUnknown: unknown,
    }),
    phases: phases(runtimes(config.scripted)),
    deliverers: outside.deliverers,
    actors: outside.actors,
    tries: config.outboxTries,
    settings,
    blobs: blobs(artefactsOf(config)),
    startChild: ({ workflow, inputs, parent, once }) =>
      dispatch({ workflow, inputs, parent, once, trigger: { type: "api", id: parent.run, by: `run ${parent.run}` } }),
    ballast: ballast(join(stateDir, "ballast"), stateDir),
    handling: (run, work) =>
      suspects.handling(run, () => {
        if (run === config.failpoint) process.kill(process.pid, "SIGKILL");
        return work();
      }),
    cap: config.maxExecutions,
    restartLimit: config.restartLimit,
  });
  const dispatching = dispatcher({ library, store, engine, clock, settings });
  const rates = limits(config.rates);
  const intake = createIntake({
    engine,
    deliveries: store.deliveries,
    workflows: () => library.list().flatMap(({ version: each }) => (each?.workflow.on ? [each] : [])),
    draft: drafter({ library, store, clock, settings }),
    house: { holdLabel: config.holdLabel },
    words,
    limit: rates.actor,
    clock,
  });
  undo.push(() => engine.stop());
  const tidying = { store, workspaces: places, repositories: mirrors, retention: retentionOf(config), clock, log };
  const cron = createCron({
    crons: store.crons,
    schedules: () => library.list().flatMap(({ schedules }) => schedules),
    onSchedules: library.onChange,
    dispatch,
    cancel: engine.cancel,
    bus: engine.bus,
    handlers: cronHandlers({
      tidy: (signal) => tidy(tidying, signal),
      store,
      backups: backups(join(stateDir, "backups")),
      clock,
    }),
    settings: {
      timezone: config.timezone,
      webhooks: config.githubWebhookSecrets.length > 0,
      agent: config.agent !== null,
    },
    pauseAfter: config.cronPauseAfter,
    clock,
    log,
  });
  undo.push(() => cron.stop());

  const lag = monitorEventLoopDelay({ resolution: 20 });
  lag.enable();
  undo.push(() => void lag.disable());
  const server = await openServer({
    host: config.host,
    port: config.port,
    token: config.token ?? apiToken(stateDir),
    user: userName(),
    oidc: oidcOf(config, clock),
    publicUrl: config.publicUrl,
    allowedHosts: config.allowedHosts,
    engine,
    store,
    library,
    sessions: sessionFiles,
    check: library.check,
    dispatch,
    fork: forker({
      store,
      engine,
      library,
      clock,
      settings,
      workspaces: places,
    }),
    cron,
    hooks: {
      sources: webhooks({ ...config, github: config.githubWebhookSecrets, self: config.githubLogins, sources }),
      intake,
      limits: rates,
      refusals: refusals(clock, log),
    },
    replay: replayer({ deliveries: store.deliveries, intake, self: config.githubLogins, clock }),
    health: async (): Promise<Health> => ({
      status: stopping ? "stopping" : safeMode ? "safe_mode" : "ready",
      trouble: safeMode?.reason ?? engine.disk.state()?.what ?? null,
      version,
      node_version: process.versions.node,
      pid: process.pid,
      started_at: startedAt,
      uptime_s: Math.floor((Date.parse(clock.now()) - Date.parse(startedAt)) / 1000),
      state_dir: stateDir,
      workflows_dirs: config.workflowsDirs,
      counts: await store.counts(),
      cap: config.maxExecutions,
      rss_bytes: process.memoryUsage.rss(),
      loop_lag_ms: Math.round(lag.percentile(99) / 1e4) / 100,
    }),
    leaveSafeMode: () => {
      if (!safeMode) return;
      log.warn(safeMode, "safe mode is left");
      starts.forget();
      safeMode = null;
      begin();
    },
    stopping: () => stopping,
    clock,
    log,
    version,
  });
  undo.push(() => server.close());
  undo.push(announce(stateDir, { url: server.url, pid: process.pid, started_at: startedAt }));

  let recovery: Promise<unknown> = Promise.resolve();
  const begin = (): void => {
    // What lives is known by then, so that a slot is judged by the runs that are really under way.
    recovery = recover().then(() => {
      if (!stopping) cron.begin();
    });
    undo.push(keepTidy(tidying));
    if (github && outside.feed && github.poll.length > 0)
      undo.push(
        startPolling({
          repositories: github.poll,
          everyMs: github.pollSeconds * 1_000,
          feed: outside.feed,
          intake,
          cursors: store.replies,
          self: config.githubLogins,
          clock,
          log,
        }),
      );
  };
  /** Until it is done: with no room on the disk it waits for some, as everything else does. */
  const recover = async (): Promise<void> => {
    while (!stopping) {
      try {
        await engine.begin(suspects.before.run === null ? [] : [suspects.before.run]);
        return;
      } catch (error) {
        log.error({ err: error }, "recovery failed; the daemon serves, nothing starts, and it is tried again");
        await new Promise<void>((resolve) => void clock.after(RECOVERY_RETRY_MS, resolve));
      }
    }
  };
  // The port is open before recovery is done: people can look while a long list of lost work is owed again.
  if (safeMode) log.error(safeMode, "safe mode: nothing is dispatched until `lastlight safe-mode leave`");
  else begin();
  served = true;
  log.info({ url: server.url, state_dir: stateDir, version }, "ready");

  return {
    url: server.url,
    stop: async () => {
      if (stopping) return;
      stopping = true;
      log.info({}, "stopping");
      await recovery;
      // Before the server, which may take a while: from here on nothing begins by itself.
      await cron.stop();
      suspects.clean();
      await unwind();
      log.info({}, "stopped");
    },
  };
}
