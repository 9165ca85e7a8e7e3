import type { Client } from "../../src/http/client.ts";
import type { DaemonProcess } from "../support/daemon.ts";
import { audit, finalAudit } from "./audit.ts";
import { type Dice, dice } from "./dice.ts";
import { type Evidence, gather, integrity } from "./evidence.ts";
import { createHand, type Hand } from "./hand.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { orphansOf } from "./orphans.ts";
import { pause, within } from "./pace.ts";
import { auditSessions } from "./sessions.ts";
import { survived, type Tally, type Victim, type Window } from "./tally.ts";
import { killAll, type Living, living, send } from "./victims.ts";
import { createWorld, type World } from "./world.ts";

/** What a storm is told. */
export interface Forecast {
  readonly kills: number;
  readonly seed: number;
  readonly victim: Victim;
  /** How many runs at least. */
  readonly runs: number;
  /** How long a stopped daemon stands still. */
  readonly stopMs: number;
  /** The longest that a stream of the mix takes. */
  readonly longest?: number;
}

const READY_MS = 20_000;
const LIVING_MS = 2_000;
const END_MS = 25_000;
const SETTLE_MS = 120_000;

/** Kills at seeded instants while runs go on, then lets everything finish and audits what is left. */
export async function storm(forecast: Forecast): Promise<{ tally: Tally; stateDir: string }> {
  const world = createWorld(forecast.longest ?? 3);
  const started = performance.now();
  let violations: readonly string[] = ["the storm broke off"];
  try {
    const weather = new Weather(forecast, world);
    const tally = await weather.pass(started);
    violations = tally.violations;
    return { tally, stateDir: world.stateDir };
  } finally {
    await world.close(violations.length > 0);
  }
}

/** A storm under way: which daemon lives, and whose hand is on it. */
class Weather {
  private daemon: DaemonProcess | null = null;
  private client: Client | null = null;
  private daemons = 0;
  private readyMs = 500;
  private working: Promise<void> = Promise.resolve();
  private readonly windows: Record<Window, number> = { start: 0, recovery: 0, spawn: 0, commit: 0, stream: 0 };
  private readonly ledger: Ledger = createLedger();
  private readonly roll: Dice;
  private readonly hand: Hand;
  private readonly forecast: Forecast;
  private readonly world: World;

  constructor(forecast: Forecast, world: World) {
    this.forecast = forecast;
    this.world = world;
    this.roll = dice(forecast.seed, forecast.victim);
    this.hand = createHand({ ledger: this.ledger, mix: world.mix, dice: dice(forecast.seed, "hand"), open: 8 });
  }

  async pass(started: number): Promise<Tally> {
    let kills = 0;
    while (kills < this.forecast.kills && this.ledger.violations.length === 0) {
      const window = await this.aim(this.choose());
      if (window === null) continue;
      this.windows[window]++;
      kills++;
      if (this.daemon === null) this.ledger.violations.push(...audit(this.gather(false)));
    }
    const settled = await this.settle();
    const orphans = orphansOf(this.world.stateDir);
    const evidence = this.gather(true);
    const sessions = auditSessions(this.world.stateDir, evidence);
    const whole = integrity(this.world.stateDir);
    const violations = new Set([
      ...settled,
      ...finalAudit(evidence),
      ...sessions.violations,
      ...orphans.map(({ pid, name, why }) => `orphan: ${pid} ${name} (${why})`),
      ...(whole === "ok" ? [] : [`database: ${whole}`]),
    ]);
    const { attached, rerun } = survived(evidence);
    if (this.forecast.victim === "daemon" && attached + rerun >= 10 && attached < rerun)
      violations.add(`attached: ${attached} programs went on and ${rerun} were tried again`);
    const ended: Record<string, number> = {};
    for (const { status, reason } of evidence.runs) {
      const how = reason === null ? status : `${status} (${reason})`;
      ended[how] = (ended[how] ?? 0) + 1;
    }
    return {
      victim: this.forecast.victim,
      seed: this.forecast.seed,
      kills,
      windows: this.windows,
      daemons: this.daemons,
      runs: evidence.runs.length,
      ended,
      executions: evidence.executions.length,
      effects: evidence.effects.after.split("\n").length - 1,
      attached,
      rerun,
      sessions: sessions.sessions,
      session_lines: sessions.lines,
      orphans: orphans.length,
      seconds: Math.round((performance.now() - started) / 1000),
      violations: [...violations],
    };
  }

  /** A stopped daemon would not notice its own start, and one that starts spawns nothing yet. */
  private choose(): Window {
    return this.forecast.victim === "stop"
      ? this.roll.pick(["spawn", "commit", "stream"])
      : this.roll.pick(["start", "start", "recovery", "spawn", "spawn", "commit", "commit", "stream", "stream"]);
  }

