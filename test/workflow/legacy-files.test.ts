import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { check } from "../../src/workflow/check.ts";
import { printComplaint } from "../../src/workflow/complaint.ts";
import { type Names, namesOf } from "../../src/workflow/names.ts";
import { parse } from "../../src/workflow/parse.ts";
import type { DeclaredWorkflow } from "../../src/workflow/schema/workflow.ts";
import type { Path, Source } from "../../src/workflow/source.ts";
import { checkTemplate } from "../../src/workflow/template.ts";

/**
 * Files as people have them who come from the older engine: the same names, keys and templates as the files it ships, in
 * the same numbers, counted in `inventory.json`. What its manual describes and no shipped file uses has two files more.
 */
const folder = new URL("../fixtures/legacy/", import.meta.url);
const inFolder = (under: string, ending: string): string[] =>
  readdirSync(new URL(under, folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => under + name)
    .sort();
const textOf = (file: string): string => readFileSync(new URL(file, folder), "utf8");

const MANUAL_ONLY: readonly string[] = ["examples/cron-with-messages.yaml", "examples/documented-forms.yaml"];
const files = [...inFolder("", ".yaml"), ...inFolder("examples/", ".yaml")];
const shipped = files.filter((file) => !MANUAL_ONLY.includes(file));
const inventory = JSON.parse(textOf("inventory.json")) as { keys: Record<string, number>; tokens: string[] };

const sources = new Map(files.map((file) => [file, sourceIn(file)]));
function sourceIn(file: string): Source {
  const { source, remarks } = parse(textOf(file));
  if (!source) throw new Error(`${file}: ${remarks[0]?.message}`);
  return source;
}

interface Found {
  readonly key: string;
  readonly path: Path;
  readonly value: unknown;
}

/** Every key of a file by its way from the top: `WF.phases[].loop.max_cycles`, `CRON.schedule`. */
function keysIn(file: string): Found[] {
  const found: Found[] = [];
  const visit = (value: unknown, key: string, path: Path): void => {
    if (Array.isArray(value)) for (const [at, each] of value.entries()) visit(each, `${key}[]`, [...path, at]);
    else if (value !== null && typeof value === "object")
      for (const [name, each] of Object.entries(value)) {
        const here = [...path, name];
        found.push({ key: `${key}.${name}`, path: here, value: each });
        visit(each, `${key}.${name}`, here);
      }
  };
  const { value } = sources.get(file)!;
  visit(value, (value as { kind?: string }).kind === "cron" ? "CRON" : "WF", []);
  return found;
}

const tokensIn = (text: string): string[] => text.match(/\{\{.*?\}\}|\$\{.*?\}/g) ?? [];

test("the folder holds what the older engine ships: 19 workflows, 50 phases, 7 schedules, 27 prompts", () => {
  const kinds = shipped.map((file) => (sources.get(file)!.value as { kind: string }).kind);
  expect(kinds.filter((kind) => kind !== "cron")).toHaveLength(19);
  expect(kinds.filter((kind) => kind === "cron")).toHaveLength(7);
  expect(shipped.flatMap(keysIn).filter((each) => each.key === "WF.phases[].name")).toHaveLength(50);
  expect(inFolder("prompts/", ".md")).toHaveLength(27);
});

test("each key occurs as often as in the files the older engine ships", () => {
  const counts: Record<string, number> = {};
  for (const { key } of shipped.flatMap(keysIn)) counts[key] = (counts[key] ?? 0) + 1;
  expect(counts).toEqual(inventory.keys);
});

test("each template form of the shipped files and prompts occurs, and no other", () => {
  const found = [...shipped, ...inFolder("prompts/", ".md")].flatMap((file) => tokensIn(textOf(file)));
  expect([...new Set(found)].sort()).toEqual([...inventory.tokens].sort());
});

test.for(files)("%s loads unchanged", (file) => {
  const { complaints } = check(file, readFileSync(new URL(file, folder)));
  expect(complaints.filter((each) => each.severity === "error").map(printComplaint)).toEqual([]);
});

test.for(files.filter((file) => !file.includes("cron-")))("%s is a workflow that can be kept", (file) => {
  const { version, name } = check(file, readFileSync(new URL(file, folder)));
  const declared = sources.get(file)!.value as { name: string; phases: { name: string }[] };
  expect(name).toBe(declared.name);
  expect(version?.workflow.phases.map((each) => each.name)).toEqual(declared.phases.map((each) => each.name));
});

/** Known keys that nothing acts on yet. Take one out when it is acted on. */
const NOT_ACTED_ON: readonly string[] = [
  "WF.chat",
  "WF.classification",
  "WF.pr_scoped",
  "WF.phases[].web_search",
  "WF.phases[].on_output.contains_READY",
];

test.for(NOT_ACTED_ON)("whoever asks for %s is told at its place that nothing acts on it yet", (wanted) => {
  const asked: string[] = [];
  const silent: string[] = [];
  for (const file of files) {
    const told = check(file, readFileSync(new URL(file, folder))).complaints.map(printComplaint);
    for (const { key, path } of keysIn(file)) {
      if (key !== wanted) continue;
      const { line, column } = sources.get(file)!.keyAt(path);
      const words = `${file}:${line}:${column} \`${path.at(-1)}\` is known but not `;
      asked.push(words);
      if (!told.some((each) => each.startsWith(words))) silent.push(words);
    }
  }
  expect(asked).not.toEqual([]);
  expect(silent).toEqual([]);
});

test("a schedule is in force as it stands; of what nobody here has, its author is told", () => {
  const crons = files.filter((file) => file.includes("cron-"));
  expect(crons).toHaveLength(8);
  const told: string[] = [];
  for (const file of crons) {
    const { complaints, schedules } = check(file, readFileSync(new URL(file, folder)));
    const { name, schedule } = sources.get(file)!.value as { name: string; schedule: string };
    expect(schedules.map((each) => each.schedule)).toMatchObject([{ name, cron: schedule }]);
    told.push(...complaints.map(printComplaint));
  }
  expect(told).toEqual([
    'cron-digest.yaml:4:10 no handler is called "repo-digest", so its slots are skipped; there are sweep and backup',
    "examples/cron-with-messages.yaml:9:1 `messages` is known but not acted on yet",
  ]);
});

const PROMPT = /\.(?:prompt|fix_prompt|re_review_prompt)$/;

test("prompts and skills stand beside the files that name them, but for four of the examples'", () => {
  const missing = new Set<string>();
  let named = 0;
  for (const { key, value } of files.flatMap(keysIn)) {
    const paths = PROMPT.test(key)
      ? [String(value)]
      : /\.skills?$/.test(key)
        ? [value].flat().map((skill) => `skills/${skill}/SKILL.md`)
        : [];
    named += paths.length;
    for (const path of paths) if (!existsSync(new URL(path, folder))) missing.add(path);
  }
  expect(named).toBeGreaterThan(50);
  // The older engine's own examples name prompts that it does not ship.
  expect([...missing].sort()).toEqual(
    ["implement", "linter", "security-review", "write-test"].map((name) => `prompts/${name}.md`),
  );
});

test("every prompt reads only names that the workflow declares which names it", () => {
  const shared = namesOf({ name: "none", phases: [] });
  const unread = new Set(inFolder("prompts/", ".md"));
  const flaws: string[] = [];
  const look = (prompt: string, names: Names): void => {
    unread.delete(prompt);
    for (const { message } of checkTemplate(textOf(prompt), names)) flaws.push(`${prompt} ${message}`);
  };
  for (const file of files.filter((each) => !each.includes("cron-"))) {
    const names = namesOf(sources.get(file)!.value as DeclaredWorkflow);
    for (const { key, value } of keysIn(file))
      if (PROMPT.test(key) && existsSync(new URL(String(value), folder))) look(String(value), names);
  }
  // Those that the engine itself fills in, for chats and digests.
  expect(unread.size).toBe(4);
  for (const prompt of unread) look(prompt, shared);
  expect(flaws).toEqual([]);
});

/** Every key that grammar 1 keeps from the older engine. */
const KEPT = `
  kind name description trigger variables pr_scoped status_checklist final_message phases
  classification classification.intent classification.description classification.examples
  chat chat.summary chat.trigger chat.reply chat.deflect
`;
const KEPT_IN_PHASES = `
  name label type depends_on trigger_rule skip_if requires_sandbox sandbox_image unrestricted_egress web_search output_var
  approval_gate approval_artifact approval_gate_message on_success on_success.set_phase
  timeout_seconds timeout_seconds.from timeout_seconds.default
  messages messages.on_start messages.on_success messages.on_failure messages.on_skipped_done messages.on_blocked
  messages.on_blocked_bypassed
  command script runtime prompt skill skills model variant
  on_output on_output.requires_marker
  on_output.contains_BLOCKED on_output.contains_BLOCKED.action on_output.contains_BLOCKED.message
  on_output.contains_BLOCKED.unless_label on_output.contains_BLOCKED.unless_title_matches
  on_output.contains_BLOCKED.bypass_message on_output.contains_READY on_output.contains_READY.action
  loop loop.max_cycles loop.approval_gate loop.approval_artifact loop.messages loop.messages.on_cycle_start
  loop.messages.on_approved loop.messages.on_request_changes loop.messages.on_max_cycles loop.messages.on_fix_start
  loop.messages.on_fix_failed loop.messages.on_pause_for_approval
  loop.on_request_changes loop.on_request_changes.fix_prompt loop.on_request_changes.re_review_prompt
  loop.on_request_changes.fix_model loop.on_request_changes.fix_variant
  generic_loop generic_loop.max_iterations generic_loop.max_iterations.from generic_loop.max_iterations.default
  generic_loop.until generic_loop.until_bash generic_loop.interactive generic_loop.gate_kind generic_loop.gate_message
  generic_loop.scratch_key generic_loop.fresh_context
  generic_loop.on_soft_failure generic_loop.on_soft_failure.retries generic_loop.on_soft_failure.then
`;
const KEPT_IN_SCHEDULES = "kind name schedule workflow handler context condition condition.unless messages";

test("every key kept from the older engine occurs in the folder, and no key that is ours alone", () => {
  const words = (text: string): string[] => text.trim().split(/\s+/);
  const kept = [
    ...words(KEPT).map((key) => `WF.${key}`),
    ...words(KEPT_IN_PHASES).map((key) => `WF.phases[].${key}`),
    ...words(KEPT_IN_SCHEDULES).map((key) => `CRON.${key}`),
  ];
  // What is inside of these is the author's own.
  const own = /^(?:WF\.variables|CRON\.context|CRON\.messages)\./;
  const found = new Set(files.flatMap(keysIn).flatMap(({ key }) => (own.test(key) ? [] : [key])));
  expect([...found].sort()).toEqual(kept.sort());
});

/** The forms a value can take, where there are several. */
const FORMS: Readonly<Record<string, readonly string[]>> = {
  type: ["agent", "bash", "context", "post-review", "script"],
  trigger_rule: ["all_done", "all_success", "none_failed_min_one_success", "one_success"],
  runtime: ["js", "python", "ts"],
  requires_sandbox: ["docker", "gondolin", "none"],
  sandbox_image: ["default", "qa"],
  "generic_loop.gate_kind": ["approve", "reply"],
  "generic_loop.on_soft_failure.then": ["complete", "fail"],
  "generic_loop.interactive": ["false", "true"],
  "generic_loop.fresh_context": ["false", "true"],
  skip_if: ["a list", "text"],
  depends_on: ["a list", "nothing"],
  timeout_seconds: ["a map", "number"],
  "generic_loop.max_iterations": ["a map", "number"],
};

const CLOSED = /type|rule|runtime|sandbox|kind|then|interactive|fresh/;

function formOf(value: unknown, key: string): string {
  if (Array.isArray(value)) return value.length === 0 ? "nothing" : "a list";
  if (typeof value === "object") return "a map";
  return CLOSED.test(key) ? String(value) : typeof value === "string" ? "text" : typeof value;
}

test.for(Object.entries(FORMS))("%s occurs in each of its forms", ([key, forms]) => {
  const found = files.flatMap(keysIn).filter((each) => each.key === `WF.phases[].${key}`);
  expect([...new Set(found.map((each) => formOf(each.value, key)))].sort()).toEqual(forms);
});

test("the three actions on a word in the output occur, and templates that only the manual describes", () => {
  const actions = files.flatMap(keysIn).filter((each) => each.key.endsWith(".action"));
  expect([...new Set(actions.map((each) => each.value))].sort()).toEqual(["continue", "fail", "pause"]);
  expect(tokensIn(MANUAL_ONLY.map(textOf).join("\n"))).toEqual(
    expect.arrayContaining(["{{slugify issueTitle}}", "{{branchUrl README.md}}", "${either.output}"]),
  );
});
