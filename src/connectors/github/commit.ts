import type { Json } from "../../domain/json.ts";
import type { Github } from "./github.ts";
import { isFields } from "./github.ts";
import { isSha, type Occasion } from "./occasion.ts";
import { Refusal } from "./refusal.ts";

/** The commit a check belongs to: the event's own, else the pull request's head, else the tip of the default branch. */
export async function commitOf(
  github: Github,
  { repo, issue, isPull, sha }: Pick<Occasion, "repo" | "issue" | "isPull" | "sha">,
): Promise<string> {
  if (sha !== null) return sha;
  if (isPull && issue !== null) {
    const pull = await read(github, repo, `repos/${repo}/pulls/${issue}`);
    return shaIn(isFields(pull.head) ? pull.head.sha : undefined, repo);
  }
  const { default_branch: branch } = await read(github, repo, `repos/${repo}`);
  const tip = await read(github, repo, `repos/${repo}/commits/${encodeURIComponent(String(branch ?? "HEAD"))}`);
  return shaIn(tip.sha, repo);
}

async function read(github: Github, repo: string, path: string): Promise<{ readonly [name: string]: Json }> {
  const { data } = await github.ask(repo, { method: "GET", path });
  return isFields(data) ? data : {};
}

function shaIn(value: Json | undefined, repo: string): string {
  if (isSha(value)) return value;
  throw new Refusal(`GitHub names no commit of ${repo} that a check could belong to`, "never");
}
