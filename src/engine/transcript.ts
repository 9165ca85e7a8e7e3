import { dirname } from "node:path";
import type { AgentReport } from "../domain/agent.ts";
import type { Clock } from "../domain/clock.ts";
import { asFault, Fault } from "../domain/fault.ts";
import { type Redactor, redactor } from "../domain/redaction.ts";
import type { SessionEnd, SessionLine } from "../domain/session.ts";
import type { SessionFile, Sessions } from "../store/files/sessions.ts";
import { hints } from "../store/files/tail.ts";
import type { Log } from "./contracts/log.ts";
import type { Transcribed, Transcript, Transcripts } from "./contracts/transcript.ts";
import { agentScribe } from "./scribes/agent.ts";
import { commandScribe } from "./scribes/command.ts";
import type { Scribe } from "./scribes/scribe.ts";

interface Options {
  readonly sessions: Pick<Sessions, "open">;
  readonly clock: Clock;
  readonly log: Log;
  /** Of lastlight, in each line. */
  readonly version: string;
  /** What is taken out of words before they are written. */
  readonly words?: Redactor;
  /** Writing fails: what is to be written is kept and tried again, but for a failed sync, after which only a restart helps. */
  readonly onTrouble?: (fault: Fault, execution: string) => void;
  /** Writing goes on after trouble. */
  readonly onRelief?: (execution: string) => void;
}

/** Bytes that all transcripts read in one tick: what the loop is held up by stays in single milliseconds. */
const BUDGET = 65_536;
const LEAST_SHARE = 4_096;
const TURNS = 64;
/** Hints come by the write; what comes together is read together. */
const GATHER_MS = 20;
const POLL_MS = 250;
const SYNC_EVERY = 4;

export function createTranscripts(options: Options): Transcripts {
  const { clock } = options;
  const live = new Map<string, Follower>();
  const ready = new Set<Follower>();
  const hinted = new Set<Follower>();
  let ticking = false;
  let polls = 0;
  let cancelPoll: (() => void) | null = null;

  function tick(): void {
    ticking = false;
    const share = Math.max(LEAST_SHARE, Math.floor(BUDGET / ready.size));
    const again: Follower[] = [];
    let budget = BUDGET;
    let turns = TURNS;
    for (const each of ready) {
      if (budget <= 0 || turns-- === 0) break;
      ready.delete(each);
      const { bytes, more } = each.turn(Math.min(budget, share));
      budget -= bytes;
      if (more) again.push(each);
    }
    // Behind those that had no turn yet: round robin.
    for (const each of again) ready.add(each);
    if (ready.size > 0) soon();
  }
  function soon(): void {
    if (ticking) return;
    ticking = true;
    setImmediate(tick);
  }
  function wake(each: Follower): void {
    ready.add(each);
    soon();
  }
  function hint(each: Follower): void {
    if (hinted.size === 0) {
      clock.after(GATHER_MS, () => {
        for (const late of hinted) if (live.get(late.execution) === late) wake(late);
        hinted.clear();
      });
    }
    hinted.add(each);
  }
  /** The floor under the hints. */
  function poll(): void {
    polls++;
    for (const each of live.values()) {
      each.watch();
      if (polls % SYNC_EVERY === 0) each.keepSafe();
      wake(each);
    }
    cancelPoll = live.size > 0 ? clock.after(POLL_MS, poll) : null;
  }
  function leave(each: Follower): void {
    live.delete(each.execution);
    ready.delete(each);
    if (live.size > 0) return;
    cancelPoll?.();
    cancelPoll = null;
  }

  return {
    open: (of) => {
      const known = live.get(of.execution);
      if (known) return known;
      const follower = createFollower(of, options, { wake, hint, leave });
      live.set(of.execution, follower);
      follower.watch();
      wake(follower);
      cancelPoll ??= clock.after(POLL_MS, poll);
      return follower;
    },
  };
}

/** One execution's transcript, as the ticks see it. */
interface Follower extends Transcript {
  readonly execution: string;
  /** Reads at most so many bytes and writes what they make, in one write. `more`: it wants another turn at once. */
  turn(most: number): { bytes: number; more: boolean };
  watch(): void;
  keepSafe(): void;
}

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5_000;
const NOTHING = { bytes: 0, more: false };
const KEPT = { bytes: 0, more: true };

