import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Origin, repositories } from "../../../src/store/files/workspaces/repositories.ts";
import { fakeClock } from "../../support/clock.ts";
import { source } from "../../support/repository.ts";
import { temporaryFolder } from "../../support/world.ts";

const never = new AbortController().signal;

function world(base?: string) {
  const folder = temporaryFolder();
  const clock = fakeClock();
  const upstream = source(join(folder, "upstream", "acme", "app.git"));
  const environment = { PATH: process.env.PATH ?? "", HOME: folder };
  const root = join(folder, "state", "repositories");
  const life = () => repositories({ base: base ?? `file://${join(folder, "upstream")}/`, root, clock, environment });
  let made = 0;
  const { checkOut, sweep } = life();
  const checkedOut = async (origin: Partial<Origin> = {}, by = checkOut): Promise<string> => {
    const path = join(folder, `checkout-${made++}`);
    await by({ repository: "acme/app", ...origin }, path);
    return path;
  };
  return { folder, clock, upstream, root, life, sweep, checkedOut };
}

/** A server of the test's own. */
function server(answer: RequestListener): Promise<AddressInfo> {
  return new Promise((resolve) => {
    const made = createServer(answer).listen(0, "127.0.0.1", () => resolve(made.address() as AddressInfo));
    onTestFinished(() => {
      made.closeAllConnections();
      made.close();
    });
  });
}

