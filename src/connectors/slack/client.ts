import type { Clock, Iso } from "../../domain/clock.ts";
import type { Json } from "../../domain/json.ts";
import { textAt } from "../../domain/pointer.ts";
import { bounded, type Message, type View } from "./blocks.ts";
import { permanent, type Told } from "./failure.ts";
import { MARK, type Person, personOf, type Spoken, spokenOf } from "./spoken.ts";
import { cut } from "./text.ts";
import { type Fields, web } from "./web.ts";

/** Where something is said: a channel, or a thread of it by the ts of its first message. */
export interface Place {
  readonly channel: string;
  readonly thread: string | null;
}

/** A message that stands at Slack. */
export interface Posted {
  readonly channel: string;
  readonly ts: string;
}

export interface Outgoing extends Place {
  readonly message: Message;
  /** The id of the effect that owes it: by it the message is known again. */
  readonly effect: string;
}

/** Who we are there. */
export interface Self {
  readonly team: string;
  readonly user: string;
  readonly bot: string | null;
}

/** What we say to Slack, and ask it. Nothing here throws for what Slack or the network does. */
export interface Slack {
  self(): Promise<Told<Self>>;
  /** Says it now, whether or not it has been said; for a first try. */
  post(outgoing: Outgoing): Promise<Told<Posted>>;
  /** For every later try: says it unless it has been said since, give or take a minute of clocks that differ. */
  postOnce(outgoing: Outgoing, since: Iso): Promise<Told<Posted>>;
  /** Null where it is not among the thousands of messages since: the first of a thread, the last of a channel. */
  findPosted(effect: string, place: Place, since: Iso): Promise<Told<Posted | null>>;
  /** The effect is the one it was posted under: an edit keeps the mark. */
  edit(posted: Posted, message: Message, effect: string): Promise<Told<Posted>>;
  /** Seen by one person alone, now or never: Slack keeps none of it, and it has no mark. */
  whisper(user: string, place: Place, message: Message): Promise<Told<null>>;
  /** By the trigger of what a person just did; it holds for three seconds. Tells the view's id. */
  openModal(trigger: string, view: View): Promise<Told<string>>;
  /** The newest of a thread in the order of their saying, texts as people saw them. */
  thread(channel: string, thread: string): Promise<Told<readonly Spoken[]>>;
  /** The channel in which one person is spoken to alone. */
  direct(user: string): Promise<Told<string>>;
  /** Null where there is nobody of that id. */
  user(id: string): Promise<Told<Person | null>>;
  userByEmail(email: string): Promise<Told<Person | null>>;
}

const PAGE = 200;
const MOST_PAGES = 20;
const MOST_SPOKEN = 200;
/** How far Slack's clock and ours may be apart. */
const APART_MS = 60_000;
const LONGEST_NOTICE = 300;

