import { complaint, pingsIn, wordsIn } from "./block-kit.ts";
import type { Message, Obj, Workspace } from "./workspace.ts";

/** What a method answers; `ok` is added. A text is Slack's word for a refusal. */
type Answer = Obj | string;
type Method = (args: Args) => Answer;
/** Arguments as Slack reads them, whether they came as a form or as JSON. */
export interface Args {
  readonly [name: string]: string | undefined;
}

/** The methods that there are; any other is `unknown_method`. */
export function methods(world: Workspace, link: () => string): ReadonlyMap<string, Method> {
  const { messages, people, channels } = world;

  function place(id = ""): string | null {
    const channel = channels.get(id);
    if (!channel) return "channel_not_found";
    return channel.joined ? null : "not_in_channel";
  }

  function content(args: Args): string | Pick<Message, "text" | "blocks" | "metadata" | "pings"> {
    const blocks = json(args.blocks, []) as readonly Obj[];
    const text = args.text ?? "";
    if (text === "" && blocks.length === 0) return "no_text";
    if (text.length > 40_000) return "msg_too_long";
    const wrong = complaint(blocks, 50);
    if (wrong) return `invalid_blocks|${wrong}`;
    const metadata = json(args.metadata, null) as Obj | null;
    if (metadata && (typeof metadata.event_type !== "string" || typeof metadata.event_payload !== "object"))
      return "invalid_metadata_format";
    return { text, blocks, metadata, pings: pingsIn({ text, blocks, parse: args.parse, linkNames: args.link_names }) };
  }

  function shown(message: Message, args: Args): Obj {
    const { ts, user, bot, text, blocks, thread, metadata } = message;
    return {
      type: "message",
      ts,
      user,
      ...(bot === null ? {} : { bot_id: bot, app_id: "A0LASTLIGHT" }),
      text,
      blocks,
      team: world.team,
      ...(thread === null ? {} : { thread_ts: thread }),
      ...(metadata && args.include_all_metadata === "true" ? { metadata } : {}),
    };
  }

  function page(all: readonly Message[], args: Args): Obj {
    const limit = Math.min(Number(args.limit ?? 100), 999);
    const start = Number(args.cursor ?? 0);
    const next = start + limit < all.length ? String(start + limit) : "";
    return {
      messages: all.slice(start, start + limit).map((each) => shown(each, args)),
      has_more: next !== "",
      response_metadata: { next_cursor: next },
    };
  }

  const since = ({ ts }: Message, { oldest = "0" }: Args): boolean => Number(ts) > Number(oldest);

  const person = (id: string | undefined): Answer => {
    const found = people.get(id ?? "");
    if (!found) return "user_not_found";
    const { name, email, confirmed, more } = found;
    const profile = { real_name: name, display_name: "", ...(email === null ? {} : { email }) };
    return { user: { id, team_id: world.team, name, profile, is_email_confirmed: confirmed, ...more } };
  };

  const all: Record<string, Method> = {
    "auth.test": () => ({ team_id: world.team, user_id: world.bot.user, bot_id: world.bot.id, team: "Acme" }),
    "apps.connections.open": () => ({ url: link() }),

    "chat.postMessage": (args) => {
      const refused = place(args.channel);
      if (refused) return refused;
      const said = content(args);
      if (typeof said === "string") return said;
      const { channel = "", thread_ts: thread = null } = args;
      if (thread !== null && !messages.some((each) => each.channel === channel && each.ts === thread))
        return "thread_not_found";
      const { user, id: bot } = world.bot;
      const message: Message = { channel, thread, ts: world.ts(), user, bot, edits: 0, ...said };
      messages.push(message);
      return { channel, ts: message.ts, message: shown(message, args) };
    },
    "chat.postEphemeral": (args) => {
      const refused = place(args.channel);
      if (refused) return refused;
      if (!people.has(args.user ?? "")) return "user_not_in_channel";
      const said = content(args);
      if (typeof said === "string") return said;
      world.whispers.push({ user: args.user ?? "", channel: args.channel ?? "", words: wordsIn(said.blocks) });
      return { message_ts: world.ts() };
    },
    "chat.update": (args) => {
      const message = messages.find(({ channel, ts }) => channel === args.channel && ts === args.ts);
      if (!message) return place(args.channel) ?? "message_not_found";
      if (message.bot !== world.bot.id) return "cant_update_message";
      const said = content(args);
      if (typeof said === "string") return said;
      // Metadata that is not mentioned stays as it was.
      Object.assign(message, said, { metadata: said.metadata ?? message.metadata, edits: message.edits + 1 });
      return { channel: message.channel, ts: message.ts, text: message.text };
    },

    "conversations.history": (args) => {
      const refused = place(args.channel);
      if (refused) return refused;
      const here = messages.filter(
        (each) => each.channel === args.channel && each.thread === null && since(each, args),
      );
      return page(here.reverse(), args);
    },
    "conversations.replies": (args) => {
      const refused = place(args.channel);
      if (refused) return refused;
      const here = messages.filter(({ channel }) => channel === args.channel);
      const parent = here.find(({ ts }) => ts === args.ts);
      if (!parent) return "thread_not_found";
      return page([parent, ...here.filter((each) => each.thread === args.ts && since(each, args))], args);
    },
    "conversations.open": (args) => {
      const user = args.users ?? "";
      if (!people.has(user)) return "user_not_found";
      const id = user.replace(/^[UW]/, "D");
      channels.set(id, { id, joined: true });
      return { channel: { id } };
    },

    "views.open": (args) => {
      const trigger = world.triggers.get(args.trigger_id ?? "");
      if (!trigger || trigger.expired) return "expired_trigger_id";
      if (trigger.used) return "exchanged_trigger_id";
      const view = json(args.view, {}) as Obj;
      const wrong = complaint((view.blocks ?? []) as readonly Obj[], 100) ?? complaintOfView(view);
      if (wrong) return `invalid_arguments|${wrong}`;
      trigger.used = true;
      const opened = { id: world.id("V"), user: trigger.user, view, open: true };
      world.views.push(opened);
      return { view: { id: opened.id, ...view } };
    },

    "users.info": ({ user }) => person(user),
    "users.lookupByEmail": ({ email }) => {
      const found = [...people.values()].find((each) => each.email !== null && each.email === email);
      return found ? person(found.id) : "users_not_found";
    },
  };
  return new Map(Object.entries(all));
}

function complaintOfView(view: Obj): string | null {
  const long = (name: string): boolean => String((view[name] as Obj | undefined)?.text ?? "").length > 24;
  if (view.type !== "modal") return "type must be modal";
  if (["title", "submit", "close"].some(long)) return "must be less than 25 characters";
  return String(view.private_metadata ?? "").length > 3_000 ? "private_metadata is too long" : null;
}

function json(text: string | undefined, otherwise: unknown): unknown {
  return text === undefined ? otherwise : JSON.parse(text);
}