function createFollower(
  of: Transcribed,
  { sessions, clock, log, version, words = redactor({}), onTrouble, onRelief }: Options,
  hub: Record<"wake" | "hint" | "leave", (each: Follower) => void>,
): Follower {
  const { execution, cwd } = of;
  const scribe: Scribe = of.agent
    ? agentScribe(of, of.agent.decoder(), { clock, version, words })
    : commandScribe(of, { clock, version, words });
  const stopped = new Fault("store.stopped", `The transcript of ${execution} was let go`);
  let file: SessionFile | null = null;
  /** Made, and not yet written: kept over every trouble, so that nothing is read twice or left out. */
  let pending: SessionLine[] = [];
  let end: { readonly how: SessionEnd; readonly over: PromiseWithResolvers<AgentReport | null> } | null = null;
  /** Where the sources end has been set. */
  let bounded = false;
  /** The result is written, or made to be. */
  let told = false;
  let closed: Fault | null = null;
  /** Something was written since the last sync. */
  let unsafe = false;
  let retryMs = 0;
  let cancelRetry: (() => void) | null = null;
  let unwatch: (() => void) | null = null;

  function begin(): SessionFile {
    if (file) return file;
    const opened = sessions.open({ session: execution, cwd });
    pending.push(...scribe.begin(opened.last));
    told = opened.last?.type === "result";
    file = opened;
    return opened;
  }

  function read(most: number): { bytes: number; more: boolean } {
    if (end && !bounded) {
      scribe.bound();
      bounded = true;
    }
    const { lines, bytes, more } = scribe.read(most);
    // Behind a result nothing is written; what is read then is only counted.
    if (!told) pending.push(...lines);
    return { bytes, more };
  }

  function turn(most: number): { bytes: number; more: boolean } {
    if (closed || cancelRetry) return NOTHING;
    try {
      // What trouble kept back is written before anything more is read.
      const kept = pending.length > 0;
      const to = begin();
      const got = kept ? KEPT : read(most);
      if (end && !told && !got.more) {
        pending.push(...scribe.tell(end.how));
        told = true;
      }
      if (pending.length > 0) {
        to.append(pending);
        pending = [];
        unsafe = true;
      }
      relieved();
      if (told && end && !got.more) void settle(to, end.over);
      return got;
    } catch (error) {
      troubled(asFault(error));
      return NOTHING;
    }
  }

  async function settle(to: SessionFile, { resolve, reject }: NonNullable<typeof end>["over"]): Promise<void> {
    try {
      unsafe = false;
      closed = stopped;
      await to.sync();
      resolve(scribe.report());
    } catch (error) {
      complain(asFault(error));
      reject(error);
    } finally {
      await close(stopped);
    }
  }

  function complain(fault: Fault): void {
    log.error({ execution, code: fault.code, err: fault }, "a session cannot be written");
    onTrouble?.(fault, execution);
  }

  function troubled(fault: Fault): void {
    if (retryMs === 0) complain(fault);
    if (fault.code === "session.refused") {
      end?.over.reject(fault);
      void close(fault);
      return;
    }
    retryMs = Math.min(retryMs === 0 ? FIRST_RETRY_MS : retryMs * 2, LAST_RETRY_MS);
    cancelRetry = clock.after(retryMs, () => {
      cancelRetry = null;
      hub.wake(follower);
    });
  }

  function relieved(): void {
    if (retryMs === 0) return;
    retryMs = 0;
    log.info({ execution }, "the session is written again");
    onRelief?.(execution);
  }

  async function close(why: Fault): Promise<void> {
    closed = why;
    hub.leave(follower);
    cancelRetry?.();
    unwatch?.();
    scribe.close();
    await file?.close();
  }

  const follower: Follower = {
    execution,
    turn,
    watch: () => {
      if (!closed) unwatch ??= hints(dirname(of.stdout), () => hub.hint(follower));
    },
    keepSafe: () => {
      if (!unsafe || !file || closed) return;
      unsafe = false;
      file.sync().catch((error: unknown) => complain(asFault(error)));
    },
    finish: (how) => {
      if (end) return end.over.promise;
      if (closed) return Promise.reject(closed);
      end = { how, over: Promise.withResolvers() };
      hub.wake(follower);
      return end.over.promise;
    },
    release: async () => {
      if (closed) return;
      end?.over.reject(stopped);
      await close(stopped);
    },
  };
  return follower;
}