  /** Brings the world to an instant in the window and strikes; the window in which it landed, or null for a miss. */
  private async aim(window: Window): Promise<Window | null> {
    if ((window === "start" || window === "recovery") && this.daemon) await this.stop();
    this.daemon ??= this.begin();
    if (window === "start") {
      // What a daemon does with what it finds is in the last part of its start; the first is loading itself.
      await pause(
        this.roll.chance(0.3) ? this.roll.between(0, this.readyMs) : this.readyMs * this.roll.between(0.7, 1),
      );
      return this.strike(this.client ? "recovery" : "start");
    }
    const client = await this.ready(this.daemon);
    if (!client) return null;
    if (window === "recovery") {
      await pause(this.roll.between(0, 40));
      return this.strike("recovery");
    }
    await pause(this.roll.between(10, 150));
    if (window === "stream") {
      await this.somethingLives();
      await pause(this.roll.between(0, 300));
      return this.strike("stream");
    }
    const acknowledged = this.hand.act(client);
    if (window === "commit" && this.roll.chance(0.5)) await pause(this.roll.between(0, 4));
    else if (!(await acknowledged)) return null;
    if (window === "spawn") await pause(this.roll.between(0, 15));
    return this.strike(window);
  }

  private async strike(window: Window): Promise<Window | null> {
    const daemon = this.daemon as DaemonProcess;
    const victims = this.forecast.victim === "daemon" || this.forecast.victim === "stop" ? [] : this.victims(window);
    switch (this.forecast.victim) {
      case "daemon":
        await this.fell(daemon, []);
        return window;
      case "all":
        await this.fell(daemon, victims);
        return window;
      case "stop":
        this.ledger.strikes.push(new Date().toISOString());
        send(daemon.pid, "SIGSTOP");
        await pause(this.forecast.stopMs);
        send(daemon.pid, "SIGCONT");
        // Whoever waited for an answer has given up meanwhile, and comes again.
        this.hand.rest();
        await this.working;
        if (this.client) this.working = this.hand.work(this.client);
        return window;
      case "keeper":
      case "command": {
        const [victim] = victims;
        const pid = this.forecast.victim === "keeper" ? victim?.keeper : victim?.command;
        if (!victim || pid == null) return null;
        this.ledger.casualties.add(victim.execution);
        return killAll([pid]) ? window : null;
      }
    }
  }

  /** The newest in the spawn window, any one otherwise; now and then, where all fall together, everyone. */
  private victims(window: Window): readonly Living[] {
    const [newest, ...others] = living(this.world.stateDir);
    if (!newest) return [];
    if (this.forecast.victim === "all" && this.roll.chance(0.3)) return [newest, ...others];
    return [window === "spawn" ? newest : this.roll.pick([newest, ...others])];
  }

  /** The daemon first, so that it sees nothing of the rest; then each keeper, so that it records nothing. */
  private async fell(daemon: DaemonProcess, victims: readonly Living[]): Promise<void> {
    for (const { execution } of victims) this.ledger.casualties.add(execution);
    const others = victims.flatMap(({ keeper, command }) => (command === null ? [keeper] : [keeper, command]));
    killAll([daemon.pid, ...others]);
    this.ledger.strikes.push(new Date().toISOString());
    await daemon.ended;
    this.hand.rest();
    await this.working;
    this.daemon = null;
  }

  private begin(): DaemonProcess {
    this.client = null;
    this.daemons++;
    const daemon = this.world.start();
    const since = performance.now();
    void daemon.ready.then(
      (client) => {
        if (this.daemon !== daemon) return;
        this.client = client;
        this.readyMs = this.readyMs * 0.7 + (performance.now() - since) * 0.3;
        this.working = this.hand.work(client);
      },
      () => {},
    );
    return daemon;
  }

  private async ready(daemon: DaemonProcess): Promise<Client | null> {
    const words = daemon.ready.then(
      () => "",
      (error: Error) => error.message,
    );
    if (!(await within(READY_MS, words)))
      this.ledger.violations.push(`start: a daemon was not ready in ${READY_MS} ms`);
    else if ((await words) !== "") this.ledger.violations.push(`start: ${await words}`);
    return this.client;
  }

  private async somethingLives(): Promise<void> {
    for (let waited = 0; waited < LIVING_MS && living(this.world.stateDir).length === 0; waited += 20) await pause(20);
  }

  /** In good order, as an upgrade would. */
  private async stop(): Promise<void> {
    const daemon = this.daemon as DaemonProcess;
    // Before it is ready it may not listen to signals yet, and dies of this one.
    await this.ready(daemon);
    this.ledger.strikes.push(new Date().toISOString());
    daemon.kill("SIGTERM");
    if (!(await within(END_MS, daemon.ended))) this.ledger.violations.push(`stop: not within ${END_MS} ms of SIGTERM`);
    else if ((await daemon.ended) !== 0) this.ledger.violations.push(`stop: ended with ${await daemon.ended}`);
    daemon.kill("SIGKILL");
    await daemon.ended;
    this.hand.rest();
    await this.working;
    this.daemon = null;
  }

  /** Lets every run come to its end and stops in good order; what did not is a violation. */
  private async settle(): Promise<string[]> {
    this.hand.windDown(this.forecast.runs);
    this.daemon ??= this.begin();
    const client = await this.ready(this.daemon);
    if (!client) return [...this.ledger.violations];
    const until = performance.now() + SETTLE_MS;
    let done = false;
    while (!done && performance.now() < until) {
      await pause(100);
      done = await this.hand.done(client).catch(() => false);
    }
    await this.stop();
    return [...this.ledger.violations, ...(done ? [] : [`ending: not everything was over after ${SETTLE_MS} ms`])];
  }

  private gather(outputs: boolean): Evidence {
    return gather(this.world, this.ledger, { outputs });
  }
}
