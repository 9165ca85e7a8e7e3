import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A bare repository that others fetch from, and a way to put something into it. */
export interface Source {
  /** Commits these files onto a branch, which begins at the default branch where it is new; returns the commit. */
  commit(files: { readonly [path: string]: string }, branch?: string): string;
  git(...words: string[]): string;
}

const WHO = { GIT_AUTHOR_NAME: "Ana", GIT_AUTHOR_EMAIL: "ana@example.org" };
const env = {
  PATH: process.env.PATH,
  HOME: "/nonexistent",
  ...WHO,
  GIT_COMMITTER_NAME: WHO.GIT_AUTHOR_NAME,
  GIT_COMMITTER_EMAIL: WHO.GIT_AUTHOR_EMAIL,
};

export function source(path: string): Source {
  mkdirSync(path, { recursive: true });
  const git = (...words: string[]): string =>
    execFileSync("git", ["-C", path, ...words], { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  git("init", "--quiet", "--bare", "--initial-branch=main");
  return {
    git,
    commit: (files, branch = "main") => {
      const work = `${path}.work`;
      const inside = (...words: string[]): string => git("--git-dir", path, "--work-tree", work, ...words);
      mkdirSync(work, { recursive: true });
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(work, name)), { recursive: true });
        writeFileSync(join(work, name), text);
      }
      const heads = git("for-each-ref", "--format=%(refname:short)", "refs/heads").split("\n");
      const parent = [branch, "main"].find((each) => heads.includes(each));
      inside("read-tree", ...(parent === undefined ? ["--empty"] : [parent]));
      inside("add", "--force", "--", ...Object.keys(files));
      const words = ["-m", Object.keys(files).join(" "), ...(parent === undefined ? [] : ["-p", parent])];
      const made = git("commit-tree", git("write-tree"), ...words);
      git("update-ref", `refs/heads/${branch}`, made);
      rmSync(work, { recursive: true });
      return made;
    },
  };
}
