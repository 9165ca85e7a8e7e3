/** What there is at Slack: people, channels, messages, open modals, and triggers that hold for a while. */
export interface Workspace {
  readonly team: string;
  readonly bot: { readonly user: string; readonly id: string };
  readonly people: Map<string, Someone>;
  readonly channels: Map<string, Channel>;
  readonly messages: Message[];
  readonly views: OpenView[];
  /** What one person alone was told. */
  readonly whispers: { readonly user: string; readonly channel: string; readonly words: string }[];
  readonly triggers: Map<string, Trigger>;
  ts(): string;
  id(prefix: string): string;
}

export type Obj = { readonly [name: string]: unknown };

export interface Someone {
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  readonly confirmed: boolean;
  readonly more: Obj;
}
export interface Channel {
  readonly id: string;
  /** Whether we are in it. */
  readonly joined: boolean;
}
export interface Message {
  readonly channel: string;
  readonly thread: string | null;
  readonly ts: string;
  readonly user: string;
  readonly bot: string | null;
  text: string;
  blocks: readonly Obj[];
  metadata: Obj | null;
  /** How often it was edited. */
  edits: number;
  pings: readonly string[];
}
export interface OpenView {
  readonly id: string;
  readonly user: string;
  view: Obj;
  open: boolean;
}
interface Trigger {
  readonly user: string;
  used: boolean;
  expired: boolean;
}

export const TEAM = "T0LASTLIGHT";
export const BOT = { user: "U0LASTLIGHT", id: "B0LASTLIGHT" };

export function workspace(now: () => number): Workspace {
  let count = 0;
  return {
    team: TEAM,
    bot: BOT,
    people: new Map(),
    channels: new Map(),
    messages: [],
    views: [],
    whispers: [],
    triggers: new Map(),
    ts: () => `${Math.floor(now() / 1000)}.${String(++count).padStart(6, "0")}`,
    id: (prefix) => `${prefix}${String(++count).padStart(8, "0")}`,
  };
}

/** What a person types, as Slack hands it on. */
export function wired(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll("@lastlight", `<@${BOT.user}>`);
}

/** The same in the other direction, for reading a message as a person would. */
export function seen(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
