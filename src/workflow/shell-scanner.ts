import type { Flaw } from "./flaw.ts";

/** A template in a command, and what the shell has to read in its place. */
export interface Placed {
  readonly offset: number;
  readonly length: number;
  readonly reference: (variable: string) => string;
}

/** One word of a simple command: its text with quotes removed, `DYNAMIC` for whatever is known only when it runs. */
export interface Word {
  text: string;
  /** Offsets of the templates it holds, those in command substitutions inside it included. */
  readonly templates: number[];
  /** The target of a redirection or a here-string, and no argument. */
  readonly redirected: boolean;
}

/** A simple command, with the templates of a group or subshell where it is one. */
export interface Command {
  readonly words: Word[];
  readonly grouped: number[];
}

export interface Scan {
  readonly placed: readonly Placed[];
  readonly flaws: readonly Flaw[];
  /** Every simple command, in pipelines; inner ones come before those that hold them. */
  readonly pipelines: readonly (readonly Command[])[];
}

export const DYNAMIC = "\0";

const USE_ENV = "Give the value a name with env: and use that variable";
const BARE = (variable: string): string => `"\${${variable}}"`;
const DOUBLE = (variable: string): string => `\${${variable}}`;
const SINGLE = (variable: string): string => `'"\${${variable}}"'`;

/** Where the shell's text ends before something that was opened. */
class Unclosed extends Error {}

/** Where a template ends, behind its braces, or -1; quoted texts inside it may hold braces. */
export function endOfTemplate(text: string, start: number): number {
  let quote = "";
  for (let at = start + 2; at < text.length; at++) {
    const unit = text[at]!;
    if (quote !== "") quote = unit === quote ? "" : quote;
    else if (unit === "'" || unit === '"') quote = unit;
    else if (unit === "}" && text[at + 1] === "}") return at + 2;
  }
  return -1;
}

/**
 * Reads a command as bash does (Shell Command Language, and bash's extensions), as far as it takes to say in which
 * quotes each template stands and which words a command has. What it does not understand becomes a flaw, never a guess.
 */
