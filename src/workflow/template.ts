import {
  filters,
  Liquid,
  LiquidError,
  type Template,
  type Token,
  TypeGuards,
  toValue,
  toValueSync,
  Value,
} from "liquidjs";
import { Fault } from "../domain/fault.ts";
import type { Json } from "../domain/json.ts";
import type { Flaw } from "./flaw.ts";
import { isTemplate, type Translation, translate } from "./legacy.ts";
import { type Names, unknownName } from "./names.ts";
import { didYouMean } from "./suggest.ts";
import { TAGS } from "./template/blocks.ts";
import { dateRefusal, isPlainKey, isPresent, outputOf, slugOf, textOf, valueAt } from "./template/filters.ts";
import { approvalUrl, artefactUrl, branchUrl, LINK_NAMES, lookupIn } from "./template/links.ts";
import { remembering } from "./template/memory.ts";
import { readingTrouble, renderingTrouble } from "./template/wording.ts";

export { isTemplate };

/** The values a template may read, by first segment. A name that is missing is null, and renders as nothing. */
export type Scope = { readonly [name: string]: Json | undefined };

/** More is no prompt; a workflow file holds no more either. */
const LARGEST_TEMPLATE = 256 * 1024;

/** Nobody reads on after this many. */
const MOST_FLAWS = 50;

const RENDER_MS = 200;

/** Characters and list entries that one rendering may make, what it returns included. */
const LARGEST_RENDERING = 8 * 1024 * 1024;

/**
 * Everything wrong with a template, in the order of the text: tags and blocks first; then, where those are sound,
 * names nobody declared, filters nobody has, and values that would not be the same in the next try.
 */
export function checkTemplate(text: string, names: Names): readonly Flaw[] {
  if (!isTemplate(text)) return [];
  const { flaws, reads, translation } = compiled(text);
  const found = [...flaws];
  const said = new Map<string, string | null>();
  for (const { path, begin, end } of reads) {
    // Reads come nearly in the order of the text; looking for what each of thousands might have meant takes long.
    if (found.length > 2 * MOST_FLAWS) break;
    const key = JSON.stringify(path.slice(0, 2));
    if (!said.has(key)) said.set(key, unknownName(names, path));
    const message = said.get(key);
    if (message) found.push({ ...translation.spanOf(begin, end), message });
  }
  return found.sort((one, other) => one.offset - other.offset).slice(0, MOST_FLAWS);
}

/**
 * The paths a template reads from its scope, each once, as far as they are written out: `phases[name].output` gives
 * `phases` and `name`. A template with flaws reads nothing.
 */
export function pathsOf(text: string): readonly (readonly string[])[] {
  if (!isTemplate(text)) return [];
  const { flaws, reads, implied } = compiled(text);
  if (flaws.length > 0) return [];
  const paths = [...reads.map(({ path }) => path), ...[...implied].map((name) => [name])];
  return [...new Map(paths.map((path) => [JSON.stringify(path), path])).values()];
}

/**
 * Fills a template in. Strict about names when it is checked, relaxed about values now: whatever is absent, at any
 * depth, is empty. What values hold is text and is never looked into. Throws `template.failed` and nothing else.
 */
export function render(text: string, scope: Scope): string {
  if (!isTemplate(text)) return text;
  const { templates, flaws, reads, translation } = compiled(text);
  if (flaws[0])
    throw new Fault(
      "template.failed",
      `The template has a flaw at ${placeOf(text, flaws[0].offset)}: ${flaws[0].message}`,
    );
  // Without a prototype, since the library asks whether a name is in it; a copy, since it must never write into ours.
  const values: Record<string, Json | undefined> = Object.assign(Object.create(null), scope);
  for (const { path } of reads) values[path[0]!] ??= null;
  try {
    return engine.renderSync(templates, values);
  } catch (thrown) {
    const { message, token } = troubleOf(thrown);
    const { offset, length } = token ? translation.spanOf(token.begin, token.end) : { offset: 0, length: 2 };
    const piece = text.slice(offset, offset + Math.min(length, 80)).replace(/\s+/g, " ");
    const where = `${piece} at ${placeOf(text, offset)}`;
    throw new Fault("template.failed", `${where} cannot be rendered: ${renderingTrouble(message)}`, { cause: thrown });
  }
}

/** One place where a template reads a path, in the translation. */
interface Read {
  readonly path: readonly string[];
  readonly begin: number;
  readonly end: number;
}

interface Compiled {
  readonly translation: Translation;
  readonly templates: Template[];
  readonly reads: readonly Read[];
  /** Names that filters read by themselves. */
  readonly implied: ReadonlySet<string>;
  readonly flaws: readonly Flaw[];
}

/** A prompt is rendered once for each iteration of a loop, and read only once. */
const compiled = remembering(compile, 1024 * 1024);

