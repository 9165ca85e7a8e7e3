import { join } from "node:path";
import type { Config } from "./config.ts";
import { systemClock } from "./domain/clock.ts";
import { redactor } from "./domain/redaction.ts";
import type { AddUser } from "./http/api.ts";
import { accounts } from "./http/identity/accounts.ts";
import { attempts } from "./http/identity/attempts.ts";
import { passwords } from "./http/identity/passwords.ts";
import { takeLock, userName } from "./lock.ts";
import { createLog } from "./log.ts";
import { makeFolder } from "./store/files/state-dir.ts";
import type { UserLine } from "./store/people.ts";
import { openSqliteStore } from "./store/sqlite/open.ts";

/**
 * Adds a person where no daemon serves: whoever holds STATE_DIR could do as much by other means. What the daemon does is
 * done, on its store and under its lock. Throws `state.locked` while a daemon is there to be asked instead.
 */
export async function addFirstUser(config: Config, user: AddUser): Promise<UserLine> {
  const clock = systemClock();
  makeFolder(config.stateDir);
  const lock = await takeLock(config.stateDir, clock, createLog(config.logLevel, redactor({})));
  try {
    const store = openSqliteStore({ file: join(config.stateDir, "lastlight.db"), clock });
    try {
      const by = `local:${userName()}`;
      const { people } = store;
      const added = await accounts({ people, passwords: passwords(), attempts: attempts() }).add(user, by);
      const entry = { who: by, what: "users add", subject: added.name, address: null, agent: null, outcome: "ok" };
      await people.record(entry);
      return added;
    } finally {
      await store.close();
    }
  } finally {
    lock.release();
  }
}
