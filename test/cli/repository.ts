import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { temporaryFolder } from "../support/world.ts";

/** A git repository of this test's own, with one commit of these files; without files, with no commit. */
export function repository(files: Record<string, string> = {}): string {
  const path = join(temporaryFolder(), "repo");
  mkdirSync(path);
  git(path, "init", "--quiet", "--initial-branch=main");
  if (Object.keys(files).length > 0) commit(path, files, "Begin");
  return path;
}

export function commit(path: string, files: Record<string, string>, message: string, author = "Ana"): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  git(path, "add", "--all");
  git(path, "-c", `user.name=${author}`, "-c", "user.email=someone@example.org", "commit", "--quiet", "-m", message);
}

/** Commits of this are of one moment, long ago: "how long ago" is the same all through a test. */
export function git(path: string, ...argv: string[]): string {
  const dates = { GIT_AUTHOR_DATE: "2024-02-03T04:05:06Z", GIT_COMMITTER_DATE: "2024-02-03T04:05:06Z" };
  return execFileSync("git", ["-C", path, ...argv], {
    encoding: "utf8",
    stdio: "pipe",
    env: { ...process.env, ...dates },
  });
}