function compile(text: string): Compiled {
  const nothing = { templates: [], reads: [], implied: new Set<string>() };
  if (text.length > LARGEST_TEMPLATE) {
    const flaws = [{ offset: 0, length: 1, message: "a template may hold 256 KiB at most" }];
    return { ...nothing, translation: { text: "", flaws, spanOf: () => ({ offset: 0, length: 1 }) }, flaws };
  }
  const translation = translate(text);
  if (translation.flaws.length > 0) return { ...nothing, translation, flaws: translation.flaws };
  try {
    const templates = engine.parse(translation.text);
    return { translation, templates, ...survey(templates, translation) };
  } catch (thrown) {
    const { message, token } = troubleOf(thrown);
    const span = token ? translation.spanOf(token.begin, token.end) : { offset: 0, length: 1 };
    return { ...nothing, translation, flaws: [{ ...span, message: readingTrouble(message) }] };
  }
}

/** The library's message without its picture of the text, and the token it was about. */
function troubleOf(thrown: unknown): { message: string; token: Token | null } {
  if (!LiquidError.is(thrown))
    return { message: thrown instanceof Error ? thrown.message : String(thrown), token: null };
  const message = thrown.originalError?.message ?? thrown.message.replace(/, line:\d+, col:\d+$/, "");
  return { message, token: thrown.token };
}

function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split("\n");
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

/**
 * What a parsed template reads, and what is wrong with it beyond its syntax. Walked here and not by the library's own
 * analysis, which counts lines from the start of the text for each name it finds.
 */
function survey(templates: Template[], { spanOf }: Translation): Pick<Compiled, "reads" | "implied" | "flaws"> {
  const reads: Read[] = [];
  const implied = new Set<string>();
  const flaws: Flaw[] = [];
  /** Names the template itself gives: by assignment from there on, in a loop inside of it. */
  const assigned = new Set<string>();
  const looped: string[] = [];
  const report = ({ begin, end }: Span, message: string): void => {
    if (flaws.length < MOST_FLAWS) flaws.push({ ...spanOf(begin, end), message });
  };

  function visit(template: Template): void {
    limitSize(template);
    for (const argument of template.arguments?.() ?? []) {
      if (argument instanceof Value) visitValue(argument, template.token);
      else visitToken(argument);
    }
    for (const { content } of template.localScope?.() ?? []) assigned.add(content);
    const own = [...(template.blockScope?.() ?? [])];
    looped.push(...own);
    for (const child of (toValueSync(template.children?.(false, true)) as Template[] | undefined) ?? []) visit(child);
    looped.length -= own.length;
  }

  function visitValue({ initial: { postfix }, filters }: Value, whole: Token): void {
    const [only, ...others] = postfix;
    const single = others.length === 0 ? only : undefined;
    if (!isOneValue(postfix))
      report(whole, 'two values stand side by side. Put "|" before a filter, "==" between values');
    // The engine adds a last filter of its own, which stands nowhere in the text.
    const written = filters
      // biome-ignore lint/complexity/useLiteralKeys: private to the library, and the only way to a filter's place.
      .map((filter) => ({ ...filter, token: filter["token"] }))
      .filter(({ token }) => token.end > 0);
    const [first] = written;
    for (const token of postfix)
      if (token === single && first?.name === "path") visitToken(token, first);
      else if (!TypeGuards.isOperatorToken(token)) visitToken(token);
    for (const { name, args, token } of written) {
      if (!Object.hasOwn(FILTERS, name)) report(token, unknownFilter(name));
      for (const each of LINK_NAMES[name] ?? []) implied.add(each);
      for (const argument of args) visitToken(Array.isArray(argument) ? argument[1] : argument);
    }
    const now = TypeGuards.isQuotedToken(single) && /^(?:now|today)$/.test(single.content);
    if (now && written.some(({ name }) => name === "date"))
      report(single, `"${single.content}" is another moment in each try. Use {{ run.started_at | date }}`);
  }

  function visitToken(token: Token | undefined, below?: { readonly args: readonly unknown[] }): void {
    if (TypeGuards.isRangeToken(token)) {
      // Between two values that both come from outside lies a count that never ends: beyond 2^53 adding 1 adds nothing.
      if (![token.lhs, token.rhs].some((end) => TypeGuards.isNumberToken(end) && Math.abs(end.content) <= 1e6))
        report(token, "one end of a range must be a number up to 1000000, as in (1..maxCycles)");
      visitToken(token.lhs);
      visitToken(token.rhs);
    } else if (TypeGuards.isPropertyAccessToken(token)) {
      const keys = token.props.map((prop) => (isWritten(prop) ? String(prop.content) : null));
      for (const prop of token.props) if (!isWritten(prop)) visitToken(prop);
      if (token.variable) visitToken(token.variable);
      else if (keys[0] === null) report(token, "a path must begin with a name");
      else readPath(token, keys, below?.args ?? []);
    }
  }

  function readPath(token: Span, keys: readonly (string | null)[], below: readonly unknown[]): void {
    const further = below.map((each) => (TypeGuards.isQuotedToken(each) ? each : null));
    const path = untilUnknown([...keys, ...further.map((each) => each?.content ?? null)]);
    if (assigned.has(path[0]!) || looped.includes(path[0]!)) return;
    reads.push({ path, begin: token.begin, end: further.at(-1)?.end ?? token.end });
  }

  templates.forEach(visit);
  return { reads, implied, flaws };
}

