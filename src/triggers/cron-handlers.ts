import type { Clock } from "../domain/clock.ts";
import type { HandlerName } from "../domain/schedule.ts";
import type { Backups } from "../store/files/backups.ts";
import type { Store } from "../store/store.ts";
import type { Handler } from "./cron-fires.ts";

const MEBIBYTE = 2 ** 20;

/** What lastlight does itself on a schedule, by the name files know it under. */
export function cronHandlers(options: {
  tidy: (signal: AbortSignal) => Promise<{ runs: number; bytes: number; left: number }>;
  store: Pick<Store, "copyTo">;
  backups: Backups;
  clock: Clock;
}): { readonly [Name in HandlerName]: Handler } {
  const { tidy, store, backups, clock } = options;
  return {
    sweep: async (signal) => {
      const { runs, bytes, left } = await tidy(signal);
      if (left > 0) throw new Error(`${left} workspaces could not be removed; the log names each`);
      return `${runs} workspaces removed, ${inMebibytes(bytes)} freed`;
    },
    backup: async (signal) => {
      const { file, bytes, removed } = await backups.keep(clock.now(), (copy) => store.copyTo(copy, signal));
      return `${file}, ${inMebibytes(bytes)}${removed > 0 ? `; ${removed} older removed` : ""}`;
    },
  };
}

function inMebibytes(bytes: number): string {
  return `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
}