const git = (folder: string, ...words: string[]): string =>
  execFileSync("git", ["-C", folder, ...words], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
const read = (...path: string[]): string => readFileSync(join(...path), "utf8");

describe("a checkout", () => {
  test("is on the default branch, clean, with the repository as its origin and its history whole", async () => {
    const { checkedOut, upstream, folder } = world();
    upstream.commit({ "a.txt": "one" });
    const head = upstream.commit({ "a.txt": "two" });
    const path = await checkedOut();
    expect([read(path, "a.txt"), git(path, "status", "--porcelain", "--branch")]).toEqual([
      "two",
      "## main...origin/main",
    ]);
    expect([git(path, "rev-parse", "HEAD"), git(path, "rev-list", "--count", "HEAD")]).toEqual([head, "2"]);
    expect(git(path, "config", "remote.origin.url")).toBe(`file://${folder}/upstream/acme/app`);
  });

  test("is on the branch it is asked for, as far as that is", async () => {
    const { checkedOut, upstream } = world();
    upstream.commit({ "a.txt": "one" });
    upstream.commit({ "a.txt": "fixed" }, "fix/the-thing");
    const path = await checkedOut({ branch: "fix/the-thing" });
    expect([read(path, "a.txt"), git(path, "status", "--porcelain", "--branch")]).toEqual([
      "fixed",
      "## fix/the-thing...origin/fix/the-thing",
    ]);
  });

  test("on a branch that is not there begins one, where the base branch is or else the default branch", async () => {
    const { checkedOut, upstream } = world();
    upstream.commit({ "a.txt": "one" });
    upstream.commit({ "a.txt": "next" }, "next");
    const [fromDefault, fromBase] = [
      await checkedOut({ branch: "new" }),
      await checkedOut({ branch: "new", baseBranch: "next" }),
    ];
    expect([fromDefault, fromBase].map((path) => [read(path, "a.txt"), git(path, "branch", "--show-current")])).toEqual(
      [
        ["one", "new"],
        ["next", "new"],
      ],
    );
  });

  test("is at the commit it is asked for, also one that no branch leads to, on a branch or on none", async () => {
    const { checkedOut, upstream } = world();
    const first = upstream.commit({ "a.txt": "one" });
    upstream.commit({ "a.txt": "two" });
    const hidden = upstream.commit({ "a.txt": "from a fork" }, "passing");
    upstream.git("update-ref", "refs/pull/7/head", hidden);
    upstream.git("branch", "-D", "passing");
    const paths = [await checkedOut({ sha: first }), await checkedOut({ sha: hidden, branch: "pull-7" })];
    expect(paths.map((path) => [read(path, "a.txt"), git(path, "branch", "--show-current")])).toEqual([
      ["one", ""],
      ["from a fork", "pull-7"],
    ]);
  });

  test("of a repository without a commit is a repository without a commit", async () => {
    const { checkedOut } = world();
    expect(git(await checkedOut(), "status", "--porcelain", "--branch")).toContain("No commits yet");
  });

  test("stands by itself: it goes on when the mirror is gone, and nothing done to it reaches another", async () => {
    const { checkedOut, upstream, root } = world();
    upstream.commit({ "a.txt": "one" });
    const [mine, other] = [await checkedOut(), await checkedOut()];
    const objects = git(mine, "rev-parse", "HEAD").replace(/^(..)/, ".git/objects/$1/");
    const isLoose = existsSync(join(mine, objects));
    const files = isLoose
      ? [objects]
      : readdirSync(join(mine, ".git/objects/pack")).map((each) => `.git/objects/pack/${each}`);
    for (const file of files) {
      expect(statSync(join(mine, file)).nlink).toBe(1);
      chmodSync(join(mine, file), 0o600);
      writeFileSync(join(mine, file), "poison");
    }
    rmSync(root, { recursive: true });
    expect([git(other, "fsck", "--full"), git(other, "log", "--format=%s")]).toEqual(["", "a.txt"]);
    expect(existsSync(join(other, ".git/objects/info/alternates"))).toBe(false);
  });

  test("runs no hook and no program that the repository brings", async () => {
    const { checkedOut, upstream, folder } = world();
    const touched = join(folder, "touched");
    upstream.commit({
      ".gitattributes": "* filter=evil",
      ".git-hooks/post-checkout": `#!/bin/sh\ntouch ${touched}`,
      a: "x",
    });
    upstream.git("config", "uploadpack.packObjectsHook", `touch ${touched}; exec git pack-objects`);
    mkdirSync(join(folder, "upstream/acme/app.git/hooks"), { recursive: true });
    const hook = join(folder, "upstream/acme/app.git/hooks/post-checkout");
    writeFileSync(hook, `#!/bin/sh\ntouch ${touched}\n`, { mode: 0o755 });
    const path = await checkedOut();
    expect([read(path, "a"), existsSync(touched), readdirSync(join(path, ".git"))]).toEqual([
      "x",
      false,
      expect.not.arrayContaining(["hooks"]),
    ]);
  });
});

describe("the mirror", () => {
  test("is asked once a minute for news, and at once for a branch or a commit it has not heard of", async () => {
    const { checkedOut, upstream, clock } = world();
    upstream.commit({ "a.txt": "one" });
    await checkedOut();
    upstream.commit({ "a.txt": "two" });
    expect(read(await checkedOut(), "a.txt")).toBe("one");
    upstream.commit({ "a.txt": "three" }, "fresh");
    expect(read(await checkedOut({ branch: "fresh" }), "a.txt")).toBe("three");
    const head = upstream.commit({ "a.txt": "four" });
    expect(read(await checkedOut({ sha: head }), "a.txt")).toBe("four");
    upstream.commit({ "a.txt": "five" });
    clock.advance(60_000);
    expect(read(await checkedOut(), "a.txt")).toBe("five");
  });

  test("needs nobody for a commit that it has", async () => {
    const { checkedOut, upstream, folder, clock } = world();
    const head = upstream.commit({ "a.txt": "one" });
    await checkedOut();
    clock.advance(600_000);
    rmSync(join(folder, "upstream"), { recursive: true });
    expect(read(await checkedOut({ sha: head }), "a.txt")).toBe("one");
  });

  test("follows a default branch that is another now, and forgets branches that are gone", async () => {
    const { checkedOut, upstream, clock } = world();
    upstream.commit({ "a.txt": "one" });
    await checkedOut();
    upstream.commit({ "a.txt": "two" }, "trunk");
    upstream.git("symbolic-ref", "HEAD", "refs/heads/trunk");
    upstream.git("branch", "-D", "main");
    clock.advance(60_000);
    const path = await checkedOut();
    expect([read(path, "a.txt"), git(path, "for-each-ref", "--format=%(refname)", "refs/remotes")]).toEqual([
      "two",
      "refs/remotes/origin/HEAD\nrefs/remotes/origin/trunk",
    ]);
  });

  test("serves two runs at once, each with a whole checkout", async () => {
    const { checkedOut, upstream, root } = world();
    upstream.commit({ "a.txt": "one" });
    const paths = await Promise.all(Array.from({ length: 4 }, () => checkedOut()));
    for (const path of paths) expect(git(path, "status", "--porcelain")).toBe("");
    expect(readdirSync(join(root, "acme"))).toEqual(["app.git"]);
  });

  test.each([
    ["locks that nobody holds any more", (mirror: string) => writeFileSync(join(mirror, "packed-refs.lock"), "")],
    ["nothing that git would know", (mirror: string) => rmSync(join(mirror, "HEAD"))],
  ])("in which a machine's going down left %s is made anew", async (_what, spoil) => {
    const { checkedOut, upstream, root, clock } = world();
    upstream.commit({ "a.txt": "one" });
    upstream.commit({ "a.txt": "side" }, "side");
    await checkedOut();
    upstream.git("branch", "-D", "side");
    upstream.git("pack-refs", "--all");
    upstream.commit({ "a.txt": "two" });
    const mirror = join(root, "acme", "app.git");
    git(mirror, "pack-refs", "--all");
    spoil(mirror);
    clock.advance(60_000);
    expect(read(await checkedOut(), "a.txt")).toBe("two");
    expect(readdirSync(join(root, "acme"))).toEqual(["app.git"]);
  });

  test("that a daemon was still making when it died is made by the next", async () => {
    const { checkedOut, upstream, root, life } = world();
    upstream.commit({ "a.txt": "one" });
    mkdirSync(join(root, "acme", "app.git.0000.new"), { recursive: true });
    expect(read(await checkedOut({}, life().checkOut), "a.txt")).toBe("one");
  });

  test("that nobody has used for long is removed, with what was left half made; a used one stays", async () => {
    const { checkedOut, upstream, root, clock, sweep } = world();
    upstream.commit({ "a.txt": "one" });
    await checkedOut();
    clock.advance(1_000);
    expect([await sweep(2_000, never), readdirSync(join(root, "acme"))]).toEqual([0, ["app.git"]]);
    clock.advance(2_000);
    expect(await sweep(2_000, never)).toBeGreaterThan(0);
    expect(readdirSync(join(root, "acme"))).toEqual([]);
    expect(read(await checkedOut(), "a.txt")).toBe("one");
  });
});

describe("what is refused", () => {
  test.each<Partial<Origin>>([
    ...[
      "app",
      "acme/app/more",
      "/app",
      "acme/",
      "acme/..",
      "../app",
      "..",
      "acme/a..b",
      "./app",
      "acme/.",
      "-acme/app",
      "acme/--upload-pack=touch",
      "--upload-pack=touch/x",
      "ext::sh/-c",
      "acme/ext::sh -c touch",
      "acme/app\n",
      "acme/a b",
      "https://evil.example/x",
      "acme\\app/x",
      "äcme/app",
      "acme/%2e%2e",
      `acme/${"x".repeat(101)}`,
      "acme/app\0",
    ].map((repository) => ({ repository })),
    ...[
      "--upload-pack=touch",
      "-b",
      "a..b",
      "a b",
      "a~1",
      "a^",
      "a:b",
      "a?",
      "a*",
      "a[",
      "a\\b",
      "a//b",
      "/a",
      "a/",
      "a.",
      "a/.b",
      "a.lock",
      "a.lock/b",
      "a@{1}",
      "HEAD",
      "refs/heads/main",
      "a\n",
      "a\0",
      "ä",
      "x".repeat(201),
      "",
    ].map((branch) => ({ branch })),
    { baseBranch: "--output=x" },
    ...["HEAD", "main", "--all", "abc", "g".repeat(40), "A".repeat(40), "a".repeat(65), `${"a".repeat(40)}\n`].map(
      (sha) => ({ sha }),
    ),
  ])("a name that no repository, branch or commit has: %j", async (origin) => {
    const { checkedOut, root } = world();
    await expect(checkedOut(origin)).rejects.toMatchObject({ code: "repository.invalid" });
    expect(existsSync(root)).toBe(false);
  });

  test("a repository that is not there, in a line of git's own and nothing left behind", async () => {
    const { checkedOut, root } = world();
    await expect(checkedOut({ repository: "acme/none" })).rejects.toMatchObject({
      code: "repository.unavailable",
      message: expect.stringMatching(
        /^Repository acme\/none cannot be had: fatal: .*acme\/none.* does not (exist|appear).*$/,
      ),
    });
    expect(readdirSync(join(root, "acme"))).toEqual([]);
  });

  test("a commit that is not there", async () => {
    const { checkedOut, upstream } = world();
    upstream.commit({ a: "x" });
    await expect(checkedOut({ sha: "0".repeat(39).concat("1") })).rejects.toMatchObject({
      code: "repository.unavailable",
    });
  });

  test("who we are is told to the server, and stands in no complaint and on no disk", async () => {
    const told: (string | undefined)[] = [];
    const { port } = await server((request, response) => {
      told.push(request.headers.authorization);
      response.writeHead(401, { "WWW-Authenticate": "Basic" }).end();
    });
    const { checkedOut, root } = world(`http://ada:s3cr3t-w%C3%B6rd@127.0.0.1:${port}/`);
    const refused: Error = await checkedOut().then(
      () => new Error("it was let in"),
      (error: Error) => error,
    );
    expect(refused).toMatchObject({ code: "repository.unavailable" });
    expect(refused.cause).toBeUndefined();
    expect(told).toContain(`Basic ${Buffer.from("ada:s3cr3t-wörd").toString("base64")}`);
    expect(`${refused.message} ${refused.stack}`).not.toMatch(/s3cr3t|ada:/);
    expect(readdirSync(join(root, "acme"))).toEqual([]);
  });

  test("what is no longer wanted ends git at once, and leaves nothing behind", async () => {
    const abort = new AbortController();
    // Never answers.
    const { port } = await server(() => abort.abort(new Error("cancelled")));
    const { life, folder, root } = world(`http://127.0.0.1:${port}/`);
    const asked = life().checkOut({ repository: "acme/app" }, join(folder, "never"), abort.signal);
    await expect(asked).rejects.toThrow("cancelled");
    expect([existsSync(join(folder, "never")), readdirSync(join(root, "acme"))]).toEqual([false, []]);
  });
});
