import type { Doors } from "./doors.ts";
import type { House } from "./house.ts";
import { HOUR, MINUTE, SECOND } from "./spans.ts";

/** Whoever looks after runs: pauses them, has them go on, ends them, tries them again, sends them word. */
export interface Operators {
  /** Does to a run what chance says, some time after it was made. */
  tend(key: string, run: string): void;
  resume(key: string, run: string): void;
  signal(key: string, run: string, id: string): void;
}

const AFTER = [SECOND, MINUTE, HOUR, 6 * HOUR, 20];
const DEEDS = ["nothing", "pause", "cancel", "cancel twice", "retry", "fork", "pause for good"] as const;
const RETRIES = 4;

export function openOperators(house: House, { say }: Doors): Operators {
  const { choices, outside, ledger, rows } = house;
  /** Runs for which someone wished that they be no longer paused: a pause that is heard of later promises nothing. */
  const resumed = new Set<string>();

  function goOn(run: string): void {
    ledger.paused.delete(run);
    resumed.add(run);
  }

  function pause(key: string, run: string): void {
    say(
      `${key} is paused`,
      (life) => life.engine.pause(run),
      () => {
        if (!resumed.has(run)) ledger.paused.add(run);
      },
    );
  }

  function resume(key: string, run: string): void {
    goOn(run);
    say(`${key} is resumed`, (life) => life.engine.resume(run));
  }

  function cancel(key: string, run: string): void {
    ledger.cancelAsked.add(run);
    goOn(run);
    say(
      `${key} is cancelled`,
      (life) => life.engine.cancel(run, "lee"),
      ({ epoch }) => void ledger.cancelled.set(run, epoch),
    );
  }

  function phasesOf(run: string): string[] {
    return Object.keys(rows.recorded(run)?.run.phases ?? {});
  }

  function retry(key: string, run: string, times: number): void {
    const names = phasesOf(run);
    const from = [null, ...names][choices.of(`retry of ${key}: from`, names.length + 1)] ?? null;
    say(
      `${key} is retried from ${from ?? "what failed"}`,
      (life) => {
        goOn(run);
        return life.engine.retry(run, from, "lee");
      },
      ({ epoch }) => {
        ledger.retried.set(run, epoch);
        ledger.cancelled.delete(run);
      },
      ({ code }) => {
        if (code === "run.unfinished" && times > 0) outside.after(3 * HOUR, () => retry(key, run, times - 1));
      },
    );
  }

  function fork(key: string, run: string): void {
    const names = phasesOf(run);
    const from = names[choices.of(`fork of ${key}: from`, names.length)] as string;
    const once = `fork of ${key}`;
    say(
      `${once} from ${from}`,
      (life) => life.fork({ run, from, by: "ana", once }),
      ({ run: made }) => void ledger.created.set(once, made.id),
    );
  }

  function signal(key: string, run: string, id: string): void {
    say(
      `${key} gets the signal ${id}`,
      // A signal that carries null is one that `has()` does not see.
      (life) => life.engine.signal(run, { id, name: "go", payload: "yes" }),
      () => void ledger.signals.add(`${run}/${id}`),
    );
  }

  function operate(key: string, run: string): void {
    const after = AFTER[choices.of(`operator on ${key}: after`, AFTER.length)] as number;
    const deed = DEEDS[choices.pick(`operator on ${key}`, [5, 2, 2, 1, 2, 1, 1])];
    if (deed === "pause" || deed === "pause for good") outside.after(after, () => pause(key, run));
    if (deed === "pause") outside.after(after + 2 * HOUR, () => resume(key, run));
    if (deed === "cancel" || deed === "cancel twice") outside.after(after, () => cancel(key, run));
    if (deed === "cancel twice") outside.after(after + 1, () => cancel(key, run));
    if (deed === "retry" || deed === "cancel") outside.after(after + HOUR, () => retry(key, run, RETRIES));
    if (deed === "fork") outside.after(after, () => fork(key, run));
  }

  /** None; early; late; both, which is the same word twice. */
  function send(key: string, run: string): void {
    const way = choices.pick(`signals to ${key}`, [3, 1, 1, 1]);
    if (way === 1 || way === 3) outside.after(0, () => signal(key, run, "s1"));
    if (way >= 2) outside.after(2 * HOUR, () => signal(key, run, "s1"));
  }

  return {
    resume,
    signal,
    tend: (key, run) => {
      operate(key, run);
      send(key, run);
    },
  };
}
