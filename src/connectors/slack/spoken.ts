import type { Json } from "../../domain/json.ts";
import { at, textAt } from "../../domain/pointer.ts";
import { plain } from "./text.ts";

/** The kind of metadata that our messages carry. */
export const MARK = "lastlight";

/** A message as it stands in a thread. */
export interface Spoken {
  readonly ts: string;
  readonly user: string | null;
  /** Said by a program, ours or another. */
  readonly program: boolean;
  readonly own: boolean;
  /** As people saw it. */
  readonly text: string;
  /** The effect that owed it, where it is marked. */
  readonly effect: string | null;
}

/** Somebody at Slack. */
export interface Person {
  readonly id: string;
  readonly team: string | null;
  readonly name: string;
  /** Null too where Slack says that nobody has confirmed it: by it people are taken for somebody. */
  readonly email: string | null;
  readonly isProgram: boolean;
  /** No full member of the workspace: a guest, or somebody of another one. */
  readonly isGuest: boolean;
  readonly isGone: boolean;
}

const LONGEST_TEXT = 40_000;
const LONGEST_NAME = 100;

/** Null for what is no message. Marks can be forged by other apps: only with `own` are they to be believed. */
export function spokenOf(message: Json, self: { readonly user: string; readonly bot: string | null }): Spoken | null {
  const ts = textAt(message, "/ts");
  if (ts === null || !isTs(ts)) return null;
  const user = textAt(message, "/user");
  const bot = textAt(message, "/bot_id");
  const marked = at(message, "/metadata/event_type") === MARK;
  return {
    ts,
    user,
    program: bot !== null,
    own: (self.bot !== null && bot === self.bot) || user === self.user,
    text: said(textAt(message, "/text") ?? ""),
    effect: marked ? textAt(message, "/metadata/event_payload/effect") : null,
  };
}

/** A text of Slack's in plain words, bounded; what is left out is counted. */
export function said(text: string): string {
  const words = plain(text.slice(0, LONGEST_TEXT)).toWellFormed();
  return text.length <= LONGEST_TEXT ? words : `${words}…[truncated ${text.length - LONGEST_TEXT} chars]`;
}

export function personOf(user: Json | undefined): Person | null {
  const id = textAt(user, "/id");
  if (id === null) return null;
  const is = (name: string): boolean => at(user, `/${name}`) === true;
  const name = ["/profile/display_name", "/profile/real_name", "/real_name", "/name"]
    .map((place) => textAt(user, place))
    .find((each) => each !== null);
  return {
    id,
    team: textAt(user, "/team_id"),
    name: (name ?? id).slice(0, LONGEST_NAME).toWellFormed(),
    email: at(user, "/is_email_confirmed") === false ? null : textAt(user, "/profile/email"),
    isProgram: is("is_bot") || is("is_workflow_bot") || id === "USLACKBOT",
    isGuest: is("is_restricted") || is("is_ultra_restricted") || is("is_stranger"),
    isGone: is("deleted"),
  };
}

/** Slack's time stamps sort as text, since all are as long as another. */
export function isTs(text: string): boolean {
  return /^\d{10}\.\d{6}$/.test(text);
}
