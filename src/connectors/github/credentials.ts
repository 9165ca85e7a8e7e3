import type { Clock } from "../../domain/clock.ts";
import { signedIn } from "./app.ts";
import { Refusal } from "./refusal.ts";
import type { Wire } from "./wire.ts";

/** Who we are at GitHub. */
export type Identity =
  | { readonly type: "app"; readonly id: string; readonly privateKey: string }
  | { readonly type: "token"; readonly token: string };

/** What proves who we are, for each repository. */
export interface Credentials {
  token(repo: string): Promise<string>;
  /** It was not believed; false when there is no other to be had. */
  forget(repo: string, token: string): boolean;
}

interface Held {
  readonly token: string;
  readonly until: number;
}

/** A token is not used in its last minutes: what is sent with it takes a while. */
const MARGIN_MS = 5 * 60_000;
const MOST_REPOSITORIES = 1_000;

export function credentials(identity: Identity, { wire, clock }: { wire: Wire; clock: Clock }): Credentials {
  if (identity.type === "token") {
    return { token: async () => identity.token, forget: () => false };
  }
  const { id, privateKey } = identity;
  const installations = new Map<string, number>();
  const tokens = new Map<number, Held>();
  const asking = new Map<string, Promise<string>>();

  async function installation(repo: string, authorization: string): Promise<number> {
    const known = installations.get(repo);
    if (known !== undefined) return known;
    const { data } = await wire
      .send({ method: "GET", path: `repos/${repo}/installation`, authorization })
      .catch((error: unknown) => {
        if (!(error instanceof Refusal) || error.status !== 404) throw error;
        throw new Refusal(`The GitHub App is not installed on ${repo}: ${error.message}`, "never", 404);
      });
    const found = Number((data as { id?: unknown } | null)?.id);
    if (!Number.isSafeInteger(found)) throw new Refusal(`GitHub names no installation for ${repo}`, "later");
    if (installations.size >= MOST_REPOSITORIES) installations.clear();
    installations.set(repo, found);
    return found;
  }

  async function fresh(repo: string): Promise<string> {
    const authorization = `Bearer ${await signedIn(id, privateKey)}`;
    const of = await installation(repo, authorization);
    const held = tokens.get(of);
    if (held && isFresh(held)) return held.token;
    try {
      const path = `app/installations/${of}/access_tokens`;
      const { data } = await wire.send({ method: "POST", path, authorization });
      const { token, expires_at: until } = (data ?? {}) as { token?: unknown; expires_at?: unknown };
      if (typeof token !== "string" || typeof until !== "string" || Number.isNaN(Date.parse(until)))
        throw new Refusal(`GitHub gave no token for installation ${of}`, "later");
      tokens.set(of, { token, until: Date.parse(until) });
      return token;
    } catch (error) {
      // Taken away and put in again, it has another id: the next time it is looked for anew.
      installations.delete(repo);
      throw error;
    }
  }

  function isFresh({ until }: Held): boolean {
    return until - MARGIN_MS > Date.parse(clock.now());
  }

  return {
    token: async (repo) => {
      const held = tokens.get(installations.get(repo) ?? -1);
      if (held && isFresh(held)) return held.token;
      const already = asking.get(repo);
      if (already) return already;
      const mine = fresh(repo).finally(() => asking.delete(repo));
      asking.set(repo, mine);
      return mine;
    },
    forget: (repo, token) => {
      const of = installations.get(repo);
      if (of === undefined || tokens.get(of)?.token !== token) return of !== undefined;
      tokens.delete(of);
      return true;
    },
  };
}
