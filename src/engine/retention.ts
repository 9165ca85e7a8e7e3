import type { Clock } from "../domain/clock.ts";
import { isOfUse, isYoung, type Retention } from "../domain/retention.ts";
import type { Repositories } from "../store/files/workspaces/repositories.ts";
import type { Workspaces } from "../store/files/workspaces.ts";
import type { Store } from "../store/store.ts";
import type { Log } from "./contracts/log.ts";

const DAY_MS = 86_400_000;

/** Removes workspaces that are of no use to anyone any more, at once and then every day; returns what stops it. */
export function keepTidy(options: {
  store: Pick<Store, "run">;
  workspaces: Pick<Workspaces, "sweep">;
  repositories: Pick<Repositories, "sweep"> | null;
  retention: Retention;
  clock: Clock;
  log: Log;
}): () => Promise<void> {
  const { store, workspaces, repositories, retention, clock, log } = options;
  const abort = new AbortController();
  let cancel = (): void => {};

  async function isUseful(id: string): Promise<boolean> {
    const now = clock.now();
    return isYoung(id, now, retention) || isOfUse(id, await store.run(id), now, retention);
  }

  async function sweep(): Promise<void> {
    const { runs, bytes, left } = await workspaces.sweep(isUseful, abort.signal);
    if (runs + bytes > 0) log.info({ runs, bytes }, "workspaces of runs that were over for long were removed");
    for (const error of left) log.error({ err: error }, "a workspace could not be removed");
    if (!repositories || retention.days === 0 || abort.signal.aborted) return;
    const freed = await repositories.sweep(retention.days * DAY_MS, abort.signal);
    if (freed > 0) log.info({ bytes: freed }, "mirrors of repositories that nobody asked for were removed");
  }

  let sweeping = Promise.resolve();
  const begin = (): void => {
    sweeping = sweep()
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
