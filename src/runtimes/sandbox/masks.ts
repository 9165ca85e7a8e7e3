import { existsSync, realpathSync } from "node:fs";

/** Of the folders that are to stay hidden those that would be seen, lying in something that is shown. */
export function masksOf(reads: readonly string[], hidden: readonly string[], shown: readonly string[]): string[] {
  const roots = [...shown, ...reads.map((path) => realpathSync(path))];
  return hidden
    .map((path) => (existsSync(path) ? realpathSync(path) : path))
    .filter((path) => roots.some((root) => path === root || path.startsWith(`${root}/`)));
}
