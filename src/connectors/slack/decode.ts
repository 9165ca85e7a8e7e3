import type { Json } from "../../domain/json.ts";
import { at, textAt } from "../../domain/pointer.ts";
import type { FieldGiven, SlackEvent, Unfit } from "./events.ts";
import { isTs, said } from "./spoken.ts";

/** What came, read: an event, or why it is none of ours. */
export type Decoded = { readonly ok: true; readonly event: SlackEvent } | ({ readonly ok: false } & Unfit);

const LONGEST_VALUE = 2_000;
const LONGEST_CARRIED = 3_000;
const LONGEST_GIVEN = 3_000;
const MOST_FIELDS = 100;
const MOST_CHOICES = 100;

/** A slash command: the body of its request. `fallback` names it where Slack gave no trigger. */
export function decodeCommand(body: Json, fallback: string): Decoded {
  const command = textAt(body, "/command");
  const [team, channel, user] = [idAt(body, "/team_id"), idAt(body, "/channel_id"), idAt(body, "/user_id")];
  if (team === null || channel === null || user === null) return malformed("a command names no team, channel or user");
  if (command === null || !/^\/[^\s/]{1,64}$/.test(command)) return malformed("a command has no name");
  const trigger = tokenAt(body, "/trigger_id");
  const text = said(textAt(body, "/text") ?? "").trim();
  return ok({
    type: "command",
    id: trigger ?? fallback,
    team,
    channel,
    thread: null,
    user,
    trigger: trigger ?? "",
    command,
    text,
  });
}

/** Something of the Events API: the outer event, with what happened within. */
export function decodeEvent(body: Json): Decoded {
  const event = at(body, "/event");
  const kind = textAt(event, "/type");
  if (at(body, "/type") !== "event_callback" || kind === null) return malformed("it is no event");
  if (kind !== "app_mention" && kind !== "message") return unsupported(`events of type ${word(kind)} are not read`);
  const id = tokenAt(body, "/event_id");
  const team = idAt(body, "/team_id") ?? idAt(event, "/team");
  const channel = idAt(event, "/channel");
  const ts = textAt(event, "/ts");
  const subtype = textAt(event, "/subtype");
  if (subtype !== null && !SPEAKING.has(subtype)) return notForUs(`messages of subtype ${word(subtype)} say nothing`);
  if (id === null || team === null || channel === null) return malformed("an event has no id, team or channel");
  if (ts === null || !isTs(ts)) return malformed("a message has no time stamp");
  const own = textAt(body, "/authorizations/0/user_id");
  const user = idAt(event, "/user");
  // Whoever answers programs may be answered by them for ever.
  if (at(event, "/bot_id") !== undefined || (user !== null && user === own)) return notForUs("a program said it");
  if (user === null) return malformed("nobody said it");
  const text = textAt(event, "/text") ?? "";
  const threadTs = textAt(event, "/thread_ts");
  if (threadTs !== null && !isTs(threadTs)) return malformed("a thread has no time stamp");
  const here = { id, team, channel, thread: threadTs, user, ts, trigger: null, text: said(text).trim() };
  if (kind === "app_mention") return ok({ type: "mention", ...here });
  const direct = at(event, "/channel_type") === "im";
  if (!direct && threadTs === null) return notForUs("it was said in a channel, to nobody");
  // Slack tells of it a second time, as a mention.
  if (!direct && own !== null && text.includes(`<@${own}`)) return notForUs("it comes as a mention, too");
  return ok({ type: "message", ...here, direct });
}

/** A message that is a person's, whatever else there is to it. */
const SPEAKING: ReadonlySet<string> = new Set(["file_share", "thread_broadcast", "me_message"]);

/** A press of a button, or a modal that is handed in. */
export function decodeInteraction(body: Json, fallback: string): Decoded {
  const kind = textAt(body, "/type");
  const user = idAt(body, "/user/id");
  const team = idAt(body, "/team/id") ?? idAt(body, "/user/team_id");
  if (kind !== "block_actions" && kind !== "view_submission")
    return unsupported(`interactions of type ${word(kind ?? "none")} are not read`);
  if (user === null || team === null) return malformed("an interaction names no user or team");
  const trigger = tokenAt(body, "/trigger_id");
  const deed = { id: trigger ?? fallback, team, user };
  return kind === "view_submission" ? submitted(body, { ...deed, trigger }) : pressed(body, deed, trigger);
}

