import { buttonsIn } from "./block-kit.ts";
import type { Message, Obj, OpenView, Workspace } from "./workspace.ts";

/** What happened, as Slack words it, with what it is sent as. */
export interface Happening {
  readonly type: "events_api" | "slash_commands" | "interactive";
  readonly body: Obj;
}

/** An event of the Events API about a message of a person. */
export function event(
  world: Workspace,
  kind: "app_mention" | "message",
  { channel, thread, ts, user, text }: Message,
): Happening {
  const direct = channel.startsWith("D");
  return {
    type: "events_api",
    body: {
      token: "unused",
      team_id: world.team,
      api_app_id: "A0LASTLIGHT",
      event: {
        type: kind,
        user,
        text,
        ts,
        event_ts: ts,
        channel,
        team: world.team,
        ...(kind === "message" ? { channel_type: direct ? "im" : "channel" } : {}),
        ...(thread === null ? {} : { thread_ts: thread }),
      },
      type: "event_callback",
      event_id: world.id("Ev"),
      event_time: Math.floor(Number(ts)),
      authorizations: [{ team_id: world.team, user_id: world.bot.user, is_bot: true, is_enterprise_install: false }],
    },
  };
}

export function command(
  world: Workspace,
  given: { user: string; channel: string; command: string; text: string },
): Happening {
  return {
    type: "slash_commands",
    body: {
      token: "unused",
      team_id: world.team,
      team_domain: "acme",
      channel_id: given.channel,
      channel_name: "general",
      user_id: given.user,
      user_name: given.user.toLowerCase(),
      command: given.command,
      text: given.text,
      api_app_id: "A0LASTLIGHT",
      trigger_id: trigger(world, given.user),
    },
  };
}

/** A press of the button of that label, on the newest message that has one, or on the one that is named. */
export function press(
  world: Workspace,
  label: string,
  { user, message: ts }: { user: string; message?: string },
): Happening {
  const has = (each: Message): boolean => buttonsIn(each.blocks).some((button) => labelOf(button) === label);
  const found = world.messages.filter((each) => ts === undefined || each.ts === ts).findLast(has);
  if (!found) throw new Error(`no message has a button "${label}"`);
  const { type, action_id, value, text } = buttonsIn(found.blocks).find((each) => labelOf(each) === label) as Obj;
  const { channel, thread } = found;
  return {
    type: "interactive",
    body: {
      type: "block_actions",
      user: { id: user, username: user.toLowerCase(), team_id: world.team },
      team: { id: world.team, domain: "acme" },
      api_app_id: "A0LASTLIGHT",
      container: { type: "message", message_ts: found.ts, channel_id: channel, is_ephemeral: false },
      trigger_id: trigger(world, user),
      channel: { id: channel, name: "general" },
      message: { type: "message", ts: found.ts, text: found.text, ...(thread === null ? {} : { thread_ts: thread }) },
      state: { values: {} },
      response_url: "https://hooks.slack.invalid/actions",
      actions: [{ type, action_id, block_id: "gate", text, value, action_ts: world.ts() }],
    },
  };
}

/** What is entered, by a field's label; choices by their words. */
export type Entries = { readonly [label: string]: string | readonly string[] };

/** A modal, handed in with what was entered and what was there to begin with. */
export function submit(world: Workspace, opened: OpenView, entries: Entries): Happening {
  const { view, user } = opened;
  const inputs = ((view.blocks ?? []) as readonly Obj[]).filter(({ type }) => type === "input");
  const labels = inputs.map((block) => words(block.label));
  for (const label of Object.keys(entries))
    if (!labels.includes(label)) throw new Error(`no field is called "${label}"`);
  const values = inputs.map((block) => {
    const element = block.element as Obj;
    const state = stateOf(element, entries[words(block.label)]);
    const empty = [state.value, state.selected_option].every((each) => each === undefined || each === null);
    const none = empty && ((state.selected_options ?? []) as readonly unknown[]).length === 0;
    if (none && block.optional !== true) throw new Error(`Slack would ask for "${words(block.label)}" first`);
    return [block.block_id, { [String(element.action_id)]: { type: element.type, ...state } }];
  });
  return {
    type: "interactive",
    body: {
      type: "view_submission",
      team: { id: world.team, domain: "acme" },
      user: { id: user, team_id: world.team },
      api_app_id: "A0LASTLIGHT",
      trigger_id: trigger(world, user),
      view: { id: opened.id, ...view, state: { values: Object.fromEntries(values) }, hash: "1.abc" },
      response_urls: [],
    },
  };
}

function stateOf(element: Obj, entry: string | readonly string[] | undefined): Obj {
  const options = (element.options ?? []) as readonly Obj[];
  const chosen = (label: string): Obj => {
    const found = options.find((each) => words(each.text) === label);
    if (!found) throw new Error(`"${label}" is not offered`);
    return found;
  };
  switch (element.type) {
    case "static_select":
    case "radio_buttons":
      return { selected_option: entry === undefined ? (element.initial_option ?? null) : chosen(String(entry)) };
    case "multi_static_select":
    case "checkboxes":
      return {
        selected_options:
          entry === undefined ? (element.initial_options ?? []) : [entry].flat().map((each) => chosen(each)),
      };
    default:
      return { value: entry === undefined ? (element.initial_value ?? null) : entry === "" ? null : entry };
  }
}

function trigger(world: Workspace, user: string): string {
  const id = world.id("1337.42.");
  world.triggers.set(id, { user, used: false, expired: false });
  return id;
}

function labelOf(button: Obj): string {
  return words(button.text);
}

function words(text: unknown): string {
  return String((text as Obj | undefined)?.text ?? "");
}
