import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { compileCommand } from "../../src/workflow/command.ts";

/** What a person sees underlined, and what is said about it, without the remedy that all of them share. */
function said(text: string): string[] {
  return compileCommand(text).flaws.map(
    ({ offset, length, message }) =>
      `${text.slice(offset, offset + length)} | ${message.replace(". Give the value a name with env: and use that variable", "")}`,
  );
}

function compiled(text: string): ReturnType<typeof compileCommand>["compiled"] {
  expect(said(text)).toEqual([]);
  return compileCommand(text).compiled;
}

interface Case {
  readonly command: string;
  /** What each template stands for, by its expression. */
  readonly values: Readonly<Record<string, string>>;
}

/**
 * What `show` received in each of these commands, argument by argument. One bash carries all of them out, in an empty
 * folder that has to stay empty: a value that is carried out leaves a file there.
 */
function received(cases: readonly Case[]): string[][] {
  const world = mkdtempSync(join(tmpdir(), "command-"));
  onTestFinished(() => rmSync(world, { recursive: true, force: true }));
  const [folder, file] = [join(world, "folder"), join(world, "fields")];
  mkdirSync(folder);
  const fields = cases.flatMap(({ command, values }) => {
    const { command: bash, values: variables } = compiled(command);
    const held = variables.flatMap(({ variable, template }) => [variable, values[template.slice(2, -2).trim()]!]);
    return [String(variables.length), ...held, bash];
  });
  writeFileSync(file, fields.map((each) => `${each}\0`).join(""));
  const { stdout, stderr, status } = spawnSync("bash", ["--norc", "-c", RUN], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", FIELDS: file },
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  expect([stderr, status]).toEqual(["", 0]);
  expect(readdirSync(folder)).toEqual([]);
  const results: string[][] = [[]];
  const shown = stdout.split("\0").slice(0, -1);
  for (let at = 0; at < shown.length; at++) {
    if (shown[at] === "end") results.push([]);
    else {
      const count = Number(shown[at]);
      results.at(-1)!.push(...shown.slice(at + 1, at + 1 + count));
      at += count;
    }
  }
  return results.slice(0, -1);
}

/** Reads how many variables, their names and values, and a command, again and again; the test itself quotes nothing. */
const RUN = `
show() { printf '%s\\0' "$#" "$@"; }
export -f show
mapfile -d '' -t fields < "$FIELDS"
at=0
while [ "$at" -lt "\${#fields[@]}" ]; do
  last=$((at + 2 * fields[at]))
  for ((; at < last; at += 2)); do export "\${fields[at + 1]}=\${fields[at + 2]}"; done
  at=$((at + 2))
  eval "\${fields[at - 1]}"
  printf 'end\\0'
done
exit 0
`;

const HOSTILE = [
  "",
  " ",
  "  leading",
  "trailing  ",
  "\n",
  "\n\nlines\nand lines\n\n",
  "\t",
  "a b",
  "a\tb",
  "a\nb",
  "\r\n",
  "'",
  '"',
  "''",
  '""',
  "'\"'\"'",
  "it's",
  'say "hi"',
  "'; touch pwned; '",
  '"; touch pwned; "',
  "\\",
  "\\\\",
  "\\'",
  '\\"',
  "\\n",
  "a\\",
  "$",
  "$$",
  "$HOME",
  "${HOME}",
  "${IFS}",
  "$IFS",
  "$(touch pwned)",
  "`touch pwned`",
  "$((1+1))",
  "a[$(touch pwned)]",
  "; touch pwned",
  "&& touch pwned",
  "|| touch pwned",
  "| touch pwned",
  "& touch pwned",
  "\ntouch pwned\n",
  "> pwned",
  "< pwned",
  "<(touch pwned)",
  "-rf",
  "--",
  "-n",
  "*",
  "?",
  "[a-z]*",
  "~",
  "~root",
  "!",
  "!!",
  "{a,b}",
  "{1..9}",
  "#",
  "# comment",
  "{{x}}",
  "{% x %}",
  "%s%n",
  "%",
  "=",
  "a=b",
  "]]",
  ")",
  "(",
  "}",
  "esac",
  "EOF",
  "é😀ﷺ",
  "\u202e",
  "\u0007\u001b[31m",
  "x".repeat(60_000),
  "$'\\x41'",
  "\\$(touch pwned)",
  "LASTLIGHT_VALUE_1",
  "${LASTLIGHT_VALUE_2}",
] as const;

const PLACES = ["{{x}}", '"{{x}}"', "'{{x}}'"] as const;

/** Shapes of commands around a place; each shows what it got, and what that is for a value. */
const SHAPES: readonly (readonly [string, (place: string) => string, (value: string) => string[]])[] = [
  ["an argument", (place) => `show a ${place} b`, (value) => ["a", value, "b"]],
  ["a part of a word", (place) => `show x${place}y${place}_`, (value) => [`x${value}y${value}_`]],
  [
    "after an option's sign",
    (place) => `show --flag=${place} -o${place}`,
    (value) => [`--flag=${value}`, `-o${value}`],
  ],
  ["an assignment", (place) => `v=${place}; show "$v"`, (value) => [value]],
  ["an exported assignment", (place) => `export v=${place}; bash -c 'show "$v"'`, (value) => [value]],
  ["an assignment before a command", (place) => `v=${place} bash -c 'show "$v"'`, (value) => [value]],
  ["a list's entry", (place) => `v=(a ${place}); show "\${v[@]}"`, (value) => ["a", value]],
  ["a pipe", (place) => `true | show ${place} | cat`, (value) => [value]],
  ["a group and a subshell", (place) => `{ (show ${place}); }`, (value) => [value]],
  ["a condition", (place) => `if true; then show ${place}; else show no; fi`, (value) => [value]],
  ["a loop", (place) => `for v in ${place} b; do show "$v"; done`, (value) => [value, "b"]],
  [
    "a comparison",
    (place) => `v=${place}; [[ $v == ${place} && ! a${place} == ${place} ]] && show same`,
    () => ["same"],
  ],
  ["a classic comparison", (place) => `v=${place}; [ "$v" = ${place} ] && show same`, () => ["same"]],
  ["a case", (place) => `case ${place} in (a|b) show a ;; *) show ${place} ;; esac`, (value) => [value]],
  ["a substitution", (place) => `v=$(true ${place}); show ${place}`, (value) => [value]],
  ["a quoted substitution", (place) => `show "$(show ${place} | tr '\\0' '.')"`, (value) => [`1.${value}.`]],
  [
    "a substitution in a substitution",
    (place) => `show "<$(printf '%s.' "$(printf '%s.' ${place})")>"`,
    (value) => [`<${value}..>`],
  ],
  [
    "a line after a heredoc",
    (place) => `cat >/dev/null <<'EOF' && show ${place}\nit's "not closed\nEOF\nshow ${place}`,
    (value) => [value, value],
  ],
  [
    "a line after comments and quotes",
    (place) => `# it's\nshow 'a'"b"\\'c ${place} # don't`,
    (value) => ["ab'c", value],
  ],
  ["a function", (place) => `f() { show "$1" ${place}; }; f ${place}`, (value) => [value, value]],
];

/** Shapes for which bash starts processes: one kind of quotes for each value there, in turn. */
const FORKING = /substitution|pipe|exported|before|subshell/;

describe("a value reaches the program byte for byte, and nothing of it is carried out", () => {
  test("there are enough hostile values", () => {
    expect(new Set(HOSTILE).size).toBeGreaterThan(54);
  });

  test.for(SHAPES)("as %s, in every kind of quotes", ([name, shape, expected]) => {
    const cases = HOSTILE.flatMap((x, at) =>
      (FORKING.test(name) ? [PLACES[at % PLACES.length]!] : PLACES).map((place) => ({
        command: shape(place),
        values: { x },
      })),
    );
    const results = received(cases);
    expect(results.length).toBe(cases.length);
    for (const [at, { values }] of cases.entries()) expect(results[at]).toEqual(expected(values.x));
  });

  test("in a here-string and as the target of a redirection", () => {
    expect(
      received([{ command: "IFS= read -r -d '' v <<< {{x}}; show \"$v\"", values: { x: "$(touch pwned) 'a'" } }]),
    ).toEqual([["$(touch pwned) 'a'\n"]]);
    expect(received([{ command: "show a > {{ x }}; show b", values: { x: "/dev/null" } }])).toEqual([["b"]]);
  });

  test("whatever the value, wherever it stands", () => {
    const value = fc
      .string({ unit: fc.constantFrom(..."ab '\"\\$`()[]{}<>|&;!*?~#%=-\n\t/é😀") })
      .filter((text) => !text.includes("\0"));
    const piece = fc.tuple(
      fc.constantFrom("show ", "show a ", 'show "a$(true)" ', "true {{y}} 'a' && show "),
      fc.constantFrom(...PLACES, "a{{x}}'{{y}}'\"{{x}}\"", '"$(printf %s "{{x}}")z"'),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(piece, value, value), { minLength: 10, maxLength: 40 }), (drawn) => {
        const cases = drawn.map(([[head, place], x, y]) => ({ command: head + place, values: { x, y } }));
        const whole = drawn.map(([[head, place], x, y]) => {
          // A substitution drops the newlines at its end: that is the shell's, for every value.
          const text = place.startsWith('"$(')
            ? `${x.replace(/\n+$/, "")}z`
            : place.replace(/["']/g, "").replace(/\{\{(.)\}\}/g, (_, name) => (name === "x" ? x : y));
          return head.includes("show a ") || head.includes('"a$') ? ["a", text] : [text];
        });
        expect(received(cases)).toEqual(whole);
      }),
      { numRuns: 10 },
    );
  });
});

describe("the references", () => {
  test("an expression used twice shares a variable, and keeps the text it had first", () => {
    expect(compiled("show {{ a.b }} '{{a.b}}' \"{{ a.b | upcase }}\"")).toEqual({
      command: `show "\${LASTLIGHT_VALUE_1}" ''"\${LASTLIGHT_VALUE_1}"'' "\${LASTLIGHT_VALUE_2}"`,
      values: [
        { variable: "LASTLIGHT_VALUE_1", template: "{{ a.b }}" },
        { variable: "LASTLIGHT_VALUE_2", template: "{{ a.b | upcase }}" },
      ],
    });
  });

  test("a quoted text inside a template may hold its braces", () => {
    expect(compiled('echo {{ "}}" | append: x }}!').values).toEqual([
      { variable: "LASTLIGHT_VALUE_1", template: '{{ "}}" | append: x }}' },
    ]);
  });

  test.for([
    "echo ${#list[@]} {a,b} ${x:-y} $((1 + 1)) # it's",
    "cat <<EOF\nunclosed ' and \"",
    "echo 'unclosed",
    "echo '%{http_code}' {%",
  ])("a command without templates is left alone: %j", (text) => {
    expect(compileCommand(text)).toEqual({ compiled: { command: text, values: [] }, flaws: [] });
  });

  test("what belongs to the shell stays as it is beside a template", () => {
    expect(compiled("echo ${#list[@]} {a,b} ${x:-'}'} $((1 + (2))) $? `date` $'\\'' {{a}}").command).toBe(
      "echo ${#list[@]} {a,b} ${x:-'}'} $((1 + (2))) $? `date` $'\\'' \"${LASTLIGHT_VALUE_1}\"",
    );
  });
});

const CODE = "would read the value as code";

describe("where quoting once is not enough, a template is refused", () => {
  test.for<[string, string]>([
    ["cat <<EOF\na {{x}}\nEOF", "a template in a heredoc would be read by the shell once more"],
    ["cat <<-'EOF' <<B\nEOF2\n\tEOF\n{{x}}\nB", "a template in a heredoc would be read by the shell once more"],
    ["x=$(cat <<EOF\n{{x}}\nEOF\n)", "a template in a heredoc would be read by the shell once more"],
    ["true # {{x}}", "a template in a comment is never carried out"],
    ["echo $(( {{x}} + 1 ))", "bash evaluates what stands in arithmetic, commands included"],
    ["(( {{x}} > 1 )) && true", "bash evaluates what stands in arithmetic, commands included"],
    ["for ((i = 0; i < {{x}}; i++)); do true; done", "bash evaluates what stands in arithmetic, commands included"],
    ["echo $[ {{x}} ]", "bash evaluates what stands in arithmetic, commands included"],
    ["[[ {{x}} -gt 1 ]]", "in [[ … ]] bash evaluates numbers and names; compare with [ … ]"],
    ["let n={{x}}", "let takes names and expressions, which bash evaluates"],
    ["declare -i n={{x}}", "declare takes a name, which bash evaluates"],
    ["export {{x}}=1", "export takes a name, which bash evaluates"],
    ["declare -i n; n={{x}}", "with declare -i bash evaluates what is assigned"],
    ["a[{{x}}]=1", "bash would evaluate a template between [ and ]"],
    ["a=([{{x}}]=1)", "bash would evaluate a template between [ and ]"],
    ["printf -v {{x}} a", "printf -v takes a name, which bash evaluates"],
    ["PS4={{x}}", "the shell evaluates this variable"],
    ["echo ${a:-{{x}}}", "${…} has quoting of its own"],
    ['echo "${a:-{{x}}}"', "${…} has quoting of its own"],
    ['echo "${a:-$(echo {{x}})}"', "${…} has quoting of its own"],
    ["echo `echo {{x}}`", "inside backticks quoting has rules of its own; write $( … )"],
    ["echo $'{{x}}'", "$'…' has escapes of its own; write '…'"],
    ['echo $"{{x}}"', '$"…" is translated before it is used; write "…"'],
    ["echo \\{{x}}", "a backslash before a template has no meaning"],
    ['echo "\\{{x}}"', "a backslash before a template has no meaning"],
    ["{{x}} a", "the program that a command runs must be written out"],
    ["a && ./bin/{{x}}", "the program that a command runs must be written out"],
    ["sudo {{x}}", "the program that a command runs must be written out"],
    ["sh -c 'echo {{x}}'", `sh ${CODE}`],
    ['bash -euo pipefail -c "echo {{x}}"', `bash ${CODE}`],
    ["/usr/bin/env bash -c {{x}}", `bash ${CODE}`],
    ["env X=1 dash -c {{x}}", `dash ${CODE}`],
    ["sudo -u bob sh -c {{x}}", `sh ${CODE}`],
    ["timeout 5 /bin/zsh -ec {{x}}", `zsh ${CODE}`],
    ["docker run image ksh -c {{x}}", `ksh ${CODE}`],
    ["find . -exec sh -c 'echo {{x}}' \\;", `sh ${CODE}`],
    ["bash {{x}}", `bash ${CODE}`],
    ["bash <<< {{x}}", `bash ${CODE}`],
    ["bash <(echo {{x}})", `bash ${CODE}`],
    ["\"ba\"'sh' -\\c {{x}}", `bash ${CODE}`],
    ["$SHELL -c {{x}}", "which program reads it is not known from the text"],
    ["eval echo {{x}}", "eval reads its arguments as a command"],
    ["f() { eval {{x}}; }", "eval reads its arguments as a command"],
    ["case a in a) (eval {{x}}) ;; esac", "eval reads its arguments as a command"],
    ['if true; then "eval" "$(echo {{x}})"; fi', "eval reads its arguments as a command"],
    ["ssh host ls {{x}}", "ssh reads its arguments as a command"],
    ["ls | xargs -I% cp % {{x}}", "xargs reads its arguments as a command"],
    ["su bob -c {{x}}", "su reads its arguments as a command"],
    ["source {{x}}", "source reads its arguments as a command"],
    [". {{x}}", ". reads its arguments as a command"],
    ["trap {{x}} EXIT", "trap reads its arguments as a command"],
    ["echo {{x}} | sh", "sh reads what the pipe hands it as code"],
    ["for i in a; do echo {{x}}; done | sudo bash", "bash reads what the pipe hands it as code"],
    ["{ echo {{x}}; true; } | bash -s a", "bash reads what the pipe hands it as code"],
    ["(echo {{x}}; true) | python3 -", "python3 reads what the pipe hands it as code"],
    ["echo {{x}} | xargs rm", "xargs reads what the pipe hands it as code"],
    ["awk '{ print {{x}} }' file", "awk would read the value as part of a program"],
    ["awk -v a={{x}} 1 file", "awk would read the value as part of a program"],
    ["sed s/a/{{x}}/ file", "sed would read the value as part of a program"],
    ["sed -n -e {{x}}p file", "sed would read the value as part of a program"],
    ["perl -pi -e 's/a/{{x}}/' file", "perl would read the value as part of a program"],
    ["python3.12 -c 'print({{x}})'", "python would read the value as part of a program"],
    ["node -r ./a.js --eval {{x}}", "node would read the value as part of a program"],
    ["jq '.a == {{x}}' file", "jq would read the value as part of a program"],
  ])("%s", ([text, why]) => {
    expect(said(text)).toEqual([`{{x}} | ${why}`]);
    expect(compileCommand(text).compiled).toEqual({ command: text, values: [] });
  });

  test.for([
    "bash build.sh {{x}}",
    "bash -c 'echo \"$1\"' - {{x}}",
    "bash -euo pipefail build.sh --to={{x}}",
    "python3 report.py {{x}}",
    "node report.js -e {{x}}",
    "node -e 'console.log(process.argv)' {{x}}",
    "awk '{ print }' {{x}}",
    "sed -n 1p {{x}}",
    "jq --arg a {{x}} '.a == $a' file",
    "find . -name {{x}}",
    "grep -e {{x}} file",
    "echo {{x}} | jq .a",
    "echo {{x}} | python3 report.py",
    "env A={{x}} npm test",
    "git commit -m {{x}}",
    "[ {{x}} -gt 1 ]",
    "npm run sh {{x}}",
  ])("a plain argument is none of these: %s", (text) => {
    expect(said(text)).toEqual([]);
  });
});

test.for<[string, string]>([
  ["echo {{x", '{{ | "{{" is not closed by "}}"'],
  ["echo {{x {{y}}", '{{x {{y}} | "{{" is not closed by "}}"'],
  ["echo '{{x'}}", `{{ | "{{" is not closed by "}}"`],
  ["echo {{{x}}}", '{{{x}} | "{{{" is no template. Write {{ … }}'],
  ["echo {{- x }}", "{{- x }} | {{- and -}} are not available in commands. Write {{ … }}"],
  ["echo {{ }}", "{{ }} | this template is empty"],
  ["echo ${{x}}", '{{x}} | "${{" is not a template here, write {{ … }}'],
  ["{% if x %}", "{% if x %} | tags are not available in commands, only {{ … }}"],
])("braces that make no template are refused: %s", ([text, message]) => {
  expect(said(text)).toEqual([message]);
});

test.for([
  "echo 'it {{x}}",
  'echo "$(echo {{x}}"',
  "echo ) {{x}}",
  "(echo {{x}}",
  'cat <<EOF "\n{{x}}"\nEOF',
  "echo ${a {{y}}",
  "echo `a {{x}}",
])("a shell text that is not understood is refused, never guessed: %j", (text) => {
  expect(compileCommand(text).flaws.length).toBeGreaterThan(0);
  expect(compileCommand(text).compiled.values).toEqual([]);
});

test("a command with templates has a longest length, and one without has none", () => {
  expect(compileCommand(`echo {{x}} ${"a".repeat(16_384)}`).flaws).toHaveLength(1);
  expect(compileCommand(`echo ${"a".repeat(100_000)}`).flaws).toEqual([]);
});

test("no text takes the compiler out of its stride", () => {
  for (const each of [
    "$(",
    "(",
    '"$(',
    "<(",
    "${",
    "`",
    "'",
    '"',
    "case x in ",
    "<<E\n",
    "x=(",
    "$((",
    "{{x}}",
    "[[ ",
  ]) {
    const { compiled, flaws } = compileCommand(`echo {{x}} ${each.repeat(16_000 / each.length)}`);
    expect(flaws.length > 0 || compiled.values.length > 0).toBe(true);
  }
});
