import { type Command, DYNAMIC, RESERVED, type Word } from "./shell-scanner.ts";

/** A template where its value would be read as a program, an expression or a name; `offset` is the template's. */
export interface Reread {
  readonly offset: number;
  readonly why: string;
}

/** Templates that reach a program which reads its argument, or its input, as code: quoting once is not enough there. */
export function findReread(pipelines: readonly (readonly Command[])[]): readonly Reread[] {
  const found: Reread[] = [];
  const integers = pipelines
    .flat()
    .some(({ words }) => isDeclare(words) && words.some(({ text }) => /^[-+]\w*i/.test(text)));
  for (const pipeline of pipelines) {
    for (const [at, command] of pipeline.entries()) {
      found.push(...ofCommand(command.words, integers));
      const reader = readerOf(command.words);
      if (reader === null || at === 0) continue;
      for (const { words, grouped } of pipeline.slice(0, at))
        found.push(
          ...because(
            [...grouped, ...words.flatMap(({ templates }) => templates)],
            `${reader} reads what the pipe hands it as code`,
          ),
        );
    }
  }
  return found;
}

const SHELLS = new Set("sh bash dash zsh ksh mksh ash fish rbash csh tcsh".split(" "));

/** Programs that take the text of a program as an argument, and the options that announce it. */
const INTERPRETERS: Readonly<Record<string, { readonly letters: string; readonly long: RegExp }>> = {
  python: { letters: "c", long: /^$/ },
  node: { letters: "ep", long: /^--(eval|print)\b/ },
  nodejs: { letters: "ep", long: /^--(eval|print)\b/ },
  bun: { letters: "ep", long: /^--(eval|print)\b/ },
  deno: { letters: "", long: /^(eval|--eval)$/ },
  perl: { letters: "eE", long: /^$/ },
  ruby: { letters: "e", long: /^$/ },
  php: { letters: "rBRE", long: /^--(run|process-\w+)\b/ },
  lua: { letters: "e", long: /^$/ },
  osascript: { letters: "e", long: /^$/ },
  tclsh: { letters: "c", long: /^$/ },
  psql: { letters: "c", long: /^--command\b/ },
  mysql: { letters: "e", long: /^--execute\b/ },
  awk: { letters: "fvieE", long: /^--(source|file|assign|include|exec)\b/ },
  sed: { letters: "ef", long: /^--(expression|file)\b/ },
  jq: { letters: "f", long: /^--from-file\b/ },
};
/** Of these the first plain argument is the program's text, unless an option has given it. */
const PROGRAM_FIRST = new Set(["awk", "sed", "jq"]);
const ALIASES: Readonly<Record<string, string>> = { gawk: "awk", mawk: "awk", nawk: "awk", gsed: "sed" };

/** Whatever they are given is read as a command, here or elsewhere. */
const REREADERS = new Set(
  "eval source . trap alias ssh xargs su parallel watch fc bind complete compgen enable tmux screen script".split(" "),
);
/** Builtins that take names of variables, whose subscripts bash evaluates. */
const NAMERS = new Set("let unset read mapfile readarray getopts wait".split(" "));
const DECLARERS = new Set("declare typeset local export readonly".split(" "));
/** Programs that run the command which follows their own options. */
const RUNNERS = new Set(
  `env sudo doas command builtin exec nohup nice ionice time timeout stdbuf setsid chroot unshare flock chronic
  caffeinate busybox strace ltrace taskset`.split(/\s+/),
);
/** Variables that the shell evaluates of its own accord. */
const EVALUATED = /^(?:PS[0-4]|BASH_ENV|ENV|PROMPT_COMMAND|SECONDS|RANDOM|OPTIND|HISTCMD|LINENO|BASH_CMDS\b.*)\+?=/;
const ASSIGNMENT = /^[A-Za-z_]\w*(?:\[[^\]]*\])?\+?=/;

function ofCommand(all: readonly Word[], integers: boolean): Reread[] {
  const found: Reread[] = [];
  // A group's brace may stand behind a name (`coproc name { …`): what follows it is a command as well.
  const starts = new Set([0, ...all.flatMap(({ text }, at) => (text === "{" ? [at + 1] : []))]);
  for (const start of starts) found.push(...ofSimple(all.slice(start), integers));
  for (const [at, { text }] of all.entries()) {
    const name = nameOf(text);
    if (SHELLS.has(name)) found.push(...ofShell(all.slice(at), false));
    if (/^-(exec|execdir|ok|okdir)$/.test(text)) found.push(...ofNamed(all.slice(at + 1)));
  }
  return found;
}