function pressed(body: Json, deed: { id: string; team: string; user: string }, trigger: string | null): Decoded {
  const action = at(body, "/actions/0");
  if (at(action, "/type") !== "button") return unsupported("only buttons are read");
  const channel = idAt(body, "/channel/id") ?? idAt(body, "/container/channel_id");
  const message = textAt(body, "/message/ts") ?? textAt(body, "/container/message_ts");
  const name = textAt(action, "/action_id");
  const value = textAt(action, "/value") ?? "";
  if (channel === null || message === null || !isTs(message)) return malformed("a button belongs to no message");
  if (name === null || name.length > 255 || value.length > LONGEST_VALUE) return malformed("a button has no name");
  const thread = textAt(body, "/message/thread_ts") ?? textAt(body, "/container/thread_ts");
  return ok({
    type: "button",
    ...deed,
    channel,
    thread: thread !== null && isTs(thread) ? thread : null,
    message,
    trigger: trigger ?? "",
    action: name,
    value,
  });
}

function submitted(body: Json, deed: { id: string; team: string; user: string; trigger: string | null }): Decoded {
  const form = textAt(body, "/view/callback_id");
  const carried = textAt(body, "/view/private_metadata") ?? "";
  const values = at(body, "/view/state/values");
  if (form === null || form.length > 255 || carried.length > LONGEST_CARRIED)
    return malformed("a modal has no name, or carries too much");
  const blocks = typeof values === "object" && values !== null ? Object.entries(values as { [id: string]: Json }) : [];
  if (blocks.length > MOST_FIELDS) return tooLarge("a modal has more fields than Slack shows");
  const fields: [string, FieldGiven][] = [];
  for (const [block, actions] of blocks) {
    const [element] = typeof actions === "object" && actions !== null ? Object.values(actions) : [];
    const given = givenIn(element);
    if (given === undefined) return malformed("a field of a modal is of no kind that is read");
    if (typeof given === "string" && given.length > LONGEST_GIVEN)
      return tooLarge("a field holds more than Slack takes");
    fields.push([block, given]);
  }
  // Not by assignment: a block may bear a name that means something to JavaScript.
  return ok({ type: "form", ...deed, channel: null, thread: null, form, carried, fields: Object.fromEntries(fields) });
}

/** Undefined for elements that no form of ours has. */
function givenIn(element: Json | undefined): FieldGiven | undefined {
  switch (textAt(element, "/type")) {
    case "plain_text_input":
    case "number_input":
      return textAt(element, "/value");
    case "static_select":
    case "radio_buttons":
      return textAt(element, "/selected_option/value");
    case "multi_static_select":
    case "checkboxes": {
      const chosen = at(element, "/selected_options");
      if (!Array.isArray(chosen)) return [];
      return chosen.slice(0, MOST_CHOICES).flatMap((each: Json) => textAt(each, "/value") ?? []);
    }
    default:
      return undefined;
  }
}

/** An id of Slack's: of a team, a channel, a person. */
function idAt(value: Json | undefined, pointer: string): string | null {
  const found = textAt(value, pointer);
  return found !== null && /^[A-Z0-9]{2,64}$/.test(found) ? found : null;
}

/** An id that only Slack can read. */
function tokenAt(value: Json | undefined, pointer: string): string | null {
  const found = textAt(value, pointer);
  return found !== null && /^[A-Za-z0-9._-]{1,255}$/.test(found) ? found : null;
}

/** A word of theirs that a log may show. */
function word(text: string): string {
  return /^[a-z0-9_.]{1,64}$/.test(text) ? `"${text}"` : "that are not known";
}

function ok(event: SlackEvent): Decoded {
  return { ok: true, event };
}
function malformed(reason: string): Decoded {
  return { ok: false, code: "malformed", reason };
}
function unsupported(reason: string): Decoded {
  return { ok: false, code: "unsupported", reason };
}
function notForUs(reason: string): Decoded {
  return { ok: false, code: "not_for_us", reason };
}
function tooLarge(reason: string): Decoded {
  return { ok: false, code: "too_large", reason };
}
