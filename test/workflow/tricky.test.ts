import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { check } from "../../src/workflow/check.ts";

/**
 * Mistakes people make in workflow files, one small file each, and what they read about it: every error of the file, in
 * its order, as `line:column words`; where it is a warning that matters, `line:column warning: words`. None means that
 * the file only looks like a mistake. `pending` are words written before the part that says them.
 */
const folder = new URL("../fixtures/tricky/", import.meta.url);
const { settled, pending } = JSON.parse(readFileSync(new URL("expected.json", folder), "utf8")) as {
  readonly settled: Record<string, string[]>;
  readonly pending: Record<string, string[]>;
};

const WARNING = /^\d+:\d+ warning: /;

function saidAbout(name: string): { errors: string[]; warnings: string[]; loads: boolean } {
  const file = `${name}.yaml`;
  const { complaints, version } = check(file, readFileSync(new URL(file, folder)));
  const errors: string[] = [];
  const warnings: string[] = [];
  for (const { line, column, severity, message } of complaints) {
    if (severity === "error") errors.push(`${line}:${column} ${message}`);
    else warnings.push(`${line}:${column} warning: ${message}`);
  }
  return { errors, warnings, loads: version !== null };
}

function judged(name: string, expected: readonly string[]): void {
  const { errors, warnings, loads } = saidAbout(name);
  const refusals = expected.filter((each) => !WARNING.test(each));
  expect(errors).toEqual(refusals);
  expect(warnings).toEqual(expect.arrayContaining(expected.filter((each) => WARNING.test(each))));
  expect(loads).toBe(refusals.length === 0);
}

test("every file has its words, and all words have their file", () => {
  const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
  const named = [...Object.keys(settled), ...Object.keys(pending)];
  expect(named.map((name) => `${name}.yaml`).sort()).toEqual(files.sort());
  expect(named.length).toBeGreaterThan(100);
});

test.for(Object.entries(settled))("%s is answered with its place and the remedy", ([name, expected]) => {
  judged(name, expected);
});

test.for(Object.entries(pending))("%s will be answered with its place and the remedy", ([name, expected]) => {
  judged(name, expected);
});

test("the grammar's own examples of errors are said word for word", () => {
  const examples = {
    "unknown-key": '5:5 unknown key "aproval_gate". Did you mean "approval_gate"?',
    "template-without-quotes": '5:13 "{{models.fix}}" needs quotes',
    "condition-as-tag": '5:9 "!has(…)" is a YAML tag. Quote the condition',
    "both-timeouts": "3:71 set timeout or timeout_seconds, not both",
    "timeout-without-unit": '2:10 timeout needs a unit: "90s"',
    "nested-if": "6:30 {{#if}} cannot nest. Use {% if %}",
    subtraction: '7:9 phases.write-test is a subtraction. Write phases["write-test"]',
  };
  for (const [name, words] of Object.entries(examples)) expect({ ...settled, ...pending }[name]).toEqual([words]);
});