export function scanShell(text: string): Scan {
  const placed: Placed[] = [];
  const flaws: Flaw[] = [];
  const pipelines: (readonly Command[])[] = [];
  const heredocs: { delimiter: string; strip: boolean }[] = [];
  let heredocAt = 0;
  let inArray = false;
  let at = 0;

  const refuse = (offset: number, length: number, message: string): void => {
    flaws.push({ offset, length, message });
  };
  const starts = (token: string): boolean => text.startsWith(token, at);

  /** Takes the template that begins here; `why` refuses it where no reference would do. */
  function template(word: { templates: number[] } | null, reference: Placed["reference"], why: string | null): void {
    const end = endOfTemplate(text, at);
    if (end < 0) throw new Unclosed();
    // In a quoted text that runs over the line where a heredoc should begin, its place would be a guess.
    if (heredocs.length > 0 && text.slice(heredocAt, at).includes("\n")) throw new Unclosed();
    if (why !== null) refuse(at, end - at, `${why}. ${USE_ENV}`);
    else placed.push({ offset: at, length: end - at, reference });
    word?.templates.push(at);
    at = end;
  }

  /** Moves to `end`, refusing the templates on the way. */
  function pass(end: number, why: string, word: { templates: number[] } | null): void {
    while (at < end) {
      if (starts("{{")) template(word, BARE, why);
      else at++;
    }
  }

  function commands(closer: string): number[] {
    const seen: number[] = [];
    let pipeline: Command[] = [];
    let command: Command = { words: [], grouped: [] };
    let cases = 0;
    let inPattern = false;
    // Between [[ and ]] the shell's operators are tests; `leading` as long as only words like `if` have been read.
    let testing = false;
    let leading = true;
    let redirected = false;
    const pendingOutside = heredocs.length;
    let ended = false;
    const restart = (): void => {
      command = { words: [], grouped: [] };
      testing = false;
      leading = true;
    };
    const endCommand = (): void => {
      if (command.words.length > 0 || command.grouped.length > 0) pipeline.push(command);
      restart();
      redirected = false;
    };
    const endPipeline = (): void => {
      endCommand();
      if (pipeline.length > 0) pipelines.push(pipeline);
      pipeline = [];
    };
    while (at < text.length && !ended) {
      const unit = text[at]!;
      if (unit === " " || unit === "\t" || unit === "\r") at++;
      else if (inPattern && "\n|(".includes(unit)) at++;
      else if (starts("\\\n")) at += 2;
      else if (unit === "\n") {
        at++;
        if (pendingOutside > 0) throw new Unclosed();
        if (!testing) endPipeline();
        readHeredocs();
      } else if (unit === "#") {
        const end = text.indexOf("\n", at);
        pass(end < 0 ? text.length : end, "a template in a comment is never carried out", null);
      } else if (starts("<<<")) {
        at += 3;
        redirected = true;
      } else if (starts("<<")) heredoc();
      else if (starts("<(") || starts(">(")) command.words.push(word(seen, redirected, testing));
      else if (unit === "<" || unit === ">" || starts("&>")) {
        at += starts("&>") ? 2 : 1;
        while (at < text.length && ">&|".includes(text[at]!)) at++;
        redirected = !testing;
      } else if (testing && "()|&".includes(unit)) at++;
      else if (starts("((") && leading) {
        arithmetic(2, "))", command.words.at(-1) ?? null);
        command.words.push({ text: DYNAMIC, templates: [], redirected: true });
        leading = false;
      } else if (unit === "(") {
        at++;
        if (/^[ \t]*\)/.test(text.slice(at, at + 20))) {
          // The head of a function: what follows is its body, which begins a command.
          at = text.indexOf(")", at) + 1;
          restart();
        } else {
          const inner = commands(")");
          command.grouped.push(...inner);
          seen.push(...inner);
        }
      } else if (unit === ")") {
        if (inPattern) {
          at++;
          inPattern = false;
          endPipeline();
        } else if (closer === ")") {
          at++;
          ended = true;
        } else throw new Unclosed();
      } else if (unit === "|" && text[at + 1] !== "|") {
        at += text[at + 1] === "&" ? 2 : 1;
        const first = command.words[0]?.text ?? "";
        // What a loop or a group prints may come from any command inside it.
        if (CLOSERS.has(first)) command.grouped.push(...seen);
        endCommand();
      } else if (unit === ";" || unit === "&" || unit === "|") {
        inPattern = cases > 0 && unit === ";" && (text[at + 1] === ";" || text[at + 1] === "&");
        at += text[at + 1] === unit || inPattern ? 2 : 1;
        if (inPattern && text[at] === "&") at++;
        endPipeline();
      } else {
        const next = word(seen, redirected, testing);
        redirected = false;
        if (inPattern && next.text !== "esac") continue;
        inPattern = false;
        command.words.push(next);
        if (leading && next.text === "case") cases++;
        if (leading && next.text === "esac") cases--;
        if (leading && next.text === "[[") testing = true;
        if (next.text === "]]") testing = false;
        leading &&= isReserved(next);
        if (next.text === "in" && command.words.at(-3)?.text === "case") inPattern = true;
      }
    }
    if (!ended && closer !== "") throw new Unclosed();
    endPipeline();
    return seen;
  }

  function word(seen: number[], redirected: boolean, inTest: boolean): Word {
    const result: Word = { text: "", templates: [], redirected };
    const first = at;
    while (at < text.length) {
      const unit = text[at]!;
      if (starts("{{")) {
        const subscript =
          SUBSCRIPT.test(text.slice(first, at)) || (inArray && /^\[[^\]]*$/.test(text.slice(first, at)));
        template(result, BARE, subscript ? "bash would evaluate a template between [ and ]" : null);
        result.text += DYNAMIC;
      } else if (unit === "\\") escaped(result);
      else if (unit === "'") single(result);
      else if (unit === '"') double(result, null);
      else if (unit === "$" || unit === "`") expansion(result, BARE);
      else if ((starts("<(") || starts(">(")) && !inTest) {
        at += 2;
        result.templates.push(...commands(")"));
        result.text += DYNAMIC;
      } else if (unit === "(" && at > first && "@?*+!".includes(text[at - 1]!) && result.text !== "!") list(result);
      else if (unit === "(" && at > first && text[at - 1] === "=") {
        const outer = inArray;
        inArray = true;
        list(result);
        inArray = outer;
      } else if (" \t\n\r;&|<>()".includes(unit)) break;
      else {
        result.text += unit;
        at++;
      }
    }
    if (at === first) at++;
    seen.push(...result.templates);
    return result;
  }

  /** The words between parentheses that are no commands: an array's, or an extended pattern's. */
  function list(into: Word): void {
    at++;
    while (at < text.length && text[at] !== ")") {
      if (text[at] === "#" && /\s/.test(text[at - 1]!)) {
        const end = text.indexOf("\n", at);
        pass(end < 0 ? text.length : end, "a template in a comment is never carried out", null);
      } else if (/[\s|&;<>]/.test(text[at]!)) at++;
      else {
        const { templates } = word([], false, false);
        into.templates.push(...templates);
      }
    }
    if (at >= text.length) throw new Unclosed();
    at++;
    into.text += DYNAMIC;
  }

  function escaped(into: Word): void {
    at++;
    if (starts("{{")) {
      template(into, BARE, "a backslash before a template has no meaning");
      return;
    }
    if (at >= text.length) return;
    if (text[at] !== "\n") into.text += text[at];
    at++;
  }

  function single(into: Word): void {
    const open = at++;
    while (at < text.length && text[at] !== "'") {
      if (starts("{{")) {
        template(into, SINGLE, null);
        into.text += DYNAMIC;
      } else into.text += text[at++];
    }
    if (at >= text.length) {
      at = open;
      throw new Unclosed();
    }
    at++;
  }

  function double(into: Word, why: string | null): void {
    at++;
    while (at < text.length && text[at] !== '"') {
      if (starts("{{")) {
        template(into, DOUBLE, why);
        into.text += DYNAMIC;
      } else if (text[at] === "\\") escaped(into);
      else if (text[at] === "$" || text[at] === "`") {
        if (text[at + 1] === '"' || text[at + 1] === "'") into.text += text[at++];
        else expansion(into, DOUBLE);
      } else into.text += text[at++];
    }
    if (at >= text.length) throw new Unclosed();
    at++;
  }

  /** What `$` or a backtick begins. */
  function expansion(into: Word, reference: Placed["reference"]): void {
    if (text[at] === "`") {
      into.text += DYNAMIC;
      at++;
      while (at < text.length && text[at] !== "`") {
        if (starts("{{")) template(into, reference, "inside backticks quoting has rules of its own; write $( … )");
        else at += text[at] === "\\" ? 2 : 1;
      }
      if (at >= text.length) throw new Unclosed();
      at++;
      return;
    }
    if (text.startsWith("{{", at + 1)) {
      at++;
      template(into, reference, '"${{" is not a template here, write {{ … }}');
      return;
    }
    if (starts("$((")) {
      const end = closing(at + 3);
      // `$((` may also open a command substitution that begins with a subshell; in doubt it is arithmetic.
      if (text.startsWith("))", end) || text.slice(at, end).includes("{{")) arithmetic(3, "))", into);
      else {
        at += 2;
        into.templates.push(...commands(")"));
      }
      into.text += DYNAMIC;
    } else if (starts("$(")) {
      at += 2;
      into.templates.push(...commands(")"));
      into.text += DYNAMIC;
    } else if (starts("$[")) {
      arithmetic(2, "]", into);
      into.text += DYNAMIC;
    } else if (starts("${")) {
      at += 2;
      parameter(into);
      into.text += DYNAMIC;
    } else if (starts("$'")) {
      at += 2;
      while (at < text.length && text[at] !== "'") {
        if (starts("{{")) template(into, reference, "$'…' has escapes of its own; write '…'");
        else at += text[at] === "\\" ? 2 : 1;
      }
      if (at >= text.length) throw new Unclosed();
      at++;
      into.text += DYNAMIC;
    } else if (starts('$"')) {
      at++;
      double(into, '$"…" is translated before it is used; write "…"');
    } else {
      const name = /^\$(?:[A-Za-z_]\w*|[0-9@*#?$!-])?/.exec(text.slice(at, at + 80))![0];
      at += name.length;
      into.text += name === "$" ? "$" : DYNAMIC;
    }
  }

  /** The place of the parenthesis that closes what was opened before `from`, or the end of the text. */
  function closing(from: number): number {
    let open = 0;
    for (let place = from; place < text.length; place++) {
      if (text[place] === "(") open++;
      else if (text[place] === ")" && open-- === 0) return place;
    }
    return text.length;
  }

  function arithmetic(skip: number, closer: string, into: { templates: number[] } | null): void {
    at += skip;
    let open = 0;
    const [opening, shut] = closer === "]" ? ["[", "]"] : ["(", ")"];
    while (at < text.length && (open > 0 || !starts(closer))) {
      if (starts("{{")) template(into, BARE, "bash evaluates what stands in arithmetic, commands included");
      else {
        if (text[at] === opening) open++;
        if (text[at] === shut) open--;
        at++;
      }
    }
    if (at >= text.length) throw new Unclosed();
    at += closer.length;
  }

  /** `${…}` up to its brace: patterns, defaults, subscripts and offsets each have their own quoting. */
  function parameter(into: Word): void {
    while (at < text.length && text[at] !== "}") {
      const unit = text[at]!;
      if (starts("{{")) template(into, BARE, "${…} has quoting of its own");
      else if (unit === "\\") at += 2;
      else if (unit === "$" || unit === "`") {
        const before = placed.length;
        expansion({ text: "", templates: into.templates, redirected: false }, BARE);
        for (const { offset, length } of placed.splice(before))
          refuse(offset, length, `\${…} has quoting of its own. ${USE_ENV}`);
      } else if (unit === '"' || unit === "'") {
        // Whether a quote is one depends on the operator and on the quotes around: only plain pairs are understood.
        const end = text.indexOf(unit, at + 1);
        if (end < 0) throw new Unclosed();
        pass(end, "${…} has quoting of its own", into);
        at = Math.max(at, end) + 1;
      } else at++;
    }
    if (at >= text.length) throw new Unclosed();
    at++;
  }

  function heredoc(): void {
    heredocAt = at;
    at += 2;
    const strip = text[at] === "-";
    if (strip) at++;
    while (text[at] === " " || text[at] === "\t") at++;
    const delimiter = word([], true, false);
    if (delimiter.templates.length > 0 || delimiter.text.includes(DYNAMIC)) throw new Unclosed();
    heredocs.push({ delimiter: delimiter.text, strip });
  }

  function readHeredocs(): void {
    for (const { delimiter, strip } of heredocs.splice(0)) {
      let closed = false;
      while (at < text.length && !closed) {
        const end = text.indexOf("\n", at);
        const line = text.slice(at, end < 0 ? text.length : end);
        closed = (strip ? line.replace(/^\t+/, "") : line) === delimiter;
        const until = end < 0 ? text.length : end + 1;
        if (closed) at = until;
        else pass(until, "a template in a heredoc would be read by the shell once more", null);
      }
    }
  }

  try {
    commands("");
  } catch (thrown) {
    if (!(thrown instanceof Unclosed || thrown instanceof RangeError)) throw thrown;
    refuse(
      0,
      text.length,
      `this command cannot be understood as far as its templates: a quote or bracket is not closed. ${USE_ENV}`,
    );
  }
  return { placed, flaws, pipelines };
}

/** `name[` with no `]` yet: bash evaluates a subscript as arithmetic. */
const SUBSCRIPT = /^[A-Za-z_]\w*\[[^\]]*$/;

export const RESERVED: ReadonlySet<string> = new Set(
  "if then elif else fi for while until do done case esac select function in { } ! time coproc".split(" "),
);
const CLOSERS: ReadonlySet<string> = new Set(["}", "done", "fi", "esac"]);

function isReserved({ text }: Word): boolean {
  return RESERVED.has(text);
}