interface Span {
  readonly begin: number;
  readonly end: number;
}

/** Whether a segment of a path is there to be read, and not the value of another path. */
function isWritten(token: Token): token is Token & { readonly content: string | number } {
  return TypeGuards.isWordToken(token) || TypeGuards.isQuotedToken(token) || TypeGuards.isNumberToken(token);
}

function untilUnknown(keys: readonly (string | null)[]): string[] {
  const end = keys.indexOf(null);
  return (end === -1 ? keys : keys.slice(0, end)) as string[];
}

/** Whether operators and values add up; the library would take the first of several values and drop the others. */
function isOneValue(postfix: readonly Token[]): boolean {
  let values = 0;
  for (const token of postfix) {
    if (!TypeGuards.isOperatorToken(token)) values++;
    else if (token.operator !== "not" && --values < 1) return false;
    else if (values < 1) return false;
  }
  return values === 1;
}

/** Values are counted where they are written out; this counts what stands between them, which loops repeat. */
function limitSize(template: Template): void {
  const raw = TypeGuards.isTagToken(template.token) && template.token.name === "raw";
  if (!raw && !TypeGuards.isHTMLToken(template.token)) return;
  const write = template.render.bind(template);
  const size = template.token.size();
  template.render = (context, emitter) => {
    const written: unknown = write(context, emitter);
    context.memoryLimit.use(typeof written === "string" ? written.length : size);
    return written;
  };
}

type Handler = Extract<(typeof filters)[string], (...args: never[]) => unknown>;

/** Liquid's own that stay: a later version of the library adds none by itself. */
const KEPT = `default json size first last join split strip lstrip rstrip strip_newlines strip_html newline_to_br squish
  normalize_whitespace upcase downcase capitalize append prepend replace replace_first replace_last remove remove_first
  remove_last truncate truncatewords slice escape escape_once url_encode url_decode uri_escape base64_encode
  base64_decode sha256 abs ceil floor round plus minus times divided_by modulo at_least at_most to_integer sort
  sort_natural reverse uniq compact concat map sum where reject find has date number_of_words
  array_to_sentence_string`.split(/\s+/);

/** Those that read their argument as an expression, which nobody has checked. */
const BY_KEY: ReadonlySet<string> = new Set(["where", "reject", "find", "has"]);

const FILTERS: Readonly<Record<string, Handler>> = {
  ...Object.fromEntries(KEPT.map((name) => [name, guarded(name, (filters as Record<string, Handler>)[name]!)])),
  path: (value: Json, ...keys: Json[]) => valueAt(value, keys),
  present: (value: unknown) => isPresent(toValue(value) as Json),
  absent: (value: unknown) => !isPresent(toValue(value) as Json),
  output: (value: Json) => outputOf(value),
  slugify: (value: Json) => slugOf(value),
  branch_url(file: Json) {
    return branchUrl(file, lookupIn(this.context.environments));
  },
  artefact_url(file: Json) {
    return artefactUrl(file, lookupIn(this.context.environments));
  },
  approval_url() {
    return approvalUrl(lookupIn(this.context.environments));
  },
};

function guarded(name: string, handler: Handler): Handler {
  return function (value, ...args) {
    // The library looks at the clock between tags; a long row of filters in one tag would never meet it.
    this.context.renderLimit.check(performance.now());
    if (BY_KEY.has(name) && !isPlainKey(args[0])) throw new Error(`${name} needs the name of a key: ${name}: "status"`);
    const refusal = name === "date" ? dateRefusal(toValue(value), args[0]) : null;
    if (refusal !== null) throw new Error(refusal);
    return handler.call(this, name === "json" ? (value ?? null) : value, ...args);
  };
}

function unknownFilter(name: string): string {
  if (Object.hasOwn(filters, name)) return `the filter "${name}" is not available here`;
  return `unknown filter "${name.slice(0, 80)}"${didYouMean(name, Object.keys(FILTERS))}`;
}

/**
 * Liquid with own properties only, limits, and no files. Names and filters are not the library's to judge: it would
 * stop at the first one, and would take a value that is absent in this run for a name that is wrong.
 */
const engine = limited(
  new Liquid({
    ownPropertyOnly: true,
    lenientIf: true,
    templates: {},
    timezoneOffset: 0,
    locale: "en-US",
    parseLimit: 2 * LARGEST_TEMPLATE,
    renderLimit: RENDER_MS,
    memoryLimit: LARGEST_RENDERING,
    outputEscape(this: unknown, value: unknown) {
      const text = textOf(toValue(value) as Json);
      (this as ThisParameterType<Handler>).context.memoryLimit.use(text.length);
      return text;
    },
  }),
);

function limited(liquid: Liquid): Liquid {
  for (const name of Object.keys(liquid.tags)) if (!TAGS.has(name)) delete liquid.tags[name];
  for (const name of Object.keys(liquid.filters)) liquid.unregisterFilter(name);
  for (const [name, handler] of Object.entries(FILTERS)) liquid.registerFilter(name, handler);
  return liquid;
}
