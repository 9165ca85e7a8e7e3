import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { backups } from "../../../src/store/files/backups.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import { fakeClock } from "../../support/clock.ts";
import { temporaryFolder } from "../../support/world.ts";

const signal = new AbortController().signal;

test("a copy made while the daemon writes is a whole database, readable by its owner alone", async () => {
  const root = temporaryFolder();
  const clock = fakeClock();
  const store = openSqliteStore({ file: join(root, "lastlight.db"), clock });
  for (let each = 0; each < 200; each++) void store.override(`w${each}`, false, "local:ana");
  const folder = join(root, "backups");
  const copying = backups(folder).keep(clock.now(), (file) => store.copyTo(file, signal));
  const writing = Promise.all(Array.from({ length: 50 }, (_, each) => store.override(`x${each}`, false, "local:ana")));
  const { file, bytes, removed } = await copying;
  await writing;
  await store.close();
  expect({ removed, bytes }).toEqual({ removed: 0, bytes: statSync(file).size });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const copy = new Database(file, { readonly: true });
  expect(copy.pragma("integrity_check", { simple: true })).toBe("ok");
  expect(copy.prepare("SELECT count(*) FROM workflow_overrides WHERE name LIKE 'w%'").pluck().get()).toBe(200);
  copy.close();
});

test("the newest seven copies are kept, and nothing else in their folder is touched but what was never finished", async () => {
  const folder = join(temporaryFolder(), "backups");
  mkdirSync(folder);
  writeFileSync(join(folder, "lastlight-20200101T000000000Z.db.tmp"), "half");
  writeFileSync(join(folder, "mine.db"), "mine");
  const clock = fakeClock();
  const keep = backups(folder);
  const names: string[] = [];
  for (let day = 0; day < 9; day++) {
    const { file } = await keep.keep(clock.now(), async (path) => {
      writeFileSync(path, "copy");
      return 4;
    });
    names.push(file);
    clock.advance(86_400_000);
  }
  expect(readdirSync(folder).sort()).toEqual(
    [...names.slice(2).map((each) => each.slice(folder.length + 1)), "mine.db"].sort(),
  );
});

test("a copy that fails leaves nothing behind, and takes no earlier one with it", async () => {
  const folder = join(temporaryFolder(), "backups");
  const clock = fakeClock();
  const keep = backups(folder);
  await keep.keep(clock.now(), async (path) => {
    writeFileSync(path, "copy");
    return 4;
  });
  clock.advance(1_000);
  const failing = keep.keep(clock.now(), async (path) => {
    writeFileSync(path, "half");
    throw new Error("no room");
  });
  await expect(failing).rejects.toThrow("no room");
  expect(readdirSync(folder)).toHaveLength(1);
});

test("a copy stops when the daemon does", async () => {
  const root = temporaryFolder();
  const store = openSqliteStore({ file: join(root, "lastlight.db"), clock: fakeClock() });
  const abort = new AbortController();
  abort.abort();
  await expect(store.copyTo(join(root, "copy.db"), abort.signal)).rejects.toMatchObject({ code: "store.stopped" });
  await store.close();
});
