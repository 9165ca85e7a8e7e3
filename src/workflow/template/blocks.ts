import { didYouMean } from "../suggest.ts";

/** Tags that hold text, and those that may divide it. Not in Liquid's list: the ones below, each with its reason. */
const BLOCKS: Readonly<Record<string, readonly string[]>> = {
  if: ["elsif", "else"],
  unless: ["elsif", "else"],
  case: ["when", "else"],
  for: ["else"],
  capture: [],
};
const SINGLE: ReadonlySet<string> = new Set(["assign", "echo", "break", "continue"]);
const DIVIDERS: ReadonlySet<string> = new Set(Object.values(BLOCKS).flat());

/** Every tag a template may use. */
export const TAGS: ReadonlySet<string> = new Set([...Object.keys(BLOCKS), ...SINGLE, "raw", "comment"]);

const NO_FILES = "a template reads no other file";
const REFUSED: Readonly<Record<string, string>> = {
  include: NO_FILES,
  render: NO_FILES,
  layout: NO_FILES,
  block: NO_FILES,
  increment: "write {% assign %}",
  decrement: "write {% assign %}",
  cycle: "write {% if %} with forloop.index",
  tablerow: "write {% for %}",
  liquid: "write each tag in {% … %} of its own",
  "#": "write {% comment %}…{% endcomment %}",
};

/** Beyond this a parser that calls itself comes near the end of its stack. */
const DEEPEST = 50;

interface Open {
  readonly word: string;
  readonly close: string;
  readonly dividers: readonly string[];
  readonly begin: number;
  readonly end: number;
}

type Report = (begin: number, end: number, message: string) => void;

/** Watches that what is opened is closed, in the right order, in both spellings at once. */
export interface Blocks {
  tag(name: string, begin: number, end: number): void;
  /** `{{#if}}` of older files. */
  legacyIf(begin: number, end: number): void;
  legacyEnd(begin: number, end: number): void;
  /** To be called at the end of the text. */
  finish(): void;
}

export function watchBlocks(report: Report): Blocks {
  const open: Open[] = [];

  function enter(block: Open): void {
    open.push(block);
    if (open.length === DEEPEST + 1) report(block.begin, block.end, `blocks nest more than ${DEEPEST} deep`);
  }

  function leave(word: string, begin: number, end: number): void {
    const block = open.pop();
    if (!block) report(begin, end, `${word} closes nothing`);
    else if (block.close !== word) report(begin, end, `${word} cannot close ${block.word}. Write ${block.close}`);
  }

  function tag(name: string, begin: number, end: number): void {
    const word = `{% ${name} %}`;
    const block = open.at(-1);
    if (Object.hasOwn(BLOCKS, name)) {
      enter({ word, close: `{% end${name} %}`, dividers: BLOCKS[name]!, begin, end });
    } else if (name.startsWith("end") && TAGS.has(name.slice(3))) leave(word, begin, end);
    else if (DIVIDERS.has(name)) {
      if (!block) report(begin, end, `${word} belongs inside a block such as {% if %}`);
      else if (!block.dividers.includes(name)) report(begin, end, misplaced(word, block));
    } else if (name === "break" || name === "continue") {
      if (!open.some((each) => each.word === "{% for %}")) report(begin, end, `${word} belongs inside {% for %}`);
    } else if (!SINGLE.has(name)) report(begin, end, unknownTag(name));
  }

  return {
    tag,
    legacyIf(begin, end) {
      if (open.some(({ word }) => word === LEGACY_IF)) report(begin, end, "{{#if}} cannot nest. Use {% if %}");
      enter({ word: LEGACY_IF, close: "{{/if}}", dividers: [], begin, end });
    },
    legacyEnd: (begin, end) => leave("{{/if}}", begin, end),
    finish() {
      for (const block of open) report(block.begin, block.end, `${block.word} is never closed. Write ${block.close}`);
    },
  };
}

const LEGACY_IF = "{{#if}}";

function misplaced(word: string, block: Open): string {
  if (block.word === LEGACY_IF) return `{{#if}} has no ${word}. Write {% if %} … ${word} … {% endif %}`;
  return `${word} has no meaning inside ${block.word}`;
}

function unknownTag(name: string): string {
  if (name === "") return "{% needs the name of a tag";
  if (Object.hasOwn(REFUSED, name)) return `{% ${name} %} is not available: ${REFUSED[name]}`;
  return `unknown tag "${name.slice(0, 80)}"${didYouMean(name, [...TAGS, ...DIVIDERS])}`;
}
