import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Iso } from "../../domain/clock.ts";

/** Copies of the database, the newest few of them. */
export interface Backups {
  /** Has a copy written and keeps it under the moment's name once it is whole; older ones than the newest are removed. */
  keep(now: Iso, write: (file: string) => Promise<number>): Promise<{ file: string; bytes: number; removed: number }>;
}

const KEPT = 7;
const NAME = /^lastlight-\d{8}T\d{9}Z\.db$/;

export function backups(folder: string): Backups {
  return {
    keep: async (now, write) => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // What a daemon left that died while it wrote.
      for (const name of await readdir(folder))
        if (name.endsWith(".tmp")) await rm(join(folder, name), { force: true });
      const name = `lastlight-${now.replace(/[-:.]/g, "")}.db`;
      const temporary = join(folder, `${name}.tmp`);
      let bytes: number;
      try {
        bytes = await write(temporary);
        // Under its name only when it is whole and on disk (engine rule 19).
        await rename(temporary, join(folder, name));
      } finally {
        for (const left of [temporary, `${temporary}-journal`]) await rm(left, { force: true });
      }
      await syncFolder(folder);
      const old = (await readdir(folder))
        .filter((each) => NAME.test(each))
        .sort()
        .slice(0, -KEPT);
      for (const each of old) await rm(join(folder, each), { force: true });
      return { file: join(folder, name), bytes, removed: old.length };
    },
  };
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
