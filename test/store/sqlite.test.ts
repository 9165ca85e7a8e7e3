import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { fakeClock } from "../support/clock.ts";
import { temporaryFolder } from "../support/world.ts";
import { storeSuite } from "./suite.ts";

storeSuite("a SQLite file", async () => {
  const clock = fakeClock();
  const file = join(temporaryFolder(), "lastlight.db");
  let store = openSqliteStore({ file, clock });
  onTestFinished(() => store.close());
  return {
    store,
    clock,
    reopen: async () => {
      await store.close();
      store = openSqliteStore({ file, clock });
      return store;
    },
  };
});
