import { compileCommand } from "./command.ts";
import type { Remark } from "./complaint.ts";
import { checkCondition, checkList } from "./expression.ts";
import type { Flaw } from "./flaw.ts";
import { type Names, namesOf, withNames } from "./names.ts";
import type { DeclaredPhase } from "./schema/phase.ts";
import type { DeclaredWorkflow } from "./schema/workflow.ts";
import type { Path, Source } from "./source.ts";
import { checkTemplate } from "./template.ts";

/** How a text is read: filled in, judged true or false, evaluated to a list, or handed to a shell. */
type Kind = "template" | "condition" | "list" | "command" | "literal";

interface Text {
  readonly path: Path;
  readonly kind: Kind;
  readonly text: string;
  /** The phase's own output is there to be read. */
  readonly seesOutput?: boolean;
}

/** Only these keys hold templates and conditions; every other text is prose (grammar: Templates). */
function* textsOf(declared: DeclaredWorkflow): Generator<Text> {
  yield* templates(declared, ["final_message"], []);
  yield* inside("template", declared.env, ["env"]);
  yield* templates(declared.concurrency, ["group"], ["concurrency"]);
  for (const [at, phase] of declared.phases.entries()) yield* textsOfPhase(phase, ["phases", at]);
}

function* textsOfPhase(phase: DeclaredPhase, here: Path): Generator<Text> {
  const { generic_loop: generic, loop, on_output: rules, approval, wait } = phase;
  yield* templates(phase, ["approval_gate_message"], here, true);
  yield* templates(phase, ["model", "variant"], here);
  yield* inside("template", phase.env, [...here, "env"]);
  yield* inside("template", phase.messages, [...here, "messages"], true);
  yield* inside("template", phase.with, [...here, "with"]);
  yield* templates(approval, ["summary"], [...here, "approval"]);
  yield* templates(generic, ["gate_message"], [...here, "generic_loop"], true);
  yield* templates(loop?.on_request_changes, ["fix_model", "fix_variant"], [...here, "loop", "on_request_changes"]);
  yield* inside("template", loop?.messages, [...here, "loop", "messages"], true);
  for (const word of ["contains_BLOCKED", "contains_READY"] as const)
    yield* templates(rules?.[word], ["message", "bypass_message"], [...here, "on_output", word], true);
  yield* templates(wait, ["at"], [...here, "wait"]);
  if (wait?.until !== undefined) yield { path: [...here, "wait", "until"], kind: "condition", text: wait.until };
  if (phase.if !== undefined) yield { path: [...here, "if"], kind: "condition", text: phase.if };
  yield* inside("condition", phase.skip_if, [...here, "skip_if"], true);
  if (generic?.until !== undefined)
    yield { path: [...here, "generic_loop", "until"], kind: "condition", text: generic.until, seesOutput: true };
  if (generic?.until_bash !== undefined)
    yield { path: [...here, "generic_loop", "until_bash"], kind: "literal", text: generic.until_bash };
  for (const [axis, values] of Object.entries(phase.matrix ?? {}))
    if (typeof values === "string") yield { path: [...here, "matrix", axis], kind: "list", text: values };
  if (phase.command !== undefined) yield { path: [...here, "command"], kind: "command", text: phase.command };
}

function* templates(of: object | undefined, keys: readonly string[], here: Path, seesOutput = false): Generator<Text> {
  for (const key of keys) {
    const text = (of as Record<string, unknown> | undefined)?.[key];
    if (typeof text === "string") yield { path: [...here, key], kind: "template", text, seesOutput };
  }
}

/** Every text at any depth of a value. */
function* inside(kind: Kind, value: unknown, path: Path, seesOutput = false): Generator<Text> {
  if (typeof value === "string") yield { path, kind, text: value, seesOutput };
  else if (Array.isArray(value))
    for (const [at, each] of value.entries()) yield* inside(kind, each, [...path, at], seesOutput);
  else if (value !== null && typeof value === "object")
    for (const [key, each] of Object.entries(value)) yield* inside(kind, each, [...path, key], seesOutput);
}

/** What is wrong with the templates, conditions and commands of a workflow, each at its place. */
export function flawsOfTexts(declared: DeclaredWorkflow, source: Source): Remark[] {
  const names = namesOf(declared);
  const withOutput = withNames(names, [["output", "open"]]);
  return [...textsOf(declared)].flatMap(({ path, kind, text, seesOutput }) =>
    flawsOf(kind, text, seesOutput ? withOutput : names).map((flaw) => remarkOn(flaw, text, path, source)),
  );
}

/** What is wrong inside a text, said of its place in the file. */
export function remarkOn(flaw: Flaw, text: string, path: Path, source: Source): Remark {
  // Of words on several lines the first tells the place: how the others are indented is the file's own business.
  const words = text.slice(flaw.offset, flaw.offset + Math.max(1, flaw.length)).split("\n")[0] as string;
  const place = source.textAt(path, words, countBefore(text, words, flaw.offset));
  return { ...place, severity: "error", message: flaw.message };
}

/** The names a prompt may use: those of its workflow, and what its loop adds. */
export function flawsOfPrompt(declared: DeclaredWorkflow, text: string): readonly Flaw[] {
  return checkTemplate(text, withNames(namesOf(declared), [["output", "open"]]));
}

function flawsOf(kind: Kind, text: string, names: Names): readonly Flaw[] {
  switch (kind) {
    case "template":
      return checkTemplate(text, names);
    case "condition":
      return checkCondition(text, names);
    case "list":
      return checkList(text, names);
    case "literal": {
      const offset = text.search(/\{\{|\{%/);
      const message = "until_bash takes no templates. Read the phase's outputs from $LASTLIGHT_OUTPUTS";
      return offset < 0 ? [] : [{ offset, length: 2, message }];
    }
    case "command": {
      const { compiled, flaws } = compileCommand(text);
      if (flaws.length > 0) return flaws;
      return compiled.values.flatMap(({ template }) => {
        const start = text.indexOf(template);
        return checkTemplate(template, names).map((flaw) => ({ ...flaw, offset: start + flaw.offset }));
      });
    }
  }
}

function countBefore(text: string, words: string, offset: number): number {
  let count = 0;
  for (let at = text.indexOf(words); at >= 0 && at < offset; at = text.indexOf(words, at + 1)) count++;
  return count;
}
