import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../../src/domain/clock.ts";
import type { Repositories } from "../../../src/store/files/workspaces/repositories.ts";
import { type Own, workspaces } from "../../../src/store/files/workspaces.ts";
import { temporaryFolder } from "../../support/world.ts";

/** Workspaces below a folder of the test's own; each life is a daemon's. */
function world(more: { mostCopied?: number; repositories?: Repositories } = {}) {
  const root = join(temporaryFolder(), "workspaces");
  const life = () => workspaces({ root, id: systemClock().id, ...more });
  const at = (...path: string[]): string => join(root, ...path);
  const write = (text: string, ...path: string[]): void => {
    mkdirSync(join(at(...path), ".."), { recursive: true });
    writeFileSync(at(...path), text);
  };
  const names = (): string[] => (existsSync(root) ? readdirSync(root).sort() : []);
  return { root, life, at, write, names, ...life() };
}

const copy = (name: string, since: string | null = "0.0", ...around: string[]): Own => ({
  names: [name, ...around],
  since,
});
const never = new AbortController().signal;

describe("a copy", () => {
  test("begins as the run's workspace is, and what is done in it stays in it", async () => {
    const { ready, write, at } = world();
    await ready({ run: "r" });
    write("before", "r", "deep", "note");
    const own = copy("build");
    expect(await ready({ run: "r", own })).toBe(at("r+build"));
    write("after", "r+build", "deep", "note");
    expect(readFileSync(at("r", "deep", "note"), "utf8")).toBe("before");
    await ready({ run: "r", own });
    expect(readFileSync(at("r+build", "deep", "note"), "utf8")).toBe("after");
  });

  test("is made anew for another beginning, and kept for who goes on with it", async () => {
    const { ready, write, at, life } = world();
    await ready({ run: "r", own: copy("build", "0.0") });
    write("x", "r+build", "mine");
    await life().ready({ run: "r", own: copy("build", null) });
    expect(existsSync(at("r+build", "mine"))).toBe(true);
    await life().ready({ run: "r", own: copy("build", "0.1") });
    expect(existsSync(at("r+build", "mine"))).toBe(false);
  });

  test("of a copy begins with what that holds, or where there is none with what the run's workspace holds", async () => {
    const { ready, write, at } = world();
    await ready({ run: "r" });
    write("run", "r", "from");
    await ready({ run: "r", own: copy("each[0]", "0.0", "build") });
    expect(readFileSync(at("r+each[0]", "from"), "utf8")).toBe("run");
    await ready({ run: "r", own: copy("build") });
    write("build", "r+build", "from");
    await ready({ run: "r", own: copy("each[1]", "0.1", "build") });
    expect(readFileSync(at("r+each[1]", "from"), "utf8")).toBe("build");
  });

  test("has links as they are, modes and times, pipes too, and nothing of what links lead to", async () => {
    const { ready, write, at } = world();
    await ready({ run: "r" });
    write("#!/bin/sh", "r", "run.sh");
    chmodSync(at("r", "run.sh"), 0o750);
    utimesSync(at("r", "run.sh"), 1_000, 1_000);
    symlinkSync("/etc", at("r", "etc"));
    symlinkSync("nowhere", at("r", "dangling"));
    execFileSync("bash", ["-c", 'mkfifo "$0"', at("r", "pipe")]);
    await ready({ run: "r", own: copy("build") });
    expect([readlinkSync(at("r+build", "etc")), readlinkSync(at("r+build", "dangling"))]).toEqual(["/etc", "nowhere"]);
    const { mode, mtimeMs } = lstatSync(at("r+build", "run.sh"));
    expect([mode & 0o777, mtimeMs, lstatSync(at("r+build", "pipe")).isFIFO()]).toEqual([0o750, 1_000_000, true]);
  });

  test("that would be too large is refused with its size, and leaves nothing behind", async () => {
    const { ready, write, names } = world({ mostCopied: 1024 * 1024 });
    await ready({ run: "r" });
    write("x".repeat(2 * 1024 * 1024), "r", "large");
    await expect(ready({ run: "r", own: copy("build") })).rejects.toMatchObject({
      code: "workspace.unfit",
      message: expect.stringMatching(/It holds 2\.\d MiB; 1\.0 MiB are the most/),
    });
    expect(names()).toEqual(["r"]);
  });

  test("that a daemon was still making when it died is made whole by the next", async () => {
    const { ready, write, at, life, names } = world();
    await ready({ run: "r" });
    write("all", "r", "file");
    write("hal", "r+build.0000-0.new", "file");
    await life().ready({ run: "r", own: copy("build") });
    expect(readFileSync(at("r+build", "file"), "utf8")).toBe("all");
    await life().sweep(async () => true, never);
    expect(names()).toEqual(["r", "r+build", "r+build.since"]);
  });

  test("that lacks the note of its beginning is made once more: nobody has worked in it", async () => {
    const { ready, write, at } = world();
    write("half", "r+build", "stale");
    await ready({ run: "r", own: copy("build") });
    expect(readdirSync(at("r+build"))).toEqual([]);
  });
});

test("two that ask at once are given one workspace, made once", async () => {
  let made = 0;
  const repositories: Repositories = {
    checkOut: async (_origin, path) => {
      made++;
      mkdirSync(path);
    },
    sweep: async () => 0,
  };
  const { ready, at, names } = world({ repositories });
  const origin = { repository: "a/b" };
  const asked = [copy("b"), copy("c"), undefined].map((own) => ready({ run: "r", origin, ...(own ? { own } : {}) }));
  expect(await Promise.all(asked)).toEqual([at("r+b"), at("r+c"), at("r")]);
  expect([made, names()]).toEqual([1, ["r", "r+b", "r+b.since", "r+c", "r+c.since"]]);
});

