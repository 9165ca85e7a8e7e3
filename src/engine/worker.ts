import type { Clock } from "../domain/clock.ts";
import type { Outcome } from "../domain/execution.ts";
import { asFault, Fault } from "../domain/fault.ts";
import { redactor } from "../domain/redaction.ts";
import type { Blobs } from "../store/files/blobs.ts";
import type { Applied, Grant, Store } from "../store/store.ts";
import { DETACH, type Keeper } from "./contracts/keeper.ts";
import type { Log } from "./contracts/log.ts";
import { createMeter, type Meter } from "./meter.ts";
import type { Registry } from "./registry.ts";
import type { Settings } from "./settings.ts";

/** Carries out what it is granted and reports how it ended. It decides nothing about the run. */
export interface Worker {
  /** Returns at once; the same execution offered again is carried out once. */
  offer(grants: readonly Grant[]): void;
  /** Ends executions that are no longer wanted, also those it does not carry out itself. */
  revoke(executions: readonly string[]): void;
  /** Lets go of everything, and takes nothing more: programs go on without this daemon. */
  detach(): void;
  /** Resolves when nothing is being carried out. */
  idle(): Promise<void>;
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

export function createWorker(options: {
  store: Pick<Store, "brief" | "keepInput" | "keepSession" | "costBeside">;
  registry: Registry;
  keeper: Keeper;
  settings: Settings;
  blobs: Blobs;
  clock: Clock;
  log: Log;
  /** Where results go: through `apply`, and what that grants comes back here. */
  report: (grant: Grant, outcome: Outcome) => Promise<Applied>;
  /** Where it goes what a try has used up so far; the same `apply`. */
  tell: Parameters<typeof createMeter>[0]["tell"];
  /** Hears of everything that could not be written; true when it was for want of room, and the try is to come again. */
  trouble: (error: unknown) => boolean;
  /** Watches from now on: the answer tells whether there was no room at some time meanwhile. */
  watch: () => () => boolean;
  /** Where a try goes that could not be made for want of room. */
  stall: (grant: Grant) => Promise<undefined>;
  /** Names the run while its data is handled. */
  handling: <T>(run: string, work: () => T) => T;
}): Worker {
  const { store, registry, keeper, settings, blobs, clock, log, report, tell, trouble, watch, stall, handling } =
    options;
  const live = new Map<string, { grant: Grant; abort: AbortController }>();
  const waiters = new Set<() => void>();
  const words = redactor(settings.secrets);
  let detached = false;

  async function carry(grant: Grant, abort: AbortController): Promise<void> {
    const wasFull = watch();
    const meter = createMeter({ grant, signal: abort.signal, store, clock, log, tell });
    try {
      const ended = await attempt(grant, abort.signal, meter);
      // A program whose words find no room fails as if by itself, and by now there may be room again.
      const outcome = ended !== "stalled" && isExit(ended) && wasFull() ? "stalled" : ended;
      if (outcome !== "stalled") await conclude(grant, outcome, meter, abort.signal);
      if (!abort.signal.aborted)
        await deliver(grant, outcome === "stalled" ? () => stall(grant) : () => report(grant, outcome), abort.signal);
    } finally {
      meter.close();
      live.delete(grant.execution);
      if (live.size === 0) for (const wake of waiters) wake();
    }
  }

  async function conclude(grant: Grant, outcome: Outcome, meter: Meter, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    if (outcome.type === "succeeded" && outcome.idle) log.warn(place(grant), "an agent did nothing");
    await meter.settle(outcome);
  }

  async function attempt(grant: Grant, signal: AbortSignal, meter: Meter): Promise<Outcome | "stalled"> {
    try {
      return await registry.kind(grant.phaseType).execute({
        grant,
        signal,
        keeper,
        settings,
        blobs,
        words,
        keepInput: (input) => store.keepInput(grant.execution, input),
        keepSession: (session) => store.keepSession(grant.execution, session),
        used: meter.used,
        handling: (work) => handling(grant.run, work),
        brief: async () => {
          const brief = await store.brief(grant.execution);
          if (!brief) throw new Fault("run.terminal", `Execution ${grant.execution} no longer holds its phase`);
          meter.learn(brief);
          return brief;
        },
      });
    } catch (error) {
      if (trouble(error)) return "stalled";
      const fault = asFault(error);
      if (fault.code === "internal.error") log.error({ ...place(grant), err: error }, "phase surprised the worker");
      return { type: "failed", failure: "error", error: words.text(`${fault.code}: ${fault.message}`) };
    }
  }

  /** A result is never dropped: while the store cannot take it, it is kept and offered again. */
  async function deliver(grant: Grant, hand: () => Promise<Applied | undefined>, signal: AbortSignal): Promise<void> {
    for (let wait = FIRST_RETRY_MS; !signal.aborted; wait = Math.min(wait * 2, LAST_RETRY_MS)) {
      try {
        const applied = await hand();
        if (applied && !applied.ok) log.warn({ ...place(grant), why: applied.why }, "a late result was refused");
        return;
      } catch (error) {
        trouble(error);
        const fault = asFault(error);
        log.error({ ...place(grant), code: fault.code, err: error }, "a result could not be recorded; it is kept");
        if (fault.code === "store.stopped") return;
        await new Promise<void>((resolve) => void clock.after(wait, resolve));
      }
    }
  }

  return {
    offer: (grants) => {
      for (const grant of grants) {
        // Granted while letting go: its row says running, and the next daemon finds that it never started.
        if (detached || live.has(grant.execution)) continue;
        const abort = new AbortController();
        live.set(grant.execution, { grant, abort });
        void carry(grant, abort);
      }
    },
    revoke: (executions) => {
      for (const id of executions) {
        const held = live.get(id);
        if (held) held.abort.abort();
        else
          void keeper
            .clear(id)
            .catch((error: unknown) => log.error({ execution: id, err: error }, "could not be ended"));
      }
    },
    detach: () => {
      detached = true;
      for (const { abort } of live.values()) abort.abort(DETACH);
    },
    idle: () =>
      live.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            const wake = (): void => {
              waiters.delete(wake);
              resolve();
            };
            waiters.add(wake);
          }),
  };
}

function isExit(outcome: Outcome): boolean {
  return outcome.type === "failed" && outcome.failure === "exit";
}

function place({ run, phase, attempt, execution }: Grant): object {
  return { run, phase, attempt, execution };
}
