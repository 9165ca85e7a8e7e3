import type { Clock, Iso } from "../../domain/clock.ts";
import type { Json } from "../../domain/json.ts";
import { credentials, type Identity } from "./credentials.ts";
import { Refusal } from "./refusal.ts";
import { type Answer, type Sent, wire } from "./wire.ts";

/** GitHub's REST API as whoever we are there. */
export interface Github {
  readonly as: Identity["type"];
  /** About one repository; throws a `Refusal` that says when to ask again. */
  ask(repo: string, request: Omit<Sent, "authorization">): Promise<Answer>;
  /** The items of a list, page by page, until one is found that fits; null when none of the first thousands does. */
  find(repo: string, path: string, fits: (item: Fields) => boolean, within?: string): Promise<Fields | null>;
}

export type Fields = { readonly [name: string]: Json };

const MOST_PAGES = 20;
const AT_ONCE = 8;

export function github(options: { api: string; identity: Identity; clock: Clock; agent: string }): Github {
  const { clock, identity } = options;
  const line = wire(options);
  const who = credentials(identity, { wire: line, clock });
  /** Until then nothing is asked: a limit is for all that we ask, and whoever goes on asking is locked out for longer. */
  let quietUntil: Iso = "";
  let words = "";
  let asking = 0;
  const waiting: (() => void)[] = [];

  async function once(repo: string, request: Omit<Sent, "authorization">): Promise<Answer> {
    if (clock.now() < quietUntil) throw new Refusal(words, quietUntil);
    try {
      const token = await who.token(repo);
      try {
        return await line.send({ ...request, authorization: `Bearer ${token}` });
      } catch (error) {
        if (!(error instanceof Refusal) || error.status !== 401 || !who.forget(repo, token)) throw error;
        return await line.send({ ...request, authorization: `Bearer ${await who.token(repo)}` });
      }
    } catch (error) {
      if (error instanceof Refusal && error.again !== "later" && error.again !== "never" && error.again > quietUntil) {
        quietUntil = error.again;
        words = error.message;
      }
      throw error;
    }
  }

  const ask: Github["ask"] = async (repo, request) => {
    if (!isRepository(repo)) throw new Refusal(`"${repo.slice(0, 200)}" is no repository: write owner/name`, "never");
    if (asking >= AT_ONCE) await new Promise<void>((resolve) => void waiting.push(resolve));
    else asking++;
    try {
      return await once(repo, request);
    } finally {
      const next = waiting.shift();
      if (next) next();
      else asking--;
    }
  };

  return {
    as: identity.type,
    ask,
    find: async (repo, path, fits, within) => {
      for (let page = 1; page <= MOST_PAGES; page++) {
        const joint = path.includes("?") ? "&" : "?";
        const { data, more } = await ask(repo, { method: "GET", path: `${path}${joint}per_page=100&page=${page}` });
        const list = within === undefined ? data : (data as Fields | null)?.[within];
        const found = Array.isArray(list)
          ? (list as readonly Fields[]).find((item) => isFields(item) && fits(item))
          : undefined;
        if (found) return found;
        if (!more) return null;
      }
      return null;
    },
  };
}

/** `owner/name` and nothing that a path could be led astray by. */
export function isRepository(text: string): boolean {
  return /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,98})\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/.test(text);
}

export function isFields(value: Json | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
