import { isDayUsedUp, isUsedUp, type Spent, spend, spentBy } from "../domain/budget.ts";
import type { Clock } from "../domain/clock.ts";
import type { Outcome, Usage } from "../domain/execution.ts";
import type { Run, RunEvent } from "../domain/run.ts";
import type { Budget, PhaseBudget } from "../domain/workflow.ts";
import type { Applied, Brief, Grant, Store } from "../store/store.ts";
import type { Log } from "./contracts/log.ts";

/** Tells a run what one of its tries has used up so far: not each time that it is told so, but before it is too late. */
export interface Meter {
  /** In all, so far. */
  used(usage: Usage): void;
  /** Learns which limits there are to look out for. */
  learn(brief: Brief): void;
  /** What was used last is told where the end itself does not say it. Resolves when it is told, or cannot be. */
  settle(outcome: Outcome): Promise<void>;
  /** Nothing more is told. */
  close(): void;
}

type Used = Extract<RunEvent, { type: "execution.used" }>;

/** A transition for each message of each agent would be most of what the store does. */
const PAUSE_MS = 2_000;
const LOOK_MS = 30_000;

export function createMeter(options: {
  grant: Grant;
  /** Aborted when the try is no longer wanted, or goes on without this daemon. */
  signal: AbortSignal;
  store: Pick<Store, "costBeside">;
  clock: Clock;
  log: Log;
  tell: (run: string, event: Used) => Promise<Applied>;
}): Meter {
  const { grant, signal, store, clock, log, tell } = options;
  const { run, execution, phase } = grant;
  let last: Usage | null = null;
  /** What was used last is not told yet. */
  let fresh = false;
  let toldAt = Number.NEGATIVE_INFINITY;
  let telling: Promise<void> | null = null;
  let cancelTimer = (): void => {};
  let closed = false;
  let limits: { readonly ofRun: Budget | undefined; readonly ofTry: PhaseBudget | undefined } | null = null;
  /** The run's sum without this try, as of the last answer; null until there is one. */
  let beside: Spent | null = null;
  let others: { readonly usd: number; readonly at: number } | null = null;
  /** A limit that was crossed and ended nothing, since the run is closing, is no reason to hurry again. */
  let hurried = false;

  const now = (): number => Date.parse(clock.now());

  function consider(): void {
    if (closed || signal.aborted || !fresh || telling) return;
    const rest = toldAt + PAUSE_MS - now();
    const crosses = !hurried && isCrossed();
    cancelTimer();
    if (rest > 0 && !crosses) {
      cancelTimer = clock.after(rest, consider);
      return;
    }
    hurried ||= crosses;
    void send();
  }

  function isCrossed(): boolean {
    if (!limits || !last) return false;
    if (isUsedUp(limits.ofTry, spentBy(last))) return true;
    if (!beside) return false;
    const sum = spend(beside, last);
    return isUsedUp(limits.ofRun, sum) || (others !== null && isDayUsedUp(limits.ofRun, sum, others.usd));
  }

  function send(): Promise<void> {
    fresh = false;
    toldAt = now();
    telling = apply(last as Usage).finally(() => {
      telling = null;
      consider();
    });
    return telling;
  }

  async function apply(usage: Usage): Promise<void> {
    try {
      const othersUsd = await costOfOthers();
      const event = { type: "execution.used", execution, usage, ...(othersUsd === null ? {} : { othersUsd }) } as const;
      const applied = await tell(run, event);
      if (applied.ok) hear(applied.run);
      else closed = true;
    } catch (error) {
      // Work is not ended for want of its bill: the same is told again after a while, or at the end.
      fresh = true;
      log.warn({ run, phase, execution, err: error }, "what a try has used up could not be recorded");
    }
  }

  function hear(after: Run): void {
    const own = after.live.find((each) => each.id === execution);
    if (own) beside = spend(after.spent, undefined, own.used);
    else closed = true;
  }

  async function costOfOthers(): Promise<number | null> {
    if (limits?.ofRun?.perDayUsd === undefined) return null;
    if (others === null || now() - others.at >= LOOK_MS) others = { usd: await store.costBeside(run), at: now() };
    return others.usd;
  }

  /** A limit in USD that nothing can reach: the operator is not to trust in it. */
  function warnOfPrice(usage: Usage): void {
    const { ofRun, ofTry } = limits ?? {};
    const counted = [ofRun, ofTry].some((each) => each?.tokens !== undefined);
    const priced = ofRun?.usd !== undefined || ofRun?.perDayUsd !== undefined || ofTry?.usd !== undefined;
    if (!priced || counted || usage.usd !== undefined || spentBy(usage).tokens === 0) return;
    log.warn({ run, phase, execution }, "an agent's price is unknown: no limit in USD holds for it; set budget.tokens");
  }

  return {
    used: (usage) => {
      last = usage;
      fresh = true;
      consider();
    },
    learn: ({ version }) => {
      const own = version.workflow.phases.find(({ name }) => name === phase);
      limits = { ofRun: version.workflow.budget, ofTry: own?.type === "agent" ? own.budget : undefined };
    },
    settle: async (outcome) => {
      if (closed) return;
      closed = true;
      cancelTimer();
      if (grant.iteration === 0 && grant.attempt === 1) warnOfPrice(outcome.usage ?? last ?? {});
      await telling;
      if (fresh && !outcome.usage) await send();
    },
    close: () => {
      closed = true;
      cancelTimer();
    },
  };
}
