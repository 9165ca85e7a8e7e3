import type { Clock } from "../domain/clock.ts";
import type { Json } from "../domain/json.ts";
import type { Redactor } from "../domain/redaction.ts";
import type { Actor, Deliverer, Undone } from "../engine/contracts/deliverer.ts";
import type { Replies } from "../store/replies.ts";
import { githubActor } from "./github/actor.ts";
import { acts as actsOf } from "./github/acts.ts";
import type { Identity } from "./github/credentials.ts";
import { github as githubOf } from "./github/github.ts";
import { heard } from "./github/refusal.ts";
import { githubReplies } from "./github/replies.ts";

/** All that this daemon does at GitHub. */
export interface AtGithub {
  readonly deliverers: readonly Deliverer[];
  readonly actor: Actor;
  readonly feed: {
    get(repo: string, path: string, etag: string | null): Promise<Page | Undone>;
  };
}

interface Page {
  readonly done: true;
  readonly unchanged: boolean;
  readonly data: Json;
  readonly etag: string | null;
  readonly more: boolean;
}

interface Outside {
  readonly replies: Replies;
  readonly clock: Clock;
  readonly publicUrl: string;
  readonly version: string;
  /** The last look at what leaves the house. */
  readonly words: Redactor;
}

/** Nothing is asked, and no library loaded, before there is something to say. */
export function atGithub(
  { api, identity }: { readonly api: string; readonly identity: Identity },
  { replies, clock, publicUrl, version, words }: Outside,
): AtGithub {
  const github = githubOf({ api, identity, clock, agent: `lastlight/${version}` });
  const acts = actsOf({ github, replies, words });
  return {
    deliverers: githubReplies({ github, acts, publicUrl }),
    actor: githubActor({ github, acts }),
    feed: {
      get: (repo, path, etag) =>
        heard(async () => {
          const { status, ...answer } = await github.ask(repo, { method: "GET", path, etag });
          return { done: true, unchanged: status === 304, ...answer };
        }),
    },
  };
}
