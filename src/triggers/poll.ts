import type { Clock, Iso } from "../domain/clock.ts";
import { asFault } from "../domain/fault.ts";
import type { Json } from "../domain/json.ts";
import type { Undone } from "../engine/contracts/deliverer.ts";
import type { Log } from "../engine/contracts/log.ts";
import type { Replies } from "../store/replies.ts";
import { CHANNELS, type Channel, type Item, type Seen } from "./channels.ts";
import { githubEvent } from "./github.ts";
import type { Intake } from "./intake.ts";

/** Reads GitHub for whoever gets no webhooks. */
export interface Feed {
  /** One page of a repository's list, or what stands at a path; `unchanged` when it is what it was under the ETag. */
  get(repo: string, path: string, etag: string | null): Promise<Page | Undone>;
}

export interface Page {
  readonly done: true;
  readonly unchanged: boolean;
  readonly data: Json;
  readonly etag: string | null;
  readonly more: boolean;
}

/** How far one list of a repository has been read. */
interface Mark {
  readonly etag: string | null;
  readonly seen: Seen;
}
type Marks = { readonly [channel: string]: Mark };

const MOST_PAGES = 10;

interface Polling {
  readonly repositories: readonly string[];
  readonly everyMs: number;
  readonly feed: Feed;
  readonly intake: Intake;
  readonly cursors: Pick<Replies, "cursor" | "moveCursor">;
  /** Names under which this daemon acts there. */
  readonly self: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

/** Asks each repository in turn, again and again, until it is told to stop; resolves once nothing of it is under way. */
export function startPolling(polling: Polling): () => Promise<void> {
  const { repositories, everyMs, clock, log } = polling;
  const quiet = new Map<string, Iso>();
  let stopped = false;
  let cancel = (): void => {};
  let current: Promise<void> = Promise.resolve();

  async function round(): Promise<void> {
    for (const repo of repositories) {
      if (stopped) return;
      if (clock.now() < (quiet.get(repo) ?? "")) continue;
      try {
        const undone = await pollOnce(repo, polling);
        if (!undone) continue;
        if (undone.again !== "later" && undone.again !== "never") quiet.set(repo, undone.again);
        log.warn({ repo, again: undone.again, err: undone.error }, "a repository could not be polled");
      } catch (error) {
        // Nothing was skipped: what was not taken in is found again.
        log.error({ repo, code: asFault(error).code, err: error }, "what a poll found could not be taken in");
      }
    }
  }

  const turn = (): void => {
    current = round().then(() => {
      if (!stopped) cancel = clock.after(everyMs, turn);
    });
  };
  turn();
  return async () => {
    stopped = true;
    cancel();
    await current;
  };
}

/** Each list of a repository once; the first refusal ends it, but for lists that this GitHub does not have. */
export async function pollOnce(
  repo: string,
  polling: Omit<Polling, "repositories" | "everyMs">,
): Promise<Undone | null> {
  const { cursors } = polling;
  const source = `github/${repo}`;
  let marks = ((await cursors.cursor(source)) ?? {}) as unknown as Marks;
  let refused: Undone | null = null;
  for (const channel of CHANNELS) {
    const read = await readChannel(repo, channel, marks[channel.name] ?? null, polling);
    if ("error" in read) {
      refused ??= read;
      if (read.again === "never") continue;
      return read;
    }
    if (!read.mark || read.mark === marks[channel.name]) continue;
    marks = { ...marks, [channel.name]: read.mark };
    // Only now: whoever is killed before this finds the same again, which starts nothing twice.
    await cursors.moveCursor(source, marks as unknown as Json);
  }
  return refused;
}

/** Takes in what is new on one list, oldest first. Without a mark nothing is: what was there before is no news. */
async function readChannel(
  repo: string,
  channel: Channel,
  mark: Mark | null,
  { feed, intake, self, clock, log }: Omit<Polling, "repositories" | "everyMs">,
): Promise<{ readonly mark: Mark | null } | Undone> {
  const items: Item[] = [];
  let etag: string | null = null;
  for (let page = 1; page <= MOST_PAGES; page++) {
    const path = `repos/${repo}/${channel.path}&per_page=100&page=${page}`;
    const read = await feed.get(repo, path, page === 1 ? (mark?.etag ?? null) : null);
    if (!read.done) return read;
    if (read.unchanged) return { mark };
    if (page === 1) etag = read.etag;
    const found = Array.isArray(read.data) ? (read.data as unknown as readonly Item[]).filter(isItem) : [];
    items.push(...found);
    if (!mark || !read.more || !channel.goesOn(mark.seen, found)) break;
    if (page === MOST_PAGES)
      log.warn({ repo, list: channel.name }, "more was new than is read at once; the oldest is missed");
  }
  const seen = channel.seen(mark?.seen ?? null, items);
  if (!mark) return { mark: { etag, seen } };
  const news = channel.news(mark.seen, items);
  if (news.length > 0) {
    const repository = await feed.get(repo, `repos/${repo}`, null);
    if (!repository.done) return repository;
    for (const item of news) {
      const about = channel.about(item);
      const more = about === null ? null : await feed.get(repo, `repos/${repo}/${about}`, null);
      if (more && !more.done) {
        // What it was about is gone: there is nothing left to act on.
        if (more.again === "never") continue;
        return more;
      }
      const { name, payload, key } = channel.event(item, more?.data ?? null, mark.seen);
      const whole = { ...payload, repository: repository.data };
      const receivedAt = clock.now();
      await intake.take(
        githubEvent({ name, payload: whole, key: `poll ${repo} ${key}`, via: "poll", receivedAt }, self),
      );
    }
  }
  return { mark: { etag, seen } };
}

function isItem(value: Json | Item): value is Item {
  return typeof value === "object" && value !== null && "id" in value && typeof value.id === "number";
}