function ofSimple(all: readonly Word[], integers: boolean): Reread[] {
  let words = all;
  while (words[0] && RESERVED.has(words[0].text)) {
    if (/^(for|select|case)$/.test(words[0].text)) return [];
    words = words.slice(words[0].text === "function" ? 2 : 1);
  }
  const found: Reread[] = [];
  while (words[0] && (words[0].redirected || ASSIGNMENT.test(words[0].text))) {
    const { text, templates, redirected } = words[0];
    if (!redirected && EVALUATED.test(text)) found.push(...because(templates, "the shell evaluates this variable"));
    if (!redirected && integers) found.push(...because(templates, "with declare -i bash evaluates what is assigned"));
    words = words.slice(1);
  }
  return [...found, ...ofNamed(words)];
}

/** A command from its name on. */
function ofNamed(words: readonly Word[]): Reread[] {
  const [first] = words;
  if (!first) return [];
  const named = first.redirected ? [] : because(first.templates, "the program that a command runs must be written out");
  const name = nameOf(first.text);
  const rest = words.slice(1);
  const all = (why: string): Reread[] => [
    ...named,
    ...because(
      rest.flatMap(({ templates }) => templates),
      why,
    ),
  ];
  if (first.text.includes(DYNAMIC)) {
    // What runs is not known from the text: it may be a shell.
    const risky = rest.some(({ text }) => /^-\w*[ceEpr]/.test(text));
    return risky ? all("which program reads it is not known from the text") : named;
  }
  if (RUNNERS.has(name)) return ofRunner(name, rest);
  if (SHELLS.has(name)) return ofShell(words, true);
  if (REREADERS.has(name)) return all(`${name} reads its arguments as a command`);
  if (NAMERS.has(name)) {
    const given = rest.filter(({ redirected }) => !redirected).flatMap(({ templates }) => templates);
    return [...named, ...because(given, `${name} takes names and expressions, which bash evaluates`)];
  }
  if (DECLARERS.has(name)) return ofDeclare(name, rest);
  if (name === "printf" && rest[0]?.text.startsWith("-v")) return all("printf -v takes a name, which bash evaluates");
  if (name === "[[" && rest.some(({ text }) => /^-(eq|ne|lt|le|gt|ge|v|R)$/.test(text)))
    return all("in [[ … ]] bash evaluates numbers and names; compare with [ … ]");
  if ((name === "[" || name === "test") && rest.some(({ text }) => /^-[vR]$/.test(text)))
    return all("a name is evaluated by bash");
  const interpreter = interpreterOf(name);
  if (interpreter) return ofInterpreter(interpreter, words);
  return named;
}

/** `sudo -u x sh -c …`: every word might be the name, since options may take arguments; the strictest reading holds. */
function ofRunner(name: string, rest: readonly Word[]): Reread[] {
  const found: Reread[] = [];
  for (const [at, { text, templates, redirected }] of rest.entries()) {
    if (redirected) continue;
    if (text.startsWith("-") || ASSIGNMENT.test(text)) {
      if (/^-(S|-split-string|s|i|c|-command)/.test(text))
        found.push(
          ...because(
            rest.slice(at).flatMap((each) => each.templates),
            `${name} ${text.split("=")[0]} reads a command`,
          ),
        );
      continue;
    }
    if (/^\d[\d.]*[smhd]?$/.test(text)) continue;
    const known =
      SHELLS.has(nameOf(text)) ||
      REREADERS.has(nameOf(text)) ||
      interpreterOf(nameOf(text)) ||
      NAMERS.has(nameOf(text));
    const after = rest[at - 1]?.text ?? "";
    if (known || RUNNERS.has(nameOf(text)) || DECLARERS.has(nameOf(text)))
      return [...found, ...ofNamed(rest.slice(at))];
    // The argument of an option, or the name of a program that is not known here.
    if (after.startsWith("-") && !after.startsWith("--")) {
      found.push(...because(templates, "the program that a command runs must be written out"));
      continue;
    }
    return [...found, ...ofNamed(rest.slice(at))];
  }
  return found;
}

function ofDeclare(name: string, rest: readonly Word[]): Reread[] {
  const found: Reread[] = [];
  const integer = rest.some(({ text }) => /^[-+]\w*i/.test(text));
  for (const { text, templates } of rest) {
    const [before] = text.split("=", 1) as [string];
    const named = before.includes(DYNAMIC) || before.includes("[");
    if (integer || named || EVALUATED.test(text))
      found.push(...because(templates, `${name} takes a name, which bash evaluates`));
  }
  return found;
}

