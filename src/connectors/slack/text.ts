import type { Iso } from "../../domain/clock.ts";

/** Slack's mrkdwn that is safe to send: made here alone, so that nothing unescaped is ever taken for it. */
export interface Mrkdwn {
  readonly mrkdwn: string;
}

/** Slack takes 3,000 characters in one text of a block. */
export const LONGEST = 3_000;

/** Controls show nothing, and marks that turn the direction of reading can make one word look like another. */
const UNSEEN = /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu;
/** A word joiner after the @ keeps a summons from being one, wherever the text is shown or copied to. */
const SUMMONS = /@(?=(?:channel|here|everyone)\b)/gi;

/** What runs and people wrote: shown as it is, a mention of nobody. */
export function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(UNSEEN, "")
    .replace(SUMMONS, "@\u2060")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}

/** Our own words in mrkdwn; what is put into them is escaped, unless it was made here too. */
export function md(words: TemplateStringsArray, ...values: readonly (Mrkdwn | string | number)[]): Mrkdwn {
  const shown = values.map((each) => (typeof each === "object" ? each.mrkdwn : escaped(String(each))));
  return { mrkdwn: words.map((word, which) => word + (shown[which] ?? "")).join("") };
}

export function joined(parts: readonly Mrkdwn[], between: string): Mrkdwn {
  return { mrkdwn: parts.map(({ mrkdwn }) => mrkdwn).join(between) };
}

/** A person who is meant to be told; whoever has no id of Slack's is only named. */
export function mention(id: string): Mrkdwn {
  if (/^[UW][A-Z0-9]{2,30}$/.test(id)) return { mrkdwn: `<@${id}>` };
  if (/^S[A-Z0-9]{2,30}$/.test(id)) return { mrkdwn: `<!subteam^${id}>` };
  return md`${id}`;
}

/** Words that lead somewhere; only the words where the address is none of the web's. */
export function link(url: string, words: string): Mrkdwn {
  const label = escaped(words).replaceAll("|", "¦").replaceAll("\n", " ");
  const address = addressOf(url);
  return address === null ? { mrkdwn: label } : { mrkdwn: `<${address.replaceAll("&", "&amp;")}|${label}>` };
}

/** An address as the web writes it, without anything that would end it early in mrkdwn; null where it is none. */
export function addressOf(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const { protocol, href } = new URL(url);
  if (protocol !== "https:" && protocol !== "http:") return null;
  const address = href.replaceAll("<", "%3C").replaceAll(">", "%3E").replaceAll("|", "%7C");
  return address.length > LONGEST ? null : address;
}

/** A moment in the reader's own time zone. */
export function moment(at: Iso): Mrkdwn {
  const seconds = Math.floor(Date.parse(at) / 1000);
  return { mrkdwn: `<!date^${seconds}^{date_short_pretty} at {time}|${at.slice(0, 16).replace("T", " ")} UTC>` };
}

/** No longer than so many characters, cut between them: never within an entity, a link or a surrogate pair. */
export function cut({ mrkdwn }: Mrkdwn, most = LONGEST): Mrkdwn {
  if (mrkdwn.length <= most) return { mrkdwn };
  const kept = mrkdwn
    .slice(0, most - 1)
    .replace(/[\ud800-\udbff]$/, "")
    .replace(/&[a-z]{0,3}$/, "")
    .replace(/<[^<>]*$/, "");
  return { mrkdwn: `${kept}…` };
}

/** The same for what is no mrkdwn: labels, titles, descriptions. */
export function cutPlain(text: string, most: number): string {
  const plain = text.toWellFormed().replace(UNSEEN, "");
  return plain.length <= most ? plain : `${plain.slice(0, most - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** A long text in pieces that each fit a block, cut at ends of lines where there are any; what is over is counted. */
export function pieces(text: string, most: number): readonly Mrkdwn[] {
  const found: Mrkdwn[] = [];
  let rest = text.trim();
  while (rest !== "" && found.length < most) {
    const piece = fitting(rest);
    found.push({ mrkdwn: escaped(piece) });
    rest = rest.slice(piece.length).replace(/^\n/, "");
  }
  if (rest === "") return found.filter(({ mrkdwn }) => mrkdwn.trim() !== "");
  const last = found.pop() as Mrkdwn;
  const note = `\n…[${rest.length} more characters]`;
  return [...found, { mrkdwn: cut(last, LONGEST - note.length).mrkdwn + note }];
}

/** As much of a text's beginning as fits, escaped. */
function fitting(text: string): string {
  let size = 0;
  let end = 0;
  while (end < text.length) {
    size += SIZES[text[end] as string] ?? 1;
    if (size > LONGEST) break;
    end++;
  }
  const piece = text.slice(0, end);
  if (end === text.length) return piece;
  const line = piece.lastIndexOf("\n");
  return line > end / 2 ? piece.slice(0, line) : piece.replace(/[\ud800-\udbff]$/, "");
}

/** What becomes longer when it is escaped, at the most. */
const SIZES: Readonly<Record<string, number>> = { "&": 5, "<": 4, ">": 4, "@": 2 };

/** What somebody wrote, as they saw it: Slack's own marks for people, channels and links are told in words. */
export function plain(text: string): string {
  return text
    .replace(/<@([UW][A-Z0-9]+)(?:\|([^<>]*))?>/g, (_, id: string, name?: string) => `@${name || id}`)
    .replace(/<#(C[A-Z0-9]+)(?:\|([^<>]*))?>/g, (_, id: string, name?: string) => `#${name || id}`)
    .replace(/<!subteam\^(S[A-Z0-9]+)(?:\|@?([^<>]*))?>/g, (_, id: string, name?: string) => `@${name || id}`)
    .replace(/<!(channel|here|everyone)(?:\|[^<>]*)?>/g, "@$1")
    .replace(/<!date\^[^<>|]*\|([^<>]*)>/g, "$1")
    .replace(/<((?:https?|mailto):[^<>|]+)(?:\|([^<>]*))?>/g, (_, url: string, words?: string) =>
      words && words !== url && `mailto:${words}` !== url ? `${words} (${url})` : url.replace(/^mailto:/, ""),
    )
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
