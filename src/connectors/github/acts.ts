import { createHash } from "node:crypto";
import type { Json } from "../../domain/json.ts";
import type { Redactor } from "../../domain/redaction.ts";
import type { Receipt, Replies, Said } from "../../store/replies.ts";
import type { Fields, Github } from "./github.ts";
import { marked, markerOf } from "./marker.ts";
import { Refusal } from "./refusal.ts";

/** Each act under a key is done once, as far as GitHub lets us know: asked again, it finds what it did. */
export interface Acts {
  comment(what: Comment): Promise<Said>;
  check(what: Check): Promise<Said>;
  review(what: Review): Promise<Said>;
  label(what: Place & { readonly add: readonly string[]; readonly remove: readonly string[] }): Promise<void>;
  reaction(what: Place & { readonly comment: number | null; readonly content: string }): Promise<Said>;
}

interface Keyed {
  readonly key: string;
  readonly run: string;
}
interface Place {
  readonly repo: string;
  readonly issue: number;
}
interface Comment extends Keyed, Place {
  readonly body: string;
  /** What stands there already under this key is replaced by these words. */
  readonly edit?: true;
}
interface Review extends Keyed, Place {
  readonly body: string;
  readonly event: string;
}
interface Check extends Keyed {
  readonly repo: string;
  /** Asked for once: which commit it is about is settled when it is begun. */
  readonly sha: () => Promise<string>;
  readonly name: string;
  readonly status: "queued" | "in_progress" | "completed";
  readonly conclusion: string | null;
  readonly title: string;
  readonly summary: string;
  readonly url: string | null;
}

/** Clocks differ, and what is looked for must not be missed. */
const SLACK_MS = 15 * 60_000;

export function acts({ github, replies, words }: { github: Github; replies: Replies; words: Redactor }): Acts {
  /** The note that it may be said from now on; what came of it before, as far as somebody can find out. */
  async function begun(
    { key, run }: Keyed,
    target: () => Promise<string>,
    look: (receipt: Receipt) => Promise<Said | null>,
  ): Promise<Receipt> {
    const known = await replies.receipt(key);
    if (!known) return replies.begin(key, run, await target());
    if (known.said) return known;
    const said = await look(known);
    if (!said) return known;
    await replies.keep(key, said);
    return { ...known, said };
  }

  async function kept(key: string, said: Said): Promise<Said> {
    await replies.keep(key, said);
    return said;
  }

  return {
    comment: async ({ key, run, repo, issue, body, edit }) => {
      const thread = `repos/${repo}/issues/${issue}/comments`;
      const state = digestOf(body);
      const { said } = await begun(
        { key, run },
        async () => `${repo}#${issue}`,
        async ({ begunAt }) => {
          const since = new Date(Date.parse(begunAt) - SLACK_MS).toISOString();
          const found = await github.find(repo, `${thread}?since=${since}`, holds(key));
          return found && saidOf(found, null);
        },
      );
      if (said && (!edit || said.state === state)) return said;
      const text = { body: marked(words.text(body), key) };
      if (said) return kept(key, await edited(said, state, repo, text));
      const { data } = await github.ask(repo, { method: "POST", path: thread, body: text });
      return kept(key, saidOf(data, state));
    },

    check: async ({ key, run, repo, sha, name, status, conclusion, title, summary, url }) => {
      const state = digestOf(JSON.stringify([status, conclusion, title, summary]));
      const { said, target } = await begun({ key, run }, sha, async (receipt) => {
        const path = `repos/${repo}/commits/${receipt.target}/check-runs?check_name=${encodeURIComponent(name)}&filter=all`;
        const found = await github.find(repo, path, (each) => each.external_id === key, "check_runs");
        return found && saidOf(found, null);
      });
      if (said?.state === state) return said;
      const body = {
        name,
        status,
        ...(conclusion === null ? {} : { conclusion }),
        ...(url === null ? {} : { details_url: url }),
        output: { title: words.text(title), summary: words.text(summary) },
      };
      const request = said
        ? ({ method: "PATCH", path: `repos/${repo}/check-runs/${said.id}`, body } as const)
        : ({
            method: "POST",
            path: `repos/${repo}/check-runs`,
            body: { ...body, head_sha: target, external_id: key },
          } as const);
      const { data } = await github.ask(repo, request);
      return kept(key, saidOf(data, state));
    },

    review: async ({ key, run, repo, issue, body, event }) => {
      const reviews = `repos/${repo}/pulls/${issue}/reviews`;
      const { said } = await begun(
        { key, run },
        async () => `${repo}#${issue}`,
        async () => {
          const found = await github.find(repo, reviews, holds(key));
          return found && saidOf(found, null);
        },
      );
      if (said) return said;
      const { data } = await github.ask(repo, {
        method: "POST",
        path: reviews,
        body: { body: marked(words.text(body), key), event },
      });
      return kept(key, saidOf(data, null));
    },

    // A label that is there, or a reaction, is there once however often it is put: no receipt is needed.
    label: async ({ repo, issue, add, remove }) => {
      const path = `repos/${repo}/issues/${issue}/labels`;
      if (add.length > 0) await github.ask(repo, { method: "POST", path, body: { labels: add } });
      for (const name of remove)
        await unlessGone(github.ask(repo, { method: "DELETE", path: `${path}/${encodeURIComponent(name)}` }));
    },
    reaction: async ({ repo, issue, comment, content }) => {
      const of = comment === null ? `issues/${issue}` : `issues/comments/${comment}`;
      const { data } = await github.ask(repo, {
        method: "POST",
        path: `repos/${repo}/${of}/reactions`,
        body: { content },
      });
      return saidOf(data, null);
    },
  };

  /** Somebody who took the comment away did not want it: it is not put there again. */
  async function edited(said: Said, state: string, repo: string, body: Json): Promise<Said> {
    const path = `repos/${repo}/issues/comments/${said.id}`;
    await unlessGone(github.ask(repo, { method: "PATCH", path, body }));
    return { ...said, state };
  }
}

async function unlessGone(asked: Promise<unknown>): Promise<void> {
  try {
    await asked;
  } catch (error) {
    if (!(error instanceof Refusal) || (error.status !== 404 && error.status !== 410)) throw error;
  }
}

function holds(key: string): (item: Fields) => boolean {
  const marker = markerOf(key);
  return ({ body }) => typeof body === "string" && body.includes(marker);
}

function saidOf(data: Json, state: string | null): Said {
  const { id, html_url: url } = (data ?? {}) as Fields;
  if (typeof id !== "number" && typeof id !== "string")
    throw new Refusal("GitHub named no id for what was made", "later");
  return { id: String(id), url: typeof url === "string" ? url : null, state };
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