export function slack(options: { api: string; token: string; clock: Pick<Clock, "now" | "after"> }): Slack {
  const { call } = web(options);
  let known: Told<Self> | null = null;

  async function self(): Promise<Told<Self>> {
    if (known?.ok) return known;
    const told = await call("auth.test", {});
    if (!told.ok) return told;
    const { team_id, user_id, bot_id } = told.value;
    if (typeof team_id !== "string" || typeof user_id !== "string") return permanent("auth.test", "unreadable");
    known = { ok: true, value: { team: team_id, user: user_id, bot: typeof bot_id === "string" ? bot_id : null } };
    return known;
  }

  async function post({ channel, thread, message, effect }: Outgoing): Promise<Told<Posted>> {
    const told = await call("chat.postMessage", {
      channel,
      ...(thread === null ? {} : { thread_ts: thread }),
      ...contentOf(message, effect),
      // A page that an agent names would be fetched by Slack, with whatever its address gives away.
      unfurl_links: false,
      unfurl_media: false,
    });
    return told.ok ? postedIn("chat.postMessage", told.value) : told;
  }

  async function findPosted(effect: string, { channel, thread }: Place, since: Iso): Promise<Told<Posted | null>> {
    const us = await self();
    if (!us.ok) return us;
    let found: Posted | null = null;
    const oldest = ((Date.parse(since) - APART_MS) / 1000).toFixed(6);
    const failure = await pages({ channel, thread, oldest }, (message) => {
      const spoken = spokenOf(message, us.value);
      if (spoken?.own && spoken.effect === effect) found = { channel, ts: spoken.ts };
      return found !== null;
    });
    return failure ?? { ok: true, value: found };
  }

  /** Every message of a thread or channel, page by page, until one is enough. */
  async function pages(
    { channel, thread, oldest }: Place & { oldest?: string },
    enough: (message: Json) => boolean,
  ): Promise<Exclude<Told<never>, { ok: true }> | null> {
    const method = thread === null ? "conversations.history" : "conversations.replies";
    let cursor: string | null = null;
    for (let page = 0; page < MOST_PAGES; page++) {
      const told: Told<Fields> = await call(method, {
        channel,
        ...(thread === null ? {} : { ts: thread }),
        ...(oldest === undefined ? {} : { oldest }),
        ...(cursor === null ? {} : { cursor }),
        limit: PAGE,
        include_all_metadata: true,
      });
      if (!told.ok) return told;
      const { messages } = told.value;
      for (const message of Array.isArray(messages) ? (messages as readonly Json[]) : [])
        if (enough(message)) return null;
      cursor = textAt(told.value, "/response_metadata/next_cursor");
      if (cursor === null) return null;
    }
    return null;
  }

  async function lookUp(method: string, args: Fields): Promise<Told<Person | null>> {
    const told = await call(method, args);
    if (!told.ok) return NOBODY.has(told.code) ? { ok: true, value: null } : told;
    const person = personOf(told.value.user);
    return person ? { ok: true, value: person } : permanent(method, "unreadable");
  }

  return {
    self,
    post,
    findPosted,
    postOnce: async (outgoing, since) => {
      const found = await findPosted(outgoing.effect, outgoing, since);
      if (!found.ok) return found;
      return found.value ? { ok: true, value: found.value } : post(outgoing);
    },
    edit: async ({ channel, ts }, message, effect) => {
      const told = await call("chat.update", { channel, ts, ...contentOf(message, effect) });
      return told.ok ? postedIn("chat.update", told.value) : told;
    },
    whisper: async (user, { channel, thread }, message) => {
      const where = { channel, user, ...(thread === null ? {} : { thread_ts: thread }) };
      const told = await call("chat.postEphemeral", { ...where, ...wordsOf(message) });
      return told.ok ? { ok: true, value: null } : told;
    },
    openModal: async (trigger, view) => {
      const told = await call("views.open", { trigger_id: trigger, view });
      return told.ok ? { ok: true, value: textAt(told.value, "/view/id") ?? "" } : told;
    },
    thread: async (channel, thread) => {
      const us = await self();
      if (!us.ok) return us;
      const spoken: Spoken[] = [];
      const failure = await pages({ channel, thread }, (message) => {
        const each = spokenOf(message, us.value);
        if (each) spoken.push(each);
        if (spoken.length > 2 * MOST_SPOKEN) spoken.splice(0, MOST_SPOKEN);
        return false;
      });
      return failure ?? { ok: true, value: spoken.sort((a, b) => (a.ts < b.ts ? -1 : 1)).slice(-MOST_SPOKEN) };
    },
    direct: async (user) => {
      const told = await call("conversations.open", { users: user });
      if (!told.ok) return told;
      const channel = textAt(told.value, "/channel/id");
      return channel === null ? permanent("conversations.open", "unreadable") : { ok: true, value: channel };
    },
    user: (id) => lookUp("users.info", { user: id }),
    userByEmail: (email) => lookUp("users.lookupByEmail", { email }),
  };
}

const NOBODY: ReadonlySet<string> = new Set(["user_not_found", "users_not_found", "user_not_visible"]);

/** Plain words stay plain: Slack is told to make neither mentions nor links of them. */
function wordsOf({ text, blocks }: Message): Fields {
  return { text: cut(text, LONGEST_NOTICE).mrkdwn || " ", blocks: bounded(blocks), parse: "none", link_names: false };
}

function contentOf(message: Message, effect: string): Fields {
  return { ...wordsOf(message), metadata: { event_type: MARK, event_payload: { effect } } };
}

function postedIn(method: string, { channel, ts }: Fields): Told<Posted> {
  if (typeof channel !== "string" || typeof ts !== "string") return permanent(method, "unreadable");
  return { ok: true, value: { channel, ts } };
}
