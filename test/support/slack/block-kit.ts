import type { Obj } from "./workspace.ts";

/** What Slack would refuse of these blocks (Block Kit's reference); null when it takes them. */
export function complaint(blocks: readonly Obj[], most: number): string | null {
  if (blocks.length > most) return `no more than ${most} items allowed [json-pointer:/blocks]`;
  const ids = new Set<unknown>();
  for (const [at, block] of blocks.entries()) {
    const wrong = complaintAbout(block);
    if (wrong) return `${wrong} [json-pointer:/blocks/${at}]`;
    if (block.block_id !== undefined && ids.has(block.block_id))
      return `block_id is not unique [json-pointer:/blocks/${at}]`;
    ids.add(block.block_id);
    if (String(block.block_id ?? "").length > 255) return `block_id is too long [json-pointer:/blocks/${at}]`;
  }
  return null;
}

function complaintAbout(block: Obj): string | null {
  const list = (name: string): readonly Obj[] => (block[name] ?? []) as readonly Obj[];
  switch (block.type) {
    case "section":
      return text(block.text, 3_000);
    case "context":
      if (list("elements").length > 10) return "too many elements";
      return first(list("elements").map((each) => text(each, 3_000)));
    case "actions":
      if (list("elements").length === 0 || list("elements").length > 25) return "too many elements, or none";
      return first(list("elements").map(button));
    case "input":
      return (
        text(block.label, 2_000, "plain_text") ??
        (block.hint === undefined ? null : text(block.hint, 2_000, "plain_text")) ??
        input(block.element as Obj)
      );
    default:
      return `unsupported type: ${String(block.type)}`;
  }
}

function button(element: Obj): string | null {
  if (element.type !== "button") return "unsupported element";
  if (String(element.value ?? "").length > 2_000) return "value is too long";
  if (String(element.url ?? "").length > 3_000) return "url is too long";
  if (String(element.action_id ?? "").length > 255) return "action_id is too long";
  return text(element.text, 75, "plain_text");
}

const MOST_OPTIONS: Readonly<Record<string, number>> = {
  static_select: 100,
  multi_static_select: 100,
  radio_buttons: 10,
  checkboxes: 10,
};

function input(element: Obj): string | null {
  if (element.type === "plain_text_input") {
    const max = Number(element.max_length ?? 3_000);
    const wrong = max < 1 || max > 3_000 || Number(element.min_length ?? 0) > max;
    return wrong || String(element.initial_value ?? "").length > max ? "lengths do not fit" : null;
  }
  if (element.type === "number_input") return typeof element.is_decimal_allowed === "boolean" ? null : "missing field";
  const most = MOST_OPTIONS[String(element.type)];
  const options = (element.options ?? []) as readonly Obj[];
  if (most === undefined || options.length === 0 || options.length > most) return "options: too many, or none";
  const initial = [element.initial_option, ...((element.initial_options ?? []) as readonly unknown[])];
  const known = new Set(options.map((each) => JSON.stringify(each)));
  if (initial.some((each) => each !== undefined && !known.has(JSON.stringify(each)))) return "initial is no option";
  return first(
    options.map(
      (each) => text(each.text, 75, "plain_text") ?? (String(each.value).length > 150 ? "value too long" : null),
    ),
  );
}

function text(value: unknown, most: number, only?: string): string | null {
  const { type, text: words } = (value ?? {}) as Obj;
  if (type !== "plain_text" && type !== "mrkdwn") return "missing text";
  if (only !== undefined && type !== only) return `text must be ${only}`;
  if (typeof words !== "string" || words.length === 0) return "must be more than 0 characters";
  return words.length > most ? `must be less than ${most + 1} characters` : null;
}

function first(complaints: readonly (string | null)[]): string | null {
  return complaints.find((each) => each !== null) ?? null;
}

/** Every text object within, with what it may do. */
function texts(value: unknown): readonly Obj[] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(texts);
  const own = value as Obj;
  const is = (own.type === "mrkdwn" || own.type === "plain_text") && typeof own.text === "string";
  return is ? [own] : Object.values(own).flatMap(texts);
}

/** Whom a message would summon: by Slack's marks, or by plain words where it has not been told to leave them alone. */
export function pingsIn(message: {
  text: string;
  blocks: readonly Obj[];
  parse?: unknown;
  linkNames?: unknown;
}): string[] {
  const { text: top, blocks, parse, linkNames } = message;
  const literal = parse === "none" && linkNames !== "true" && linkNames !== true;
  const all = texts(blocks).filter(({ type }) => type === "mrkdwn") as readonly Obj[];
  const marked = [top, ...all.map((each) => String(each.text))].flatMap((each) =>
    [...each.matchAll(/<([@!][^>|^]+(?:\^S[A-Z0-9]+)?)[^>]*>/g)].map(([, mark]) => String(mark)),
  );
  const loose = [
    ...(literal ? [] : [top]),
    ...all.filter(({ verbatim }) => verbatim !== true).map((each) => String(each.text)),
  ];
  const words = loose.flatMap((each) => [...each.matchAll(/@(channel|here|everyone)\b/gi)].map(([word]) => word));
  return [...new Set([...marked.filter((each) => !each.startsWith("!date")), ...words])];
}

/** All words of a message in their order, as they are shown. */
export function wordsIn(blocks: readonly Obj[]): string {
  return texts(blocks)
    .map((each) => String(each.text))
    .join("\n");
}

export function buttonsIn(blocks: readonly Obj[]): readonly Obj[] {
  return blocks.flatMap((block) => (block.type === "actions" ? ((block.elements ?? []) as readonly Obj[]) : []));
}
