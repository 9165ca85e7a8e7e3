import type { ApprovalKind } from "../../domain/approval.ts";
import type { Iso } from "../../domain/clock.ts";
import type { Json } from "../../domain/json.ts";
import { type Block, bounded, button, linkButton, type Message, row, section, small } from "./blocks.ts";
import { fieldsOf } from "./form.ts";
import { cut, escaped, joined, link, type Mrkdwn, md, mention, moment, pieces } from "./text.ts";

/** A gate as people at Slack see it. */
export interface GateShown {
  readonly id: string;
  /** Of what is shown: an answer is to this, and to nothing that it became later. */
  readonly digest: string;
  readonly kind: ApprovalKind;
  readonly summary: string;
  readonly workflow: string;
  readonly run: { readonly name: string; readonly url: string };
  readonly shown: readonly Exhibit[];
  readonly deadline: Iso | null;
  /** The JSON Schema of what is to be filled in; null without a form. */
  readonly form: Json | null;
  /** Whom it asks: ids of Slack's, who are told, or names. */
  readonly asks: readonly string[];
  readonly standing: GateStanding;
}

/** Something to look at before one answers. */
export interface Exhibit {
  readonly name: string;
  readonly text: string;
  readonly url: string | null;
}

export type GateStanding =
  | { readonly state: "waiting"; readonly reminders: number; readonly escalatedTo: readonly string[] }
  | {
      readonly state: "approved" | "rejected" | "replied";
      readonly by: string;
      readonly at: Iso;
      readonly comment: string | null;
      /** Where it was answered, when not here: "the dashboard". */
      readonly elsewhere: string | null;
    }
  | { readonly state: "expired"; readonly at: Iso; readonly outcome: string | null }
  | { readonly state: "void"; readonly at: Iso; readonly why: string };

/** What the buttons of gates are called when one is pressed; `link` leads to a page and asks for nothing. */
export const GATE_ACTIONS = {
  approve: "gate.approve",
  reject: "gate.reject",
  form: "gate.form",
  link: "gate.link",
} as const;

const LONGEST_SUMMARY = 300;
const MOST_SUMMARY = 3;
const MOST_EXHIBITS = 10;
const MOST_OF_EXHIBIT = 2;

/** The message of a gate, as it stands now: posted first, edited whenever that changes. Only one that waits has buttons. */
export function gateMessage(gate: GateShown): Message {
  const said = standingOf(gate);
  const notice = cut({ mrkdwn: escaped(gate.summary.slice(0, LONGEST_SUMMARY)) }, LONGEST_SUMMARY);
  const shown = gate.shown.slice(0, MOST_EXHIBITS).flatMap(exhibit);
  const left = gate.shown.length - MOST_EXHIBITS;
  const blocks = [
    ...summary(gate.summary),
    small(md`${gate.workflow} · ${link(gate.run.url, gate.run.name)}`),
    ...shown,
    ...(left > 0 ? [small(md`…${left} more: ${link(gate.run.url, "look at the run")}`)] : []),
    ...(gate.standing.state === "waiting" ? waiting(gate, gate.standing) : []),
  ];
  return {
    text: gate.standing.state === "waiting" ? notice : joined([said, notice], " · "),
    blocks: gate.standing.state === "waiting" ? bounded(blocks) : bounded([...blocks, ...ended(gate, said)]),
  };
}

/** What a button or a form of a gate carries: which gate, and what was shown. Everything else is looked up. */
export function gateValue({ id, digest }: { readonly id: string; readonly digest: string }): string {
  return `${id} ${digest}`;
}

/** Null for what no button of ours carries. */
export function gateIn(value: string): { readonly id: string; readonly digest: string } | null {
  const [, id, digest] = /^([A-Za-z0-9_./:-]{1,200}) ([A-Za-z0-9_:+/=-]{1,200})$/.exec(value) ?? [];
  return id === undefined || digest === undefined ? null : { id, digest };
}

