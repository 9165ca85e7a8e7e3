import type { Flaw } from "./flaw.ts";
import { watchBlocks } from "./template/blocks.ts";
import { outputsOf, type Piece, piecesOf, tagName } from "./template/pieces.ts";

/** A template in Liquid alone. A place in it leads back to the text its author wrote. */
export interface Translation {
  readonly text: string;
  /** What is wrong with tags and blocks; with any of these the text is not to be parsed. */
  readonly flaws: readonly Flaw[];
  /** Where in the original a stretch of the translation comes from; never empty. */
  spanOf(begin: number, end: number): { readonly offset: number; readonly length: number };
}

/** Whether a text holds anything to be filled in; without it the text is its own rendering. */
export function isTemplate(text: string): boolean {
  return text.includes("{{") || text.includes("{%") || outputsOf(text).length > 0;
}

/**
 * Rewrites the forms of nearform/lastlight's own template language, as its files use them: `{{a.b-c}}`,
 * `{{#if [!]a.b}}…{{/if}}`, `{{slugify x}}`, `{{branchUrl f}}`, `{{artifactUrl f}}`, `{{approvalUrl}}` and
 * `${x.output}`. All else is Liquid already and stays byte for byte. Only the tight `{{a.b}}` is theirs: it looks at
 * own keys alone, where Liquid's `{{ a.size }}` also counts. Forms they leave in the text or cut short are flaws.
 */
export function translate(text: string): Translation {
  const flaws: Flaw[] = [];
  const report = (begin: number, end: number, message: string): void => {
    flaws.push({ offset: begin, length: end - begin, message });
  };
  const blocks = watchBlocks(report);
  const { pieces, flaw } = piecesOf(text);
  const out = writer(text);

  function output({ begin, end }: Piece): void {
    const inner = text.slice(begin + 2, end - 2);
    const from = begin + 2;
    const path = (at: number): void => writePath(out, from + at, inner.slice(at).match(PATH)![0]);
    const dotted = DOTTED.exec(inner);
    const condition = LEGACY_IF.exec(inner);
    const slug = SLUGIFY.exec(inner);
    const link = LINK.exec(inner);
    if (text[begin - 1] === "$") report(begin - 1, begin + 2, '"${{" is not a template here. Write {{ … }}');
    else if (dotted) {
      out.write("{{ ");
      path(0);
      out.write(" }}");
    } else if (condition) {
      blocks.legacyIf(begin, end);
      out.write("{% if ");
      path(condition[1]!.length);
      out.write(condition[2] === "!" ? " | absent %}" : " | present %}");
    } else if (/^\s*\/if\s*$/.test(inner)) {
      blocks.legacyEnd(begin, end);
      out.write("{% endif %}");
    } else if (slug) {
      out.write("{{ ");
      path(slug[1]!.length);
      out.write(" | slugify }}");
    } else if (link) {
      const [, before = "", word = "", file = ""] = link;
      out.write('{{ "');
      out.copy(from + before.length, from + before.length + file.length);
      out.write(word === "branchUrl" ? '" | branch_url }}' : '" | artefact_url }}');
    } else if (inner.trim() === "approvalUrl") out.write('{{ "" | approval_url }}');
    else {
      const foreign = foreignForm(inner);
      if (foreign !== null) report(begin, end, foreign);
      out.copy(begin, end);
    }
  }

  for (const piece of pieces) {
    if (piece.kind === "output") output(piece);
    else if (piece.kind === "text") writeText(out, text, piece);
    else {
      if (piece.kind === "tag") blocks.tag(tagName(text.slice(piece.begin, piece.end)), piece.begin, piece.end);
      out.copy(piece.begin, piece.end);
    }
  }
  // After a piece without an end, what is open may well be closed further on.
  if (flaw) flaws.push(flaw);
  else blocks.finish();
  return { ...out.finish(), flaws };
}

