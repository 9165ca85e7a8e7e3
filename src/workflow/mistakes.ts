import type { z } from "zod";
import type { Remark } from "./complaint.ts";
import { REFUSED_KEYWORDS } from "./schema/input.ts";
import { objectAt } from "./schema/shape.ts";
import type { Path, Source } from "./source.ts";
import { didYouMean } from "./suggest.ts";

type Advice = Readonly<Record<string, string>>;

/**
 * What a definition has against a file, in words, each at its key or value. `elsewhere` knows keys that people bring from
 * other systems, and what to write instead.
 */
export function mistakes(schema: z.ZodType, source: Source, elsewhere: Advice = ELSEWHERE): Remark[] {
  const result = schema.safeParse(source.value, { error: inWords, reportInput: true });
  return (result.error?.issues ?? [])
    .slice(0, 1000)
    .flatMap((issue) => remarksOn(issue, [], { schema, source, elsewhere }));
}

type Issue = z.core.$ZodIssue;

interface File {
  readonly schema: z.ZodType;
  readonly source: Source;
  readonly elsewhere: Advice;
}

function remarksOn(issue: Issue, above: Path, file: File): Remark[] {
  const { schema, source, elsewhere } = file;
  const path = [...above, ...(issue.path as Path)];
  const error = (place: Source["valueAt"], at: Path, message: string): Remark => ({
    ...place(at),
    severity: "error",
    message,
  });
  switch (issue.code) {
    case "unrecognized_keys": {
      const known = Object.keys(objectAt(schema, path)?.shape ?? {});
      // A file of 40,000 unknown keys is one mistake many times over; fifty are more than anyone reads.
      return issue.keys
        .slice(0, 50)
        .map((key) => error(source.keyAt, [...path, key], unknownKey(key, known, path, elsewhere)));
    }
    case "invalid_key":
      return [error(source.keyAt, path, `${path.at(-1)} ${issue.issues[0]?.message}`)];
    case "invalid_union": {
      // Of several forms take the one the author began to write; when none or many fit, say what the forms are.
      const begun = issue.errors.filter((each) => each.some((inner) => inner.path.length > 0 || isKeyIssue(inner)));
      if (begun.length === 1) return begun[0]!.flatMap((inner) => remarksOn(inner, path, file));
      return [error(source.valueAt, path, `${called(path)} ${issue.message}`)];
    }
    default: {
      // 0755 is a number, and was not meant as one: the advice must give back what the author wrote.
      const message = issue.message.endsWith(QUOTED)
        ? `${issue.message.slice(0, -QUOTED.length)}Write "${source.spelling(path)}"`
        : issue.message;
      return [error(source.valueAt, path, `${called(path)} ${message}`)];
    }
  }
}

/** Stands where the spelling of a value goes, which whoever makes the message does not see. */
const QUOTED = "Write it in quotes";

function isKeyIssue(issue: Issue): boolean {
  return issue.code === "unrecognized_keys";
}

function called(path: Path): string {
  const last = path.at(-1);
  if (last === undefined) return "the file";
  if (typeof last === "string") return last;
  const list = path.at(-2);
  return list === "phases" ? `phase ${last + 1}` : `${list}: entry ${last + 1}`;
}

/** Words of other systems, and ours for the same thing. */
const ELSEWHERE: Advice = {
  needs: "depends_on",
  jobs: "phases",
  steps: "phases",
  uses: "type: action with action, or type: tool with tool",
  run: "type: bash with command",
};

function unknownKey(key: string, known: readonly string[], path: Path, elsewhere: Advice): string {
  if (Object.hasOwn(elsewhere, key)) return `"${key}" is not a key here. Write ${elsewhere[key]}`;
  if (path[0] === "inputs" && Object.hasOwn(REFUSED_KEYWORDS, key))
    return `"${key}" is not accepted in inputs: ${REFUSED_KEYWORDS[key]}`;
  return `unknown key "${key.slice(0, 80)}"${didYouMean(key, known)}`;
}

const WORDS: Readonly<Record<string, string>> = {
  string: "text",
  array: "a list",
  object: "a map of keys",
  record: "a map of keys",
  int: "a whole number",
  number: "a number",
  boolean: "true or false",
};

/** The library speaks of types and received values; a person is told what to write. */
function inWords(issue: z.core.$ZodRawIssue): string | undefined {
  const { input } = issue;
  switch (issue.code) {
    case "invalid_type": {
      if (input === undefined) return "is missing";
      const expected = WORDS[issue.expected] ?? issue.expected;
      if (input === null) return `has no value; it must be ${expected}`;
      const scalar = typeof input === "number" || typeof input === "boolean";
      return issue.expected === "string" && scalar ? `must be text. ${QUOTED}` : `must be ${expected}`;
    }
    case "invalid_value": {
      if (input === undefined) return "is missing";
      const allowed = issue.values.map(String);
      const meant = typeof input === "string" ? didYouMean(input, allowed) : "";
      return `must be ${allowed.length > 1 ? "one of " : ""}${allowed.join(", ")}${meant}`;
    }
    case "too_small":
      if (issue.origin === "string" || issue.origin === "array") return "must not be empty";
      return `must be ${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`;
    case "too_big":
      if (issue.origin === "string") return `may be at most ${issue.maximum} characters long`;
      return issue.origin === "array" ? `may hold at most ${issue.maximum}` : `must be at most ${issue.maximum}`;
    default:
      return undefined;
  }
}