function summary(text: string): readonly Block[] {
  const all = pieces(text, MOST_SUMMARY).map(section);
  return all.length === 0 ? [section({ mrkdwn: "An answer is needed." })] : all;
}

function exhibit({ name, text, url }: Exhibit): readonly Block[] {
  const title = url === null ? md`*${oneLine(name)}*` : md`*${link(url, name)}*`;
  return [section(title), ...pieces(text, MOST_OF_EXHIBIT).map(section)];
}

function waiting(gate: GateShown, { reminders, escalatedTo }: GateStanding & { state: "waiting" }): readonly Block[] {
  const people = (ids: readonly string[]): Mrkdwn => joined(ids.map(mention), ", ");
  const notes = [
    ...(gate.asks.length > 0 ? [md`Asked: ${people(gate.asks)}`] : []),
    ...(gate.deadline === null ? [] : [md`Until ${moment(gate.deadline)}`]),
    ...(reminders > 0 ? [md`Reminded ${reminders === 1 ? "once" : `${reminders} times`}`] : []),
    ...(escalatedTo.length > 0 ? [md`Now also asked: ${people(escalatedTo)}`] : []),
    ...(gate.kind === "reply" ? [md`Reply in this thread: the next message is the answer.`] : []),
  ];
  const buttons = gate.kind === "approve" ? buttonsOf(gate) : [];
  return [
    ...(notes.length > 0 ? [small(joined(notes, " · "))] : []),
    ...(buttons.length > 0 ? [row("gate", buttons)] : []),
  ];
}

/** Approve stands alone only where a form could be left empty: it would otherwise be refused each time. */
function buttonsOf(gate: GateShown): readonly Json[] {
  const value = gateValue(gate);
  const form = gate.form === null ? null : fieldsOf(gate.form);
  const approve = button({ action: GATE_ACTIONS.approve, label: "Approve", value, style: "primary" });
  const reject = button({ action: GATE_ACTIONS.reject, label: "Reject", value, style: "danger" });
  if (form === null) return [approve, reject];
  const words = "Fill in the form";
  const fill = form.ok
    ? button({ action: GATE_ACTIONS.form, label: words, value })
    : linkButton(GATE_ACTIONS.link, words, gate.run.url);
  const fills = fill === null ? [] : [fill];
  const mustFill = !form.ok || form.fields.some(({ required, schema }) => required && schema.default === undefined);
  return mustFill ? [...fills, reject] : [approve, ...fills, reject];
}

const VERBS = { approved: "Approved", rejected: "Rejected", replied: "Answered" } as const;

function standingOf({ standing }: GateShown): Mrkdwn {
  switch (standing.state) {
    case "waiting":
      return md``;
    case "expired":
      return standing.outcome === null
        ? md`Expired at ${moment(standing.at)}`
        : md`Expired at ${moment(standing.at)}: ${oneLine(standing.outcome)}`;
    case "void":
      return md`No longer asked since ${moment(standing.at)}: ${oneLine(standing.why)}`;
    default: {
      const where = standing.elsewhere === null ? md`` : md` on ${oneLine(standing.elsewhere)}`;
      return md`${VERBS[standing.state]} by ${oneLine(standing.by)} at ${moment(standing.at)}${where}`;
    }
  }
}

const SIGNS = {
  approved: ":white_check_mark:",
  rejected: ":no_entry:",
  replied: ":speech_balloon:",
  expired: ":hourglass:",
  void: ":wastebasket:",
} as const;

function ended({ standing }: GateShown, said: Mrkdwn): readonly Block[] {
  if (standing.state === "waiting") return [];
  const comment = "comment" in standing && standing.comment !== null ? pieces(standing.comment, 1) : [];
  return [section(md`${{ mrkdwn: SIGNS[standing.state] }} *${said}*`), ...comment.map(section)];
}

/** A name or a reason, which has one line of the message and no more. */
function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= 200 ? line : `${line.slice(0, 199).replace(/[\ud800-\udbff]$/, "")}…`;
}
