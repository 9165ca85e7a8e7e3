import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ballast } from "../../src/store/files/ballast.ts";
import { openStarts } from "../../src/store/files/starts.ts";
import { openSuspects } from "../../src/store/files/suspects.ts";
import { temporaryFolder } from "../support/world.ts";

const RUN = "01a1fda6-73e1-7000-a27e-44fb888d8761";

describe("who stood in hand when the daemon ended", () => {
  const place = (): string => join(temporaryFolder(), "suspects");

  test("nobody, at the very first start", () => {
    expect(openSuspects(place()).before).toEqual({ clean: true, run: null });
  });

  test("nobody, after an end in good order", () => {
    const file = place();
    openSuspects(file).clean();
    expect(openSuspects(file).before).toEqual({ clean: true, run: null });
  });

  test("nobody, after a crash between two pieces of work; but the crash is known", () => {
    const file = place();
    expect(openSuspects(file).handling(RUN, () => 7)).toBe(7);
    expect(openSuspects(file).before).toEqual({ clean: false, run: null });
  });

  test("the run whose data was handled, after a crash within", () => {
    const file = place();
    let within = { clean: true, run: null as string | null };
    openSuspects(file).handling(RUN, () => {
      // What the next daemon would read if this one died here.
      within = openSuspects(file).before;
    });
    expect(within).toEqual({ clean: false, run: RUN });
  });

  test("work that throws is no crash", () => {
    const file = place();
    expect(() =>
      openSuspects(file).handling(RUN, () => {
        throw new Error("no");
      }),
    ).toThrow("no");
    expect(openSuspects(file).before.run).toBeNull();
  });

  test("a file that others wrote into starts the daemon all the same", () => {
    const file = place();
    writeFileSync(file, "\0\0garbage ".repeat(1_000));
    expect(openSuspects(file).before.clean).toBe(false);
  });

  test("a link in its place is not followed", () => {
    const file = place();
    symlinkSync("/etc/passwd", file);
    expect(() => openSuspects(file)).toThrow(/ELOOP/);
  });
});

describe("too many unclean starts", () => {
  const at = (minute: number): string =>
    new Date(Date.parse("2026-11-21T09:00:00.000Z") + minute * 60_000).toISOString();

  test("the fifth within ten minutes is one too many, and stays so until a person says otherwise", () => {
    const file = join(temporaryFolder(), "starts.json");
    for (const minute of [0, 1, 2, 3]) expect(openStarts(file, 5).unclean(at(minute))).toBeNull();
    expect(openStarts(file, 5).unclean(at(4))).toEqual({ since: at(4), reason: "5 unclean starts within ten minutes" });
    expect(openStarts(file, 5).safeMode()).toMatchObject({ since: at(4) });
    expect(openStarts(file, 5).unclean(at(60))).toMatchObject({ since: at(4) });
    openStarts(file, 5).forget();
    expect([openStarts(file, 5).safeMode(), openStarts(file, 5).unclean(at(61))]).toEqual([null, null]);
  });

  test("five in an hour are not", () => {
    const file = join(temporaryFolder(), "starts.json");
    for (const minute of [0, 12, 24, 36, 48, 60]) expect(openStarts(file, 5).unclean(at(minute))).toBeNull();
  });

  test("no number of them is, where the operator said so", () => {
    const file = join(temporaryFolder(), "starts.json");
    for (let count = 0; count < 20; count++) expect(openStarts(file, 0).unclean(at(0))).toBeNull();
  });

  test.each(["", "{", "[]", "null", '{"unclean":"x","safe_mode":7}', '{"unclean":["never"]}'])(
    "a record like %j counts as none",
    (text) => {
      const file = join(temporaryFolder(), "starts.json");
      writeFileSync(file, text);
      expect(openStarts(file, 5).safeMode()).toBeNull();
      expect(openStarts(file, 5).unclean(at(0))).toBeNull();
      expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ unclean: [at(0)], safe_mode: null });
    },
  );
});

test("room is kept back with real bytes, given up at once, and made again", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "ballast");
  const kept = ballast(file, folder);
  expect(await kept.restore()).toBe(true);
  const { size, blocks } = statSync(file);
  expect(size).toBe(16 * 1024 * 1024);
  expect(blocks * 512).toBeGreaterThanOrEqual(size);
  kept.drop();
  expect(existsSync(file)).toBe(false);
  kept.drop();
  expect(await kept.restore()).toBe(true);
});