/** Templates up to and with the program's text are read as code; behind it they are plain arguments. */
function ofShell(words: readonly Word[], isCommand: boolean): Reread[] {
  const why = `${nameOf(words[0]!.text)} would read the value as code`;
  const found: Reread[] = [];
  let script = false;
  let at = 1;
  for (; at < words.length; at++) {
    const { text, templates, redirected } = words[at]!;
    if (redirected) {
      if (isCommand) found.push(...because(templates, why));
      continue;
    }
    const option = /^[-+]/.test(text);
    if (!option && !script) break;
    if (!option) return [...found, ...because(templates, why)];
    found.push(...because(templates, why));
    if (/^-[^-]*c/.test(text)) script = true;
    if (/^[-+][^-]*[oO]$/.test(text) || /^--(rcfile|init-file)$/.test(text)) {
      at++;
      found.push(...because(words[at]?.templates ?? [], why));
    }
    if (text === "--" && !script) {
      at++;
      break;
    }
  }
  return isCommand ? [...found, ...because(words[at]?.templates ?? [], why)] : script ? found : [];
}

function ofInterpreter(name: string, words: readonly Word[]): Reread[] {
  const { letters, long } = INTERPRETERS[name]!;
  const why = `${name} would read the value as part of a program`;
  const flag = (text: string): boolean =>
    long.test(text) || (/^-[^-]/.test(text) && [...text.slice(1)].some((letter) => letters.includes(letter)));
  const found: Reread[] = [];
  let given = false;
  let plain = false;
  let certain = true;
  for (let at = 1; at < words.length; at++) {
    const { text, templates, redirected } = words[at]!;
    if (redirected) {
      if (!PROGRAM_FIRST.has(name)) found.push(...because(templates, why));
    } else if (!plain && name === "jq" && /^--(arg|argjson|slurpfile|rawfile)$/.test(text)) {
      found.push(...because(words[at + 1]?.templates ?? [], why));
      at += 2;
    } else if (!plain && name === "jq" && /^--(args|jsonargs)$/.test(text)) continue;
    else if (flag(text) && !(plain && certain)) {
      found.push(...because([...templates, ...(words[at + 1]?.templates ?? [])], why));
      given = true;
      if (/^-\w$|^--?\w+$/.test(text)) at++;
      if (!PROGRAM_FIRST.has(name)) plain = true;
    } else if (!plain && /^[-+]/.test(text)) {
      found.push(...because(templates, why));
      if (!/^-[A-Za-z]$/.test(text) || !PROGRAM_FIRST.has(name)) certain = false;
    } else if (!plain) {
      // The program's own text or file comes first; behind it stand arguments.
      if (!(PROGRAM_FIRST.has(name) && given)) found.push(...because(templates, why));
      plain = true;
      // sed takes options anywhere, and an option's argument may look like a program.
      if (PROGRAM_FIRST.has(name)) certain = false;
    }
  }
  return found;
}

/** The name of a program that reads its input as code, or null. */
function readerOf(words: readonly Word[]): string | null {
  const names = words.map(({ text }) => nameOf(text));
  const at = names.findIndex(
    (name) => SHELLS.has(name) || name === "xargs" || name === "parallel" || interpreterOf(name) !== null,
  );
  if (at < 0) return null;
  const name = names[at]!;
  const leading = words
    .slice(0, at)
    .every(
      ({ text }, place) =>
        RESERVED.has(text) ||
        ASSIGNMENT.test(text) ||
        RUNNERS.has(names[place]!) ||
        /^[-\d]/.test(text) ||
        (words[place - 1]?.text ?? "").startsWith("-"),
    );
  if (!leading) return null;
  if (name === "xargs" || name === "parallel") return name;
  const rest = words.slice(at + 1).filter(({ redirected }) => !redirected);
  const interpreter = interpreterOf(name);
  if (interpreter && PROGRAM_FIRST.has(interpreter)) return null;
  // A program's text or file as an argument leaves the input to it as data.
  const given =
    rest.some(({ text }) => /^-\w*[cepr]\w*$/i.test(text) && !/^-s/.test(text)) ||
    (rest[0] !== undefined && !/^[-+]/.test(rest[0].text));
  return given && !rest.some(({ text }) => text === "-" || text === "/dev/stdin" || text === "-s") ? null : name;
}

function interpreterOf(name: string): string | null {
  const base = name.replace(/[\d.]+$/, "");
  const known = Object.hasOwn(ALIASES, base) ? ALIASES[base]! : base;
  return Object.hasOwn(INTERPRETERS, known) ? known : null;
}

function isDeclare(words: readonly Word[]): boolean {
  return words.some(({ text }) => DECLARERS.has(text));
}

function nameOf(text: string): string {
  return text.slice(text.lastIndexOf("/") + 1);
}

function because(templates: readonly number[], why: string): Reread[] {
  return templates.map((offset) => ({ offset, why }));
}