test("a checkout that fails leaves nothing behind, and is tried again when it is asked for again", async () => {
  let tries = 0;
  const repositories: Repositories = {
    checkOut: async (_origin, path) => {
      mkdirSync(path);
      if (tries++ === 0) throw new Error("the line went dead");
    },
    sweep: async () => 0,
  };
  const { ready, at, names } = world({ repositories });
  const of = { run: "r", origin: { repository: "a/b" } };
  await expect(ready(of)).rejects.toThrow("the line went dead");
  expect(names()).toEqual([]);
  expect(await ready(of)).toBe(at("r"));
});

describe("a run that begins with what another has", () => {
  test("has its workspace and the copies it asks for, as beginnings of its own", async () => {
    const { ready, write, copy: begin, names, at } = world();
    await ready({ run: "r" });
    for (const name of ["b", "c"]) await ready({ run: "r", own: copy(name) });
    write("left", "r+b", "file");
    await begin("r", "s", ["b", "none"]);
    expect(names().filter((each) => each.startsWith("s"))).toEqual(["s", "s+b"]);
    expect(readFileSync(at("s+b", "file"), "utf8")).toBe("left");
    await ready({ run: "s", own: copy("b", "0.0") });
    expect(existsSync(at("s+b", "file"))).toBe(false);
  });

  test("has nothing where there is nothing, or where not all of it can be had", async () => {
    const { copy: begin, write, names } = world({ mostCopied: 1024 * 1024 });
    await begin("r", "s", ["b"]);
    expect(names()).toEqual([]);
    write("x", "r", "small");
    write("x".repeat(2 * 1024 * 1024), "r+b", "large");
    await expect(begin("r", "s", ["b"])).rejects.toMatchObject({ code: "workspace.unfit" });
    expect(names()).toEqual(["r", "r+b"]);
  });
});

describe("sweeping", () => {
  test("removes all that runs of no use have, and says how much that was", async () => {
    const { write, sweep, names } = world();
    write("x".repeat(100_000), "old", "file");
    write("x", "old+build", "file");
    write("0.0", "old+build.since");
    write("x", "young", "file");
    const asked: string[] = [];
    const { runs, bytes, left } = await sweep(async (run) => {
      asked.push(run);
      return run !== "old";
    }, never);
    expect([runs, left, names(), asked.sort()]).toEqual([1, [], ["young"], ["old", "old", "young"]]);
    expect(bytes).toBeGreaterThan(100_000);
  });

  test("a run that goes on while it is looked at has everything back in its place", async () => {
    const { write, sweep, names, at, ready } = world();
    write("work", "r", "file");
    write("work", "r+build", "file");
    let answers = 0;
    let going: Promise<string> | null = null;
    const swept = await sweep(async () => {
      // By now the row says that it goes on, and its program asks for its workspace.
      if (answers++ === 1) going = ready({ run: "r", own: copy("build", null) });
      return answers > 1;
    }, never);
    expect([swept.runs, await going, names()]).toEqual([0, at("r+build"), ["r", "r+build"]]);
    expect(readFileSync(at("r+build", "file"), "utf8")).toBe("work");
  });

  test("a run whose row cannot be read the second time has everything back in its place", async () => {
    const { write, sweep, names } = world();
    write("work", "r", "file");
    let asked = 0;
    const isOfUse = async (): Promise<boolean> => {
      if (asked++ === 1) throw new Error("the database is closed");
      return false;
    };
    await expect(sweep(isOfUse, never)).rejects.toThrow("the database is closed");
    expect(names()).toEqual(["r"]);
  });

  test("a link is removed, and not what it leads to", async () => {
    const { write, sweep, names, at, root } = world();
    const outside = join(root, "..", "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "precious"), "");
    write("", "old", "file");
    symlinkSync("/etc", at("old", "etc"));
    symlinkSync(outside, at("old", "outside"));
    symlinkSync(outside, at("old+link"));
    await sweep(async () => false, never);
    expect([names(), readdirSync(outside), existsSync("/etc/passwd")]).toEqual([[], ["precious"], true]);
  });

  test("folders that may not be entered, and nested deeper than a path is long, go too", async () => {
    const { write, sweep, names, at } = world();
    write("", "old", "closed", "file");
    chmodSync(at("old", "closed"), 0o000);
    const dig = 'cd "$0"; for i in $(seq 60); do mkdir "$1" && cd "$1" || exit 1; done';
    execFileSync("bash", ["-c", dig, at("old"), "d".repeat(200)]);
    const { left } = await sweep(async () => false, never);
    expect([left, names()]).toEqual([[], []]);
  });

  test("stops between runs when the daemon does; the next one goes on with what was half removed", async () => {
    const { write, sweep, names, life } = world();
    write("x", "a", "file");
    write("x", "b", "file");
    const stop = new AbortController();
    let answers = 0;
    await sweep(async () => {
      if (++answers === 2) stop.abort();
      return false;
    }, stop.signal);
    expect(names()).toEqual([expect.stringMatching(/^a\..*\.gone$/), "b"]);
    await life().sweep(async () => true, never);
    expect(names()).toEqual(["b"]);
  });
});
