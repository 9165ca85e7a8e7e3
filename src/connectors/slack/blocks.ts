import type { Json } from "../../domain/json.ts";
import { addressOf, cut, cutPlain, escaped, type Mrkdwn, pieces } from "./text.ts";

/** A block of Block Kit, as Slack reads it. */
export type Block = { readonly type: string; readonly [name: string]: Json };

/** Something to say: its blocks, and the line that a notification shows. */
export interface Message {
  readonly text: Mrkdwn;
  readonly blocks: readonly Block[];
}

export type View = { readonly type: "modal"; readonly [name: string]: Json };

const MOST_BLOCKS = 50;
const MOST_IN_ROW = 25;
const LONGEST_BUTTON = 75;

export function section(text: Mrkdwn): Block {
  return { type: "section", text: mrkdwn(text) };
}

/** A line in small print. */
export function small(text: Mrkdwn): Block {
  return { type: "context", elements: [mrkdwn(text)] };
}

export function row(id: string, elements: readonly Json[]): Block {
  return { type: "actions", block_id: id, elements: elements.slice(0, MOST_IN_ROW) };
}

export function button(options: {
  readonly action: string;
  readonly label: string;
  readonly value: string;
  readonly style?: "primary" | "danger";
}): Json {
  const { action, label, value, style } = options;
  return { type: "button", action_id: action, text: label75(label), value, ...(style === undefined ? {} : { style }) };
}

/** A button that leads to a page; null where the address is none of the web's. */
export function linkButton(action: string, label: string, url: string): Json | null {
  const address = addressOf(url);
  return address === null ? null : { type: "button", action_id: action, text: label75(label), url: address };
}

/** Text in the one kind of object in which nothing is a mention or a link. */
export function plainText(text: string, most: number): Json {
  return { type: "plain_text", text: cutPlain(text, most) || " ", emoji: false };
}

/** What a run or an agent has to say, whole where Slack takes it. */
export function messageOf(text: string): Message {
  const blocks = pieces(text, MOST_BLOCKS).map(section);
  const shown = blocks.length === 0 ? [section({ mrkdwn: "_(nothing)_" })] : blocks;
  return {
    text: { mrkdwn: cut({ mrkdwn: escaped(text.trim().slice(0, 300)) }, 300).mrkdwn || "(nothing)" },
    blocks: shown,
  };
}

/** As many blocks as Slack takes of one message. */
export function bounded(blocks: readonly Block[]): readonly Block[] {
  if (blocks.length <= MOST_BLOCKS) return blocks;
  const left = blocks.length - MOST_BLOCKS + 1;
  return [...blocks.slice(0, MOST_BLOCKS - 1), small({ mrkdwn: `…${left} more blocks were left out` })];
}

/** Verbatim: Slack would otherwise make mentions and links of plain words. */
function mrkdwn(text: Mrkdwn): Json {
  return { type: "mrkdwn", text: cut(text).mrkdwn || " ", verbatim: true };
}

function label75(label: string): Json {
  return plainText(label, LONGEST_BUTTON);
}