/** A hyphen may stand inside a segment; at an end it is Liquid's way to strip white space. */
const SEGMENT = "[A-Za-z0-9_]+(?:-+[A-Za-z0-9_]+)*";
const DOTTED = new RegExp(`^[A-Za-z_]\\w*(?:-+\\w+)*(?:\\.${SEGMENT})+$`);
const PATH = new RegExp(`^${SEGMENT}(?:\\.${SEGMENT})*`);
const LEGACY_IF = new RegExp(`^(#\\s*if\\s+(!?)\\s*)${SEGMENT}(?:\\.${SEGMENT})*\\s*$`);
const SLUGIFY = new RegExp(`^(\\s*slugify\\s+)${SEGMENT}(?:\\.${SEGMENT})*\\s*$`);
const LINK = /^(\s*(branchUrl|artifactUrl)\s+)([^\s"'\\{}]+)\s*$/;

/** What other languages of this look would mean; each is said with the words to write instead. */
function foreignForm(inner: string): string | null {
  const body = inner.trim();
  const shown = body.length > 40 ? `${body.slice(0, 40)}…` : body;
  if (body === "") return "{{ }} is empty. Write a name between the braces";
  if (/^else\b/.test(body)) return "{{else}} is not known here. Use {% if %} … {% else %} … {% endif %}";
  if (/^#\s*if\b/.test(body)) return `{{${shown}}} asks for more than one name. Use {% if %}`;
  if (/^#\s*each\b/.test(body)) return "{{#each}} is not known here. Use {% for item in list %}…{% endfor %}";
  if (/^\.\S/.test(body)) return `{{${shown}}} is another program's. Write {% raw %}{{${shown}}}{% endraw %}`;
  if (body.startsWith("{")) return "three braces have no meaning. Write two: {{ … }}";
  if (/^[#/^>&!*]/.test(body)) return `{{${shown}}} is not known here. Use {% if %} or {% for %}`;
  return null;
}

function writePath(out: Writer, offset: number, path: string): void {
  const [first = "", ...rest] = path.split(".");
  let at = offset + first.length;
  out.copy(offset, at);
  for (const [index, segment] of rest.entries()) {
    out.write(index === 0 ? ' | path: "' : ', "');
    out.copy(at + 1, at + 1 + segment.length);
    out.write('"');
    at += 1 + segment.length;
  }
}

function writeText(out: Writer, text: string, { begin, end }: Piece): void {
  let at = begin;
  for (const match of outputsOf(text.slice(begin, end))) {
    const found = begin + match.index;
    out.copy(at, found);
    out.write('{{ phaseOutputs | path: "');
    out.copy(found + 2, found + 2 + match[1]!.length);
    out.write('" | output }}');
    at = found + match[0].length;
  }
  out.copy(at, end);
}

interface Writer {
  /** Text that the author never wrote. */
  write(text: string): void;
  /** A stretch of the author's. */
  copy(begin: number, end: number): void;
  finish(): Pick<Translation, "text" | "spanOf">;
}

function writer(original: string): Writer {
  const parts: string[] = [];
  /** Stretches of the author's, in order: where each begins in the translation and in the original. */
  const runs: { readonly at: number; readonly from: number; readonly length: number }[] = [];
  let at = 0;

  /** The run that holds a place of the translation, or the last one before it. */
  function runOf(place: number): { readonly at: number; readonly from: number; readonly length: number } | undefined {
    let low = 0;
    let high = runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (runs[middle]!.at <= place) low = middle + 1;
      else high = middle;
    }
    return runs[low - 1];
  }

  return {
    write(text) {
      parts.push(text);
      at += text.length;
    },
    copy(begin, end) {
      if (begin === end) return;
      runs.push({ at, from: begin, length: end - begin });
      parts.push(original.slice(begin, end));
      at += end - begin;
    },
    finish: () => ({
      text: parts.join(""),
      spanOf(begin, end) {
        const first = runOf(begin);
        const last = runOf(Math.max(begin, end - 1));
        const offset = first ? first.from + Math.min(begin - first.at, first.length) : 0;
        const after = last ? last.from + Math.min(end - last.at, last.length) : 0;
        return { offset, length: Math.max(1, after - offset) };
      },
    }),
  };
}
