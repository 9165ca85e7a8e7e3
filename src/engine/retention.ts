import type { Clock } from "../domain/clock.ts";
import { isOfUse, isYoung, type Retention } from "../domain/retention.ts";
import type { Repositories } from "../store/files/workspaces/repositories.ts";
import type { Workspaces } from "../store/files/workspaces.ts";
import type { Store } from "../store/store.ts";
import type { Log } from "./contracts/log.ts";

const DAY_MS = 86_400_000;

interface Tidying {
  readonly store: Pick<Store, "run">;
  readonly workspaces: Pick<Workspaces, "sweep">;
  readonly repositories: Pick<Repositories, "sweep"> | null;
  readonly retention: Retention;
  readonly clock: Clock;
  readonly log: Log;
}

/** Removes workspaces that are of no use to anyone any more, at once and then every day; returns what stops it. */
export function keepTidy(options: Tidying): () => Promise<void> {
  const { clock, log } = options;
  const abort = new AbortController();
  let cancel = (): void => {};
  let sweeping: Promise<unknown> = Promise.resolve();
  const begin = (): void => {
    sweeping = tidy(options, abort.signal)
      .catch((error: unknown) => {
        if (!abort.signal.aborted) log.error({ err: error }, "workspaces could not be looked through; tomorrow again");
      })
      .then(() => {
        if (!abort.signal.aborted) cancel = clock.after(DAY_MS, begin);
      });
  };
  begin();
  return async () => {
    abort.abort();
    cancel();
    await sweeping;
  };
}

/** The same once; resolves with what was removed, in bytes of workspaces and of mirrors, and how much could not be. */
export async function tidy(
  { store, workspaces, repositories, retention, clock, log }: Tidying,
  signal: AbortSignal,
): Promise<{ runs: number; bytes: number; left: number }> {
  const isUseful = async (id: string): Promise<boolean> => {
    const now = clock.now();
    return isYoung(id, now, retention) || isOfUse(id, await store.run(id), now, retention);
  };
  const { runs, bytes, left } = await workspaces.sweep(isUseful, signal);
  if (runs + bytes > 0) log.info({ runs, bytes }, "workspaces of runs that were over for long were removed");
  for (const error of left) log.error({ err: error }, "a workspace could not be removed");
  const whole = { runs, bytes, left: left.length };
  if (!repositories || retention.days === 0 || signal.aborted) return whole;
  const freed = await repositories.sweep(retention.days * DAY_MS, signal);
  if (freed > 0) log.info({ bytes: freed }, "mirrors of repositories that nobody asked for were removed");
  return { ...whole, bytes: bytes + freed };
}
